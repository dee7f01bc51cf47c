"""Runs a compiled program launch by launch, every buffer between pages that cannot be touched.

The steps, places and sizes are those of `exec_machine`; the kernels are the machine code of the
artifact. Each launch runs several times on the same inputs, its units in other pieces, in another
order, and with other noise in what it must write: all runs give the same bits, and none of them
changes anything else. Then the whole program runs through `axe_run`, with several numbers of
threads, on arguments, weights and an arena of that kind.
"""

from __future__ import annotations

import ctypes
import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from support.exec_machine import Machine
from support.guarded import Doing, Guarded, Memory

from axec.dialects import attrs
from axec.dialects.kernel import body_of, sizes, texts, yielded
from axec.dialects.types import TensorType, of
from axec.passes.kernel import weight_layouts
from axec.runtime.abi import ALIGNMENT, Frame
from axec.runtime.format import Container
from axec.runtime.image import Image
from axec.runtime.program import Launch, ProgramTable
from axec.runtime.program import evaluate as evaluate_text

THREADS = (1, 2, 3, 8)
_KERNEL = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
_MOST_PIECES = 40


class Code:
    """What a GuardedMachine takes from an artifact: machine code, program tables, weights."""

    def __init__(self, artifact: bytes) -> None:
        found = Container(artifact)
        self.image = Image(found.read(found.manifest["targets"][0]["code"]))
        rows = found.manifest["entries"]
        self.tables = {name: bytes(found.read(row["program"])) for name, row in rows.items()}
        kept = [s["name"] for s in found.manifest["segments"] if s["kind"] == "weights"]
        parts = [np.frombuffer(found.views[name], np.uint8) for name in kept]
        self.weights: Memory = np.concatenate([np.empty(0, np.uint8), *parts])


@dataclass(frozen=True)
class Area:
    """Bytes of one base that a launch sees through one or more arguments."""

    base: int
    start: int
    stop: int
    arguments: tuple[int, ...]
    label: str
    written: bool  # by the launch
    fresh: bool  # what it held before is nobody's
    align: int


