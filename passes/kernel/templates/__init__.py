"""How a kernel covers its work: iteration shape, parallel units and scratch, per template.

Read by the fuser (is this a gemm?), by outlining (the attributes `units` and `workspace`) and by
every back end (the loops). A kernel is a `kernel.define` or `kernel.fused`; sizes are dim
expressions in its own dims. Units are independent: any split of [0, units) over threads gives the
same bits.

    body.py          what all templates ask of a kernel
    walks.py         map, reduce: over elements, strips, columns
    row.py           row: the rows that its reductions share
    products.py      gemm: which of these it computes
      gemm.py            a matrix product
      convolution.py     a convolution, channels first
      channels_last.py   a convolution that writes channels last
      winograd.py        one with 3x3 windows in fewer multiplications
    attention.py     attention: it or a part of its derivative, by blocks of keys
    choice.py        what of all this may be chosen
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from axec.dialects import dims, types
from axec.dialects.dims import Size
from axec.dialects.kernel import yielded
from axec.passes.kernel.templates.attention import attention_of
from axec.passes.kernel.templates.body import (
    anchor,
    ops_of,
    result_types,
    sums_result,
    template_of,
)
from axec.passes.kernel.templates.products import (
    Product,
    gemm_workspace,
    is_generic,
    product,
    product_of,
)
from axec.passes.kernel.templates.row import Rows, rows, rows_of
from axec.passes.kernel.templates.walks import (
    MAP_BLOCK,
    MOST_LANES,
    Columns,
    Loop,
    Strips,
    map_loop,
    reduce_walk,
    reduce_workspace,
    top_room,
)

__all__ = [
    "MAP_BLOCK",
    "MOST_LANES",
    "TEMPLATES",
    "Columns",
    "Loop",
    "Product",
    "Rows",
    "Strips",
    "Template",
    "anchor",
    "is_generic",
    "map_loop",
    "ops_of",
    "product",
    "product_of",
    "reduce_walk",
    "result_types",
    "rows",
    "rows_of",
    "sums_result",
    "template_of",
    "top_room",
    "units",
    "workspace",
]


def matrices(kernel: Any) -> Size:
    """The matrices that a matrix kernel works on; a unit is one of them."""
    return dims.product(types.of(yielded(kernel)[0]).shape[:-2])


@dataclass(frozen=True, slots=True)
class Template:
    """`units(kernel)`: independent parts; `workspace(kernel)`: bytes per scratch buffer. Scratch is
    shared by all parts of a launch: a part writes only what belongs to its own units."""

    units: Callable[[Any], Size]
    workspace: Callable[[Any], tuple[Size, ...]] = lambda kernel: ()


TEMPLATES: dict[str, Template] = {
    "map": Template(lambda kernel: map_loop(kernel).units),
    "row": Template(lambda kernel: rows(kernel).units),
    "reduce": Template(lambda kernel: reduce_walk(kernel).units, reduce_workspace),
    "gemm": Template(lambda kernel: product(kernel).units, gemm_workspace),
    "attention": Template(lambda kernel: attention_of(kernel).units),
    "matrix": Template(matrices),
}


def units(kernel: Any) -> Size:
    """The number of independent parts of a kernel's work."""
    return TEMPLATES[template_of(kernel)].units(kernel)


def workspace(kernel: Any) -> tuple[Size, ...]:
    """Bytes of each scratch buffer that a launch needs."""
    return TEMPLATES[template_of(kernel)].workspace(kernel)
