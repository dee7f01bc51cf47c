import axec as axe


@axe.entry(x=axe.spec((4,)))
def positive(x):
    return x[x > 0]
