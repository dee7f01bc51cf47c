"""The product that a kernel computes, as code generation reads it.

    sums[batch, m, n] = sum over k of left[batch, m, k] * right[batch, k, n]

`templates/gemm.py` has the sizes and strides (`Gemm`), for every back end; here stands what the
CPU's code asks besides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from axec.dialects import types
from axec.dialects.dtypes import DType
from axec.mlir import ir
from axec.passes.kernel.templates.gemm import Gemm

#: How `right` lies in memory. row: the columns of one k are neighbours; col: the k of one column
#: are; any: neither; panels: as passes/kernel/weight_layouts.py says.
Layout = Literal["row", "col", "any", "panels"]


@dataclass(frozen=True, slots=True)
class Problem:
    """`left` and `right` are numbers of kernel inputs, `dtypes` theirs."""

    gemm: Gemm
    dtypes: tuple[DType, DType]
    left: int
    right: int

    @property
    def layout(self) -> Layout:
        if self.gemm.in_panels:
            return "panels"
        k_stride, n_stride = self.gemm.right_strides
        if n_stride == 1:
            return "row"
        return "col" if k_stride == 1 else "any"


def read(gemm: Gemm) -> Problem:
    """The product of a kernel."""
    return Problem(
        gemm=gemm,
        dtypes=(types.of(gemm.left).dtype, types.of(gemm.right).dtype),
        left=ir.BlockArgument(gemm.left).arg_number,
        right=ir.BlockArgument(gemm.right).arg_number,
    )
