import axec as axe


@axe.entry(x=axe.spec((1, 6, 5, 5)), w=axe.spec((4, 3, 3, 3)))
def features(x, w):
    return axe.nn.conv(x, w)