class GuardedMachine(Machine):
    """An exec.program at one size of its dims, with the machine code of its kernels."""

    def __init__(
        self, module: Any, dims: Mapping[str, int], code: Code, name: str, seed: int
    ) -> None:
        super().__init__(module, dims, name)
        self.image = image = code.image
        self.table = ProgramTable.decode(code.tables[name])
        self.values = []
        self._know(self.table.values)
        self.weights_memory = code.weights
        first = image.address("axe_kernels")
        self.code = (ctypes.c_void_p * max(len(self.kernels), 1)).from_address(first)
        self.random = random.Random(seed)
        self.found: list[str] = []
        given = self.program.attributes
        self.donors = dict(attrs.read("Pairs", given["donors"]) if "donors" in given else ())

    def check(self, seed: int) -> list[str]:
        """What is wrong, in words: launches alone, then the program as a whole."""
        given = self._bases(seed)
        bases = [m.copy() for m in given]
        for output, donor in self._aliases(bases):
            bases[output] = bases[donor]
        self._steps(self.table.steps, bases)
        for threads in THREADS if not self.found else ():
            for low in (False, True):
                self._whole(given, bases, threads, low)
        return self.found

    def _bases(self, seed: int) -> list[Memory]:
        rng = np.random.default_rng(seed)
        memory: dict[str, list[Memory]] = {"input": [], "output": []}
        for (kind, _, _), t in zip(self.roles, self.held, strict=True):
            if kind == "weight":
                continue
            numbers = _bytes_of(_values(t, self.dims, rng))
            memory[kind].append(numbers if kind != "output" else _noise(len(numbers), 1))
        return [*memory["input"], *memory["output"], self.weights_memory, self.arena]

    def _aliases(self, bases: Sequence[Any]) -> Iterator[tuple[int, int]]:
        """Of donated results: the base of the result and that of the argument."""
        inputs = sum(kind == "input" for kind, _, _ in self.roles)
        for output, donor in self.donors.items():
            yield inputs + output, donor

    # One launch.

    def _launch(self, launch: Launch, bases: Sequence[Memory]) -> None:
        if self.found:
            return
        areas = self._areas(launch, bases)
        words = [self.values[d] for d in launch.dims]
        units = self.values[launch.units]
        name = self.kernels[launch.kernel].attributes["sym_name"].value
        function = _KERNEL(self.code[launch.kernel])
        wanted: list[Memory] | None = None
        for turn, pieces in enumerate(_splits(units, self.random)):
            low = turn % 2 == 1
            what = f"{name} {self.dims or ''} units {units} as {pieces[:6]} low={low}"
            memories = self._memories(areas, bases, low, turn)
            block = _block(areas, memories, launch, self.values, bases, words)
            Doing.what, Doing.memories = what, memories
            for lo, hi in pieces:
                function(ctypes.addressof(block), lo, hi)
            self._judge(what, areas, memories, bases, wanted)
            wanted = wanted or [m.data.copy() for m in memories]
        for area, data in zip(areas, wanted or [], strict=True):
            if area.written:
                bases[area.base][area.start : area.stop] = data

    def _areas(self, launch: Launch, bases: Sequence[Memory]) -> list[Area]:
        """The buffers of a launch; those that share bytes are one area."""
        kernel = self.kernels[launch.kernel]
        bound = dict(
            zip(
                texts(kernel.attributes["dims"]), (self.values[d] for d in launch.dims), strict=True
            )
        )
        ins, outs = [of(a) for a in body_of(kernel).arguments], [of(v) for v in yielded(kernel)]
        scratch = [evaluate_text(str(s), bound) for s in sizes(kernel.attributes["workspace"])]
        held = [*(_nbytes(t, bound) for t in (*ins, *outs)), *scratch]
        stored = texts(kernel.attributes["layouts"]) if "layouts" in kernel.attributes else []
        for i, text in enumerate(stored):
            if text:  # a packed weight, with the zeros that fill its panels
                held[i] = math.prod(weight_layouts.parse(text).shape) * ins[i].dtype.size
        kinds = [
            *(("argument", i, t.dtype.size) for i, t in enumerate(ins)),
            *(("result", i, t.dtype.size) for i, t in enumerate(outs)),
            *(("scratch", i, ALIGNMENT) for i in range(len(scratch))),
        ]
        spans = []
        for at, ((base, value), n, (kind, i, align)) in enumerate(
            zip(launch.args, held, kinds, strict=True)
        ):
            start, base = self.values[value], self._canonical(base, bases)
            assert start + n <= len(bases[base]), f"{kind} {i} ends behind its base"
            new = kind != "argument"
            spans.append(Area(base, start, start + n, (at,), f"{kind} {i}", new, new, align))
        return _joined(spans)

    def _canonical(self, base: int, bases: Sequence[Memory]) -> int:
        return next(i for i, m in enumerate(bases) if m is bases[base])

    def _memories(
        self, areas: Sequence[Area], bases: Sequence[Memory], low: bool, turn: int
    ) -> list[Guarded]:
        """Copies of what arguments hold; noise of its own in every turn where results will be."""
        found = []
        for area in areas:
            content = bases[area.base][area.start : area.stop]
            content = _noise(len(content), turn) if area.fresh else content
            found.append(Guarded(content, area.label, low, area.align))
        return found

    def _judge(
        self, what: str, areas: Sequence[Area], memories: Sequence[Guarded],
        bases: Sequence[Memory], wanted: Sequence[Memory] | None,
    ) -> None:  # fmt: skip
        for i, (area, memory) in enumerate(zip(areas, memories, strict=True)):
            if spoilt := memory.spoilt():
                self.found.append(f"{what}: {spoilt}")
            before = bases[area.base][area.start : area.stop]
            if not area.written and not np.array_equal(before, memory.data):
                self.found.append(f"{what}: writes to {area.label}, which it only reads")
            if wanted is None or "scratch" in area.label:
                continue
            if len(wrong := np.flatnonzero(wanted[i] != memory.data)):
                text = f"other bits, first at byte {wrong[0]} of {len(memory.data)} of {area.label}"
                self.found.append(f"{what}: {text}")

    # The program.

    def _whole(
        self, given: Sequence[Memory], wanted: Sequence[Memory], threads: int, low: bool
    ) -> None:
        last = len(given) - 1
        memories = [Guarded(m, self._label(i), low, ALIGNMENT) for i, m in enumerate(given)]
        for output, donor in self._aliases(given):
            memories[output] = memories[donor]
        table = Guarded(np.frombuffer(self.table.encode(), np.uint8), "the table", low, 8)
        bases = (ctypes.c_void_p * len(given))(*(m.address for m in memories))
        dims = (ctypes.c_int64 * max(len(self.sizes), 1))(*self.sizes)
        frame = Frame(
            table.address, ctypes.addressof(bases), ctypes.addressof(dims), bases[last], threads
        )
        Doing.what = f"the program {self.dims or ''} threads={threads} low={low}"
        Doing.memories = [*memories, table]
        self.image.run(ctypes.addressof(frame))
        for i, memory in enumerate(memories):
            if spoilt := memory.spoilt():
                self.found.append(f"{Doing.what}: {spoilt}")
            if i != last and not np.array_equal(memory.data, wanted[i]):
                self.found.append(f"{Doing.what}: other bits in {memory.label}")

    def _label(self, base: int) -> str:
        names = [f"{kind} {name}" for kind, _, name in self.roles if kind != "weight"]
        return [*names, "the weights", "the arena"][base]


