"""The control dialect: branches, loops and calls of functions of the module.

    %y...       = control.call(%args...)               {callee = @f}
    %y...       = control.switch(%index, %args...)     {branches = [@f0, @f1]}
    %c...       = control.while(%init..., %consts...)  {condition = @c, body = @b, carries = 1}
    %c..., %ys  = control.scan(%init..., %xs..., %consts...)
                      {body = @b, carries = 1, xs = 1, length = "T", reverse = false}

A body is a private func.func that sees its arguments alone: what a Python closure captured is an
operand. Its named dims are those of the caller, which binds them. Values are tensors with value
semantics at every level; `plan` makes loops over buffers of them.

    call     runs callee on args: ops that stood in several places (passes/axe/roll)
    switch   runs branches[clamp(index, 0, n - 1)] on args
    while    carry = init; while condition(carry..., consts...): carry = body(carry..., consts...)
    scan     carry = init; for i in 0 .. length - 1, or downwards with `reverse`:
                 carry, ys[i] = body(i, carry..., xs[i]..., consts...)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from axec.dialects import dims, dtypes, structure, types
from axec.dialects.dims import Size
from axec.dialects.functions import functions_above, is_private, signature
from axec.dialects.types import TensorType
from axec.mlir import ir

INDEX = TensorType(dtypes.i64, ())  # of the first argument of a scan's body
_INDICES = (INDEX, TensorType(dtypes.i32, ()))
BOOL = TensorType(dtypes.bool_, ())


@dataclass(frozen=True, slots=True)
class Scan:
    """The attributes of a control.scan: `carries` and `xs` count operands of these kinds, what
    follows are consts; the results are as many carries, then ys."""

    body: str
    carries: int
    xs: int
    length: Size
    reverse: bool

    @staticmethod
    def of(op: Any) -> Scan:
        found = op.attributes
        return Scan(
            ir.FlatSymbolRefAttr(found["body"]).value,
            _count(op, "carries"),
            _count(op, "xs"),
            dims.parse(ir.StringAttr(found["length"]).value),
            bool(ir.BoolAttr(found["reverse"]).value),
        )

    def split(self, operands: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any]]:
        """Operands, or anything that goes with them, as (init, xs, consts)."""
        middle = self.carries + self.xs
        values = list(operands)
        return values[: self.carries], values[self.carries : middle], values[middle:]

    def create(self, operands: Sequence[Any], outs: Sequence[TensorType], loc: Any) -> Any:
        """A scan at the insertion point; `outs` are the types of the body's results. The results:
        carries, then ys."""
        attributes = {
            "body": ir.FlatSymbolRefAttr.get(self.body),
            "carries": _i64(self.carries),
            "xs": _i64(self.xs),
            "length": ir.StringAttr.get(str(self.length)),
            "reverse": ir.BoolAttr.get(self.reverse),
        }
        results = [*outs[: self.carries], *(stacked(t, self.length) for t in outs[self.carries :])]
        return _create("control.scan", operands, results, attributes, loc)


@dataclass(frozen=True, slots=True)
class While:
    """The attributes of a control.while: `carries` counts operands, what follows are consts."""

    condition: str
    body: str
    carries: int

    @staticmethod
    def of(op: Any) -> While:
        condition, body = (
            ir.FlatSymbolRefAttr(op.attributes[k]).value for k in ("condition", "body")
        )
        return While(condition, body, _count(op, "carries"))

    def create(self, operands: Sequence[Any], loc: Any) -> Any:
        """A while at the insertion point; its results are the carries."""
        attributes = {
            "condition": ir.FlatSymbolRefAttr.get(self.condition),
            "body": ir.FlatSymbolRefAttr.get(self.body),
            "carries": _i64(self.carries),
        }
        results = [types.of(v) for v in operands[: self.carries]]
        return _create("control.while", operands, results, attributes, loc)


@dataclass(frozen=True, slots=True)
class Switch:
    """The attributes of a control.switch."""

    branches: tuple[str, ...]

    @staticmethod
    def of(op: Any) -> Switch:
        named = ir.ArrayAttr(op.attributes["branches"])
        return Switch(tuple(ir.FlatSymbolRefAttr(a).value for a in named))

    def create(self, operands: Sequence[Any], outs: Sequence[TensorType], loc: Any) -> Any:
        """A switch at the insertion point; the first operand is the index, `outs` are the types of
        every branch's results."""
        named = ir.ArrayAttr.get([ir.FlatSymbolRefAttr.get(b) for b in self.branches])
        return _create("control.switch", operands, outs, {"branches": named}, loc)


@dataclass(frozen=True, slots=True)
class Call:
    """The attributes of a control.call."""

    callee: str

    @staticmethod
    def of(op: Any) -> Call:
        return Call(ir.FlatSymbolRefAttr(op.attributes["callee"]).value)

    def create(self, operands: Sequence[Any], outs: Sequence[TensorType], loc: Any) -> Any:
        """A call at the insertion point; `outs` are the types of the function's results."""
        named = {"callee": ir.FlatSymbolRefAttr.get(self.callee)}
        return _create("control.call", operands, outs, named, loc)


def bodies(op: Any) -> tuple[str, ...]:
    """The functions that an op of this dialect runs; none for other ops."""
    match op.name:
        case "control.call":
            return (Call.of(op).callee,)
        case "control.switch":
            return Switch.of(op).branches
        case "control.while":
            loop = While.of(op)
            return loop.condition, loop.body
        case "control.scan":
            return (Scan.of(op).body,)
    return ()


