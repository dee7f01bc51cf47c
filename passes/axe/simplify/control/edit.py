"""Change an op of the control dialect together with its bodies: arguments and results go or come on
both sides at once. A body belongs to one op here (`owned`)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from axec.dialects import control
from axec.dialects.functions import is_private, set_type, terminator
from axec.mlir import func, ir
from axec.passes.axe.simplify.rewrite import drop_unused

Value = Any  # an MLIR value

# Where argument i of a body is among the operands: i - OFFSET of the op.
_OFFSET = {"control.switch": -1, "control.while": 0, "control.scan": 1}


@dataclass(slots=True)
class Bodies:
    """The functions of a module by name."""

    module: Any
    functions: dict[str, Any] = field(default_factory=dict)
    called: set[str] = field(default_factory=set)  # names of those that control.call ops run
    made: set[str] = field(default_factory=set)  # names of new functions

    @staticmethod
    def of(module: Any) -> Bodies:
        found = (o.operation for o in module.body.operations)
        named = {o.attributes["sym_name"].value: o for o in found if o.name == "func.func"}
        called = {
            control.Call.of(o).callee
            for f in named.values()
            for o in f.regions[0].blocks[0].operations
            if o.operation.name == "control.call"
        }
        return Bodies(module, named, called)

    def entries(self) -> list[Any]:
        """The functions that are no bodies of branches and loops: public ones, and those that
        calls run."""
        return [f for n, f in self.functions.items() if n in self.called or not is_private(f)]

    def block(self, name: str) -> Any:
        return self.functions[name].regions[0].blocks[0]

    def ops(self, block: Any) -> list[Any]:
        """The branches and loops of a block whose bodies are in the module, in order."""
        found = (o.operation for o in block.operations)
        named = ((o, control.bodies(o)) for o in found if o.name in _OFFSET)
        return [o for o, names in named if all(n in self.functions for n in names)]

    def blocks(self, op: Any) -> list[Any]:
        """The blocks of an op's bodies."""
        return [self.block(name) for name in dict.fromkeys(control.bodies(op))]

    def giving(self, op: Any) -> list[Any]:
        """The blocks whose results become those of the op."""
        blocks = self.blocks(op)
        return blocks[-1:] if op.name == "control.while" else blocks

    def arguments(self, op: Any, i: int) -> list[Value]:
        """What bodies see of operand i."""
        return [b.arguments[i + _OFFSET[op.name]] for b in self.blocks(op)]

    def outs(self, op: Any, j: int) -> list[Value]:
        """What bodies give for result j."""
        return [terminator(b).operands[j] for b in self.giving(op)]

    def owned(self) -> None:
        """Give every op bodies of its own; one that it runs in several places stays one."""
        taken: set[str] = set()
        waiting = self.entries()
        while waiting:
            for op in self.ops(waiting.pop().regions[0].blocks[0]):
                old = control.bodies(op)
                own = {name: self._own(name, taken) for name in dict.fromkeys(old)}
                names = [own[name] for name in old]
                if names != list(old):
                    rename(op, names)
                waiting += [self.functions[name] for name in own.values()]

    def _own(self, name: str, taken: set[str]) -> str:
        if name in taken:
            with ir.InsertionPoint(self.module.body):
                made = self.functions[name].clone().operation
            while name in self.functions:
                name = f"{name}.{len(self.functions)}"
            made.attributes["sym_name"] = ir.StringAttr.get(name)
            self.functions[name] = made
            self.made.add(name)
        taken.add(name)
        return name


def rename(op: Any, names: Sequence[str]) -> None:
    """Let an op run other functions."""
    symbols = [ir.FlatSymbolRefAttr.get(n) for n in names]
    if op.name == "control.switch":
        op.attributes["branches"] = ir.ArrayAttr.get(symbols)
    else:
        keys = ("condition", "body") if op.name == "control.while" else ("body",)
        for key, symbol in zip(keys, symbols, strict=True):
            op.attributes[key] = symbol


@dataclass(slots=True)
class Change:
    """What goes and comes: operands and results by place, values that become consts."""

    operands: set[int] = field(default_factory=set)
    results: set[int] = field(default_factory=set)
    consts: list[Value] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.operands or self.results or self.consts)


def changed(bodies: Bodies, op: Any, change: Change) -> Any:
    """The op that takes the place of another. Results that go have no uses, and the bodies use the
    arguments that go for these alone. New consts are their last arguments (see `with_const`)."""
    offset = _OFFSET[op.name]
    gone = sorted((i + offset for i in change.operands), reverse=True)
    for block in bodies.giving(op):
        _return_without(block, change.results)
    for name in dict.fromkeys(control.bodies(op)):
        block = bodies.block(name)
        drop_unused(bodies.functions[name])
        for i in gone:
            block.erase_argument(i)
        set_type(bodies.functions[name])
    attributes = {name: op.attributes[name] for name in op.attributes}
    for key, first, last in _sections(op):
        left = last - first - sum(first <= i < last for i in change.operands)
        attributes[key] = ir.IntegerAttr.get(ir.IntegerType.get_signless(64), left)
    kept = [v for i, v in enumerate(op.operands) if i not in change.operands]
    results = [r for j, r in enumerate(op.results) if j not in change.results]
    with ir.InsertionPoint(op):
        made = ir.Operation.create(
            op.name, results=[r.type for r in results], operands=[*kept, *change.consts],
            attributes=attributes, loc=op.location,
        )  # fmt: skip
    for old, new in zip(results, made.results, strict=True):
        old.replace_all_uses_with(new)
    op.erase()
    return made


def with_const(bodies: Bodies, op: Any, change: Change, value: Value) -> list[Value]:
    """One more const; what bodies see of it."""
    change.consts.append(value)
    return [b.add_argument(value.type, op.location) for b in bodies.blocks(op)]


def _sections(op: Any) -> list[tuple[str, int, int]]:
    """The attributes that count operands, with the places that they count."""
    if op.name == "control.while":
        return [("carries", 0, control.While.of(op).carries)]
    if op.name == "control.scan":
        loop = control.Scan.of(op)
        return [("carries", 0, loop.carries), ("xs", loop.carries, loop.carries + loop.xs)]
    return []


def _return_without(block: Any, places: Collection[int]) -> None:
    old = terminator(block)
    kept = [v for j, v in enumerate(old.operands) if j not in places]
    where = old.location
    old.erase()
    with ir.InsertionPoint(block), where:
        func.ReturnOp(kept)


def inlined(block: Any, arguments: Sequence[Value], place: Any) -> list[Value]:
    """The ops of a body on other values, before an op; what they give."""
    env = dict(zip(block.arguments, arguments, strict=True))
    with ir.InsertionPoint(place):
        for view in list(block.operations)[:-1]:
            copy = view.operation.clone().operation
            for i, value in enumerate(view.operation.operands):
                copy.operands[i] = env[value]
            env.update(zip(view.operation.results, copy.results, strict=True))
    return [env[v] for v in terminator(block).operands]


def is_used(value: Value) -> bool:
    return next(value.uses, None) is not None
