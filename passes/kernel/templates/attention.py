"""Attention kernels as strided matrices: what is read and written where, and how work is cut up.

Read by `decompose` (does the template take this op?), by the fuser, by outlining (units) and by the
back ends. The ops of dialects/axe/attention.py that share their operands form one kernel:

    forward    attention, attention_lse     walks blocks of queries, keys pass by
    queries    attention_dq                 walks blocks of queries, keys pass by
    keys       attention_dk, attention_dv   walks blocks of keys, queries pass by
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from axec.dialects import dims, dtypes, types
from axec.dialects.attrs import ints
from axec.dialects.axe import OPS
from axec.dialects.dims import Size
from axec.dialects.kernel import yielded
from axec.dialects.types import Shape, TensorType
from axec.mlir import ir
from axec.passes.kernel.strides import merge, producer, row_major, viewed

MAX_DEPTH = 256  # of D and E: a block of them, turned around, stays in the second-level cache
BLOCK = (
    64  # queries (or keys) of a block: a unit is one, or two where a causal mask makes them uneven
)
#: Up to so many queries there is nothing to share a key between: each is a product of its own.
FEW_QUERIES = 4

#: Op -> what it computes of a block, and its result's role; the roles of operands are their names.
PARTS = {
    "axe.attention": ("forward", "out"),
    "axe.attention_lse": ("forward", "lse"),
    "axe.attention_dq": ("queries", "dq"),
    "axe.attention_dk": ("keys", "dk"),
    "axe.attention_dv": ("keys", "dv"),
}


@dataclass(frozen=True, slots=True)
class Matrix:
    """An operand or result: number of the kernel's input or result, its own type; offset and
    strides in elements of the buffer: of the leading axes (as `Attention.lead`), and of the last
    two (of lse and delta: the last one)."""

    is_input: bool
    number: int
    type: TensorType
    offset: Size
    lead: tuple[Size, ...]
    own: tuple[Size, ...]


@dataclass(frozen=True, slots=True)
class Attention:
    """One kernel. `way`: what blocks are made of (above); `matrices`: operands by their names and
    results by the roles in PARTS, lse as `out_lse`; lead, queries, keys, depth (D), width (E):
    sizes."""

    way: str
    matrices: dict[str, Matrix]
    lead: Shape
    queries: Size
    keys: Size
    depth: int
    width: int
    scale: float
    causal: bool

    @property
    def blocks(self) -> Size:
        """Blocks per element of the leading axes."""
        return dims.ceildiv(self.keys if self.way == "keys" else self.queries, BLOCK)

    @property
    def paired(self) -> bool:
        """A unit is block i and block n - 1 - i: under a causal mask their sum is the same for all
        units, so that threads get equal shares."""
        return self.causal and self.blocks != 1

    @property
    def units_each(self) -> Size:
        """Units per element of the leading axes."""
        return dims.ceildiv(self.blocks, 2) if self.paired else self.blocks

    @property
    def units(self) -> Size:
        return dims.product(self.lead) * self.units_each


def takes(op: Any) -> bool:
    """Does the template compute this op?"""
    return takes_types(op.name, [types.of(v) for v in op.operands])


def takes_types(name: str, operands: Sequence[TensorType]) -> bool:
    """Does the template compute an op of that name and those operands?"""
    if name not in PARTS:
        return False
    given = dict(zip(OPS[name].operands, operands, strict=False))
    return fits(*[given[r] for r in ("q", "v", "g") if r in given])


def fits(*operands: TensorType) -> bool:
    """Does the template take operands q, v (or g) of these types: f32, D and E known and at most
    MAX_DEPTH?"""
    depths = [t.shape[-1] for t in operands]
    known = all(isinstance(n, int) and 0 < n <= MAX_DEPTH for n in depths)
    return operands[0].dtype is dtypes.f32 and known


def roles(op: Any) -> dict[str, Any]:
    """The operands of an op of this family by name."""
    return dict(zip(OPS[op.name].operands, op.operands, strict=False))


def siblings(x: Any, y: Any) -> bool:
    """Do two ops belong in one kernel: two results of the same walk over the same operands?"""
    if not PARTS.keys() >= {x.name, y.name} or PARTS[x.name][0] != PARTS[y.name][0]:
        return False
    mine, others = roles(x), roles(y)
    how = all(x.attributes[a] == y.attributes[a] for a in ("scale", "causal"))
    same = all(mine[r] == others[r] for r in mine.keys() & others.keys())
    return how and same and ("mask" in mine) == ("mask" in others) and x.name != y.name


def read_in_place(op: Any) -> Iterator[Any]:
    """The ops before an op of this family that its kernel takes in as strides."""
    for value in op.operands:
        yield from viewed(value)[1]


def attention_of(kernel: Any) -> Attention:
    """What a kernel of template `attention` computes."""
    results = [_source(v) for v in yielded(kernel)]
    first = results[0][0]
    found = {r: v for op, _ in results for r, v in roles(op).items()}
    q, k = types.of(found["q"]), types.of(found["k"])
    values = found.get("v", found.get("g"))
    width = 1 if values is None else types.of(values).shape[-1]
    matrices = {r: _operand(v) for r, v in found.items()}
    for i, (op, axes) in enumerate(results):
        role = PARTS[op.name][1]
        matrices["out_lse" if role == "lse" else role] = _result(i, types.of(op.results[0]), axes)
    lead, matrices = _merged(q.shape[:-2], matrices)
    depth = q.shape[-1]
    assert isinstance(depth, int)
    assert isinstance(width, int)
    return Attention(
        way=PARTS[first.name][0],
        matrices=matrices,
        lead=lead,
        queries=q.shape[-2],
        keys=k.shape[-2],
        depth=depth,
        width=width,
        scale=OPS[first.name].attrs_from_ir(first)["scale"],
        causal=first.attributes["causal"].value,
    )


def _source(value: Any) -> tuple[Any, list[int]]:
    """The op whose result a kernel yields, maybe transposed, and where its axes went."""
    chain = []
    while (op := producer(value)).name == "axe.transpose":
        chain.append(list(ints(op, "perm")))
        value = op.operands[0]
    axes = list(range(types.of(value).rank))
    for perm in reversed(chain):
        axes = [axes[a] for a in perm]
    return op, axes


def _operand(value: Any) -> Matrix:
    seen, _ = viewed(value)
    type_ = types.of(value)
    strides = tuple([stride for _, stride in seen.axes])
    number = ir.BlockArgument(seen.value).arg_number
    return Matrix(True, number, type_, seen.offset, strides, ())


def _result(number: int, type_: TensorType, axes: Sequence[int]) -> Matrix:
    """A result whose axis i is axis axes[i] of the op's own."""
    strides: list[Size] = [0] * type_.rank
    for a, stride in zip(axes, row_major(tuple([type_.shape[a] for a in axes])), strict=True):
        strides[a] = stride
    return Matrix(False, number, type_, 0, tuple(strides), ())