def passed(op: Any, number: int) -> list[tuple[str, int]]:
    """The (function, number of an argument) that have operand `number` of an op of this dialect in
    every run, as it is; none for what changes, as carries do."""
    match op.name:
        case "control.call":
            return [(Call.of(op).callee, number)]
        case "control.switch" if number > 0:
            return [(branch, number - 1) for branch in Switch.of(op).branches]
        case "control.while" if number >= While.of(op).carries:
            return [(name, number) for name in bodies(op)]
        case "control.scan":
            scan = Scan.of(op)  # a body's first argument is the counter
            return [(scan.body, number + 1)] if number >= scan.carries + scan.xs else []
    return []


def stacked(t: TensorType, length: Size) -> TensorType:
    """The type of one value of type `t` per iteration."""
    return t.with_shape((length, *t.shape))


def arguments_of(operands: Sequence[Any], carries: int, xs: int) -> list[Any]:
    """The MLIR types of the arguments of a scan's body, from those of the scan's operands."""
    outside = [types.of(v) for v in operands]
    rows = (t.with_shape(t.shape[1:]) for t in outside[carries : carries + xs])
    whole = [INDEX, *outside[:carries], *rows, *outside[carries + xs :]]
    return [t.ir() for t in whole]


def reached(names: Sequence[str], functions: Any) -> set[str]:
    """These functions and all that ops of this dialect run from them; `functions` by name."""
    names_reached: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in names_reached or name not in functions:
            continue
        names_reached.add(name)
        for op in functions[name].regions[0].blocks[0].operations:
            waiting += bodies(op.operation)
    return names_reached


def _create(
    name: str, operands: Sequence[Any], results: Sequence[TensorType], attributes: Any, loc: Any
) -> Any:
    kinds = [t.ir() for t in results]
    return ir.Operation.create(
        name, results=kinds, operands=list(operands), attributes=attributes, loc=loc
    )


def _i64(value: int) -> Any:
    return ir.IntegerAttr.get(ir.IntegerType.get_signless(64), value)


def _count(op: Any, name: str) -> int:
    return int(ir.IntegerAttr(op.attributes[name]).value)


# ---- what holds ----------------------------------------------------------------------------------

Types = Sequence[TensorType]


@structure.op("control.call", attributes=("callee",))
def _(op: Any) -> Iterator[str]:
    """Operands: the arguments of the function. Results: its results."""
    yield from _fits(op, Call.of(op).callee, _types(op.operands), _types(op.results))


@structure.op("control.switch", attributes=("branches",))
def _(op: Any) -> Iterator[str]:
    """Operands: the index (0-d i32 or i64; one that is out of range means the nearest branch), then
    the arguments of every branch. Results: those of the branch that runs."""
    branches = Switch.of(op).branches
    operands, results = _types(op.operands), _types(op.results)
    if not branches:
        yield "needs one branch or more"
    if not operands or operands[0] not in _INDICES:
        yield f"needs an index of type i32[] or i64[] first, got {operands[:1]}"
    for name in branches:
        yield from _fits(op, name, operands[1:], results)


@structure.op("control.while", attributes=("condition", "body", "carries"))
def _(op: Any) -> Iterator[str]:
    """Operands: the carry at the start, then consts. Results: the carry at the end. The condition
    gives bool[], the body a carry, both from carry and consts."""
    loop = While.of(op)
    operands = _types(op.operands)
    if not 0 <= loop.carries <= len(operands):
        yield f"has {len(operands)} operands, not {loop.carries} carries"
        return
    carry = operands[: loop.carries]
    yield from _are("results", _types(op.results), carry)
    yield from _fits(op, loop.condition, operands, [BOOL])
    yield from _fits(op, loop.body, operands, carry)


@structure.op("control.scan", attributes=("body", "carries", "xs", "length", "reverse"))
def _(op: Any) -> Iterator[str]:
    """Operands: the carry at the start, xs with a first axis of `length`, consts. Results: the
    carry at the end, then ys with a first axis of `length`. `length`: text of a dim expression. The
    body's first argument is the position i64[] in xs and ys."""
    loop = Scan.of(op)
    operands, results = _types(op.operands), _types(op.results)
    if min(loop.carries, loop.xs) < 0 or loop.carries + loop.xs > len(operands):
        yield f"has {len(operands)} operands, not {loop.carries} carries and {loop.xs} xs"
        return
    init, xs, consts = loop.split(operands)
    ys = results[loop.carries :]
    if any(not t.rank or t.shape[0] != loop.length for t in (*xs, *ys)):
        yield f"xs and ys must have a first axis of {loop.length}, are {xs} and {ys}"
        return
    yield from _are("results", results[: loop.carries], init)
    one = [t.with_shape(t.shape[1:]) for t in (*xs, *ys)]
    arguments = [INDEX, *init, *one[: loop.xs], *consts]
    yield from _fits(op, loop.body, arguments, [*init, *one[loop.xs :]])


def _types(values: Any) -> list[TensorType]:
    return [types.of(v) for v in values]


def _are(what: str, found: Types, wanted: Types) -> Iterator[str]:
    if list(found) != list(wanted):
        yield f"{what} must be {list(wanted)}, are {list(found)}"


def _fits(op: Any, name: str, arguments: Types, results: Types) -> Iterator[str]:
    """The function exists, for this purpose alone, has these types, and does not run itself."""
    functions = functions_above(op)
    if name not in functions:
        yield f"runs @{name}, which is no function of the module"
        return
    if not is_private(functions[name]):
        yield f"runs @{name}, which must be private"
    ins, outs = signature(functions[name])
    yield from _are(f"arguments of @{name}", ins, arguments)
    yield from _are(f"results of @{name}", outs, results)
    if op.parent.operation.attributes["sym_name"].value in reached([name], functions):
        yield f"runs @{name}, which leads back to this op"
