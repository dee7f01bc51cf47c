import axec as axe


@axe.entry(x=axe.spec((4,)))
def masked(x):
    return (x > 0) * x
