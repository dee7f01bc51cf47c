import axec as axe

seen = []


@axe.entry(x=axe.spec((4,)))
def first(x):
    seen.append(x * 2)
    return x


@axe.entry(x=axe.spec((4,)))
def second(x):
    return x + seen[0]
