import axec as axe

x = axe.spec((axe.dim("batch", 1, 8), 4))
y = axe.spec((axe.dim("batch", 1, 16), 4))


@axe.entry(x=x, y=y)
def total(x, y):
    return x + y
