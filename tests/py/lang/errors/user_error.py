import axec as axe


@axe.entry(x=axe.spec((4,)), params={"w": axe.ones(4)})
def scaled(x, params):
    return x * params["weight"]
