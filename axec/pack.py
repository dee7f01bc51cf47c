"""Pack what the stages made: the manifest, which states what the file needs and does, and the
segments. Everything here is a function of the program, the options, the choices of kernels and the
versions: no time, no path, no hash order, so equal inputs give equal bytes."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import axec
from axec.container import Segment, complete
from axec.dialects import dims
from axec.dialects.dims import Size
from axec.dialects.exec import held_type
from axec.dialects.functions import recipes_of
from axec.dialects.kernel import definitions
from axec.dialects.types import TensorType
from axec.lang.tracing import Traced
from axec.passes.codegen import sources
from axec.passes.codegen.cpu.targets import Target
from axec.passes.codegen.program import encode, programs
from axec.passes.kernel import templates
from axec.runtime.program import evaluate
from axec.weights import Stored, Weights

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Packed:
    """What the stages made of a program, but for the numbers of its weights. `entries`: of the
    manifest; `weights`: what is stored of which, by entry and name; `recipes`: the module that says
    how some are made; `tables`: the program table by entry; `code`: an image by name of the target.
    """

    entries: Json
    weights: dict[str, dict[str, Stored]]
    recipes: str
    tables: dict[str, bytes]
    code: dict[str, bytes] = field(default_factory=dict)


def describe(module: Any, traced: Sequence[Traced]) -> Packed:
    """The entries' manifests and program tables, from a module of exec.programs."""
    kernels = definitions(module)
    weights = Weights()
    recipes = recipes_of(module)
    packed = Packed({}, {}, "" if recipes is None else str(recipes), {})
    found = programs(module)
    for one in _sorted(traced):
        program, name = found[one.name], one.name
        packed.weights[name] = stored = Stored.of(program)
        table = encode(program, list(kernels), weights.place(one, stored))
        described = _entry(program, one, kernels, stored)
        packed.entries[name] = {**described, "program": f"program.{name}"}
        packed.tables[name] = table.encode()
    return packed


def pack(
    packed: Packed, traced: Sequence[Traced], wanted: Sequence[Target], provenance: Json
) -> tuple[Json, list[Segment]]:
    """The whole manifest and all segments."""
    weights = Weights()
    for one in _sorted(traced):
        weights.place(one, packed.weights[one.name])
    segments = [Segment(f"program.{name}", "program", t) for name, t in packed.tables.items()]
    targets = []
    for target in wanted:
        name = f"code.{target.name}"
        segments.append(Segment(name, "code", packed.code[target.name]))
        features = sorted(target.required)
        targets.append(
            {"name": target.name, "arch": target.arch, "features": features, "code": name}
        )
    if weights.size:
        segments.append(Segment("weights", "weights", weights.data(packed.recipes)))
    manifest = {
        "entries": packed.entries,
        "targets": targets,
        "weights": weights.rows,
        "provenance": provenance,
    }
    return complete(manifest, segments), segments


def _sorted(traced: Sequence[Traced]) -> list[Traced]:
    return sorted(traced, key=lambda one: one.name)


def provenance(source: bytes, passes: Sequence[str], targets: Sequence[Target]) -> Json:
    """Where an artifact comes from. `source`: the traced program's bytes, without places."""
    return {
        "compiler": f"axec {axec.__version__}",
        "source_sha256": hashlib.sha256(source).hexdigest(),
        "passes": list(passes),
        "flags": {"targets": [t.name for t in targets]},
        "versions": sources.versions(),
    }


def _entry(
    program: Any, traced: Traced, kernels: Mapping[str, Any], weights: Mapping[str, Stored]
) -> Json:
    attributes = program.attributes
    ranges = traced.dims
    ends = dims.upper_ends(ranges)
    arena, flops = (attributes[k].value for k in ("arena_bytes", "flops"))
    arrays: dict[str, list[Json]] = {"input": [], "output": []}
    total: Size = sum(stored.nbytes for stored in weights.values())
    for role, argument in zip(
        attributes["roles"], program.regions[0].blocks[0].arguments, strict=True
    ):
        kind, _, name = role.value.partition(":")
        if kind == "weight":
            continue
        held = held_type(argument)
        arrays[kind].append(_array(name, held))
        if kind == "output" and (donor := traced.donors.get(len(arrays[kind]) - 1)) is not None:
            arrays[kind][-1]["donor"] = donor
            continue  # its bytes are the input's
        total = total + held.nbytes
    formulas = {"peak_bytes": _sum(arena, total), "arena_bytes": arena, "flops": flops}
    return {
        "inputs": arrays["input"],
        "outputs": arrays["output"],
        "dims": {name: list(ranges[name]) for name in ranges},
        "in_tree": traced.in_tree,
        "out_tree": traced.out_tree,
        **{name: evaluate(text, ends) for name, text in formulas.items()},
        "lower_bound_bytes": attributes["lower_bound_bytes"].value,
        "formulas": formulas,
        "kernels": _kernels(program, kernels, ends),
    }


def _sum(formula: str, size: Size) -> str:
    """The text of their sum; the formula may be a max(...), which no DimExpr is."""
    return f"{size} + {formula}" if formula.startswith("max") else str(dims.parse(formula) + size)


def _array(name: str, t: TensorType) -> Json:
    shape = [s if isinstance(s, int) else str(s) for s in t.shape]
    return {"name": name, "dtype": t.dtype.name, "shape": shape}


def _kernels(program: Any, kernels: Mapping[str, Any], ends: Mapping[str, int]) -> list[Json]:
    """What each kernel of an entry is and costs: calls, and over all of them FLOPs and bytes moved
    at the dims' upper ends. A scan calls as often as it runs; what a while holds counts once, and
    every branch of a switch does."""
    times: Counter[tuple[Any, ...]] = Counter()
    for launch, turns in _launches(program.regions[0].blocks[0], ends):
        given = launch.attributes
        key = given["callee"], given["dims"], given.get("bytes")
        times[key] += turns
    rows: dict[str, Json] = {}
    for (callee, sizes, moved), calls in times.items():
        name = callee.value
        found = kernels[name].attributes
        own = dict(zip(found["dims"], sizes, strict=True))
        bound = {k.value: dims.evaluate(dims.parse(v.value), ends) for k, v in own.items()}
        row = rows.setdefault(name, _row(kernels[name]))
        row["calls"] += calls
        row["flops"] += calls * dims.evaluate(dims.parse(found["flops"].value), bound)
        nbytes, at = (moved, ends) if moved else (found["bytes"], bound)
        row["bytes"] += calls * dims.evaluate(dims.parse(nbytes.value), at)
    return list(rows.values())


def _row(kernel: Any) -> Json:
    """What a kernel is."""
    found = kernel.attributes
    row = {"name": found["sym_name"].value, "template": found["template"].value}
    if templates.is_generic(kernel):
        row["generic"] = True
    if "choice" in found:
        row["choice"] = found["choice"].value
    return {**row, "calls": 0, "flops": 0, "bytes": 0}


def _launches(block: Any, ends: Mapping[str, int], times: int = 1) -> Iterator[tuple[Any, int]]:
    """All launches, with how often each runs."""
    for o in block.operations:
        op = o.operation
        if op.name == "exec.launch":
            yield op, times
        trip = evaluate(op.attributes["trip"].value, ends) if op.name == "exec.loop" else 1
        for region in op.regions:
            yield from _launches(region.blocks[0], ends, times * trip)
