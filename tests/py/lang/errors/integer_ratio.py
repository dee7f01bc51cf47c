import axec as axe


@axe.entry(n=axe.spec((4,), axe.int32), m=axe.spec((4,), axe.int64))
def ratio(n, m):
    return n / (m + 1)
