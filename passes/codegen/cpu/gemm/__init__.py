"""Template `gemm`: one matrix product or convolution and the pointwise ops after it.

    tiles.py         which register tile
    tile_routine.py  a tile of a product, a function that all of them share
    microkernel.py   the inner loop of convolutions
    window.py        a tile of a convolution that writes channels last, a function, too
    epilogue.py      from sums to results
    control.py       loops and conditions that vanish where they are decided at compile time

    emit.py          matrix products: what is computed once per call
    problem.py       the product and how its right factor lies
    setting.py       what its parts share: addresses, steps, the panel at hand
    units.py         from units to panels
    tiled.py         a panel of columns: parts of k, packing, tiles
    pack.py          copying columns into the order in which tiles read them
    one_row.py       products with one row
    dots.py          products with few rows or columns, as dot products

    emit_conv.py     convolutions: what is computed once per call
    conv_setting.py  from units to pieces of output rows
    conv.py          tiles of output channels and pieces

    emit_last.py     convolutions that write channels last: what is computed once per call
    last_setting.py  from units to panels of output channels
    last.py          tiles of positions and output channels
    winograd.py      those with 3x3 windows in fewer multiplications

Each sum is built up in one order, that of k (dot products: lane by lane; convolutions:
position by position in the window, channel by channel), whatever the tile, the part or the thread:
a shape and a target have one result.
"""

from axec.passes.codegen.cpu.gemm.emit import emit

__all__ = ["emit"]
