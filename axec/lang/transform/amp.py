"""Mixed precision: products of a function in 16 bits, everything else in float32.

    @axe.amp                                  # or axe.amp(loss, policy="float16"),
    def loss(params, x, y): ...               # or `with axe.amp(policy="float16"):`

While the function runs (that is, while it is traced), ops that the policy names compute in the
policy's dtype: their operands are rounded to it, their result is given back in the dtype that they
had. So no other op, no parameter and no gradient of a parameter changes its dtype: master weights
are the float32 parameters themselves. The casts are ops of the program, and gradients go through
them: a product's cotangents are products in 16 bits, too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from axec.dialects.axe import OPS
from axec.dialects.dtypes import DType
from axec.lang.arrays import dispatch
from axec.lang.errors import did_you_mean, error
from axec.lang.spec import as_dtype

__all__ = ["AmpPolicy", "amp"]

#: Names that users write -> ops of the axe dialect.
_NAMES = {"matmul": "dot_general"}
#: What a policy computes in its dtype unless its table says otherwise.
PRODUCTS = ("matmul", "conv", "attention")


@dataclass(frozen=True)
class AmpPolicy:
    """Which ops compute in which dtype.

    compute: of products (`matmul` with `tensordot`, `einsum` and `@`, `conv`, `attention`). ops:
    dtypes of single ops by name (docs/ops.md), over `compute`; "float32" for an op means that
    narrower operands are widened for it. AxecError `bad-attribute` for an unknown op,
    `dtype-unsupported` for a dtype that is not floating point.
    """

    compute: Any = "bfloat16"
    ops: Mapping[str, Any] = field(default_factory=dict)

    def table(self) -> dict[str, DType]:
        """Op of the axe dialect -> the dtype that it computes in."""
        rows = {**dict.fromkeys(PRODUCTS, self.compute), **self.ops}
        return {_op(name): _float(dtype) for name, dtype in rows.items()}


def _op(name: str) -> str:
    found = _NAMES.get(name, name)
    if f"axe.{found}" not in OPS:
        known = [*_NAMES, *(op.removeprefix("axe.") for op in OPS)]
        raise error("bad-attribute", f"no op {name!r}", hint=did_you_mean(name, known))
    return found


def _float(dtype: Any) -> DType:
    kind = as_dtype(dtype)
    if not kind.is_float:
        raise error(
            "dtype-unsupported",
            f"mixed precision computes in floating point, not in {dtype}",
            hint='policies are "bfloat16", "float16", or an axe.AmpPolicy',
        )
    return kind


def amp(fn: Callable[..., Any] | None = None, *, policy: Any = "bfloat16") -> Any:
    """Mixed precision for a function (as a decorator, or `axe.amp(fn, policy=...)`), or for the
    lines under `with axe.amp(...):`.

    `policy`: "bfloat16", "float16", "float32" (which turns an outer `amp` off), or an
    `axe.AmpPolicy`. Inside another `amp`, the inner one holds. Gradients of float16 want their loss
    scaled: `axe.optim.loss_scaling`.
    """
    chosen = policy if isinstance(policy, AmpPolicy) else AmpPolicy(policy)
    scope = _scope(chosen.table())
    return scope if fn is None else scope(fn)


@contextlib.contextmanager
def _scope(table: Mapping[str, DType]) -> Iterator[None]:
    before = dispatch.COMPUTE.set(table)
    try:
        yield
    finally:
        dispatch.COMPUTE.reset(before)
