"""vmap over a batch of 64 of a small MLP against a Python loop over the same batch.

    python benchmarks/vmap_mlp.py

One program for one example, called 64 times, and one that vmap made of the same function, called
once; both compiled ahead of time (where the loop is fastest), and both as `axe.jit` calls them.
Prints microseconds (least of many) and the ratio; the aim is 20 or more.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import axec as axe

BATCH, WIDTHS, ROUNDS = 64, (32, 64, 64, 10), 200
RNG = np.random.default_rng(0)


def mlp(x: Any, params: Any) -> Any:
    """One example through three dense layers."""
    for weight, bias in params[:-1]:
        x = axe.relu(x @ weight + bias)
    weight, bias = params[-1]
    return x @ weight + bias


def parameters() -> list[tuple[Any, Any]]:
    pairs = itertools.pairwise(WIDTHS)
    return [
        (RNG.standard_normal((a, b)).astype("f4") / a**0.5, np.zeros(b, "f4")) for a, b in pairs
    ]


def least(call: Callable[[], Any]) -> float:
    """The least time of a call, in microseconds."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times) * 1e6


def compiled(fn: Callable[..., Any], *args: Any) -> Callable[..., Any]:
    """The loaded program of a function for arguments like these."""
    specs = axe.tree.map(lambda a: axe.spec(a.shape, a.dtype), list(args))
    program: Callable[..., Any] = axe.compile(fn, *specs).load()
    return program


def compare(kind: str, fn: Callable[..., Any], xs: Any, params: Any) -> None:
    """Print one line per way of calling."""
    batched = axe.vmap(fn, in_axes=(0, None))
    ways = {
        "compile": (compiled(fn, xs[0], params), compiled(batched, xs, params)),
        "jit": (axe.jit(fn), axe.jit(batched)),
    }
    for way, (one, many) in ways.items():
        print(f"{kind:9} {way:8} {ratio(one, many, xs, params)}")


def ratio(one: Callable[..., Any], many: Callable[..., Any], xs: Any, params: Any) -> str:
    """The times of both, which give the same numbers, in words."""
    looped = np.stack([np.asarray(one(x, params)) for x in xs])
    np.testing.assert_allclose(np.asarray(many(xs, params)), looped, 1e-4, 1e-5)
    loop, batch = least(lambda: [one(x, params) for x in xs]), least(lambda: many(xs, params))
    return f"loop {loop:8.1f} us   vmap {batch:6.1f} us   {loop / batch:5.1f}x"


def main() -> None:
    params, xs = parameters(), RNG.standard_normal((BATCH, WIDTHS[0])).astype("f4")
    compare("forward", mlp, xs, params)
    loss = axe.grad(lambda x, p: axe.sum(mlp(x, p) ** 2))
    compare("gradient", loss, xs, params)


if __name__ == "__main__":
    main()
