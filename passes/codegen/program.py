"""The program table of an entry: exec.program as the loop of every artifact walks it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from axec.diag import AxecError
from axec.dialects.kernel import texts
from axec.runtime.program import Launch, ProgramTable, Value


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
    `program-kernel` for a launch of a kernel that is not among `kernels`.
    """
    encoder = _Encoder(program, {name: i for i, name in enumerate(kernels)}, weights)
    launches = tuple(encoder.run())
    table = ProgramTable(
        n_dims=len(encoder.dims),
        n_bases=encoder.arena + 1,
        n_kernels=len(kernels),
        values=tuple(encoder.values),
        launches=launches,
    )
    reserved = program.attributes["table_bytes"].value
    assert table.is_static or 8 * len(table.values) <= reserved, f"{len(table.values)} values"
    return table


@dataclass(slots=True)
class _Encoder:
    program: Any
    kernels: Mapping[str, int]
    weights: Mapping[str, int]
    dims: tuple[str, ...] = ()
    values: dict[Value, int] = field(default_factory=dict)  # -> index
    places: dict[Any, tuple[int, int]] = field(default_factory=dict)  # buffer -> (base, value)
    arena: int = 0  # base index

    def run(self) -> list[Launch]:
        self.dims = tuple(sorted(a.name for a in self.program.attributes["dims"]))
        block = self.program.regions[0].blocks[0]
        self._own_buffers(list(block.arguments))
        launches = []
        for o in block.operations:
            op = o.operation
            if op.name == "exec.slice":
                offset = self._value(op.attributes["offset"].value)
                self.places[op.results[0]] = (self.arena, offset)
            elif op.name == "exec.view":
                self.places[op.results[0]] = self.places[op.operands[0]]
            elif op.name == "exec.launch":
                launches.append(self._launch(op))
        return launches

    def _own_buffers(self, arguments: list[Any]) -> None:
        roles = [r.value.partition(":") for r in self.program.attributes["roles"]]
        own = [kind for kind, _, _ in roles]
        order = {kind: [i for i, k in enumerate(own) if k == kind] for kind in set(own)}
        bases = [*order.get("input", []), *order.get("output", [])]
        weights_base = len(bases)
        self.arena = weights_base + 1
        zero = self._value("0")
        for base, i in enumerate(bases):
            self.places[arguments[i]] = (base, zero)
        for i in order.get("weight", []):
            offset = str(self.weights[roles[i][2]])
            self.places[arguments[i]] = (weights_base, self._value(offset))

    def _launch(self, op: Any) -> Launch:
        found = op.attributes
        callee = found["callee"].value
        if callee not in self.kernels:
            message = f"launch of {callee}, which has no code"
            raise AxecError("program-kernel", message, location=op.location)
        return Launch(
            kernel=self.kernels[callee],
            args=tuple(self.places[v] for v in op.operands),
            dims=tuple(self._value(t) for t in texts(found["dims"])),
            units=self._value(found["units"].value),
            grain=found["grain"].value,
        )

    def _value(self, text: str) -> int:
        value = Value.parse(text, self.dims)
        return self.values.setdefault(value, len(self.values))
