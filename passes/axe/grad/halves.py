"""The vjp of a body, cut in two: a half that runs ahead and one that runs back.

The halves run in different loops. What the way back reads that does not depend on cotangents is
either saved by the first half, or made by the second from what it is given or from saved values.
The second half makes what the first has no other use for, and what costs next to nothing to have
twice: constants, what depends on operands alone that all rounds share, moves of elements and simple
pointwise ops; all of that where it saves no more bytes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from axec.dialects import dims, types
from axec.dialects.axe import OPS
from axec.dialects.functions import block_of, define
from axec.mlir import ir
from axec.passes.axe.decompose import Decompose
from axec.passes.axe.grad.reverse import vjp
from axec.passes.axe.simplify import Simplify
from axec.passes.axe.walk import Functions, Value, copied
from axec.passes.kernel.strides import WINDOWS

# Pointwise ops that cost no more than reading their operands.
_SIMPLE = frozenset(
    f"axe.{name}"
    for name in ("add", "sub", "mul", "neg", "abs", "sign", "select", "compare", "cast", "max",
                 "min", "and", "or", "xor", "not", "stop_gradient")
)  # fmt: skip
_NOMINAL = 64  # a named dim, where sizes are compared

Places = frozenset[int]


class Halves:
    """A function of the arguments of `name`, and cotangents of its results at `seeds`, gives its
    results, and the cotangents of its arguments at `wrt`: `ahead` and `back`. The way back is given
    the arguments at `kept` too, of which those at `fixed` are the same in all rounds."""

    def __init__(
        self, functions: Functions, name: str, wrt: Sequence[int], seeds: Sequence[int],
        kept: Iterable[int], fixed: Iterable[int] = (),
    ) -> None:  # fmt: skip
        source = functions.block(name)
        count = len(source.arguments)
        self._module = _joint(functions, source, wrt, seeds)  # keeps the values alive
        self._block = block_of(self._module.body.operations[0].operation)
        operations = [o.operation for o in self._block.operations]
        arguments, outs = list(self._block.arguments), list(operations[-1].operands)
        self._given, self._seeds = arguments[:count], arguments[count:]
        middle = len(outs) - len(wrt)
        self.results, self.cotangents = outs[:middle], outs[middle:]
        self._operations = operations[:-1]
        self.same = {self._given[i] for i in fixed}  # in all rounds, with what is made of it
        self._kept = {self._given[i] for i in kept}
        self.saved = self._chosen()
        stops = {*self.saved, *self._seeds}
        found = _needed(self.cotangents, stops)
        self.used = [i for i, a in enumerate(self._given) if a in found and a not in stops]
        self.zero = [_is_zero(v) for v in self.cotangents]

    def ahead(self, arguments: Sequence[Value]) -> tuple[list[Value], list[Value]]:
        """Emit the first half: the results, and what it saves."""
        env = dict(zip(self._given, arguments, strict=True))
        found = self._emitted(env, [*self.results, *self.saved])
        return found[: len(self.results)], found[len(self.results) :]

    def back(
        self, saved: Sequence[Value], used: Sequence[Value], seeds: Sequence[Value],
        targets: Sequence[Value],
    ) -> list[Value]:  # fmt: skip
        """Emit the second half from what was saved, the arguments at `used`, and cotangents, for
        `cotangents` or values on the way to them."""
        env = dict(zip((self._given[i] for i in self.used), used, strict=True))
        env |= zip((*self.saved, *self._seeds), (*saved, *seeds), strict=True)
        return self._emitted(env, targets)

    def _emitted(self, env: dict[Value, Value], targets: Sequence[Value]) -> list[Value]:
        """Copies of the ops that make some values of others."""
        wanted = _needed(targets, env)
        for op in self._operations:
            if not wanted.isdisjoint(op.results):
                copies = copied(op, [env[v] for v in op.operands])
                pairs = zip(op.results, copies, strict=True)
                env.update((old, new) for old, new in pairs if old not in env)
        return [env[v] for v in targets]

    def _chosen(self) -> list[Value]:
        """What to save, in order."""
        roots = self._roots()
        dependent = _needed(self.cotangents, roots)  # on the seeds
        read = {o for v in dependent if isinstance(v, ir.OpResult) for o in v.owner.operands}
        read = {v for v in (*read, *self.cotangents) if v in roots}
        order = {v: i for i, v in enumerate(roots)}
        chosen = {v for v in read if roots[v] == {v}}
        windows: dict[Value, list[Value]] = defaultdict(list)
        for v in read - chosen:
            if (whole := _whole(v)) != v:
                windows[whole].append(v)
        chosen |= {v for v, parts in windows.items() if roots[v] and _bytes([v]) <= _bytes(parts)}
        for v in sorted((v for v in read if _whole(v) not in chosen), key=order.__getitem__):
            rest = roots[v] - chosen
            chosen |= rest if _bytes(rest) <= _bytes([v]) else {v}
        return sorted(chosen, key=order.__getitem__)

    def _roots(self) -> dict[Value, frozenset[Value]]:
        """For every value that does not depend on the seeds, the values to save in order to have it
        at next to no cost: itself, fewer of its operands, or none at all."""
        nothing: frozenset[Value] = frozenset()
        ahead = _needed(self.results, ())
        roots = {a: nothing if a in self._kept else frozenset((a,)) for a in self._given}
        for op in self._operations:
            if any(v not in roots for v in op.operands):
                continue
            alike = self.same.issuperset(op.operands)
            if alike:
                self.same.update(op.results)
            own = nothing.union(*(roots[v] for v in op.operands))
            light = _is_light(op) or ahead.isdisjoint(op.results)
            for r in op.results:
                roots[r] = nothing if alike else own if light else frozenset((r,))
        return roots


def _joint(functions: Functions, source: Any, wrt: Sequence[int], seeds: Sequence[int]) -> Any:
    """A module of one function, in simplest form: arguments and seeds to results and cotangents."""
    operations = source.operations
    outs = list(operations[len(operations) - 1].operands)
    kinds = [v.type for v in (*source.arguments, *(outs[i] for i in seeds))]
    count = len(source.arguments)
    module = ir.Module.create()

    def body(*arguments: Value) -> list[Value]:
        given = dict(zip(seeds, arguments[count:], strict=True))
        return vjp(functions, source, arguments[:count], given, wrt)

    with ir.InsertionPoint(module.body):
        define("halves", kinds, body)
    Decompose().run(module)
    Simplify().run(module)
    return module


def _needed(targets: Iterable[Value], stops: Iterable[Value]) -> set[Value]:
    """The values that some are made of, back to where it stops, without these ends."""
    waiting, needed = list(targets), set()
    while waiting:
        v = waiting.pop()
        if v not in needed and v not in stops:
            needed.add(v)
            if isinstance(v, ir.OpResult):
                waiting += v.owner.operands
    return needed


def _is_light(op: Any) -> bool:
    declared = OPS.get(op.name)
    if declared is None:
        return False
    return declared.group in ("constant", "alias", "arrange") or op.name in _SIMPLE


def _whole(value: Value) -> Value:
    """What a value is a window of; itself if it is none."""
    while isinstance(value, ir.OpResult) and value.owner.name in WINDOWS:
        value = value.owner.operands[0]
    return value


def _bytes(values: Iterable[Value]) -> int:
    nominal: dict[str, int] = defaultdict(lambda: _NOMINAL)
    return sum(dims.evaluate(types.of(v).nbytes, nominal) for v in values)


def _is_zero(value: Value) -> bool:
    """A zero, maybe repeated."""
    while isinstance(value, ir.OpResult) and value.owner.name == "axe.broadcast":
        value = value.owner.operands[0]
    if not isinstance(value, ir.OpResult) or value.owner.name != "axe.constant":
        return False
    number = value.owner.attributes["value"]
    return bool(number.is_splat and float(number.get_splat_value().value) == 0)
