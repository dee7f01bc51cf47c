import axec as axe


@axe.entry(x=axe.spec((4,)))
def masked(x):
    x[0] = 1
    return x
