import axec as axe


def dense(x, w, b):
    return x @ w + b


axe.compile(dense, axe.spec((4, 8)), axe.spec((8, 2)))
