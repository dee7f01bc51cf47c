import axec as axe


@axe.entry(x=axe.spec(()))
def halved(x):
    while x > 1:
        x = x / 2
    return x
