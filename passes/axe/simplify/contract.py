"""Rules of ops that fold axes: smaller folds, and arrangements that a matrix product takes in.

The order in which a sum is taken, and the sign of a sum that is zero, are open (kernels add in
vectors and blocks); no rule here makes sums of other numbers.
"""

from __future__ import annotations

from axec.dialects.attrs import Ints
from axec.dialects.axe.arrange import reshape
from axec.dialects.axe.contract import dot_general
from axec.dialects.axe.reduce import reduce
from axec.passes.axe.simplify.rewrite import Rules, Site, Value

RULES = Rules()
rule = RULES.enter


@rule("reduce(x) along axes of size 1 => reshape(x)", "reduce")
def _(s: Site) -> Value | None:
    shape = s.operand_type().shape
    if any(shape[a] != 1 for a in s.attr("axes")):
        return None
    return s.emit(reshape, s.operands[0], shape=s.type.shape)


@rule("reduce(reduce(x)) => reduce(x) (max, min; sum and prod of integers)", "reduce")
def _(s: Site) -> Value | None:
    inner = s.made_by(0, "reduce")
    kind = s.attr("kind")
    exact = kind in ("max", "min") or not s.type.dtype.is_float
    if inner is None or inner.attr("kind") != kind or not exact:
        return None
    first = inner.attr("axes")
    left = [a for a in range(inner.operand_type().rank) if a not in first]
    axes = tuple(sorted((*first, *(left[a] for a in s.attr("axes")))))
    return s.emit(reduce, inner.operands[0], kind=kind, axes=axes)


@rule("reduce(transpose(x)) => reduce(x), the order of kept axes kept", "reduce")
def _(s: Site) -> Value | None:
    inner = s.made_by(0, "transpose")
    if inner is None:
        return None
    perm, folded = inner.attr("perm"), s.attr("axes")
    kept = [a for i, a in enumerate(perm) if i not in folded]
    if kept != sorted(kept):
        return None
    axes = tuple(sorted(perm[a] for a in folded))
    return s.emit(reduce, inner.operands[0], kind=s.attr("kind"), axes=axes)


_MEMBERS = ("batch_x", "batch_y", "contract_x", "contract_y")


@rule("dot_general(transpose(x), y) => dot_general(x, y), the order of free axes kept",
      "dot_general")  # fmt: skip
def _(s: Site) -> Value | None:
    operands, axes = list(s.operands), {k: s.attr(k) for k in _MEMBERS}
    for i, side in enumerate("xy"):
        inner = s.made_by(i, "transpose")
        if inner is None:
            continue
        perm: Ints = inner.attr("perm")
        used = axes[f"batch_{side}"] + axes[f"contract_{side}"]
        free = [perm[a] for a in range(len(perm)) if a not in used]
        if free == sorted(free):
            operands[i] = inner.operands[0]
            for role in ("batch", "contract"):
                axes[f"{role}_{side}"] = tuple(perm[a] for a in axes[f"{role}_{side}"])
    if operands == s.operands:
        return None
    return s.emit(dot_general, *operands, **axes)
