"""Composites that work along their last axes stay whole; those that do not fit are decomposed."""

from __future__ import annotations

from typing import Any

from axec.dialects.axe import composite as ops
from axec.dialects.opdef import OpDef
from axec.passes.axe.vmap.batch import Batch
from axec.passes.axe.vmap.rules import Lane, moved, same, vmap
from axec.passes.axe.walk import Value

for _op in (ops.stop_gradient, ops.relu, ops.silu, ops.gelu, ops.avg_pool):
    same(_op)
for _op in (ops.softmax, ops.log_softmax):
    moved(_op, "axis")


def _norm(op: OpDef) -> None:
    @vmap(op)
    def _(b: Batch, x: Lane, *weights: Lane, **attrs: Any) -> Value | None:
        if any(w.batched for w in weights):
            return None  # through the decomposition
        return b.plain(op, x.value, *(w.value for w in weights), **attrs)


_norm(ops.layer_norm)
_norm(ops.rms_norm)
