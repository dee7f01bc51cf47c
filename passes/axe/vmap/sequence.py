"""Running folds along an axis that counts from 1; lines are sorted along the last axis anyway."""

from __future__ import annotations

from axec.dialects.axe import sequence as ops
from axec.passes.axe.vmap.rules import moved, same

moved(ops.cumulate, "axis")
same(ops.argsort)
same(ops.top)
