import axec as axe


@axe.entry(x=axe.spec(3))
def counted(x):
    def step(state, row):
        return {"last": row, "total": state["total"] + row}, None

    return axe.scan(step, {"last": axe.asarray(0), "total": 0.0}, x)
