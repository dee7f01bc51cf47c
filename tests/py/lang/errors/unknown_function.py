import axec as axe


@axe.entry(x=axe.spec((4,)))
def predict(x):
    return axe.nn.softmax(axe.sofmax(x))
