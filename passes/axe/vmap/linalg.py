"""Decompositions do not mind a further leading axis."""

from __future__ import annotations

from axec.dialects.axe import OPS
from axec.passes.axe.vmap.rules import same

for _op in OPS.values():
    if _op.family == "linalg":
        same(_op)
