import axec as axe


@axe.entry(x=axe.spec((4, 8)))
def dense(x, w):
    return x @ w
