import axec as axe


@axe.entry(x=axe.spec((4, 8)), y=axe.spec((4, 2)))
def joined(x, y):
    return axe.concat([x, y])
