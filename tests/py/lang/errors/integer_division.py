import axec as axe


@axe.entry(n=axe.spec((4,), axe.int32))
def half(n):
    return n / 2
