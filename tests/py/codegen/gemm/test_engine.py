"""Products on matrix engines: which instructions they become, and what the engine is asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest

from axec.dialects import dtypes
from axec.passes.codegen.cpu import routines, worker
from axec.passes.codegen.cpu.gemm.blocks import BLOCK, Kind
from axec.passes.codegen.cpu.gemm.engine import FACTORS
from axec.passes.codegen.cpu.gemm.tile_routine import TILE
from axec.passes.codegen.cpu.targets import TARGETS


def listing(name: str, level: str) -> list[str]:
    """The instructions of a routine."""
    target = TARGETS[level]
    (text,) = worker.compile_modules([routines.module(name, target)], target, "assembly")
    return [line.strip() for line in text.decode().splitlines() if line.startswith("\t")]


def named(lines: Sequence[str], *prefixes: str) -> list[str]:
    return [line.split()[0] for line in lines if line.startswith(prefixes)]


@pytest.mark.parametrize("factors", sorted(FACTORS, key=str), ids=str)
def test_two_by_two_tiles_meet_in_four_instructions(factors: Any) -> None:
    lines = listing(BLOCK.routine(Kind(*factors, 2, 2).words()), "x86-64-v4-amx")
    for start, step in enumerate(("whole tiles", "the rest")):
        products = [line for line in lines if line.startswith("tdp")][4 * start : 4 * start + 4]
        names = {line.split()[0] for line in products}
        sums = [re.findall(r"%tmm(\d)", line)[-1] for line in products]
        assert len(names) == 1, step
        assert sums == ["0", "1", "2", "3"], step
    assert names == {_NAMES[factors]}
    assert len(named(lines, "ldtilecfg")) == 2
    assert named(lines, "tilerelease", "ret") == ["tilerelease", "retq"]
    assert not named(lines, "vdpbf16ps", "vpdpbusd")


_NAMES = {
    (dtypes.bf16, dtypes.bf16): "tdpbf16ps",
    (dtypes.i8, dtypes.i8): "tdpbssd",
    (dtypes.i8, dtypes.u8): "tdpbsud",
    (dtypes.u8, dtypes.i8): "tdpbusd",
    (dtypes.u8, dtypes.u8): "tdpbuud",
}


@pytest.mark.parametrize(
    ("level", "wanted"),
    [("x86-64-v3-vnni", ("{vex}\tvpdpbusd", "%ymm")), ("x86-64-v4-vnni", ("vpdpbusd", "%zmm"))],
)
def test_quads_of_bytes_are_one_instruction(level: str, wanted: tuple[str, str]) -> None:
    name = TILE.routine(("u8", "i8", "i32", 4, 2, 1, 0, "none", 0))
    products = [line for line in listing(name, level) if "vpdpbusd" in line]
    assert len(products) == 8
    assert all(line.startswith(wanted[0]) and wanted[1] in line for line in products)
