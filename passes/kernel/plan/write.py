"""Write the flow of an entry as an exec.program."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from axec.dialects import attrs, types
from axec.dialects.control import INDEX
from axec.dialects.dims import Ranges, Size
from axec.dialects.exec import buffer_type
from axec.dialects.kernel import sizes_attr
from axec.dialects.types import TensorType
from axec.mlir import ir
from axec.passes.kernel import cost
from axec.passes.kernel.launches import Launch
from axec.passes.kernel.plan.arena import raised, show
from axec.passes.kernel.plan.flow import (
    Buffer,
    Call,
    Copy,
    Flow,
    Group,
    Loop,
    Place,
    Step,
    Switch,
    While,
    flops,
)
from axec.passes.kernel.plan.inline import donors_of
from axec.passes.kernel.plan.memory import Memory


class Writer:
    """Writes one entry. `grain`: as `Plan` has it."""

    def __init__(
        self, function: Any, flow: Flow, ranges: Ranges, memory: Memory, grain: int
    ) -> None:
        self.function = function.operation
        self.flow = flow
        self.ranges = ranges
        self.memory = memory
        self.grain = grain
        self.roots: dict[Buffer, Any] = {}  # the exec value of what does not lie in the arena
        # By place and type, the first also by its bytes; a region sees those around it.
        self.views: dict[tuple[Place, TensorType | Size], Any] = {}
        self.given: dict[Launch, dict[str, Any]] = {}  # attributes of exec.launch
        self.rules: dict[type[Step], Callable[[Any], None]] = {
            Call: self._launch,
            Group: self._group,
            Copy: self._copy,
            Loop: self._loop,
            While: self._while,
            Switch: self._switch,
        }

    def write(self) -> None:
        """Put the program before the function."""
        block = self.function.regions[0].blocks[0]
        arguments = [types.of(a) for a in block.arguments]
        *_, terminator = block.operations
        results = [types.of(v) for v in terminator.operands]
        where = self.function.location
        program = ir.Operation.create(
            "exec.program",
            attributes={"sym_name": self.function.attributes["sym_name"]},
            regions=1,
            loc=where,
            ip=ir.InsertionPoint(self.function),
            infer_type=False,
        )
        held = [buffer_type(t) for t in (*arguments, *results)]
        body = program.regions[0].blocks.append(*held, arg_locs=[where] * len(held))
        self._own_buffers(list(body.arguments), [*arguments, *results])
        with ir.InsertionPoint(body):
            self._steps(self.flow.steps)
            _op("exec.return", where)
        self._describe(program)

    def _own_buffers(self, values: list[Any], held: list[TensorType]) -> None:
        """The caller's buffers: block arguments."""
        inputs = len(self.function.regions[0].blocks[0].arguments)
        for buffer in self.flow.buffers:
            if buffer.home in ("argument", "result"):
                at = buffer.number + (inputs if buffer.home == "result" else 0)
                self._know(buffer, values[at], held[at])

    def _know(self, buffer: Buffer, value: Any, t: TensorType) -> None:
        self.roots[buffer] = value
        whole = Place(buffer)
        self.views[whole, t] = self.views[whole, t.nbytes] = value

    def _steps(self, steps: Sequence[Step]) -> None:
        for step in steps:
            self.rules[type(step)](step)

    def _launch(self, step: Call) -> None:
        self._launched(step, self._operands(step))

    def _group(self, step: Group) -> None:
        operands = [self._operands(call) for call in step.calls]  # slices stand outside
        made = _op("exec.group", step.calls[0].op.location, regions=1)
        with self._inside(made.regions[0]):
            for call, buffers in zip(step.calls, operands, strict=True):
                self._launched(call, buffers)
            _op("exec.yield", step.calls[-1].op.location)

    def _operands(self, step: Call) -> list[Any]:
        scratch = (TensorType(_BYTE, (nbytes,)) for nbytes in step.launch.workspace)
        held = zip(step.places, (*step.launch.types, *scratch), strict=True)
        where = step.op.location
        return [self._held(place, t, where) for place, t in held]

    def _launched(self, step: Call, buffers: list[Any]) -> None:
        if step.launch not in self.given:
            self.given[step.launch] = self._attributes(step.launch)
        _op("exec.launch", step.op.location, buffers, attributes=self.given[step.launch])

    def _attributes(self, launch: Launch) -> dict[str, Any]:
        units, moved = launch.units, launch.moved
        window = {} if moved is None else {"bytes": ir.StringAttr.get(str(moved))}
        grain = self.grain or cost.grain(launch.time, units, self.ranges)
        return {
            "callee": launch.name,
            "dims": launch.dims,
            "units": ir.StringAttr.get(str(units)),
            "grain": attrs.KINDS["int"].to_ir(grain),
            **window,
        }

    def _copy(self, step: Copy) -> None:
        both = [self._held(p, step.type, step.where) for p in (step.source, step.target)]
        _op("exec.copy", step.where, operands=both)

    def _switch(self, step: Switch) -> None:
        index = self._held(step.index, step.type, step.where)
        made = _op("exec.switch", step.where, [index], regions=len(step.branches))
        for region, branch in zip(made.regions, step.branches, strict=True):
            with self._inside(region):
                self._steps(branch)
                _op("exec.yield", step.where)

    def _loop(self, step: Loop) -> None:
        given = {"counter": step.counter, "trip": step.trip, "index": step.index}
        texts = {name: ir.StringAttr.get(str(value)) for name, value in given.items()}
        made = _op("exec.loop", step.where, attributes=texts, regions=1)
        with self._inside(made.regions[0], buffer_type(INDEX)) as block:
            self._know(step.number, block.arguments[0], INDEX)
            self._steps(step.body)
            _op("exec.yield", step.where)

    def _while(self, step: While) -> None:
        given = {"counter": ir.StringAttr.get(step.counter)}
        made = _op("exec.while", step.where, attributes=given, regions=3)
        with self._inside(made.regions[0]):
            self._steps(step.condition)
            test = self._held(step.test, TensorType(_BOOL, ()), step.where)
            _op("exec.test", step.where, [test])
        for region, part in zip(list(made.regions)[1:], (step.body, step.after), strict=True):
            with self._inside(region):
                self._steps(part)
                _op("exec.yield", step.where)

    @contextmanager
    def _inside(self, region: Any, *arguments: Any) -> Iterator[Any]:
        """Write a region: what it makes is known in it alone."""
        block = region.blocks.append(*arguments, arg_locs=[ir.Location.unknown()] * len(arguments))
        outside, self.views = self.views, dict(self.views)
        with ir.InsertionPoint(block):
            yield block
        self.views = outside

    def _held(self, place: Place, t: TensorType, where: Any) -> Any:
        """The bytes of a place as a buffer that holds a tensor of type t."""
        whole = place.root
        found = self.views.get((whole, t))
        if found is None:
            first = self.views.get((whole, t.nbytes))
            if first is None:
                found = first = self._slice(whole, t, where)
            else:
                found = _op("exec.view", where, [first], [buffer_type(t)]).results[0]
            self.views[whole, t], self.views[whole, t.nbytes] = found, first
        return found

    def _slice(self, whole: Place, t: TensorType, where: Any) -> Any:
        base = [self.roots[whole.buffer]] if whole.buffer in self.roots else []
        offset = (whole.offset,)
        at = offset if base else raised(self.memory.offsets[whole.buffer], whole.offset)
        given = {"offset": ir.StringAttr.get(show(at))}
        return _op("exec.slice", where, base, [buffer_type(t)], given).results[0]

    # ---- saying what it is ----

    def _describe(self, program: Any) -> None:
        given, memory = program.attributes, self.memory
        given["roles"] = sizes_attr(self._roles())
        given["dims"] = ir.DictAttr.get(
            {n: attrs.KINDS["Sizes"].to_ir(r) for n, r in self.ranges.items()}
        )
        given["arena_bytes"] = ir.StringAttr.get(show(memory.total))
        given["table_bytes"] = attrs.KINDS["int"].to_ir(memory.head)
        given["lower_bound_bytes"] = attrs.KINDS["int"].to_ir(memory.lower_bound)
        given["flops"] = ir.StringAttr.get(str(flops(self.flow.steps)))
        if donors := donors_of(self.function):
            given["donors"] = attrs.KINDS["Pairs"].to_ir(list(donors.items()))
        for name, key in (("layouts", "axe.layout"), ("recipes", "axe.recipe")):
            if found := _of_weights(self.function, key):
                given[name] = ir.DictAttr.get(found)

    def _roles(self) -> list[str]:
        """`input:NAME`, `weight:NAME` or `output:NAME` per block argument."""
        found = self.function.attributes
        counts = [len(self.function.regions[0].blocks[0].arguments)]
        *_, terminator = self.function.regions[0].blocks[0].operations
        counts.append(len(terminator.operands))
        roles = []
        for what, key, count in zip(("input", "output"), ("arg_attrs", "res_attrs"), counts,
                                    strict=True):  # fmt: skip
            rows = list(found[key]) if key in found else [{}] * count
            roles += [_role(what, i, row) for i, row in enumerate(rows)]
        return roles


_BYTE, _BOOL = (types.parse(f"{name}[1]").dtype for name in ("u8", "bool"))


def _role(what: str, index: int, row: Any) -> str:
    if "axe.weight" in row:
        return f"weight:{row['axe.weight'].value}"
    name = row["axe.name"].value if "axe.name" in row else f"{what}{index}"
    return f"{what}:{name}"


def _of_weights(function: Any, key: str) -> dict[str, Any]:
    """An attribute of those weights that have it, by name: how they lie, where that is not row by
    row (passes/kernel/weight_layouts.py), what they are made from (passes/axe/fold_weights)."""
    rows = function.attributes.get("arg_attrs", ())
    return {r["axe.weight"].value: r[key] for r in rows if key in r}


def _op(
    name: str,
    where: Any,
    operands: list[Any] | None = None,
    results: list[Any] | None = None,
    attributes: dict[str, Any] | None = None,
    regions: int = 0,
) -> Any:
    return ir.Operation.create(
        name, results=results or [], operands=operands or [], attributes=attributes or {},
        regions=regions, loc=where, infer_type=False,
    )  # fmt: skip
