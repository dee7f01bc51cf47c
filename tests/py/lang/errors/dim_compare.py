import axec as axe


@axe.entry(x=axe.spec((axe.dim("batch", 1, 8), 4)))
def head(x):
    return x[:4] if x.shape[0] > 4 else x
