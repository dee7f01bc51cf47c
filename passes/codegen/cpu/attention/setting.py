"""What the parts of one attention kernel share while it is emitted: sizes, addresses, scratch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from axec.dialects.dims import Size
from axec.dialects.dtypes import DType
from axec.passes.codegen.cpu.frame import Frame
from axec.passes.codegen.cpu.gemm import tiles
from axec.passes.codegen.cpu.lanes.registers import register_type
from axec.passes.codegen.llvm import I64, PTR, Builder, Type, Value, constant, vec
from axec.passes.kernel.templates import attention
from axec.passes.kernel.templates.attention import BLOCK, Attention, Matrix

STREAM = 64  # rows of the side that passes by, at a time: their scores stay in the first caches
SPARE = 16  # rows of scratch behind the last one: tiles are written whole


@dataclass(frozen=True, slots=True)
class View:
    """A matrix in memory: element (i, j) at address + i * step + j * near, in bytes. step_size,
    near_size: the same in elements where they are known."""

    address: Value
    step: Value
    near: Value
    step_size: Size
    near_size: Size
    dtype: DType

    def turned(self) -> View:
        """Its transpose."""
        return View(self.address, self.near, self.step, self.near_size, self.step_size, self.dtype)


@dataclass(frozen=True, slots=True)
class Setting:
    """One kernel function. queries, keys: sizes; vectors: per row of a block; square: scratch of
    lanes x lanes elements."""

    f: Frame
    a: Attention
    lanes: int
    vectors: int
    queries: Value
    keys: Value
    square: Value

    @property
    def b(self) -> Builder:
        return self.f.b

    @property
    def element(self) -> Type:
        return register_type(self.a.matrices["q"].type.dtype)

    @property
    def vector(self) -> Type:
        return vec(self.element, self.lanes)

    @property
    def members(self) -> int:
        """Queries, or keys, of a block."""
        return self.lanes * self.vectors

    @property
    def row_bytes(self) -> int:
        """From one row of a block to the next."""
        return self.members * self.element.size

    def scratch(self, rows: int, name: str) -> Value:
        """Room for rows of a block."""
        return self.b.alloca(self.vector, (rows + SPARE) * self.vectors, 64, name)

    def places(self, block: Value, row: Value | int = 0) -> list[Value]:
        """Addresses of the vectors of one row."""
        b = self.b
        start = b.offset(block, b.mul(_index(row), self.row_bytes))
        return [b.at(start, self.vector, j) for j in range(self.vectors)]

    def load(self, block: Value, row: Value | int = 0) -> list[Value]:
        """One row of a block."""
        return [self.b.load(self.vector, place) for place in self.places(block, row)]

    def number(self, x: float) -> Value:
        """A vector of one number."""
        return constant(self.vector, x)


def _index(row: Value | int) -> Value:
    return constant(I64, row) if isinstance(row, int) else row


def setting(f: Frame) -> Setting:
    """What is computed once per call."""
    a = attention.attention_of(f.define)
    element = register_type(a.matrices["q"].type.dtype)
    lanes = f.target.lanes(element.size)
    square = f.b.alloca(vec(element, lanes), lanes, 64, "square")
    return Setting(f, a, lanes, _vectors(f, a, lanes), f.size(a.queries), f.size(a.keys), square)


def _vectors(f: Frame, a: Attention, lanes: int) -> int:
    """Vectors per row of a block: 4, or as many as there are members for. Under a causal mask at
    most 2: fewer of the scores beside the diagonal are computed for nothing. (Zen 4, GFLOP/s with
    2 and with 4: 128 queries, causal 74, 64; 128 queries 90, 99; 1024 queries 100, 102.)"""
    along = a.keys if a.way == "keys" else a.queries
    found = min(tiles.MOST_VECTORS[f.target.vector_registers], 2 if a.causal else 4)
    while isinstance(along, int) and found > 1 and found // 2 * lanes >= along:
        found //= 2
    return found


Views = Mapping[str, View]  # by role, of one element of the leading axes
#: Emits the work on members [first, first + count) of one element of the leading axes.
Work = Callable[[Setting, Views, Value, Value], None]


def blocks(s: Setting, work: Work) -> None:
    """`work` for every block of the units [f.lo, f.hi)."""
    b, f, a = s.b, s.f, s.a
    # What is loaded here is not there for another way that the kernel may take instead.
    with f.emission.scope(), b.for_(f.lo, f.hi, name="unit") as unit:
        each = b.max(f.size(a.units_each), 1)
        head = b.udiv(unit.index, each)
        number = b.sub(unit.index, b.mul(head, each))
        views = {role: _view(s, m, head) for role, m in a.matrices.items()}
        if a.paired:
            _pair(s, views, number, work)
        else:
            _members(s, views, number, work)


def _pair(s: Setting, views: Views, number: Value, work: Work) -> None:
    """The blocks of a unit under a causal mask: one from the front, one from the back."""
    b = s.b
    other = b.sub(b.sub(s.f.size(s.a.blocks), 1), number)
    both = b.select(b.cmp("eq", other, number), constant(I64, 1), constant(I64, 2))
    with b.for_(0, both, name="half") as half:
        _members(s, views, b.select(b.cmp("eq", half.index, 0), number, other), work)


def _members(s: Setting, views: Views, block: Value, work: Work) -> None:
    """A block, in as many parts as registers ask for."""
    b = s.b
    start = b.mul(block, BLOCK)
    end = b.min(b.add(start, BLOCK), s.keys if s.a.way == "keys" else s.queries)
    if s.members >= BLOCK:
        work(s, views, start, b.sub(end, start))
        return
    with b.for_(start, end, s.members, name="part") as part:
        work(s, views, part.index, b.min(b.sub(end, part.index), s.members))


def _view(s: Setting, m: Matrix, head: Value) -> View:
    """A matrix of one element of the leading axes."""
    b, f, width = s.b, s.f, m.type.dtype.size
    inputs = 0 if m.is_input else len(f.body.inputs)
    address = f.emission.value(f.graph.slot(inputs + m.number, PTR))
    address = b.offset(address, f.size(m.offset * width))
    rest = head
    for axis, (size, step) in reversed(list(enumerate(zip(s.a.lead, m.lead, strict=True)))):
        count = b.max(f.size(size), 1)
        position = b.urem(rest, count) if axis else rest
        rest = b.udiv(rest, count)
        address = b.offset(address, b.mul(position, f.size(step * width)))
    step, near = (*m.own, 0)[:2]
    return View(address, f.size(step * width), f.size(near * width), step, near, m.type.dtype)


def rows_from(s: Setting, view: View, first: Value) -> View:
    """The view from a row on."""
    return replace(view, address=s.b.offset(view.address, s.b.mul(first, view.step)))
