"""The rows of a `row` kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from axec.dialects import dims, types
from axec.dialects.attrs import ints
from axec.dialects.dims import Size
from axec.dialects.types import Shape
from axec.passes.kernel.templates.body import ops_of


@dataclass(frozen=True, slots=True)
class Rows:
    """Reductions over the trailing axes `trail` of [lead..., trail...]; a unit is one row."""

    lead: Shape
    trail: Shape

    @property
    def units(self) -> Size:
        return dims.product(self.lead)

    @property
    def length(self) -> Size:
        """Elements of a row."""
        return dims.product(self.trail)


def rows_of(reduce: Any) -> Rows | None:
    """The rows of one `axe.reduce`, or None where it does not fold trailing axes."""
    axes = sorted(ints(reduce, "axes"))
    shape = types.of(reduce.operands[0]).shape
    split = len(shape) - len(axes)
    if axes != list(range(split, len(shape))):
        return None
    return Rows(shape[:split], shape[split:])


def rows(kernel: Any) -> Rows:
    """The rows of a row kernel; all its reductions share them."""
    found = rows_of(next(o for o in ops_of(kernel) if o.name == "axe.reduce"))
    assert found is not None, "a row kernel reduces over trailing axes"
    return found
