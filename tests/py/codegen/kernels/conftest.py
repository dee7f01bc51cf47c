"""Tests of kernels run inside the process-wide context, for every target that this machine runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import pytest
from support.kernels import Kernels

from axec.dialects import load
from axec.mlir import unknown_location
from axec.passes.codegen.cpu import targets


@cache
def _runnable(target: str) -> bool:
    return targets.TARGETS[target].runs_here


#: The levels between them differ in products of narrow numbers alone (tests/py/codegen/gemm).
@pytest.fixture(params=["x86-64-v4", "x86-64-v3"])
def target(request: pytest.FixtureRequest) -> str:
    if not _runnable(request.param):
        pytest.skip(f"this machine does not run {request.param}")
    return str(request.param)


@pytest.fixture(autouse=True)
def _context() -> Iterator[None]:
    with load(), unknown_location():
        yield


@pytest.fixture
def kernels() -> Callable[[], Kernels]:
    return Kernels
