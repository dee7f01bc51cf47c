import axec as axe


@axe.entry(x=axe.spec((4,)))
def votes(x):
    return (x > 0) + (x > 1)
