"""Branches and loops against every check: a sample program for each op of the control dialect, the
same with plain Python in place of the op as its oracle."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from axec import lang
from axec.api import compile
from axec.coverage.checks import NARROW, Gap, need_close, need_near
from axec.coverage.compiled import LIMITS, THREADS
from axec.dialects import dtypes, structure
from axec.dialects.dtypes import DType
from axec.lang.differences import central_difference
from axec.passes.axe.grad.control_reverse import NO_REVERSE


class Plain:
    """The combinators as Python statements, on arrays that have values."""

    @staticmethod
    def cond(pred: Any, true_fn: Any, false_fn: Any, *operands: Any) -> Any:
        return true_fn(*operands) if pred else false_fn(*operands)

    @staticmethod
    def switch(index: Any, branches: Any, *operands: Any) -> Any:
        return branches[min(max(int(index), 0), len(branches) - 1)](*operands)

    @staticmethod
    def while_loop(cond: Any, body: Any, init: Any) -> Any:
        carry = init
        while cond(carry):
            carry = body(carry)
        return carry

    @staticmethod
    def fori_loop(lower: Any, upper: Any, body: Any, init: Any) -> Any:
        carry = init
        for i in range(lower, upper):
            carry = body(lang.asarray(i), carry)
        return carry

    @staticmethod
    def scan(f: Any, init: Any, xs: Any, reverse: bool = False) -> Any:
        carry, rows = init, [None] * xs.shape[0]
        order = range(xs.shape[0])
        for i in reversed(order) if reverse else order:
            carry, rows[i] = f(carry, xs[i])
        return carry, lang.tree.map(lambda *r: lang.stack(r), *rows)


def _switch(c: Any, x: Any, w: Any) -> Any:
    index = (x[:, 0] > 0).astype(lang.int32).sum() - 1
    return c.switch(index, [lambda y: lang.sin(y) * w, lambda y: y * y * w, lambda y: w], x[1])


def _while(c: Any, x: Any, w: Any) -> Any:
    def body(s: Any) -> Any:
        return lang.tanh(s[0] * w) + x[1], s[1] + 1

    return c.while_loop(lambda s: (s[1] < 4) & (s[0].sum() < 6), body, (x[0], lang.asarray(0)))[0]


def _scan(c: Any, x: Any, w: Any) -> Any:
    def body(h: Any, row: Any) -> Any:
        h = lang.tanh(h * w + row)
        return h, h * row

    last, rows = c.scan(body, w, x, reverse=True)
    return last + rows.sum(axis=0)


def _call(c: Any, x: Any, w: Any) -> Any:
    # Rounds that `roll` finds equal: there is no combinator for it.
    for _ in range(6):
        x = lang.tanh(lang.sin(x @ (x.mT @ x)) * w) + x / 2
    return x[0]


_SIZES = ((4, 3), (3,))  # of x and w


@dataclass(frozen=True)
class Sample:
    """A program with one op of the control dialect, as `run(combinators, x, w)`."""

    name: str
    run: Callable[[Any, Any, Any], Any]

    def __call__(self, *xs: Any) -> Any:
        return np.asarray(self.run(lang, *map(lang.asarray, xs)))

    @property
    def fn(self) -> Callable[..., Any]:
        return functools.partial(self.run, lang)

    def inputs(self, dtype: DType, seed: int = 0) -> list[Any]:
        """Arrays, the same up to rounding in all dtypes."""
        rng = np.random.default_rng(seed)
        return [np.asarray(rng.standard_normal(s) / 2).astype(dtype.numpy) for s in _SIZES]


SAMPLES = {
    s.name: s
    for s in (
        Sample("control.call", _call),
        Sample("control.switch", _switch),
        Sample("control.while", _while),
        Sample("control.scan", _scan),
    )
}
assert SAMPLES.keys() == {n for n in structure.CHECKS if n.startswith("control.")}


def reason(sample: Sample, check: str) -> str:
    """Why a check has nothing to look at; empty where it must have."""
    return NO_REVERSE.get(sample.name, "") if check in ("vjp", "dot", "second") else ""


Check = Callable[[Sample, DType], None]


def value(sample: Sample, dtype: DType) -> None:
    """The program against plain Python: the same bits."""
    xs = sample.inputs(dtype)
    wanted = sample.run(Plain, *map(lang.asarray, xs))
    need_close(sample(*xs), wanted, 0, 0, "value")


def vjp(sample: Sample, dtype: DType) -> None:
    """<g, dy> = <vjp(g), dx> for random directions dx and cotangents g."""

    def pulled(kind: DType) -> list[Any]:
        xs, (g, *_) = sample.inputs(kind), sample.inputs(kind, 1)[1:]
        return [np.asarray(a) for a in lang.vjp(sample.fn, *xs)[1](g)]

    found = pulled(dtype)
    if dtype is not dtypes.f64:
        for i, (a, b) in enumerate(zip(found, pulled(dtypes.f64), strict=True)):
            need_near(a, b, dtype, f"vjp of argument {i}", roundings=4)
        return
    ts, g = sample.inputs(dtype, 2), sample.inputs(dtype, 1)[1]
    (change,) = _difference(sample, sample.inputs(dtype), ts)
    need_close(_dot(found, ts), _dot([g], [change]), 2e-6, 1e-7, "<vjp(g), t>")


def jvp(sample: Sample, dtype: DType) -> None:
    """jvp(t) = the derivative along random directions t."""
    found = _pushed(sample, dtype)
    if dtype is not dtypes.f64:
        need_near(found, _pushed(sample, dtypes.f64), dtype, "jvp", roundings=4)
        return
    (change,) = _difference(sample, sample.inputs(dtype), sample.inputs(dtype, 2))
    need_close(found, change, 2e-6, 1e-7, "jvp(t)")


def dot(sample: Sample, dtype: DType) -> None:
    """<g, jvp(t)> = <vjp(g), t>: the dot-product identity."""
    xs, g, ts = sample.inputs(dtype), sample.inputs(dtype, 1)[1], sample.inputs(dtype, 2)
    pulled = [np.asarray(a) for a in lang.vjp(sample.fn, *xs)[1](g)]
    limit = 8 * NARROW.get(dtype, 1e-12)
    need_close(_dot(pulled, ts), _dot([g], [_pushed(sample, dtype)]), limit, limit, "<vjp(g), t>")


def second(sample: Sample, dtype: DType) -> None:
    """The derivative of the gradient along t, by forward mode and by reverse mode over it."""
    if dtype is not dtypes.f64:
        for a, b in zip(_second(sample, dtype), _second(sample, dtypes.f64), strict=True):
            need_near(a, b, dtype, "second derivative", roundings=8)
        return
    xs, ts = sample.inputs(dtype), sample.inputs(dtype, 2)
    forward, reverse = _second(sample, dtype)
    change = _dot(ts, central_difference(_gradient(sample), xs, ts))
    need_close(forward, change, 1e-5, 1e-6, "jvp of grad")
    need_close(reverse, change, 1e-5, 1e-6, "grad of grad")


def vmap(sample: Sample, dtype: DType) -> None:
    """A batch at once against a loop over it, for each choice of arguments that have the axis."""
    limit = NARROW.get(dtype, 1e-13)
    lanes = [sample.inputs(dtype, seed) for seed in range(3)]
    for which in ((True, False), (False, True), (True, True)):
        xs = [
            np.stack(r) if b else r[0] for r, b in zip(zip(*lanes, strict=True), which, strict=True)
        ]
        axes = tuple(0 if b else None for b in which)
        rows = [[x[i] if b else x for x, b in zip(xs, which, strict=True)] for i in range(3)]
        found = lang.vmap(sample.fn, in_axes=axes)(*xs)
        wanted = np.stack([sample(*row) for row in rows])
        need_close(found, wanted, limit, limit, f"vmap of arguments {which}")


def code(sample: Sample, dtype: DType) -> Iterator[tuple[str, str]]:
    """(check, what is wrong) of machine code: against the interpreter, and for any threads."""
    xs = sample.inputs(dtype)
    specs = [lang.spec(x.shape, dtype) for x in xs]
    program = compile(sample.fn, *specs, name="sample").load()
    first, *others = (np.asarray(program(*xs, threads=n)) for n in THREADS)
    try:
        need_close(first, sample(*xs), LIMITS[dtype], LIMITS[dtype], "machine code")
    except Gap as e:
        yield "lowering", str(e)
    if any(first.tobytes() != other.tobytes() for other in others):
        yield "threads", f"other bits with {THREADS[-1]} threads"


CHECKS: dict[str, Check] = {
    "value": value, "vjp": vjp, "jvp": jvp, "dot": dot, "second": second, "vmap": vmap,
}  # fmt: skip


def _dot(a: Sequence[Any], b: Sequence[Any]) -> float:
    pairs = zip(a, b, strict=True)
    return float(sum(np.sum(np.float64(x) * np.float64(y)) for x, y in pairs))


def _difference(sample: Sample, xs: list[Any], ts: list[Any]) -> list[Any]:
    return central_difference(lambda *at: [sample(*at)], xs, ts)


def _pushed(sample: Sample, dtype: DType) -> Any:
    return np.asarray(lang.jvp(sample.fn, sample.inputs(dtype), sample.inputs(dtype, 2))[1])


def _gradient(sample: Sample) -> Callable[..., list[Any]]:
    gradient = lang.grad(lambda *xs: sample.fn(*xs).sum(), (0, 1))
    return lambda *xs: [np.asarray(g) for g in gradient(*xs)]


def _second(sample: Sample, dtype: DType) -> tuple[Any, Any]:
    """<t, H t> two ways."""
    xs, ts = sample.inputs(dtype), sample.inputs(dtype, 2)
    gradient = lang.grad(lambda *at: sample.fn(*at).sum(), (0, 1))

    def along(*at: Any) -> Any:
        return sum((g * t).sum() for g, t in zip(gradient(*at), ts, strict=True))

    forward = lang.jvp(along, xs, ts)[1]
    reverse = sum((g * t).sum() for g, t in zip(lang.grad(along, (0, 1))(*xs), ts, strict=True))
    return np.asarray(forward), np.asarray(reverse)
