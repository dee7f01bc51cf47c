"""What a kernel's body says of the signs of its tensors: exp costs less of what is never above 0.

A product's sign is that of its factors that occur an odd number of times; x less the maximum of its
rows, as softmax takes it, is at most 0. NaN counts as any sign.
"""

from __future__ import annotations

import numpy as np

from axec.passes.codegen.cpu.graph.body import Def

_DEPTH = 8  # products and negations that are looked into, one inside of the other
_NOT_NEGATIVE = {"abs", "exp", "exp2", "sigmoid", "sqrt", "rsqrt"}


def sign(d: Def) -> int:
    """1 where no element is negative, -1 where none is positive, 0 where neither is known."""
    factors, found = _odd_factors(d, _DEPTH)
    for factor in factors:
        found *= _of_factor(factor)
    return found


def _odd_factors(d: Def, depth: int) -> tuple[frozenset[Def], int]:
    """The factors of a product that occur an odd number of times, and the sign beside them."""
    if depth and d.name in ("mul", "neg"):
        parts = [_odd_factors(x, depth - 1) for x in d.operands]
        if d.name == "neg":
            return parts[0][0], -parts[0][1]
        (x, sign_of_x), (y, sign_of_y) = parts
        return x ^ y, sign_of_x * sign_of_y
    return frozenset([d]), 1


def _of_factor(d: Def) -> int:
    while d.name == "broadcast":
        (d,) = d.operands
    if d.name == "constant":
        value = np.asarray(d["value"])
        return 1 if (value >= 0).all() else -1 if (value <= 0).all() else 0
    if d.name in _NOT_NEGATIVE:
        return 1
    return -1 if d.name == "sub" and _is_row_maximum(d.operands[1], d.operands[0]) else 0


def _is_row_maximum(d: Def, x: Def) -> bool:
    """Is d, at every index, a maximum of elements of x among which x's at that index is?"""
    if d.name != "broadcast" or d.operands[0].name != "reduce":
        return False
    (fold,) = d.operands
    kept = tuple(a for a in range(len(x.shape)) if a not in fold["axes"])
    return fold["kind"] == "max" and fold.operands[0] is x and tuple(d["axes"]) == kept
