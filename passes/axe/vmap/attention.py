"""Attention takes any leading axes: the batch is one more."""

from __future__ import annotations

from axec.dialects.axe import attention as ops
from axec.passes.axe.vmap.rules import same

for _op in (
    ops.attention, ops.attention_lse, ops.attention_dq, ops.attention_dk, ops.attention_dv
):  # fmt: skip
    same(_op)
