"""A kernel's values as a graph: what is computed, without where and how often.

Every value that a loop nest needs at one point of its iteration space is a `Node`. Equal nodes are
one object, so a value that is wanted twice is computed once. A node knows which loop variables it
depends on (`vars`) and whether it differs from lane to lane (`varying`): emission (emission.py)
then computes each node in the outermost place where it can be computed, once per row and not once
per element, as a scalar where all lanes agree.

Positions are affine (`Affine`): constant + sum of coefficient * node + step * lane number. The step
of a buffer offset says which access it is: 1 is one vector load, 0 a scalar, others are strided.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from axec.dialects.dims import FloorDiv, Size
from axec.dialects.dtypes import DType
from axec.dialects.types import Shape
from axec.passes.codegen.cpu.lanes.registers import register_type
from axec.passes.codegen.llvm import I1, I32, I64, PTR, Type


class Node:
    """One value. `kind` names the rule that emits it (emission.py), `data` what the rule needs
    besides the inputs; `type` is the LLVM type of one lane; `vars` has one bit per variable."""

    __slots__ = ("data", "id", "inputs", "kind", "type", "vars", "varying")

    def __init__(
        self, id_: int, kind: str, type_: Type, inputs: tuple[Node, ...], data: Any,
        varying: bool, vars_: int,
    ) -> None:  # fmt: skip
        self.id = id_
        self.kind = kind
        self.type = type_
        self.inputs = inputs
        self.data = data
        self.varying = varying
        self.vars = vars_

    def __repr__(self) -> str:
        inputs = ", ".join(f"n{i.id}" for i in self.inputs)
        return f"n{self.id} = {self.kind}[{self.data}]({inputs}): {self.type}"


@dataclass(frozen=True, slots=True)
class Affine:
    """const + sum of coefficient * node + step * lane; nodes are i64."""

    const: int = 0
    terms: tuple[tuple[Node, int], ...] = ()
    step: int = 0

    @property
    def uniform(self) -> bool:
        """All lanes have the same number."""
        return self.step == 0 and not any(n.varying for n, _ in self.terms)

    @property
    def regular(self) -> bool:
        """The lanes are `step` apart."""
        return not any(n.varying for n, _ in self.terms)

    def __add__(self, other: Affine | int) -> Affine:
        if isinstance(other, int):
            return Affine(self.const + other, self.terms, self.step) if other else self
        if not other.terms:
            return Affine(self.const + other.const, self.terms, self.step + other.step)
        found = dict(self.terms)
        for node, by in other.terms:
            found[node] = found.get(node, 0) + by
        terms = tuple([(n, c) for n, c in found.items() if c])
        return Affine(self.const + other.const, terms, self.step + other.step)

    def __mul__(self, by: int) -> Affine:
        if by == 1:
            return self
        if by == 0:
            return Affine()
        terms = tuple([(n, c * by) for n, c in self.terms])
        return Affine(self.const * by, terms, self.step * by)

    def __sub__(self, other: Affine | int) -> Affine:
        return self + other * -1


Index = tuple[Affine, ...]  # one per axis
#: Predicates (i1 nodes, sorted by id) that all hold where a value is wanted; () is everywhere.
#: Elsewhere memory must not be touched, and the value may be anything.
Mask = tuple[Node, ...]
ZERO = Affine()


@dataclass(frozen=True, slots=True)
class Buffer:
    """Row-major memory: address of element 0, and what must have happened before it is read."""

    base: Node
    dtype: DType
    shape: Shape
    after: Node | None = None


class Graph:
    """Makes nodes; equal ones are the same object."""

    def __init__(self) -> None:
        self._nodes: dict[Any, Node] = {}
        self._variables = 0
        self._divided: dict[Node, tuple[Node, Affine, Size]] = {}
        self.lanes = self.node("lanes", I64, varying=True)

    def node(
        self,
        kind: str,
        type_: Type,
        inputs: tuple[Node, ...] = (),
        data: Any = None,
        *,
        varying: bool | None = None,
        vars_: int = 0,
    ) -> Node:
        """The node of that description; it varies if an input does, unless `varying` says it."""
        key = (kind, type_, data, inputs)
        found = self._nodes.get(key)
        if found is None:
            some = False
            for i in inputs:
                vars_ |= i.vars
                some = some or i.varying
            varies = some if varying is None else varying
            found = Node(len(self._nodes), kind, type_, inputs, data, varies, vars_)
            self._nodes[key] = found
        return found

    # Leaves.

    def variable(self, type_: Type = I64, *, varying: bool = False, under: int = 0) -> Node:
        """A value that the loop code supplies (`Emission.bind`): a loop index, an accumulator's
        result, or the mere fact that something was stored. `under`: variables it depends on."""
        self._variables += 1
        bit = 1 << self._variables
        return self.node("given", type_, data=bit, varying=varying, vars_=bit | under)

    def constant(self, type_: Type, number: int | float) -> Node:
        """A number of a register type; the text of a float tells 0.0 from -0.0 and keeps NaN."""
        return self.node("constant", type_, data=repr(number) if type_.is_float else int(number))

    def integer(self, number: int) -> Node:
        return self.node("constant", I64, data=number)

    def slot(self, number: int, type_: Type) -> Node:
        """Word `number` of the kernel's argument block."""
        return self.node("slot", type_, data=number)

    # Integers.

    def add(self, x: Node, y: Node) -> Node:
        """x + y."""
        if _is(y, 0):
            return x
        return y if _is(x, 0) else self.node("add", I64, (x, y))

    def mul(self, x: Node, y: Node) -> Node:
        """x * y."""
        if _is(y, 1):
            return x
        return y if _is(x, 1) else self.node("mul", I64, (x, y))

    def clamp(self, x: Node, low: Node, high: Node) -> Node:
        """min(max(x, low), high)."""
        return self.node("min", I64, (self.node("max", I64, (x, low)), high))

    def divide(self, a: Affine, by: Size, count: Size) -> tuple[Affine, Affine]:
        """Quotient and rest of a position in [0, count). `offset` finds them again where they are
        the two axes of one run of elements."""
        if isinstance(by, int) and not a.terms and not a.step:
            return Affine(a.const // by), Affine(a.const % by)
        number, divisor = self.index(a), self.index(self.size(by))
        if number.varying and isinstance(count, int) and count < 1 << 31:
            # Vector units have no 64-bit product, which division by a constant needs.
            pair = [self.node("convert", I32, (n,)) for n in (number, divisor)]
            halves = [self.node(kind, I32, tuple(pair)) for kind in ("udiv", "urem")]
            quotient, rest = [self.node("convert", I64, (n,)) for n in halves]
        else:
            quotient, rest = [self.node(kind, I64, (number, divisor)) for kind in ("udiv", "urem")]
        self._divided[quotient] = (rest, a, by)
        return Affine(0, ((quotient, 1),)), Affine(0, ((rest, 1),))

    def _rejoined(self, a: Affine) -> Affine:
        """Replace n * by * (x / by) + n * (x % by) with n * x."""
        for node, c in a.terms:
            found = self._divided.get(node)
            if found is None or not isinstance(found[2], int):
                continue
            rest, whole, by = found
            by_rest = dict(a.terms).get(rest, 0)
            if by_rest * by == c:
                kept = tuple([t for t in a.terms if t[0] not in (node, rest)])
                return self._rejoined(Affine(a.const, kept, a.step) + whole * by_rest)
        return a

    def index(self, a: Affine) -> Node:
        """The number itself. Terms are added from the outermost variable inwards, so that the
        partial sums are computed outside of the inner loops."""
        found: Node | None = None
        for node, by in _outermost_first(a.terms):
            term = self.mul(node, self.integer(by))
            found = term if found is None else self.add(found, term)
        if a.step:
            ramp = self.mul(self.lanes, self.integer(a.step))
            found = ramp if found is None else self.add(found, ramp)
        if found is None:
            return self.integer(a.const)
        return self.add(found, self.integer(a.const))

    def of_node(self, node: Node) -> Affine:
        """The position that an i64 node holds."""
        return Affine(node.data) if node.kind == "constant" else Affine(0, ((node, 1),))

    def scale(self, a: Affine, by: Size) -> Affine:
        """a * by."""
        if isinstance(by, int):
            return a * by
        factor = self.index(self.size(by))
        found = Affine(0, ((factor, a.const),) if a.const else ())
        for node, c in a.terms:
            found += Affine(0, ((self.mul(node, factor), c),))
        if a.step:
            found += Affine(0, ((self.mul(self.lanes, factor), a.step),))
        return found

    def size(self, size: Size) -> Affine:
        """A dim expression in the kernel's dims."""
        if isinstance(size, int):
            return Affine(size)
        found = ZERO
        for monomial, by in size.terms:
            if not monomial:
                found += by
                continue
            node = self.integer(1)
            for atom in monomial:
                node = self.mul(node, self._atom(atom))
            found += Affine(0, ((node, by),))
        return found

    def _atom(self, atom: str | FloorDiv) -> Node:
        if isinstance(atom, str):
            return self.node("dim", I64, data=atom)
        value = self.index(self.size(atom.value))
        return self.node("floordiv", I64, (value, self.integer(atom.by)))

    # Predicates.

    def at_least(self, a: Affine, bound: Affine | int) -> Node:
        """i1: a >= bound."""
        return self._compare("ge", a - bound)

    def below(self, a: Affine, bound: Affine | int) -> Node:
        """i1: a < bound."""
        return self._compare("lt", a - bound)

    def exists(self, a: Affine, end: Node) -> Node:
        """i1: the lane lies before `end`, which lies behind lane 0. What all lanes share exists."""
        split = Affine(a.const, a.terms) * -1 + self.of_node(end)
        return self.node("first_lanes", I1, (self.index(split),), "exists", varying=True)

    def _compare(self, predicate: str, a: Affine) -> Node:
        """i1: a >= 0 or a < 0. Where the step is 1 or -1 the lanes that satisfy it are those before
        or after some lane: one compare of lane numbers."""
        if not a.terms and not a.step:
            holds = a.const >= 0 if predicate == "ge" else a.const < 0
            return self.constant(I1, holds)
        if not a.regular or a.step not in (1, -1):
            return self.node("compare", I1, (self.index(a),), predicate)
        base = Affine(a.const, a.terms)
        if a.step == 1:  # base + lane < 0 where lane < -base
            split, first_hold = base * -1, predicate == "lt"
        else:  # base - lane >= 0 where lane < base + 1
            split, first_hold = base + 1, predicate == "ge"
        kind = "first_lanes" if first_hold else "last_lanes"
        return self.node(kind, I1, (self.index(split),), varying=True)

    def both(self, mask: Mask, *more: Node) -> Mask:
        """The conjunction of a mask with more predicates."""
        found = {*mask, *[p for p in more if not _is(p, 1)]}
        return tuple(sorted(found, key=lambda n: n.id))

    def all(self, predicates: Iterable[Node]) -> Node:
        """One i1 node that is true where all hold."""
        found = self.constant(I1, 1)
        for p in predicates:
            found = p if _is(found, 1) else self.node("and", I1, (found, p))
        return found

    def select(self, predicates: Iterable[Node], x: Node, y: Node) -> Node:
        """x where all predicates hold, else y."""
        condition = self.all(predicates)
        if condition.kind == "constant":
            return x if condition.data else y
        return self.node("select", x.type, (condition, x, y))

    # Memory.

    def address(self, buffer: Buffer, offset: Affine) -> Node:
        """The address of lane 0 of an element offset; outer variables are added first."""
        found, bits = buffer.base, buffer.dtype
        for node, by in _outermost_first(offset.terms):
            if not node.varying:
                amount = self.mul(node, self.integer(by))
                found = self.node("address", PTR, (found, amount), bits)
        if offset.const:
            found = self.node("address", PTR, (found, self.integer(offset.const)), bits)
        return found

    def offset(self, buffer: Buffer, index: Index) -> Affine:
        """The element number that an index has in a row-major buffer."""
        found = ZERO
        stride: Size = 1
        for position, size in zip(reversed(index), reversed(buffer.shape), strict=True):
            found += self.scale(position, stride)
            stride = stride * size
        return self._rejoined(found)

    def load(self, buffer: Buffer, index: Index, mask: Mask = ()) -> Node:
        """The element at an index, where `mask` holds."""
        offset = self.offset(buffer, index)
        address = self.address(buffer, offset)
        if offset.uniform:
            mask = tuple([p for p in mask if p.data != "exists"])
        where = (self.all(mask),) if mask else ()
        order = (buffer.after,) if buffer.after else ()
        inputs: tuple[Node, ...] = (address, *where)
        type_ = register_type(buffer.dtype)
        if not offset.regular:
            lanes = Affine(0, tuple([t for t in offset.terms if t[0].varying]), offset.step)
            inputs, kind, data = (address, self.index(lanes), *where), "gather", None
        elif offset.step or any(p.varying for p in where):
            kind, data = "load_lanes", offset.step
        else:
            kind, data = "load", None
        return self.node(
            kind, type_, inputs + order, (buffer.dtype, data, len(where)),
            varying=kind != "load",
        )  # fmt: skip


def _is(node: Node, number: int) -> bool:
    return node.kind == "constant" and node.data == number


def _outermost_first(terms: Iterable[tuple[Node, int]]) -> list[tuple[Node, int]]:
    return sorted(terms, key=lambda t: (t[0].varying, t[0].vars.bit_length(), t[0].id))
