import axec as axe


@axe.entry(x=axe.spec((4, 8)), y=axe.spec((4, 6)))
def total(x, y):
    return axe.add(x, y)
