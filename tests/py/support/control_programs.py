"""Random programs of nested branches and loops, written against a set of combinators: those of
axec, or plain Python, which is what they mean."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

import axec as axe
from axec.coverage.control import Plain as Python

__all__ = ["ALL", "COUNTED", "REVERSIBLE", "SIZE", "Maker", "Python", "inputs"]

SIZE = 3


State = tuple[Any, Any]
Program = Callable[[Any, Any, Any], Any]  # (combinators, x[4, SIZE], w[SIZE]) -> 0-d


class Maker:
    """Draws a program. `kinds`: the statements that it may use; `stops`: stop_gradient is one."""

    def __init__(self, seed: int, kinds: tuple[str, ...], *, stops: bool = True) -> None:
        self.random = random.Random(seed)
        self.kinds = kinds
        self.stops = stops

    def program(self) -> Program:
        step = self.block(2)

        def run(c: Any, x: Any, w: Any) -> Any:
            a, b = step(c, (x[0], w), x, w)
            return (a * b).sum() + axe.sin(a).sum()

        return run

    def block(self, depth: int) -> Any:
        """(combinators, state, x, w) -> state"""
        steps = [self.simple(), *(self.statement(depth) for _ in range(2)), self.simple()]

        def run(c: Any, s: State, x: Any, w: Any) -> State:
            for one in steps:
                s = one(c, s, x, w)
            return s

        return run

    def statement(self, depth: int) -> Any:
        kind = self.random.choice(self.kinds) if depth else "simple"
        return getattr(self, kind)(*([] if kind == "simple" else [depth]))

    def simple(self) -> Any:
        choices = [
            lambda c, s, x, w: (axe.tanh(s[0] + 0.5 * s[1]), s[1]),
            lambda c, s, x, w: (s[1], 0.3 * s[0] * w),
            lambda c, s, x, w: (s[0] * 0.5 + x[1], axe.sin(s[1])),
            lambda c, s, x, w: (s[0], axe.sigmoid(s[1] @ (x.T @ x * 0.1))),
            lambda c, s, x, w: (s[0], axe.where(s[0] > 0, s[1], s[0] * w)),
            lambda c, s, x, w: (s[0] - axe.stop_gradient(s[1]), w),
        ]
        return self.random.choice(choices if self.stops else choices[:-1])

    def scan(self, depth: int) -> Any:
        inner, reverse = self.block(depth - 1), self.random.random() < 0.5
        carried, rows = self.random.random() < 0.7, self.random.randrange(1, 5)

        def run(c: Any, s: State, x: Any, w: Any) -> State:
            def body(carry: Any, row: Any) -> Any:
                a, b = inner(c, (carry["a"], row + s[1]), x, w)
                return {"a": a, "n": carry["n"] + 1}, (b, a if carried else row * 2)

            init = {"a": s[0], "n": axe.asarray(0)}
            last, (p, q) = c.scan(body, init, x[:rows], reverse=reverse)
            return last["a"] * 0.5 + last["n"].astype(axe.float64), p.mean(axis=0) + q.sum(axis=0)

        return run

    def fori_loop(self, depth: int) -> Any:
        inner, low = self.block(depth - 1), self.random.randrange(3)

        def run(c: Any, s: State, x: Any, w: Any) -> State:
            def body(i: Any, carry: Any) -> Any:
                a, b = inner(c, carry, x, w)
                return a + 0.1 * i.astype(axe.float64), b

            return c.fori_loop(low, 3, body, s)

        return run

    def cond(self, depth: int) -> Any:
        yes, no, limit = self.block(depth - 1), self.block(depth - 1), self.random.uniform(-1, 1)

        def run(c: Any, s: State, x: Any, w: Any) -> State:
            test = s[0].sum() > limit
            return c.cond(test, lambda t: yes(c, t, x, w), lambda t: no(c, t, x, w), s)

        return run

    def switch(self, depth: int) -> Any:
        parts = [self.block(depth - 1) for _ in range(3)]

        def run(c: Any, s: State, x: Any, w: Any) -> State:
            index = (s[1].sum() * 3).astype(axe.int32)
            return c.switch(index, [lambda t, p=p: p(c, t, x, w) for p in parts], s)

        return run

    def while_loop(self, depth: int) -> Any:
        inner, count = self.block(depth - 1), self.random.randrange(4)

        def run(c: Any, s: State, x: Any, w: Any) -> State:
            def body(carry: Any) -> Any:
                return {"s": inner(c, carry["s"], x, w), "n": carry["n"] + 1}

            def going_on(carry: Any) -> Any:
                return (carry["n"] < count) & (abs(carry["s"][0]).sum() < 50)

            return c.while_loop(going_on, body, {"s": s, "n": axe.asarray(0)})["s"]

        return run


ALL = ("scan", "fori_loop", "cond", "switch", "while_loop", "simple")
REVERSIBLE = ("scan", "fori_loop", "cond", "switch", "simple")
COUNTED = ("scan", "fori_loop", "simple")


def inputs(seed: int) -> tuple[Any, Any]:
    """x and w."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((4, SIZE)), rng.standard_normal(SIZE)
