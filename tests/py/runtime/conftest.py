"""An artifact with small kernels of our own, so that the runtime is tested without the compiler."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from axec.container import Segment, dumps
from axec.passes.codegen.cpu import targets, worker
from axec.passes.codegen.cpu.elf import linker
from axec.passes.codegen.cpu.support import entries_module, support_module
from axec.passes.codegen.cpu.support.stub import Signature
from axec.passes.codegen.llvm import F32, I8, I64, PTR, VOID, Builder, Module, Value
from axec.runtime import image
from axec.runtime.errors import AxecError
from axec.runtime.loader import Program, load
from axec.runtime.program import Launch, ProgramTable
from axec.runtime.program import Value as Size

Parts = tuple[dict[str, Any], list[Segment]]
LEAF = {"kind": "leaf"}
WEIGHT = np.array([1, 2, 3, 4], "f4")


def tree(**children: Any) -> dict[str, Any]:
    return {"kind": "dict", "keys": list(children), "children": list(children.values())}


def sequence(kind: str, *children: Any) -> dict[str, Any]:
    return {"kind": kind, "children": list(children)}


def rows(**arrays: list[Any]) -> list[dict[str, Any]]:
    """name=[dtype, *shape] as the manifest has it."""
    return [{"name": n, "dtype": a[0], "shape": a[1:]} for n, a in arrays.items()]


def entry(name: str, inputs: list[Any], outputs: list[Any], **more: Any) -> dict[str, Any]:
    in_tree = tree(**{array["name"]: LEAF for array in inputs})
    fixed = {"dims": {}, "arena_bytes": 0, "peak_bytes": 0, "in_tree": in_tree, "out_tree": LEAF}
    return {"program": f"program.{name}", "inputs": inputs, "outputs": outputs, **fixed, **more}


V = ["f32", 16]
ENTRIES = {
    # z = x + y
    "add": entry("add", rows(x=V, y=V), rows(z=V)),
    # y = x, in a dtype that the buffer protocol does not know
    "half": entry("half", rows(x=["bf16", 8]), rows(y=["bf16", 8])),
    # z = x * weight + batch, by way of the arena
    "scale": entry(
        "scale", rows(x=["f32", "batch", 4]), rows(z=["f32", "batch", 4]),
        dims={"batch": [1, 64]}, arena_bytes=64 + 64 * 16,
    ),
    # c = a + a, d = b + b
    "shapes": entry(
        "shapes",
        rows(a=["f32", "n", "m"], b=["f32", "n + 1", "m"]),
        rows(c=["f32", "n", "m"], d=["f32", "n + 1", "m"]),
        out_tree=sequence("tuple", LEAF, LEAF), dims={"m": [1, 9], "n": [1, 9]}, arena_bytes=64,
    ),
    # {"s": b + a, "r": [a + x, None]}
    "tree": entry(
        "tree", rows(b=V, a=V, x=V), rows(s=V, r=V), in_tree=tree(p=tree(b=LEAF, a=LEAF), x=LEAF),
        out_tree=tree(s=LEAF, r=sequence("list", LEAF, {"kind": "none"})),
    ),
}  # fmt: skip


def program(name: str, values: list[str], *launches: Launch) -> Segment:
    row = ENTRIES[name]
    bases = len(row["inputs"]) + len(row["outputs"]) + 2
    sizes = tuple(Size.parse(text, tuple(sorted(row["dims"]))) for text in values)
    table = ProgramTable(len(row["dims"]), bases, len(KERNELS), sizes, launches)
    return Segment(row["program"], "program", table.encode())


def total(x: int, y: int, z: int, count: int = 1) -> Launch:
    """Base z = base x + base y; value 0 is 0, value `count` the number of elements."""
    return Launch(0, ((x, 0), (y, 0), (z, 0)), (), count, 4)


def programs() -> list[Segment]:
    scale = Launch(1, ((0, 0), (2, 0), (3, 2)), (), 1, 4), Launch(2, ((3, 2), (1, 0)), (1,), 1, 4)
    return [
        program("add", ["0", "16"], total(0, 1, 2)),
        program("half", ["0", "16"], Launch(3, ((0, 0), (1, 0)), (), 1)),
        program("scale", ["0", "batch", "64"], *scale),
        program("shapes", ["0", "m*n", "m*(n + 1)"], total(0, 0, 2, 1), total(1, 1, 3, 2)),
        program("tree", ["0", "16"], total(0, 1, 3), total(1, 2, 4)),
    ]


def _add(b: Builder, i: Value, x: Value, y: Value, z: Value) -> None:
    first, second = (b.load(F32, b.at(p, F32, i)) for p in (x, y))
    b.store(b.add(first, second), b.at(z, F32, i))


def _times(b: Builder, row: Value, x: Value, weight: Value, z: Value) -> None:
    for j in range(4):
        i = b.add(b.mul(row, 4), j)
        factor = b.load(F32, b.at(weight, F32, j))
        b.store(b.mul(b.load(F32, b.at(x, F32, i)), factor), b.at(z, F32, i))


def _plus(b: Builder, row: Value, x: Value, z: Value, number: Value) -> None:
    for j in range(4):
        i = b.add(b.mul(row, 4), j)
        value = b.add(b.load(F32, b.at(x, F32, i)), b.convert(b.ptrtoint(number, I64), F32))
        b.store(value, b.at(z, F32, i))


def _copy(b: Builder, i: Value, x: Value, z: Value) -> None:
    b.store(b.load(I8, b.at(x, I8, i)), b.at(z, I8, i))


KERNELS: list[tuple[Callable[..., None], int]] = [(_add, 3), (_times, 3), (_plus, 3), (_copy, 2)]


def kernels() -> Module:
    module = Module("kernels")
    for body, slots in KERNELS:
        b = module.function(f"kernel{body.__name__}", VOID, {"block": PTR, "lo": I64, "hi": I64})
        block = [b.load(PTR, b.offset(b.args[0], 8 * i)) for i in range(slots)]
        with b.for_(b.args[1], b.args[2]) as loop:
            body(b, loop.index, *block)
        b.ret()
    return module


@pytest.fixture(scope="session")
def native() -> bytes:
    """The code segment of the artifact."""
    signatures = [Signature.from_manifest(row) for _, row in sorted(ENTRIES.items())]
    names = [f"kernel{body.__name__}" for body, _ in KERNELS]
    modules = [kernels(), entries_module(names, signatures), support_module()]
    return linker.link(worker.compile_modules(modules, targets.resolve("x86-64-v3")))


@pytest.fixture
def parts(native: bytes) -> Parts:
    """Manifest and segments, free to be changed."""
    level = targets.TARGETS["x86-64-v3"]
    features = list(level.required)
    target = {"name": level.name, "arch": level.arch, "features": features, "code": "code"}
    manifest = {
        "entries": copy.deepcopy(ENTRIES),
        "targets": [target],
        "weights": [{"name": "w", "dtype": "f32", "shape": [4], "offset": 0}],
        "provenance": {"made by": "tests"},
    }
    weights = Segment("weights", "weights", WEIGHT)
    return manifest, [Segment("code", "code", native), *programs(), weights]


@pytest.fixture
def data(parts: Parts) -> bytes:
    """The bytes of the artifact."""
    return dumps(*parts)


@pytest.fixture
def path(data: bytes, tmp_path: Path) -> Path:
    """The artifact as a file."""
    place = tmp_path / "toy.axe"
    place.write_bytes(data)
    return place


@pytest.fixture
def loaded(path: Path) -> Program:
    """The artifact, ready to be called."""
    return load(path)


class Mapped(Exception):
    """Native code was about to be mapped."""


@pytest.fixture
def no_code(monkeypatch: pytest.MonkeyPatch) -> type[Exception]:
    """From here on, mapping native code raises the exception that this gives."""

    def refuse(code: bytes) -> None:
        raise Mapped

    monkeypatch.setattr(image, "Image", refuse)
    monkeypatch.setattr("axec.runtime.loader.Image", refuse)
    return Mapped


@pytest.fixture
def refused() -> Callable[..., str]:
    """refused(f, ...): the code of the AxecError that the call raises."""

    def code_of(function: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
        with pytest.raises(AxecError) as found:
            function(*args, **kwargs)
        return found.value.code

    return code_of
