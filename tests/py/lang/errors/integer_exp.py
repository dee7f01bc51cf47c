import axec as axe


@axe.entry(n=axe.spec((4,), axe.int64))
def grown(n):
    return axe.exp(n)
