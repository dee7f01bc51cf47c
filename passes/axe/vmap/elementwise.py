"""Pointwise ops do not mind a further axis."""

from __future__ import annotations

from axec.dialects.axe import OPS
from axec.passes.axe.vmap.rules import same

for _op in OPS.values():
    if _op.group == "pointwise":
        same(_op)
