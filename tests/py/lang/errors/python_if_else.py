import axec as axe


@axe.entry(x=axe.spec(3))
def scaled(x):
    return x / 2 if x.sum() > 1 else x
