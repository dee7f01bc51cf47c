import axec as axe

batch = axe.dim("batch", 1, 8)


@axe.entry(x=axe.spec((2 * batch, 4)))
def pairs(x):
    return x.reshape((batch, 2, 4))
