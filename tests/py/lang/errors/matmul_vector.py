import axec as axe


@axe.entry(x=axe.spec((4, 8)), v=axe.spec((7,)))
def project(x, v):
    return x @ v
