"""What every template asks of a kernel: its ops, its results, the op that it is about."""

from __future__ import annotations

from typing import Any

from axec.dialects import types
from axec.dialects.axe import OPS
from axec.dialects.dtypes import DType
from axec.dialects.kernel import body_of, yielded
from axec.dialects.types import TensorType


def template_of(kernel: Any) -> str:
    """The template's name."""
    return str(kernel.attributes["template"].value)


def ops_of(kernel: Any) -> list[Any]:
    """The body's operations without kernel.yield."""
    return [o.operation for o in body_of(kernel).operations][:-1]


def anchor(kernel: Any) -> Any:
    """The folding op of a reduce or gemm kernel: the one that is in group `contract`."""
    return next(o for o in ops_of(kernel) if OPS[o.name].group == "contract")


def result_types(kernel: Any) -> list[TensorType]:
    """Types of the kernel's results."""
    return [types.of(v) for v in yielded(kernel)]


def sums_result(kernel: Any, dtype: DType) -> int | None:
    """The first result that can hold sums of that dtype while they are computed."""
    found = [i for i, t in enumerate(result_types(kernel)) if t.dtype is dtype]
    return found[0] if found else None
