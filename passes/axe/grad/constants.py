"""Constants do not vary."""

from __future__ import annotations

from axec.dialects.axe import constants as ops
from axec.passes.axe.grad.rules import NO_GRADIENT

NO_GRADIENT[ops.constant] = "it has no operands"
NO_GRADIENT[ops.iota] = "it has no operands"
NO_GRADIENT[ops.dim_size] = "it has no operands"
