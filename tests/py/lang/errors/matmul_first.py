import axec as axe


@axe.entry(x=axe.spec((64, 4)), w=axe.spec((64, 32)))
def dense(x, w):
    hidden = axe.matmul(x, w)
    return hidden
