"""Pack what the stages made: the manifest, which states what the file needs and does, and the
segments. Everything here is a function of the program, the options, the choices of kernels and the
versions: no time, no path, no hash order, so equal inputs give equal bytes."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import axec
from axec.container import Segment, complete
from axec.dialects import dims
from axec.dialects.dims import Size
from axec.dialects.exec import held_type
from axec.dialects.kernel import definitions
from axec.dialects.types import TensorType
from axec.lang.tracing import Traced
from axec.passes.codegen import sources
from axec.passes.codegen.cpu.targets import Target
from axec.passes.codegen.program import encode, programs
from axec.passes.kernel import templates, weight_layouts
from axec.runtime.abi import ALIGNMENT
from axec.runtime.program import evaluate

Json = dict[str, Any]


@dataclass(slots=True)
class Weights:
    """The weights segment: every array once, whatever entries use it, each ALIGNMENT-aligned."""

    rows: list[Json] = field(default_factory=list)  # as in the manifest
    size: int = 0
    _arrays: list[tuple[np.ndarray[Any, Any], str]] = field(default_factory=list)  # and layouts
    # By id of an array and layout; the array keeps the id its own.
    _offsets: dict[tuple[int, str], tuple[int, np.ndarray[Any, Any]]] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)

    def place(self, entry: Traced, layouts: Mapping[str, str]) -> dict[str, int]:
        """Byte offset of every weight of an entry, by the name that it has there; `layouts`: of the
        weights that do not lie row by row."""
        return {
            name: self._add(entry.name, name, array, layouts.get(name, ""))
            for name, array in entry.weights.items()
        }

    def _add(self, entry: str, name: str, array: np.ndarray[Any, Any], layout: str) -> int:
        key = (id(array), layout)
        if key not in self._offsets:
            # The same name may stand for other arrays in other entries.
            unique = f"{entry}.{name}" if name in self._names else name
            self._names.add(unique)
            offset = -(-self.size // ALIGNMENT) * ALIGNMENT
            self._offsets[key] = offset, array
            stored = weight_layouts.Stored.read(layout)
            shape, dtype = stored.shape(array), stored.dtype_of(array)
            row = {"name": unique, "dtype": dtype.name}
            self.rows.append({**row, "shape": list(shape), "offset": offset})
            self._arrays.append((array, layout))
            self.size = offset + math.prod(shape) * dtype.size
        return self._offsets[key][0]

    def data(self) -> bytearray:
        """The segment's bytes."""
        found = bytearray(self.size)
        for row, (array, layout) in zip(self.rows, self._arrays, strict=True):
            stored = weight_layouts.Stored.read(layout).apply(array)
            found[row["offset"] : row["offset"] + stored.nbytes] = stored.tobytes()
        return found


@dataclass(frozen=True, slots=True)
class Packed:
    """What the stages made of a program, but for the numbers of its weights. `entries`: of the
    manifest; `layouts`: of the weights that do not lie row by row, by entry; `tables`: the program
    table by entry; `code`: an image by name of the target."""

    entries: Json
    layouts: dict[str, dict[str, str]]
    tables: dict[str, bytes]
    code: dict[str, bytes] = field(default_factory=dict)


def describe(module: Any, traced: Sequence[Traced]) -> Packed:
    """The entries' manifests and program tables, from a module of exec.programs."""
    kernels = definitions(module)
    weights = Weights()
    packed = Packed({}, {}, {})
    found = programs(module)
    for one in _sorted(traced):
        program, name = found[one.name], one.name
        packed.layouts[name] = _layouts(program)
        table = encode(program, list(kernels), weights.place(one, packed.layouts[name]))
        packed.entries[name] = {**_entry(program, one, kernels), "program": f"program.{name}"}
        packed.tables[name] = table.encode()
    return packed


def pack(
    packed: Packed, traced: Sequence[Traced], wanted: Sequence[Target], provenance: Json
) -> tuple[Json, list[Segment]]:
    """The whole manifest and all segments."""
    weights = Weights()
    for one in _sorted(traced):
        weights.place(one, packed.layouts[one.name])
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
        segments.append(Segment("weights", "weights", weights.data()))
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


def _entry(program: Any, traced: Traced, kernels: Mapping[str, Any]) -> Json:
    attributes = program.attributes
    ranges = traced.dims
    ends = dims.upper_ends(ranges)
    arena, flops = (attributes[k].value for k in ("arena_bytes", "flops"))
    arrays: dict[str, list[Json]] = {"input": [], "output": [], "weight": []}
    total: Size = 0
    layouts = _layouts(program)
    for role, argument in zip(
        attributes["roles"], program.regions[0].blocks[0].arguments, strict=True
    ):
        kind, _, name = role.value.partition(":")
        held = held_type(argument)
        arrays[kind].append(_array(name, held))
        if kind == "output" and (donor := traced.donors.get(len(arrays[kind]) - 1)) is not None:
            arrays[kind][-1]["donor"] = donor
            continue  # its bytes are the input's
        stored = layouts.get(name, "") if kind == "weight" else ""
        packed = weight_layouts.Stored.read(stored).layout if stored else None
        total = total + (math.prod(packed.shape) * held.dtype.size if packed else held.nbytes)
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


def _layouts(program: Any) -> dict[str, str]:
    """Layouts of the weights that do not lie row by row, by name."""
    found = program.attributes
    return {r.name: r.attr.value for r in found["layouts"]} if "layouts" in found else {}


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
