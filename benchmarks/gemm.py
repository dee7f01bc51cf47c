"""Matrix products and convolutions on one thread: GFLOP/s, beside NumPy's and the CPU's peak.

    python benchmarks/gemm.py [--target x86-64-v3]

A product is a compiled program with one kernel, called with `out=`; NumPy is called with `out=` in
turns with it. The peak is a loop of independent multiply-adds in registers.
"""

from __future__ import annotations

import argparse
import math
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy is imported

import numpy as np

import axec as axe
from axec.measure.machine import peak_flops, peak_loop
from axec.passes.codegen.cpu import targets
from axec.passes.codegen.cpu.targets import Target

PRODUCTS = [  # m, k, n
    (1024, 1024, 1024), (512, 2048, 512), (64, 784, 512), (64, 512, 512), (128, 768, 3072),
    (128, 3072, 768), (1, 768, 3072), (1, 3072, 768), (8, 768, 3072), (1797, 64, 128),
]  # fmt: skip
CONVOLUTIONS = [  # x, w, stride, padding
    ((1, 64, 56, 56), (64, 64, 3, 3), 1, 1), ((1, 128, 28, 28), (128, 128, 3, 3), 1, 1),
    ((1, 256, 14, 14), (256, 256, 3, 3), 1, 1), ((1, 512, 7, 7), (512, 512, 3, 3), 1, 1),
    ((1, 64, 56, 56), (128, 64, 3, 3), 2, 1), ((1, 3, 224, 224), (64, 3, 7, 7), 2, 3),
    ((1, 256, 56, 56), (64, 256, 1, 1), 1, 0), ((64, 1, 8, 8), (16, 1, 3, 3), 1, 1),
    ((64, 16, 4, 4), (48, 16, 3, 3), 1, 1),
]  # fmt: skip
Array = np.ndarray[Any, Any]
ROUNDS, SECONDS = 5, 0.1


def times(calls: list[Callable[[], object]]) -> list[float]:
    """Seconds per call of each, the best of all rounds; the calls take turns."""
    best = [float("inf")] * len(calls)
    for _ in range(ROUNDS):
        for i, call in enumerate(calls):
            end = time.perf_counter() + SECONDS
            while (start := time.perf_counter()) < end:
                call()
                best[i] = min(best[i], time.perf_counter() - start)
    return best


def peak(target: Target) -> float:
    """GFLOP/s of one core."""
    (best,) = times([peak_loop(target)])
    return peak_flops(target) / best / 1e9


def program(
    build: Callable[..., object], arrays: list[Array], target: str
) -> Callable[..., object]:
    """The function, compiled for arrays like these and loaded."""
    specs = [axe.spec(a.shape, axe.float32) for a in arrays]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernel.axe"
        axe.compile(build, *specs, target=target).save(path)
        return axe.load(path)


def normal(*shape: int) -> Array:
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def product(m: int, k: int, n: int, target: str, transposed: bool) -> tuple[float, float]:
    """Seconds of ours and of NumPy's."""
    x, y = normal(m, k), normal(n, k) if transposed else normal(k, n)
    run = program(lambda x, y: x @ (y.T if transposed else y), [x, y], target)
    ours, theirs = np.empty((m, n), np.float32), np.empty((m, n), np.float32)
    matrix = y.T if transposed else y
    found = times(
        [lambda: run(x, y, out=ours, threads=1), lambda: np.matmul(x, matrix, out=theirs)]
    )
    assert np.allclose(ours, theirs, atol=1e-2)
    return found[0], found[1]


def convolution(
    x: tuple[int, ...], w: tuple[int, ...], stride: int, padding: int, target: str
) -> tuple[float, int]:
    """Seconds, and floating point operations."""
    arrays = [normal(*x), normal(*w)]
    run = program(lambda x, w: axe.nn.conv(x, w, stride=stride, padding=padding), arrays, target)
    out = np.asarray(run(*arrays))
    (best,) = times([lambda: run(*arrays, out=out, threads=1)])
    return best, 2 * out.size * math.prod(w[1:])


def print_products(target: str, most: float) -> None:
    titles = "m x k x n", "us", "GFLOP/s", "of peak", "NumPy / ours", "transposed", "NumPy / ours"
    print("{:>18} {:>9} {:>9} {:>8} {:>13} {:>11} {:>13}".format(*titles))
    for m, k, n in PRODUCTS:
        (ours, numpy), (turned, numpy_turned) = (
            product(m, k, n, target, transposed) for transposed in (False, True)
        )
        speed, other = (2e-9 * m * k * n / seconds for seconds in (ours, turned))
        print(
            f"{m:>6} x{k:>5} x{n:>4} {ours * 1e6:>9.1f} {speed:>9.1f} {speed / most:>8.0%} "
            f"{numpy / ours:>13.2f} {other:>11.1f} {numpy_turned / turned:>13.2f}"
        )


def print_convolutions(target: str, most: float) -> None:
    titles = "x", "w", "stride", "us", "GFLOP/s", "of peak"
    print("{:>18} {:>18} {:>7} {:>9} {:>9} {:>8}".format(*titles))
    for x, w, stride, padding in CONVOLUTIONS:
        seconds, flops = convolution(x, w, stride, padding, target)
        speed = flops / seconds / 1e9
        shapes = [" ".join(map(str, s)) for s in (x, w)]
        print(
            f"{shapes[0]:>18} {shapes[1]:>18} {stride:>7} {seconds * 1e6:>9.1f} {speed:>9.1f} "
            f"{speed / most:>8.0%}"
        )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", default="native", help="a level, as in `axec doctor`")
    target = targets.resolve(parser.parse_args().target)
    most = peak(target)
    print(f"{target.name}: {most:.0f} GFLOP/s peak of f32 multiply-adds on one core\n")
    print_products(target.name, most)
    print()
    print_convolutions(target.name, most)


if __name__ == "__main__":
    main()
