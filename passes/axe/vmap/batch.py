"""Batching of a function: its ops are applied again, to values that may have a batch axis. The axis
comes first everywhere; arguments and results are transposed where it is elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from axec.diag import AxecError
from axec.dialects import fn, types
from axec.dialects.axe.arrange import broadcast, transpose
from axec.dialects.dims import Size
from axec.dialects.locations import location_of
from axec.dialects.opdef import OpDef
from axec.dialects.types import TensorType
from axec.mlir import ir
from axec.passes.axe.vmap.rules import EXPAND, VMAP, Lane
from axec.passes.axe.walk import Functions, Numbers, Value, Walk, applied, copied, results_of


def vmap(functions: Functions, operation: Any, operands: Sequence[Value]) -> list[Value]:
    """Resolve an fn.vmap at the insertion point; its results."""
    batch = Batch(functions, fn.batch_size(operation))
    batch.loc = batch.plain.loc = operation.location
    lanes = [
        Lane(v if a == fn.NO_AXIS else batch.to_front(v, a), a != fn.NO_AXIS)
        for v, a in zip(operands, fn.axes(operation, "in_axes"), strict=True)
    ]
    found = batch.block(functions.block(fn.callee(operation)), lanes)
    results = []
    for lane, axis in zip(found, fn.axes(operation, "out_axes"), strict=True):
        if axis == fn.NO_AXIS and lane.batched:
            raise AxecError(
                "vmap-axis",
                "out_axes is None for a result that differs over the batch",
                location=location_of(operation),
                hint="give the position of the batch axis in that result, such as 0",
            )
        results.append(lane.value if axis == fn.NO_AXIS else batch.from_front(lane, axis))
    return results


# Branches and loops: `(batch, operation, operands) -> results`.
CONTROL: dict[str, Callable[[Batch, Any, list[Lane]], Sequence[Lane]]] = {}


class Batch(Walk):
    """Applies ops to lanes. As an emitter it shows values as they are for one index."""

    def __init__(self, functions: Functions, size: Size) -> None:
        super().__init__(functions)
        self.size = size
        self.plain = Numbers(self.loc)

    def type(self, value: Any) -> TensorType:
        """The type of a lane for one index of the batch."""
        t = types.of(value.value)
        return t.with_shape(t.shape[1:]) if value.batched else t

    def full(self, lane: Lane) -> Value:
        """The lane with its batch axis, repeated along it where it has none."""
        if lane.batched:
            return lane.value
        t = types.of(lane.value)
        axes = tuple(range(1, t.rank + 1))
        return self.plain(broadcast, lane.value, shape=(self.size, *t.shape), axes=axes)

    def to_front(self, x: Value, axis: int) -> Value:
        """The axis moved to the front."""
        rank = types.of(x).rank
        perm = (axis, *(a for a in range(rank) if a != axis))
        return x if axis == 0 else self.plain(transpose, x, perm=perm)

    def from_front(self, lane: Lane, axis: int) -> Value:
        """The batch axis moved to its place in a result."""
        x = self.full(lane)
        perm = list(range(1, types.of(x).rank))
        perm.insert(axis, 0)
        return x if axis == 0 else self.plain(transpose, x, perm=tuple(perm))

    def operation(self, operation: Any, operands: list[Lane]) -> Sequence[Lane]:
        self.plain.loc = operation.location
        if not any(lane.batched for lane in operands):
            return [Lane(v, False) for v in copied(operation, [x.value for x in operands])]
        if operation.name == "fn.custom":
            return self.custom(operation, operands)
        if operation.name in CONTROL:
            return CONTROL[operation.name](self, operation, operands)
        return applied(self, operation, operands)

    def __call__(self, op: OpDef, *operands: Any, **given: Any) -> Any:
        """Apply an op to lanes; one without a rule in terms of ops that have one."""
        if not any(lane.batched for lane in operands):
            return Lane(self.plain(op, *(x.value for x in operands), **given), False)
        given = op.with_defaults(given)
        rule = VMAP.get(op)
        found = None if rule is None else rule(self, *operands, **given)
        if found is not None:
            return Lane(found, True)
        expand = EXPAND.get(op, op.expand)
        assert expand is not None, f"{op.full_name} has no batching rule"
        return expand(self, *operands, **given)

    def custom(self, operation: Any, operands: list[Lane]) -> Sequence[Lane]:
        """A function with derivatives of the user's own keeps them: all its parts are batched."""
        symbols = {
            name: ir.FlatSymbolRefAttr.get(self._batched(fn.callee(operation, name)))
            for name in operation.attributes
        }
        given = [self.full(x) for x in operands]
        results = [self._wide(r) for r in operation.results]
        made = ir.Operation.create(
            "fn.custom", results=results, operands=given, attributes=symbols, loc=self.plain.loc
        )
        return [Lane(v, True) for v in made.results]

    def _wide(self, value: Value) -> Any:
        return self.widened(types.of(value)).ir()

    def widened(self, t: TensorType) -> TensorType:
        """A type with the batch axis."""
        return t.with_shape((self.size, *t.shape))

    def _batched(self, name: str) -> str:
        """A new function: the named one with a batch axis on all arguments and results."""
        count = len(self.functions.block(name).arguments)
        results = len(results_of(self.functions, name))
        return self.function(name, [True] * count, [True] * results)

    def function(self, name: str, given: Sequence[bool], outs: Sequence[bool]) -> str:
        """A new function: the named one with a batch axis on some arguments and results. All
        results that depend on a batched argument must be among them."""
        block = self.functions.block(name)

        def body(*arguments: Value) -> list[Value]:
            inner = Batch(self.functions, self.size)
            lanes = [Lane(a, wide) for a, wide in zip(arguments, given, strict=True)]
            found = inner.block(block, lanes)
            return [inner.as_wanted(x, wide) for x, wide in zip(found, outs, strict=True)]

        pairs = zip(block.arguments, given, strict=True)
        kinds = [self._wide(a) if wide else a.type for a, wide in pairs]
        return self.functions.add(f"{name}.vmap", kinds, body, (*given, -1, *outs))

    def as_wanted(self, lane: Lane, wide: bool) -> Value:
        """The value of a lane with the batch axis, or of one that has none without it."""
        assert wide or not lane.batched
        return self.full(lane) if wide else lane.value
