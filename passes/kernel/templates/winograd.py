"""Convolutions with 3x3 windows in fewer multiplications: Winograd's F(2x2, 3x3).

    out[tile] = At (sum over c of (G w[c] Gt) * (Bt x[tile, c] B)) A

A tile is 2x2 positions of the output, which 4x4 of x decide: 16 products per channel instead of 36.
G w Gt, for all filters, is made when compiling (weight_layouts.Winograd); the other two
transformations are additions. For each of the 16 numbers the sum over channels is a product of
matrices, tiles x channels times channels x outputs.

Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks (arXiv:1509.09308), 4.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from axec.dialects import dims, dtypes, types
from axec.dialects.dims import Size
from axec.dialects.dtypes import DType
from axec.passes.kernel.templates.channels_last import ChannelsLast, panel_width
from axec.passes.kernel.templates.choice import AS_MODELLED, Choice
from axec.passes.kernel.templates.convolution import Conv
from axec.passes.kernel.weight_layouts import Winograd as Transformed

NUMBERS = 16  # of a tile, after its transformation
SIZE = 2  # positions of the output along each axis

#: Tiles of a part, at most; fewer where their numbers, of all channels, would fill the cache.
ROWS = 50
ROWS_BYTES = 416 * 1024

#: Each unit has room for a part: there are at most so many, or a SHARE of unknown numbers.
UNITS, SHARE = 32, 4

#: Channels are whole vectors of every target; they, outputs and tiles are enough to be worth the
#: additions.
CHANNELS = 16
LEAST = 32
TILES = 16
#: Filters, transformed, of more bytes come from memory no faster than they are multiplied.
FILTERS = 6 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Winograd:
    """A part is `row_block` tiles times a panel of `width` outputs; parts count blocks of tiles,
    panels, outermost first. A unit is `share` parts."""

    conv: Conv
    choice: Choice = AS_MODELLED

    @property
    def weight(self) -> Any:
        """The factor that lies as weight_layouts.Winograd says."""
        return self.conv.w

    @property
    def through(self) -> frozenset[str]:
        return self.conv.through

    @property
    def sums(self) -> DType:
        return self.conv.sums

    @property
    def channels(self) -> int:
        assert isinstance(self.conv.channels, int)
        return self.conv.channels

    @property
    def tiles(self) -> tuple[Size, ...]:
        """Along each axis of an image."""
        return tuple(dims.ceildiv(window.out, SIZE) for window in self.conv.space)

    @property
    def rows(self) -> Size:
        """Tiles of all images."""
        return self.conv.images * dims.product(self.tiles)

    @property
    def width(self) -> int:
        return panel_width(self.conv.m)

    @property
    def panels(self) -> Size:
        return dims.ceildiv(self.conv.m, self.width)

    @property
    def row_block(self) -> int:
        fit = ROWS_BYTES // (NUMBERS * self.channels * self.sums.size)
        most = min(ROWS, max(fit, 8)) if self.choice.rows is None else self.choice.rows
        if not isinstance(self.rows, int):
            return most
        blocks = max(-(-self.rows // most), 1)
        return -(-self.rows // blocks)

    @property
    def row_blocks(self) -> Size:
        return dims.ceildiv(self.rows, max(self.row_block, 1))

    @property
    def parts(self) -> Size:
        return self.row_blocks * self.panels

    @property
    def share(self) -> int:
        """Parts of a unit."""
        return -(-self.parts // UNITS) or 1 if isinstance(self.parts, int) else SHARE

    @property
    def units(self) -> Size:
        return dims.ceildiv(self.parts, self.share)

    @property
    def row_room(self) -> int:
        """Numbers that a part makes of its tiles: [NUMBERS, row_block, channels]."""
        return NUMBERS * self.row_block * self.channels

    @property
    def sum_room(self) -> int:
        """Sums of a part: [NUMBERS, row_block + some that do not exist, width]."""
        return NUMBERS * (self.row_block + CHANNELS) * self.width

    @property
    def slot_bytes(self) -> int:
        """Room of a unit for the tiles and the sums of a part."""
        return (self.row_room + self.sum_room) * self.sums.size


def winograd_of(c: ChannelsLast) -> Transformed | None:
    """How the filters of a convolution are transformed, or None where that does not pay: windows
    other than 3x3 next to each other, groups, channels that are no whole vectors or few, filters
    that are many, numbers that are narrow (their rounding would show), images with few tiles, or
    tiles of which many results are not wanted."""
    conv = c.conv
    near = [(w.taps, w.stride, w.dilation) for w in conv.space] == [(3, 1, 1)] * 2
    m, channels, sums = conv.m, conv.channels, conv.sums
    if not near or conv.groups != 1 or not isinstance(m, int) or not isinstance(channels, int):
        return None
    whole = channels % CHANNELS == 0 and conv.x_strides[1] == 1 and min(m, channels) >= LEAST
    wide = sums.size >= dtypes.f32.size and types.of(conv.x).dtype is sums
    large = NUMBERS * channels * m * sums.size > FILTERS
    if not whole or not wide or large or not _fill(Winograd(conv)):
        return None
    return Transformed(m, channels, panel_width(m))


def _fill(p: Winograd) -> bool:
    """Are there enough tiles, and most of their results wanted?"""
    wanted = p.conv.images * dims.product(window.out for window in p.conv.space)
    if not isinstance(p.rows, int) or not isinstance(wanted, int):
        return True
    return p.rows >= TILES and wanted * 4 >= p.rows * SIZE * SIZE * 3
