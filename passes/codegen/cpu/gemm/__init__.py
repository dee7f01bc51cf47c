"""Template `gemm`: one matrix product and the pointwise ops after it.

    problem.py      sizes and strides of the product
    tiles.py        which register tile
    setting.py      what the parts share: addresses, steps, the panel at hand
    units.py        from units to panels
    tiled.py        a panel of columns: parts of k, packing, tiles
    pack.py         copying columns into the order in which tiles read them
    microkernel.py  the inner loop
    one_row.py      products with one row
    epilogue.py     from sums to results

Each sum is built up in the order of k (dot products of one row: lane by lane), whatever the tile,
the part or the thread: a shape and a target have one result.
"""

from axec.passes.codegen.cpu.gemm.emit import emit

__all__ = ["emit"]
