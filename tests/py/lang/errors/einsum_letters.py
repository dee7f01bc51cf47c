import axec as axe


@axe.entry(x=axe.spec((4, 8)), y=axe.spec((8, 2)))
def product(x, y):
    return axe.einsum("ij,jk->il", x, y)
