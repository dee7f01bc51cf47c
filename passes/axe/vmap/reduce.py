"""Folds over axes that count from 1; windows are over the last axes anyway."""

from __future__ import annotations

from axec.dialects.axe import reduce as ops
from axec.passes.axe.vmap.rules import moved, same

moved(ops.reduce, "axes")
moved(ops.argreduce, "axis")
same(ops.window)
