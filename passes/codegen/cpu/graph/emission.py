"""From nodes to instructions: places every node in the outermost loop in which it can be computed.

The loop code opens loops, binds their variables, and calls `emit(roots)` wherever it likes the
nodes that are known there to be computed: before a loop (everything that does not change in it),
then inside (the rest). A value is forgotten where the loop in which it was computed ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from axec.passes.codegen.cpu.graph.nodes import Node
from axec.passes.codegen.cpu.graph.pointwise import POINTWISE
from axec.passes.codegen.cpu.lanes import memory
from axec.passes.codegen.llvm import I64, Builder, Type, Value, constant, vec
from axec.passes.codegen.llvm.control import For
from axec.passes.codegen.llvm.values import Operand


class Emission:
    """Emits nodes into one function. `lanes`: of every varying value. `tail`: while set, only the
    lanes in this mask exist. `block`: the kernel's argument words."""

    def __init__(self, b: Builder, block: Value, dims: Sequence[str], first_dim: int) -> None:
        self.b = b
        self.block = block
        self.lanes = 1
        self.tail: Value | None = None
        self.dim_slot = {name: first_dim + i for i, name in enumerate(dims)}
        self._known = 0  # variables that have a value now
        self._values: dict[Node, Value] = {}
        self._vectors: dict[Node, Value] = {}
        self._order: list[tuple[dict[Node, Value], Node]] = []  # what to forget, latest last

    # Variables and scopes.

    def bind(self, variable: Node, value: Value) -> None:
        """Give a variable its value, until the scope ends."""
        self._known |= variable.vars
        self._remember(self._values, variable, value)

    def happened(self, event: Node) -> None:
        """Allow what waits for an event."""
        self._known |= event.vars

    @contextmanager
    def scope(self) -> Iterator[None]:
        """What is computed or bound inside is forgotten afterwards."""
        start, known = len(self._order), self._known
        yield
        for values, node in self._order[start:]:
            del values[node]
        del self._order[start:]
        self._known = known

    @contextmanager
    def loop(
        self,
        variable: Node,
        lo: Operand,
        hi: Operand,
        step: Operand = 1,
        carried: Sequence[Value] = (),
        name: str = "i",
    ) -> Iterator[For]:
        """A loop whose index is `variable`; a single iteration needs no loop."""
        with self.b.for_(lo, hi, step, carried=carried, name=name) as loop, self.scope():
            self.bind(variable, loop.index)
            yield loop

    # Values.

    def emit(self, roots: Iterable[Node]) -> None:
        """Compute what is known here of everything that the roots need."""
        for node in self._pending(roots):
            if node.vars & ~self._known:
                # Stays for an inner loop: splat its invariant inputs here already.
                if node.varying and node.kind in LANEWISE:
                    for i in node.inputs:
                        if not i.varying and i in self._values:
                            self.vector(i)
                continue
            self._remember(self._values, node, RULES[node.kind](self, node))

    def value(self, node: Node) -> Value:
        """The value as it is: a vector if the node varies, else a scalar."""
        found = self._values.get(node)
        if found is None:
            self.emit([node])
            found = self._values[node]
        return found

    def vector(self, node: Node) -> Value:
        """The value in all lanes."""
        if node.varying:
            return self.value(node)
        found = self._vectors.get(node)
        if found is None:
            if node.kind == "constant":
                found = constant(self.type(node.type), _number(node))
            else:
                found = self.b.splat(self.value(node), self.lanes)
            self._remember(self._vectors, node, found)
        return found

    def first_lanes(self, count: Value) -> Value:
        """Mask of the lanes whose number is below an i64 of any size."""
        return self.b.tail_mask(self.b.min(self.b.max(count, 0), self.lanes), self.lanes)

    def type(self, element: Type) -> Type:
        """The type of a varying value."""
        return vec(element, self.lanes)

    def _remember(self, where: dict[Node, Value], node: Node, value: Value) -> None:
        if node not in where:
            self._order.append((where, node))
        where[node] = value

    def _pending(self, roots: Iterable[Node]) -> list[Node]:
        """Nodes without a value that the roots need, inputs first."""
        values = self._values
        stack = [r for r in roots if r not in values]
        seen = set(stack)
        while stack:
            for i in stack.pop().inputs:
                if i not in seen and i not in values:
                    seen.add(i)
                    stack.append(i)
        return sorted(seen, key=lambda n: n.id)


def _number(node: Node) -> int | float:
    return float(node.data) if node.type.is_float else int(node.data)


# ---- rules ---------------------------------------------------------------------------------------

Rule = Callable[[Emission, Node], Value]


def _lanewise(fn: Callable[..., Value]) -> Rule:
    """`fn(builder, *inputs)` on vectors when the node varies, on scalars when not."""

    def rule(e: Emission, node: Node) -> Value:
        get = e.vector if node.varying else e.value
        return fn(e.b, *[get(i) for i in node.inputs])

    return rule


def _op(e: Emission, node: Node) -> Value:
    get = e.vector if node.varying else e.value
    name, operand, result, attribute = node.data
    return POINTWISE[name](e.b, [get(i) for i in node.inputs], operand, result, attribute)


def _convert(e: Emission, node: Node) -> Value:
    return e.b.convert((e.vector if node.varying else e.value)(node.inputs[0]), node.type)


def _compare(e: Emission, node: Node) -> Value:
    """A position compared with 0, which LLVM must not know (see `Vectors.tail_mask`)."""
    (x,) = node.inputs
    if not node.varying:
        return e.b.cmp(node.data, e.value(x), 0)
    zero = e.b.splat(e.b.opaque(constant(I64, 0)), e.lanes)
    return e.b.cmp(node.data, e.vector(x), zero)


def _floordiv(b: Builder, x: Value, y: Value) -> Value:
    """Division that rounds down; y > 0."""
    quotient = b.div(x, y)
    below = b.cmp("lt", b.sub(x, b.mul(quotient, y)), 0)
    return b.sub(quotient, b.convert(below, I64))


RULES: dict[str, Rule] = {
    "constant": lambda e, n: constant(n.type, _number(n)),
    "slot": lambda e, n: e.b.load(n.type, e.b.offset(e.block, 8 * n.data)),
    "dim": lambda e, n: e.b.load(I64, e.b.offset(e.block, 8 * e.dim_slot[n.data]), name=n.data),
    "table": lambda e, n: e.b.module.address(n.data),
    "lanes": lambda e, n: e.b.iota(e.type(I64)),
    "address": memory.address,
    "load": memory.load,
    "load_lanes": memory.load_lanes,
    "gather": memory.gather,
    "first_lanes": lambda e, n: e.first_lanes(e.value(n.inputs[0])),
    "last_lanes": lambda e, n: e.b.not_(e.first_lanes(e.value(n.inputs[0]))),
    "op": _op,
    "convert": _convert,
    "compare": _compare,
    "add": _lanewise(Builder.add),
    "mul": _lanewise(Builder.mul),
    "min": _lanewise(Builder.min),
    "max": _lanewise(Builder.max),
    "and": _lanewise(Builder.and_),
    "select": _lanewise(Builder.select),
    "udiv": _lanewise(Builder.udiv),
    "urem": _lanewise(Builder.urem),
    "floordiv": _lanewise(_floordiv),
}
LANEWISE = frozenset(RULES) - {"address", "load", "load_lanes", "gather", "first_lanes"}
