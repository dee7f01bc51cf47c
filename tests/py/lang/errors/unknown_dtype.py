import axec as axe


@axe.entry(x=axe.spec((4,), "flaot32"))
def same(x):
    return x
