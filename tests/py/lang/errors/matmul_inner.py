import axec as axe


@axe.entry(x=axe.spec((axe.dim("batch", 1, 8), 64)), w=axe.spec((32, 64)))
def dense(x, w):
    return axe.nn.relu(x @ w)
