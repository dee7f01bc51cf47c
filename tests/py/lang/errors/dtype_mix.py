import axec as axe


@axe.entry(x=axe.spec((4,)), n=axe.spec((4,), axe.int32))
def scaled(x, n):
    return x * n
