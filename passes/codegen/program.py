"""The program table of an entry: exec.program as the code of every artifact walks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from axec.diag import AxecError
from axec.dialects.exec import held_type, inner_ops
from axec.dialects.kernel import texts
from axec.runtime.program import (
    MAX_DEPTH,
    WORD,
    Copy,
    Launch,
    Leave,
    Loop,
    Op,
    Place,
    ProgramTable,
    Step,
    Switch,
    Value,
    inner,
)

FOREVER = str(WORD.stop - 1)  # the limit of a loop that is left from inside
_LOOPS = ("exec.loop", "exec.while")


def programs(module: Any) -> dict[str, Any]:
    """The exec.program ops of a module by name, in order."""
    found = (o.operation for o in module.body.operations)
    return {o.attributes["sym_name"].value: o for o in found if o.name == "exec.program"}


def encode(
    program: Any, kernels: Sequence[str], weights: Mapping[str, int] = MappingProxyType({})
) -> ProgramTable:
    """The table of an exec.program.

    `kernels`: names in the order of the code segment's `axe_kernels`; `weights`: byte offset in the
    weights segment by name. Bases: inputs, outputs, weights, arena. Raises AxecError
    `program-kernel` for a launch of a kernel that is not among `kernels`, `program-depth` for loops
    and branches that nest deeper than a table holds.
    """
    ops = list(inner_ops(program))
    places = _Places(program, ops, weights)
    scopes = _Scopes(program, ops, places)
    encoder = _Encoder({name: i for i, name in enumerate(kernels)}, places, scopes)
    table = ProgramTable(
        n_dims=len(scopes.dims),
        n_bases=places.arena + 1,
        n_kernels=len(kernels),
        values=scopes.values(""),
        steps=tuple(encoder.steps(program.regions[0].blocks[0])),
    )
    if (depth := _depth(table.steps)) > MAX_DEPTH:
        message = f"loops and branches nest {depth} deep; an artifact holds {MAX_DEPTH}"
        raise AxecError("program-depth", message, location=program.location)
    reserved = program.attributes["table_bytes"].value
    assert table.is_static or 8 * table.n_slots <= reserved, f"{table.n_slots} values"
    return table


def _depth(steps: Sequence[Step]) -> int:
    """How deep steps lie in each other; 0: none in another."""
    return max((1 + _depth(part) for step in steps for part in inner(step)), default=0)


class _Places:
    """Where every buffer lies: its base, and the text of its byte offset."""

    def __init__(self, program: Any, ops: Sequence[Any], weights: Mapping[str, int]) -> None:
        roles = [r.value.partition(":") for r in program.attributes["roles"]]
        arguments = list(program.regions[0].blocks[0].arguments)
        own = [kind for kind, _, _ in roles]
        order = {kind: [i for i, k in enumerate(own) if k == kind] for kind in set(own)}
        bases = [*order.get("input", []), *order.get("output", [])]
        weights_base = len(bases)
        self.arena = weights_base + 1
        self.found = {arguments[i]: (base, "0") for base, i in enumerate(bases)}
        for i in order.get("weight", []):
            self.found[arguments[i]] = weights_base, str(weights[roles[i][2]])
        for op in ops:
            name = op.name
            if name == "exec.slice":
                self._slice(op)
            elif name == "exec.view":
                self.found[op.results[0]] = self.found[op.operands[0]]
            elif name == "exec.loop":
                number = op.regions[0].blocks[0].arguments[0]
                self.found[number] = self.arena, _slot(op.attributes["counter"].value)

    def _slice(self, op: Any) -> None:
        base, start = self.found[op.operands[0]] if len(op.operands) else (self.arena, "0")
        offset = op.attributes["offset"].value
        if "0" in (start, offset):
            offset = start if offset == "0" else offset
        else:
            offset = f"{start} + {offset}"
        self.found[op.results[0]] = base, offset


def _slot(counter: str) -> str:
    """Stands for the offset of the word that holds the number of a loop's turn."""
    return f"@{counter}"


