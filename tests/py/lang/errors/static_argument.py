import axec as axe


def power(x, n):
    return x**n


axe.compile(power, axe.spec((4,)), 3)