def _merged(lead: Shape, found: dict[str, Matrix]) -> tuple[Shape, dict[str, Matrix]]:
    """Leading axes that all matrices walk as one become one."""
    rank = len(lead)
    columns = [m.lead[:rank] for m in found.values()]
    axes = merge(list(zip(lead, *columns, strict=True)))
    shape = tuple([size for size, *_ in axes])
    return shape, {
        role: replace(m, lead=tuple([a[1 + i] for a in axes]), own=m.lead[rank:])
        for i, (role, m) in enumerate(found.items())
    }


# ---- work ----------------------------------------------------------------------------------------

_PER_SCORE = 4  # scaled or masked, peak, exp, sum


def op_flops(op: Any) -> Size:
    """Floating point operations of one op: its products, for the pairs of query and key that a
    causal mask leaves, and a few per score."""
    given = roles(op)
    q, k = types.of(given["q"]), types.of(given["k"])
    values = types.of(given.get("v", given.get("g", given["q"]))).shape[-1]
    queries, keys, depth = q.shape[-2], k.shape[-2], q.shape[-1]
    pairs = queries * keys
    if op.attributes["causal"].value and queries == keys:
        pairs = (pairs + queries) // 2
    of_depth, of_width = _PRODUCTS[op.name]
    each = 2 * of_depth * depth + 2 * of_width * values + _PER_SCORE
    return dims.product(q.shape[:-2]) * pairs * each


#: How many products have D, and E, multiply-adds per pair.
_PRODUCTS = {
    "axe.attention": (1, 1),
    "axe.attention_lse": (0, 0),  # beside attention, whose scores it shares
    "axe.attention_dq": (2, 1),
    "axe.attention_dk": (2, 1),
    "axe.attention_dv": (0, 1),  # beside attention_dk
}