class _Scopes:
    """Which values are computed when: once per call, or at the begin of every turn of a loop.

    A value belongs to the innermost loop whose counter it names ("": none). Loops that lie in each
    other have their values side by side, loops that follow each other at the same words."""

    def __init__(self, program: Any, ops: Sequence[Any], places: _Places) -> None:
        self.dims = tuple(sorted(a.name for a in program.attributes["dims"]))
        loops = [op for op in ops if op.name in _LOOPS]
        self.counters = tuple(op.attributes["counter"].value for op in loops)
        self.numbers = {
            op.attributes["counter"].value: op.attributes["index"].value
            for op in loops
            if op.name == "exec.loop"
        }
        self.indices: dict[str, dict[str, int]] = {"": {}, **{c: {} for c in self.counters}}
        self.first: dict[str, int] = {"": 0}
        self.scopes: dict[str, str] = {}  # of every expression
        for op in ops:
            for text in _texts(op, places):
                if text not in self.scopes:
                    scope = self.scopes[text] = self._scope(text)
                    self.indices[scope][text] = len(self.indices[scope])
        for op in loops:  # those around a loop come before it
            around = _loop_around(op)
            above = self.first[around] + len(self.indices[around])
            self.first[op.attributes["counter"].value] = above + 1

    def _scope(self, text: str) -> str:
        if text.startswith("@"):
            return ""
        named = [n - len(self.dims) for op, n in self._parse(text).code if op is Op.DIM]
        deepest = max(named, default=-1)
        return self.counters[deepest] if deepest >= 0 else ""

    def _parse(self, text: str) -> Value:
        return Value.parse(text, (*self.dims, *self.counters))

    def index(self, text: str) -> int:
        """The value index of an expression."""
        if text in self.counters:
            return self.first[text] - 1
        scope = self.scopes[text]
        return self.first[scope] + self.indices[scope][text]

    def values(self, scope: str) -> tuple[Value, ...]:
        """The values of a scope, in order."""
        return tuple([self._value(text) for text in self.indices[scope]])

    def _value(self, text: str) -> Value:
        if text.startswith("@"):
            return Value(((Op.CONST, 8 * self.index(self.numbers[text[1:]])),))
        known = len(self.dims)
        return Value(
            tuple(
                (Op.VALUE, self.first[self.counters[n - known]] - 1)
                if op is Op.DIM and n >= known
                else (op, n)
                for op, n in self._parse(text).code
            )
        )


def _loop_around(op: Any) -> str:
    """The counter of the loop that an op stands in, "" if in none."""
    outer = op.parent.operation
    while outer.name != "exec.program":
        if "counter" in outer.attributes:
            return str(outer.attributes["counter"].value)
        outer = outer.parent.operation
    return ""


def _texts(op: Any, places: _Places) -> Iterator[str]:
    """The expressions that the steps of an op need as values; a bare counter is one already."""
    name, found = op.name, op.attributes
    if name == "exec.launch":
        yield from texts(found["dims"])
        yield found["units"].value
    elif name == "exec.loop":
        yield found["trip"].value
        if found["index"].value != found["counter"].value:
            yield found["index"].value
    elif name == "exec.while":
        yield FOREVER
    elif name == "exec.copy":
        yield str(held_type(op.operands[0]).nbytes)
    if name in ("exec.launch", "exec.switch", "exec.copy", "exec.test"):
        yield from (places.found[v][1] for v in op.operands)


def _members(group: Any) -> list[Any]:
    """The launches of an exec.group."""
    return list(group.regions[0].blocks[0].operations)[:-1]


@dataclass(slots=True)
class _Encoder:
    kernels: Mapping[str, int]
    places: _Places
    scopes: _Scopes
    rules: dict[str, Callable[[Any], Step]] = field(init=False)

    def __post_init__(self) -> None:
        self.rules = {
            "exec.launch": self._launch,
            "exec.loop": self._loop,
            "exec.while": self._while,
            "exec.switch": self._switch,
            "exec.copy": self._copy,
        }

    def steps(self, block: Any) -> Iterator[Step]:
        for o in block.operations:
            op = o.operation
            if op.name in self.rules:
                yield self.rules[op.name](op)
            elif op.name == "exec.group":
                *members, last = (self._launch(x.operation) for x in _members(op))
                yield from (member._replace(joined=True) for member in members)
                yield last

    def _place(self, buffer: Any) -> Place:
        base, offset = self.places.found[buffer]
        return base, self.scopes.index(offset)

    def _launch(self, op: Any) -> Launch:
        found = op.attributes
        callee = found["callee"].value
        if callee not in self.kernels:
            message = f"launch of {callee}, which has no code"
            raise AxecError("program-kernel", message, location=op.location)
        return Launch(
            kernel=self.kernels[callee],
            args=tuple(self._place(v) for v in op.operands),
            dims=tuple(self.scopes.index(t) for t in texts(found["dims"])),
            units=self.scopes.index(found["units"].value),
            grain=found["grain"].value,
        )

    def _loop(self, op: Any) -> Loop:
        values = self.scopes.values(op.attributes["counter"].value)
        limit = self.scopes.index(op.attributes["trip"].value)
        return Loop(limit, values, tuple(self.steps(op.regions[0].blocks[0])))

    def _while(self, op: Any) -> Loop:
        condition, body, after = (region.blocks[0] for region in op.regions)
        *_, test = condition.operations
        place = self._place(test.operands[0])
        branches = (*self.steps(after), Leave()), tuple(self.steps(body))
        turn = *self.steps(condition), Switch(place, 1, branches)
        values = self.scopes.values(op.attributes["counter"].value)
        return Loop(self.scopes.index(FOREVER), values, turn)

    def _switch(self, op: Any) -> Switch:
        width = held_type(op.operands[0]).dtype.size
        branches = tuple(tuple(self.steps(region.blocks[0])) for region in op.regions)
        return Switch(self._place(op.operands[0]), width, branches)

    def _copy(self, op: Any) -> Copy:
        source, target = map(self._place, op.operands)
        return Copy(source, target, self.scopes.index(str(held_type(op.operands[0]).nbytes)))
