"""Turn every function into a program over planned buffers (the exec dialect).

Inputs, weights and results are the caller's memory; everything else lies in one arena at offsets
that are expressions of the dims (arena.py). A reshape is a view of the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from axec.dialects import attrs, dims, types
from axec.dialects.dims import Ranges, Size
from axec.dialects.exec import buffer_type
from axec.dialects.interpret import ranges_of
from axec.dialects.kernel import definitions, functions, sizes_attr
from axec.dialects.types import TensorType
from axec.mlir import ir
from axec.passes.base import Pass, register
from axec.passes.kernel import cost
from axec.passes.kernel.arena import Bytes, Item, place, round_up, show
from axec.passes.kernel.liveness import (
    Flow,
    Step,
    bound_dims,
    flow_of,
    lifetimes,
    peak,
    upper_ends,
)


@dataclass(frozen=True, slots=True)
class PlanReport:
    """Bytes at the upper ends of the dims' ranges: the arena, the most that is in use at once, and
    what all buffers would take without sharing."""

    arena: int
    lower_bound: int
    unshared: int


@register
@dataclass(frozen=True)
class Plan(Pass):
    """Place every buffer and write functions as exec.program.

    `grain`: fewest units of a launch that are worth a thread; 0: what a kernel's time says."""

    name = "plan"
    grain: int = 0

    def run(self, module: Any) -> list[PlanReport]:
        kernels = {name: _Kernel.of(op) for name, op in definitions(module).items()}
        found = list(functions(module))
        flows = [flow_of(f, definitions(module)) for f in found]
        reports = [
            _Planner(f, flow, kernels, self.grain).run()
            for f, flow in zip(found, flows, strict=True)
        ]
        for function in found:
            function.operation.erase()
        return reports


@dataclass(frozen=True, slots=True)
class _Kernel:
    """What the planner needs to know of a definition, in the kernel's own dims."""

    define: Any
    units: Size
    flops: Size
    time: Size

    @staticmethod
    def of(define: Any) -> _Kernel:
        units, flops = (dims.parse(define.attributes[k].value) for k in ("units", "flops"))
        return _Kernel(define, units, flops, cost.picoseconds(define))


