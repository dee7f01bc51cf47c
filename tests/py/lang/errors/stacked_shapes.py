import axec as axe


@axe.entry(x=axe.spec((4,)), y=axe.spec((5,)))
def pair(x, y):
    return axe.stack([x, y])
