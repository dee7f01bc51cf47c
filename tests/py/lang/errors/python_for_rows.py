import axec as axe

time = axe.dim("time", 1, 8)


@axe.entry(xs=axe.spec((time, 3)))
def decayed(xs):
    y = axe.zeros(3)
    for x in xs:
        y = y / 2 + x
    return y
