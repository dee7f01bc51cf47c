"""Template `gemm`: one matrix product or convolution and the pointwise ops after it.

    tiles.py           which register tile
    tile_routine.py    a tile of a product, a function that all of them share
    blocks.py          the same on a matrix engine (engine.py: AMX)
    microkernel.py     the inner loop of convolutions
    epilogue.py        from sums to results
    control.py         loops and conditions that vanish where they are decided at compile time

    emit.py            matrix products: what is computed once per call
    problem.py         the product and how its right factor lies
    setting.py         what its parts share: addresses, steps, the panel at hand
    units.py           from units to panels
    tiled.py           a panel of columns: parts of k, packing, tiles
    pack.py            copying columns into the order in which tiles read them
    one_row.py         products with one row
    dots.py            products with few rows or columns, as dot products

    emit_positions.py  convolutions with lanes along positions: what is computed once per call
    pieces.py          from units to pieces of output rows
    positions.py       tiles of output channels and pieces

    emit_channels.py   convolutions with lanes along channels: what is computed once per call
    panels.py          from units to rows and panels of output channels
    channels.py        units: sums, then results
    window.py          the sums of a unit, a function that all of them share
    winograd.py        those with 3x3 windows in fewer multiplications

Each sum is built up in one order, that of k (dot products: lane by lane; convolutions:
position by position in the window, channel by channel), whatever the tile, the part or the thread:
a shape and a target have one result.
"""

from axec.passes.codegen.cpu.gemm.emit import emit

__all__ = ["emit"]
