import axec as axe


@axe.entry(x=axe.spec((axe.dim("batch", 1, 8), 64)))
def centred(x):
    return x - x.mean(axis=1)
