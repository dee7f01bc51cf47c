import axec as axe


@axe.entry(x=axe.spec((4, 8)))
def total(x):
    return axe.sum(x * 2, axis=2)
