import axec as axe


@axe.entry(x=axe.spec((5, 3)), y=axe.spec((4, 3)))
def joint(x, y):
    return axe.scan(lambda c, row: (c + row["x"] * row["y"], None), axe.zeros(3), {"x": x, "y": y})
