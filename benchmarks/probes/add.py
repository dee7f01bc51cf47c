"""The smallest useful entries: what a call costs beyond its work."""

import axec as axe

FLOATS = axe.spec((16,), axe.float32)
HALVES = axe.spec((16,), axe.bfloat16)
TREE = {"a": FLOATS, "b": FLOATS, "c": [FLOATS, FLOATS]}


@axe.entry(x=FLOATS, y=FLOATS)
def add(x, y):
    """x, y: float32 [16] -> float32 [16]"""
    return x + y


@axe.entry(x=HALVES, y=HALVES)
def half(x, y):
    """x, y: bfloat16 [16] -> bfloat16 [16]"""
    return x + y


@axe.entry(p=TREE, x=FLOATS)
def tree(p, x):
    """Four arrays and x: float32 [16] -> a tree as that of the four"""
    return axe.tree.map(lambda leaf: leaf + x, p)
