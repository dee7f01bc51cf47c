"""Kernels touch nothing but their buffers: all of these stand between pages that cannot be touched,
and units run in any pieces, none of which changes a bit (support/guarded_machine.py)."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.guarded import PAGE, Doing, Guarded, isolated
from support.guarded_machine import Code, GuardedMachine

import axec as axe
from axec.api import Function
from axec.driver import PIPELINE, Compilation, Options
from axec.passes.codegen.cpu import reduce, worker

PASSES = (*PIPELINE[:-1], "plan{grain=1}")  # one unit is worth a thread
N = axe.dim("n", 0, 70)
SIZES = (0, 1, 16, 37)
WEIGHT = np.linspace(-1, 1, 37 * 53, dtype=np.float32).reshape(37, 53)


def of(dtype: Any, *shapes: Any) -> list[Any]:
    return [axe.spec(shape, dtype) for shape in shapes]


def _attention(q: Any, k: Any, v: Any) -> Any:
    return axe.nn.scaled_dot_product_attention(q, k, v, causal=True)


def _conv(**options: Any) -> Callable[[Any, Any], Any]:
    return lambda x, w: axe.nn.conv2d(x, w, **options)


def _last(x: Any, w: Any) -> Any:
    """A convolution that reads and writes channels last."""
    x, w = axe.permute_dims(x, (0, 3, 1, 2)), axe.permute_dims(w, (3, 0, 1, 2))
    return axe.permute_dims(axe.nn.conv2d(x, w, padding=1), (0, 2, 3, 1))


F32, I32 = axe.float32, axe.int32
KERNELS: dict[str, tuple[Callable[..., Any], list[Any]]] = {
    "map": (lambda x, y: axe.tanh(x) * y + 1, of(F32, (N, 7), (7,))),
    "turned": (lambda x: axe.permute_dims(x, (1, 0)) + 1, of(F32, (N, 37))),
    "halves": (lambda x: x[::2, 1:] * 2, of(axe.bfloat16, (34, 19))),
    "turned, two sizes": (
        lambda x, y: [axe.permute_dims(axe.exp(z), (1, 0)) for z in (x, y)],
        of(F32, (64, 19), (128, 19))),
    "rows": (lambda x: axe.nn.softmax(x), of(F32, (N, 37))),
    "wide rows": (lambda x, g: axe.nn.rms_norm(x, g), of(axe.float16, (5, N), (N,))),
    "columns": (lambda x: axe.sum(x, axis=0), of(F32, (N, 192))),
    "few columns": (lambda x: axe.max(x, axis=0), of(axe.float64, (40, N))),
    "all": (lambda x: axe.sum(x * x), of(F32, (N, 37))),
    "product": (lambda x, y: axe.nn.relu(x @ y), of(F32, (N, 33), (33, 70))),
    "turned product": (lambda x, y: x.mT @ y.mT, of(F32, (33, N), (70, 33))),
    "one row": (lambda x, y: x @ y, of(F32, (1, 130), (130, 97))),
    "bf16 product": (lambda x, y: x @ y, of(axe.bfloat16, (N, 35), (35, 50))),
    "int8 product": (
        lambda x, y: axe.matmul(x, y, dtype=I32), of(axe.int8, (37, N), (N, 50))),
    "few columns of a product": (lambda x, y: axe.tanh(x @ y), of(F32, (N, 45), (45, 5))),
    "few rows": (lambda x, y: x @ y.mT, of(F32, (3, 45), (N, 45))),
    "few int8 rows": (
        lambda x, y: axe.matmul(x, y.mT, dtype=I32), of(axe.int8, (3, 71), (N, 71))),
    "products": (lambda x, y: x @ y, of(axe.float64, (3, N, 9), (3, 9, 21))),
    "convolution": (_conv(padding=1), of(F32, (2, 5, 9, 11), (34, 5, 3, 3))),
    "convolutions, two sizes": (
        lambda x, v, y, w: [_last(x, v), _last(y, w)],
        of(F32, (1, 7, 7, 64), (64, 3, 3, 64), (1, 3, 3, 64), (64, 3, 3, 128))),
    "strided": (_conv(stride=2, padding=3), of(F32, (N, 3, 15, 15), (32, 3, 7, 7))),
    "grouped": (_conv(groups=2), of(F32, (1, 8, 7, 7), (6, 4, 1, 1))),
    "derivative": (
        axe.grad(lambda x, w: axe.sum(axe.sin(_conv(padding=1)(x, w))), (0, 1)),
        of(F32, (3, 6, 9, 7), (17, 6, 3, 3))),
    "attention": (_attention, of(F32, *[(2, N, 24)] * 3)),
    "derivative of attention": (
        axe.grad(lambda *x: axe.sum(_attention(*x) ** 2), (0, 1, 2)), of(F32, *[(2, 19, 24)] * 3)),
    "gather": (lambda x, i: axe.take(x, i, axis=0), [*of(F32, (30, 7)), *of(I32, (N,))]),
    "scatter": (
        lambda x, i, y: x.at[i].add(y), [*of(F32, (30, 9)), *of(I32, (N,)), *of(F32, (N, 9))]),
    "sort": (lambda x: axe.sort(x, axis=1), of(F32, (5, N))),
    "sums so far": (lambda x: axe.cumulative_sum(x, axis=1), of(F32, (5, N))),
    "cholesky": (lambda x: axe.linalg.cholesky(x.mT @ x + 9 * axe.eye(19)), of(F32, (3, 23, 19))),
    "packed weight": (lambda x: axe.nn.gelu(x @ WEIGHT), of(F32, (N, 37))),
    "window": (lambda x, y: axe.scan(lambda c, v: (c + v, c * v), x, y), of(F32, (7,), (N, 7))),
}  # fmt: skip


def wrong_with(
    fn: Callable[..., Any], specs: list[Any], target: str, donate: tuple[str, ...] = ()
) -> list[str]:
    """What the machine finds wrong with a function, at all SIZES of its dim."""
    options = {"target": target, "passes": PASSES}
    artifact = axe.compile(fn, *specs, name="main", donate=donate, **options).to_bytes()
    run = Compilation([Function(fn, specs, "main", donate)], Options(**options))  # type: ignore[arg-type]
    named = any(N in s.shape for s in specs)

    def check() -> list[str]:
        with run.inside():
            run.front()
            loaded, found = Code(artifact), []
            for n in SIZES if named else SIZES[:1]:
                dims = {"n": n} if named else {}
                found += GuardedMachine(run.module, dims, loaded, "main", seed=n).check(seed=n)
        return found

    return isolated(check)


@pytest.mark.parametrize("target", ["x86-64-v3", "native"])
@pytest.mark.parametrize("name", KERNELS)
def test_kernels_stay_in_their_buffers(name: str, target: str) -> None:
    assert wrong_with(*KERNELS[name], target) == []


@pytest.mark.parametrize("target", ["x86-64-v3", "native"])
def test_donated_arguments(target: str) -> None:
    def window(x: Any, u: Any, i: Any) -> Any:
        return axe.dynamic_update_slice(x, u, (i, i))

    specs = [*of(F32, (19, 23), (3, 5)), axe.spec((), I32)]
    assert wrong_with(window, specs, target, ("x",)) == []
    assert wrong_with(lambda x, y: x * 2 + y, of(F32, (N, 13), (N, 13)), target, ("x",)) == []


def test_a_planted_overrun_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Vectors of a fold that end behind their unit. AXEC_CACHE is off in tests (conftest.py):
    otherwise others would find this code."""
    monkeypatch.setattr(worker, "_compiled", {})
    monkeypatch.setattr(reduce.ReduceKernel, "_whole", lambda self: True)
    found = wrong_with(lambda x: axe.sum(x, axis=0), of(F32, (40, 77)), "native")
    assert "behind the end of" in found[0]


def test_faults_are_told() -> None:
    """The judge itself: reads and writes beside the memory, by way of its page or its pattern."""
    memory = Guarded(np.zeros(PAGE + 100, np.uint8), "result 0")

    def touch(at: int, write: bool) -> list[str]:
        Doing.what, Doing.memories = "a test", [memory]
        byte = ctypes.c_uint8.from_address(memory.address + at)
        if write:
            byte.value = 1
        return [f"{memory.spoilt()}, {byte.value}"]

    behind, begin = memory.size, -memory.address % PAGE - PAGE
    size = f"of result 0 ({memory.size} bytes)"
    assert isolated(lambda: touch(behind, False)) == [
        f"a test: reads 0 bytes behind the end {size}"
    ]
    assert isolated(lambda: touch(behind + 9, True)) == [
        f"a test: writes 9 bytes behind the end {size}"
    ]
    assert isolated(lambda: touch(begin - 1, True))[0].startswith("a test: writes")
    assert isolated(lambda: touch(-3, True)) == [f"wrote 3 bytes before the begin {size}, 1"]
