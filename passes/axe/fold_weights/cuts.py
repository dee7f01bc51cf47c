"""Where known values leave what is computed when compiling: which of them are stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from axec.mlir import ir
from axec.passes.axe.fold_weights.known import Value, known_in, nbytes
from axec.passes.axe.walk import copied

Roots = frozenset[Value]  # arguments


@dataclass(slots=True)
class Cuts:
    """The known values of a block that its other ops read. `small`: bytes of a value that may be
    stored whatever it is made from."""

    block: Any
    known: set[Value]
    small: int
    roots: dict[Value, Roots] = field(default_factory=dict)  # the arguments that values come from
    _left: set[Value] = field(default_factory=set)  # values that are not stored
    _sizes: dict[Value, int] = field(default_factory=dict)

    @staticmethod
    def of(block: Any, arguments: set[Value], small: int) -> Cuts:
        found = Cuts(block, known_in(block, arguments), small)
        for argument in block.arguments:
            if argument in found.known:
                found.roots[argument] = frozenset((argument,))
        for view in block.operations:
            for result in view.operation.results:
                if result in found.known:
                    below = (found.roots[v] for v in view.operation.operands)
                    found.roots[result] = frozenset().union(*below)
        return found

    def chosen(self) -> list[Value]:
        """The values to store, so that no more is stored than is without them: where several come
        from one argument, or this one is read beside them, the largest stay computed in the
        program until that is so."""
        while True:
            stored, read = self._frontier()
            excess = next(self._excess(stored, read), None)
            if excess is None:
                return stored
            self._left.add(excess)

    def expressions(self) -> list[Expression]:
        """How the chosen values are computed."""
        order = {value: number for number, value in enumerate(self.roots)}
        return [Expression.of(value, order) for value in self.chosen()]

    def _frontier(self) -> tuple[list[Value], set[Value]]:
        """Values to store, in order, and arguments that are read as they are."""
        stored: dict[Value, None] = {}
        read: set[Value] = set()
        seen: set[Value] = set()
        waiting = list(self._read_by_others())[::-1]
        while waiting:
            value = waiting.pop()
            if value in seen:
                continue
            seen.add(value)
            if isinstance(value, ir.BlockArgument):
                read.add(value)
            elif self._is_storable(value):
                stored[value] = None
            else:
                waiting += [v for v in reversed(list(value.owner.operands)) if self.roots[v]]
        return list(stored), read

    def _read_by_others(self) -> Iterator[Value]:
        for view in self.block.operations:
            op = view.operation
            if not any(r in self.known for r in op.results):
                yield from (v for v in op.operands if self.roots.get(v))

    def _is_storable(self, value: Value) -> bool:
        """No larger than what it comes from, at once and in all, and not the same numbers in
        another shape."""
        if value in self._left or value.owner.name == "axe.reshape":
            return False
        last = (v for v in value.owner.operands if self.roots[v])
        size = self._nbytes(value)
        return all(size <= sum(map(self._nbytes, vs)) for vs in (last, self.roots[value]))

    def _nbytes(self, value: Value) -> int:
        found = self._sizes.get(value)
        if found is None:
            found = self._sizes[value] = nbytes(value)
        return found

    def _excess(self, stored: list[Value], read: set[Value]) -> Iterator[Value]:
        """The largest values of those groups that would store more than the arguments are that they
        come from."""
        for values, arguments in self._groups(stored):
            large = [v for v in values if self._nbytes(v) > self.small]
            after = sum(map(self._nbytes, (*large, *(arguments & read))))
            if large and after > sum(map(self._nbytes, arguments)):
                yield max(large, key=self._nbytes)

    def _groups(self, values: Iterable[Value]) -> list[tuple[list[Value], set[Value]]]:
        """Values that come from common arguments, with all these."""
        groups: list[tuple[list[Value], set[Value]]] = []
        for value in values:
            roots = set(self.roots[value])
            touching = [g for g in groups if not g[1].isdisjoint(roots)]
            groups = [g for g in groups if g not in touching]
            merged = [v for values, _ in touching for v in values]
            groups.append(([*merged, value], roots.union(*(more for _, more in touching))))
        return groups


@dataclass(frozen=True, slots=True)
class Expression:
    """How a known value is computed: ops in order, from some arguments."""

    value: Value
    ops: list[Any]
    sources: list[Value]

    @staticmethod
    def of(value: Value, order: Mapping[Value, int]) -> Expression:
        """`order`: numbers of known values, operands before users."""
        needed: dict[Value, None] = {}
        waiting = [value]
        while waiting:
            one = waiting.pop()
            if one not in needed:
                needed[one] = None
                if not isinstance(one, ir.BlockArgument):
                    waiting += list(one.owner.operands)[::-1]
        sources = [v for v in needed if isinstance(v, ir.BlockArgument)]
        made = sorted(needed.keys() - sources, key=order.__getitem__)
        return Expression(value, [v.owner for v in made], sources)

    def emit(self, given: Iterable[Value]) -> Value:
        """Its ops at the insertion point, on other values for the sources; the result."""
        env: dict[Value, Value] = dict(zip(self.sources, given, strict=True))
        for op in self.ops:
            env[op.results[0]] = copied(op, [env[v] for v in op.operands])[0]
        return env[self.value]

    @property
    def key(self) -> Any:
        """Equal for expressions that compute the same from sources of the same types."""
        numbers = {v: i for i, v in enumerate((*self.sources, *(o.results[0] for o in self.ops)))}
        ops = tuple(
            (
                op.name,
                tuple((name, op.attributes[name]) for name in op.attributes),
                tuple(numbers[v] for v in op.operands),
                op.results[0].type,
            )
            for op in self.ops
        )
        return tuple(v.type for v in self.sources), ops