class _Planner:
    def __init__(
        self, function: Any, flow: Flow, kernels: Mapping[str, _Kernel], grain: int
    ) -> None:
        self.function = function.operation
        self.grain = grain
        self.flow = flow
        self.kernels = kernels
        self.ranges: Ranges = ranges_of(function)
        self.order = range(len(flow.steps))
        self.lives = lifetimes(flow, self.order)
        self.offsets: dict[int, Bytes] = {}  # by buffer
        self.roots: list[Any] = []  # exec value per buffer; None where not made yet
        self.views: dict[tuple[int, TensorType], Any] = {}
        self.flops: Size = 0

    def run(self) -> PlanReport:
        arena = [b for b, buffer in enumerate(self.flow.buffers) if buffer.home == "arena"]
        items = [Item(self.flow.buffers[b].nbytes, *self.lives[b]) for b in arena]
        placed = place(items, self.ranges)
        head = self._table_bytes(placed.offsets)
        offsets = [_raised(o, head) for o in placed.offsets]
        self.offsets = dict(zip(arena, offsets, strict=True))
        total = _raised(placed.total, head)
        self._write(total, head)
        ends = upper_ends(self.function)
        nbytes = [dims.evaluate(b.nbytes, ends) for b in self.flow.buffers]
        return PlanReport(
            arena=max(dims.evaluate(t, ends) for t in total),
            lower_bound=peak(self.flow, self.order, nbytes),
            unshared=sum(nbytes[b] for b in arena),
        )

    # ---- the program table at the head of the arena ----

    def _table_bytes(self, offsets: list[Bytes]) -> int:
        """Room for the values that a program with named dims evaluates once per call
        (runtime/program.py): at most one per distinct expression, and one per weight."""
        values = {show(o) for o in offsets} | {"0"}
        for step in self.flow.steps:
            kernel, bound = self._kernel(step)
            values.add(str(_substituted(kernel.units, bound)))
            values.update(str(s) for s in bound.values())
        if all(v.isdigit() for v in values):
            return 0
        count = len(values) + len(self.flow.buffers)  # placed offsets move by the head, too
        return round_up(8 * count)

    def _kernel(self, step: Step) -> tuple[_Kernel, dict[str, Size]]:
        kernel = self.kernels[step.op.attributes["callee"].value]
        return kernel, bound_dims(kernel.define, step.op)

    # ---- writing ----

    def _write(self, total: Bytes, head: int) -> None:
        block = self.function.regions[0].blocks[0]
        arguments = [types.of(a) for a in block.arguments]
        *_, terminator = block.operations
        results = [types.of(v) for v in terminator.operands]
        program = ir.Operation.create(
            "exec.program",
            attributes={"sym_name": self.function.attributes["sym_name"]},
            regions=1,
            loc=self.function.location,
            ip=ir.InsertionPoint(self.function),
            infer_type=False,
        )
        held = [buffer_type(t) for t in (*arguments, *results)]
        body = program.regions[0].blocks.append(
            *held, arg_locs=[self.function.location] * len(held)
        )
        self._own_buffers(list(body.arguments), results)
        with ir.InsertionPoint(body):
            for step in self.flow.steps:
                self._launch(step)
            _op("exec.return", self.function.location)
        self._describe(program, total, head)

    def _own_buffers(self, arguments: list[Any], results: list[TensorType]) -> None:
        """The caller's buffers: block arguments."""
        inputs = len(arguments) - len(results)
        self.roots = [None] * len(self.flow.buffers)
        for b, buffer in enumerate(self.flow.buffers):
            if buffer.home != "arena":
                at = buffer.number + (inputs if buffer.home == "result" else 0)
                self.roots[b] = arguments[at]
                t = types.of(buffer.value) if buffer.home == "argument" else results[buffer.number]
                self.views[b, t] = arguments[at]

    def _launch(self, step: Step) -> None:
        where = step.op.location
        kernel, bound = self._kernel(step)
        values = (*step.op.operands, *step.op.results)
        buffers = [self._held(self.flow.holder[v], types.of(v), where) for v in values]
        for b in step.writes[len(step.op.results) :]:
            scratch = TensorType(_BYTE, (self.flow.buffers[b].nbytes,))
            buffers.append(self._held(b, scratch, where))
        units = _substituted(kernel.units, bound)
        self.flops = self.flops + _substituted(kernel.flops, bound)
        time = _substituted(kernel.time, bound)
        grain = self.grain or cost.grain(time, units, self.ranges)
        given = {
            "callee": step.op.attributes["callee"],
            "dims": step.op.attributes["dims"],
            "units": ir.StringAttr.get(str(units)),
            "grain": attrs.KINDS["int"].to_ir(grain),
        }
        _op("exec.launch", where, operands=buffers, attributes=given)

    def _held(self, b: int, t: TensorType, where: Any) -> Any:
        """Buffer b as one that holds a tensor of type t."""
        if (b, t) not in self.views:
            if self.roots[b] is None:
                offset = {"offset": ir.StringAttr.get(show(self.offsets[b]))}
                made = _op("exec.slice", where, results=[buffer_type(t)], attributes=offset)
                self.roots[b] = made.results[0]
            else:
                view = _op("exec.view", where, [self.roots[b]], [buffer_type(t)])
                self.views[b, t] = view.results[0]
            self.views.setdefault((b, t), self.roots[b])
        return self.views[b, t]

    def _describe(self, program: Any, total: Bytes, head: int) -> None:
        ends = upper_ends(self.function)
        nbytes = [dims.evaluate(b.nbytes, ends) for b in self.flow.buffers]
        given = program.attributes
        given["roles"] = sizes_attr(self._roles())
        given["dims"] = ir.DictAttr.get(
            {n: attrs.KINDS["Sizes"].to_ir(r) for n, r in self.ranges.items()}
        )
        given["arena_bytes"] = ir.StringAttr.get(show(total))
        given["table_bytes"] = attrs.KINDS["int"].to_ir(head)
        given["lower_bound_bytes"] = attrs.KINDS["int"].to_ir(peak(self.flow, self.order, nbytes))
        given["flops"] = ir.StringAttr.get(str(self.flops))
        if layouts := _layouts(self.function):
            given["layouts"] = ir.DictAttr.get(layouts)

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


_BYTE = types.parse("u8[1]").dtype


def _role(what: str, index: int, row: Any) -> str:
    if "axe.weight" in row:
        return f"weight:{row['axe.weight'].value}"
    name = row["axe.name"].value if "axe.name" in row else f"{what}{index}"
    return f"{what}:{name}"


def _layouts(function: Any) -> dict[str, Any]:
    """Weights that lie otherwise than row by row (passes/kernel/layouts.py), by name."""
    rows = function.attributes.get("arg_attrs", ())
    return {r["axe.weight"].value: r["axe.layout"] for r in rows if "axe.layout" in r}


def _op(
    name: str,
    where: Any,
    operands: list[Any] | None = None,
    results: list[Any] | None = None,
    attributes: dict[str, Any] | None = None,
) -> Any:
    return ir.Operation.create(
        name, results=results or [], operands=operands or [], attributes=attributes or {},
        loc=where, infer_type=False,
    )  # fmt: skip


def _raised(size: Bytes, by: int) -> Bytes:
    return tuple(term + by for term in size)


def _substituted(size: Size, bound: dict[str, Size]) -> Size:
    return size if isinstance(size, int) else _substitute(size, tuple(bound.items()))


@lru_cache(maxsize=4096)
def _substitute(size: Size, bound: tuple[tuple[str, Size], ...]) -> Size:
    return dims.substitute(size, dict(bound))
