import axec as axe


@axe.entry(n=axe.spec((4, 2), axe.uint8))
def brightness(n):
    return n.mean(axis=0)
