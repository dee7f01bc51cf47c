"""The smallest useful entry: what a call costs beyond its work."""

import axec as axe


@axe.entry(x=axe.spec((16,), axe.float32), y=axe.spec((16,), axe.float32))
def add(x, y):
    """x, y: float32 [16] -> float32 [16]"""
    return x + y
