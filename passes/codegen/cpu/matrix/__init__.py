"""Template `matrix`: decompositions of matrices, one matrix per unit, in place in the result.

    rows.py         what all are written with: rows of a matrix in vectors, products of panels
    cholesky.py, triangular.py, lu.py, householder.py       one op each

All but householder go through the matrix in panels of PANEL rows or columns: what a panel changes
in the rest is one product, computed in register tiles.
"""

from __future__ import annotations

from collections.abc import Callable

from axec.passes.codegen.cpu.frame import Frame
from axec.passes.codegen.cpu.matrix import cholesky, householder, lu, triangular
from axec.passes.codegen.cpu.matrix.rows import Rows

_OPS: dict[str, Callable[[Rows], None]] = {
    "cholesky": cholesky.emit,
    "householder": householder.emit,
    "lu": lu.emit,
    "triangular_solve": triangular.emit,
}


def emit(f: Frame) -> None:
    """Write the loops of a matrix kernel."""
    (op,) = f.body.ops
    if 0 in op.shape:
        return
    with f.b.for_(f.lo, f.hi, name="unit") as loop:
        _OPS[op.name](Rows(f, op, loop.index))
