import axec as axe


@axe.entry(x=axe.spec(3))
def chosen(x):
    return axe.cond(x > 0, lambda y: y, lambda y: -y, x)