def _splits(units: int, rng: random.Random) -> Iterator[list[tuple[int, int]]]:
    """All at once, twice; one unit at a time in any order (or as many pieces as are allowed); odd
    pieces; none at all beside them."""
    whole = [(0, units)]
    yield whole
    yield whole
    if units <= 0:
        return
    for most in (_MOST_PIECES, 3, 5):
        inner = rng.sample(range(1, units), min(units - 1, most))
        if most != _MOST_PIECES and units > 3:
            inner = [min(units - 1, at | 1) for at in inner]
        cuts = sorted({0, *inner, units})
        pieces = [*itertools.pairwise(cuts), (units, units), (0, 0)]
        rng.shuffle(pieces)
        yield pieces


def _joined(spans: Sequence[Area]) -> list[Area]:
    """Spans that share bytes become one. What is read and written in one area is not fresh."""
    found: list[Area] = []
    for one in sorted(spans, key=lambda a: (a.base, a.start, a.stop)):
        at = next((i for i, a in enumerate(found) if _overlap(a, one)), None)
        if at is None:
            found.append(one)
            continue
        a = found[at]
        found[at] = Area(
            a.base, min(a.start, one.start), max(a.stop, one.stop), (*a.arguments, *one.arguments),
            f"{a.label} = {one.label}", a.written or one.written, a.fresh and one.fresh,
            max(a.align, one.align),
        )  # fmt: skip
    return found


def _overlap(a: Area, b: Area) -> bool:
    return a.base == b.base and a.start < b.stop and b.start < a.stop


def _block(
    areas: Sequence[Area], memories: Sequence[Guarded], launch: Launch, values: Sequence[int],
    bases: Sequence[Memory], words: Sequence[int],
) -> Any:  # fmt: skip
    slots = [0] * len(launch.args)
    for area, memory in zip(areas, memories, strict=True):
        for at in area.arguments:
            slots[at] = memory.address + values[launch.args[at][1]] - area.start
    return (ctypes.c_int64 * max(len(slots) + len(words), 1))(*slots, *words)


def _nbytes(t: TensorType, dims: Mapping[str, int]) -> int:
    return int(np.prod(t.shape_at(dims), dtype=int)) * t.dtype.size


def _noise(n: int, turn: int) -> Memory:
    """Bytes that make numbers of no meaning: NaN in every second turn."""
    return np.full(n, (0xA5, 0xFF)[turn % 2], np.uint8)


def _bytes_of(x: Any) -> Memory:
    return np.frombuffer(np.ascontiguousarray(x).tobytes(), np.uint8).copy()


def _values(t: TensorType, dims: Mapping[str, int], rng: Any) -> Any:
    """Small numbers; integers also outside of what an index may be."""
    shape = t.shape_at(dims)
    if t.dtype.is_float:
        return np.asarray(rng.standard_normal(shape) + 0.5).astype(t.dtype.numpy)
    numbers = rng.integers(-4, 60, shape)
    if t.dtype.kind == "b":
        numbers = numbers % 2
    return np.asarray(abs(numbers) if t.dtype.kind == "u" else numbers).astype(t.dtype.numpy)
