"""What the parts of a convolution with lanes along channels share: in a kernel, and as a table in
memory for the routine that all of them call (window.py). From units to rows and panels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from axec.dialects.dtypes import BY_NAME, DType
from axec.passes.codegen.cpu.gemm.arithmetic import Arithmetic, single
from axec.passes.codegen.cpu.gemm.tiles import Tile
from axec.passes.codegen.cpu.lanes.registers import memory_type
from axec.passes.codegen.llvm import I64, NULL, Builder, Type, Value, vec

WORD = I64.size


@dataclass(frozen=True, slots=True)
class Kind:
    """What distinguishes windows. axes: those that are folded, outermost first, -1 the channels;
    padded: by spatial axis; in_panels, stride: how columns of w lie (elements from one to the
    next); masked: columns beyond the last one must not be read; width: columns of a unit."""

    dtypes: tuple[DType, DType, DType]
    tile: Tile
    axes: tuple[int, ...]
    padded: tuple[bool, ...]
    in_panels: bool
    stride: int
    masked: bool
    width: int
    depthwise: bool = False

    def words(self) -> tuple[object, ...]:
        """The parameters of the routine."""
        t = self.tile
        axes = "".join(str(axis + 1) for axis in self.axes)
        padded = "".join(str(int(p)) for p in self.padded)
        lies = 0 if self.in_panels else self.stride
        return (*self.dtypes, t.rows, t.vectors, t.lanes, t.unroll, axes, padded, lies,
                int(self.masked), self.width)  # fmt: skip

    @staticmethod
    def read(words: Sequence[str]) -> Kind:
        """The kind of those parameters."""
        x, w, sums = (BY_NAME[word] for word in words[:3])
        rows, vectors, lanes, unroll = map(int, words[3:7])
        stride = int(words[9])
        return Kind(
            dtypes=(x, w, sums),
            tile=Tile(rows, vectors, lanes, unroll),
            axes=tuple(int(axis) - 1 for axis in words[7]),
            padded=tuple(p == "1" for p in words[8]),
            in_panels=not stride,
            stride=stride or 1,
            masked=words[10] == "1",
            width=int(words[11]),
        )


@dataclass(frozen=True, slots=True)
class Folded:
    """An axis that is folded (channels_last.Fold): its length, and bytes from one to the next in x
    and w."""

    axis: int
    count: Value
    x: Value
    w: Value


@dataclass(frozen=True, slots=True)
class Axis:
    """A spatial axis: its size in x, what taps are apart, positions of the output and what these
    are apart in x, how far the first one begins before x, bytes from one element to the next."""

    size: Value
    dilation: Value
    out: Value
    stride: Value
    low: Value
    x: Value


@dataclass(frozen=True, slots=True)
class Cut:
    """How the result is cut into units: panels of a group, blocks of rows; rows, and rows of a
    unit; columns of a group; bytes from one group to the next in x (depthwise: from one column),
    from one panel to the next in w."""

    panels: Value
    blocks: Value
    rows: Value
    row_block: Value
    columns: Value
    x: Value
    panel: Value


@dataclass(frozen=True, slots=True)
class Window:
    """Values that all units share: addresses of x, which may be read, and w; zeros, of a row
    (depthwise); image: bytes from one to the next in x; w_column: bytes from one column of w to the
    next; slice: steps of the outermost folded axis."""

    b: Builder
    kind: Kind
    x: Value
    w: Value
    zeros: Value
    space: Sequence[Axis]
    folds: Sequence[Folded]
    cut: Cut
    image: Value
    w_column: Value
    slice: Value

    @property
    def tile(self) -> Tile:
        return self.kind.tile

    @property
    def arithmetic(self) -> Arithmetic:
        return single(*self.kind.dtypes)

    @property
    def element(self) -> Type:
        """Of x and w, in memory."""
        return memory_type(self.kind.dtypes[0])

    @property
    def elements(self) -> Type:
        return vec(self.element, self.tile.lanes)

    @property
    def vector(self) -> Type:
        """Of sums."""
        return vec(self.arithmetic.sums, self.tile.lanes)

    @property
    def line_bytes(self) -> int:
        """Of a row of sums."""
        return self.kind.width * self.arithmetic.sums.size


# ---- in memory -----------------------------------------------------------------------------------


def table(s: Window, name: str) -> Value:
    """What the routine asks of a window, in memory. At the entry of a kernel; name: of data."""
    b, words = s.b, _words(s)
    if all(word.const is not None for word in words):
        return b.module.constant(name, words)
    made = b.alloca(I64, len(words), name="window")
    for i, value in enumerate(words):
        b.store(value, b.offset(made, i * WORD))
    return made


def _words(s: Window) -> list[Value]:
    found = [s.image, s.w_column, s.slice, *_values(s.cut)]
    found += [v for fold in s.folds for v in (fold.count, fold.x, fold.w)]
    return found + [v for axis in s.space for v in _values(axis)]


def _values(of: Any) -> list[Value]:
    return [getattr(of, field.name) for field in fields(of)]


def of_table(b: Builder, kind: Kind, place: Value, x: Value, w: Value) -> Window:
    """The window whose table lies there."""
    cut, axis = len(fields(Cut)), len(fields(Axis))
    count = 3 + cut + 3 * len(kind.axes) + axis * len(kind.padded)
    words = iter([b.load(I64, b.offset(place, i * WORD)) for i in range(count)])

    def some(number: int) -> list[Value]:
        return [next(words) for _ in range(number)]

    image, w_column, slice_ = some(3)
    return Window(
        b=b,
        kind=kind,
        x=x,
        w=w,
        zeros=NULL,
        cut=Cut(*some(cut)),
        folds=[Folded(number, *some(3)) for number in kind.axes],
        space=[Axis(*some(axis)) for _ in kind.padded],
        image=image,
        w_column=w_column,
        slice=slice_,
    )


# ---- units ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """What a unit computes: rows [row, end_row) at `columns` output channels from `output` on."""

    row: Value
    end_row: Value
    output: Value
    columns: Value


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit, with what it reads: the first channel of x, and its filters in w."""

    place: Place
    x: Value
    w: Value


def unit_of(s: Window, number: Value) -> Unit:
    """Unit `number`: groups, panels, blocks of rows, outermost first."""
    b, cut, width = s.b, s.cut, s.kind.width
    panel, block = _divided(b, number, cut.blocks)
    group, number = _divided(b, panel, cut.panels)
    row, column = b.mul(block, cut.row_block), b.mul(number, width)
    output = b.add(b.mul(group, cut.columns), column)
    step, number = (cut.panel, panel) if s.kind.in_panels else (s.w_column, output)
    return Unit(
        place=Place(
            row=row,
            end_row=b.min(b.add(row, cut.row_block), cut.rows),
            output=output,
            columns=b.min(b.sub(cut.columns, column), width),
        ),
        x=b.offset(s.x, b.mul(column if s.kind.depthwise else group, cut.x)),
        w=b.offset(s.w, b.mul(number, step)),
    )


def _divided(b: Builder, number: Value, size: Value) -> tuple[Value, Value]:
    return b.udiv(number, size), b.urem(number, size)


def write(b: Builder, place: Place, to: Value) -> None:
    """A place in memory, as words."""
    for i, value in enumerate(_values(place)):
        b.store(value, b.offset(to, i * WORD))


def read(b: Builder, at: Value) -> Place:
    """The place that lies there."""
    return Place(*[b.load(I64, b.offset(at, i * WORD)) for i in range(len(fields(Place)))])
