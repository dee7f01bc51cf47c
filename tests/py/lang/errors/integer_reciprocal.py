import axec as axe


@axe.entry(n=axe.spec((4,), axe.int32))
def inverse(n):
    return 1 / n
