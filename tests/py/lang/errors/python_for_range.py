import axec as axe


@axe.entry(x=axe.spec(()), n=axe.spec((), axe.int32))
def power(x, n):
    y = x
    for _ in range(n):
        y *= x
    return y
