"""Branches and loops beside plain Python, outside a trace and inside."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import axec as axe

X = np.arange(6, dtype="f4").reshape(3, 2)


def same(found: Any, expected: Any) -> None:
    pairs = zip(axe.tree.leaves(found), axe.tree.leaves(expected), strict=True)
    for a, b in pairs:
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-6)


@pytest.mark.parametrize("value", [-1.0, 1.0])
def test_cond_takes_pytrees_and_closures(value: float) -> None:
    w = axe.asarray(np.arange(20, dtype="f4"))

    def chosen(x: Any) -> Any:
        def yes(s: Any) -> Any:
            return {"a": s["x"] * 2, "b": w + x}

        def no(s: Any) -> Any:
            return {"a": s["x"], "b": w * s["n"]}

        return axe.cond(x > 0, yes, no, {"x": x, "n": 3})

    expected = (
        {"a": value * 2, "b": np.arange(20) + value}
        if value > 0
        else {"a": value, "b": np.arange(20) * 3}
    )
    same(chosen(axe.asarray(value, dtype=axe.float32)), expected)


@pytest.mark.parametrize("index", [-4, 0, 1, 2, 9])
def test_switch(index: int) -> None:
    branches = [lambda x, i=i: x * i for i in range(3)]
    for dtype in ("uint8", "int8", "int64") if index >= 0 else ("int8", "int32"):
        found = axe.switch(axe.asarray(index, dtype=dtype), branches, X)
        same(found, X * min(max(index, 0), 2))


def test_while_loop_keeps_the_structure_of_its_carry() -> None:
    limit = axe.asarray(20.0, dtype=axe.float32)

    def step(state: Any) -> Any:
        return {"n": state["n"] + 1, "x": state["x"] * 2}

    found = axe.while_loop(lambda s: s["x"].sum() < limit, step, {"n": 0, "x": X})
    same(found, {"n": 1, "x": X * 2})


@pytest.mark.parametrize(("low", "high"), [(0, 4), (2, 5), (3, 1), (-2, 2)])
@pytest.mark.parametrize("known", [True, False])
def test_fori_loop(low: int, high: int, known: bool) -> None:
    def total(low: Any, high: Any) -> Any:
        return axe.fori_loop(low, high, lambda i, c: c * 2 + i, 1)

    expected = 1
    for i in range(low, high):
        expected = expected * 2 + i
    if known:
        same(total(low, high), expected)
    else:
        same(axe.cond(axe.asarray(True), total, lambda a, b: a, low, high), expected)


@pytest.mark.parametrize("unroll", [1, 2, 3, 7, 50, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_scan(reverse: bool, unroll: Any) -> None:
    xs = np.random.default_rng(0).standard_normal((7, 2)).astype("f4")
    rows: list[Any] = [None] * 7
    carry = np.ones(2, "f4")
    for i in reversed(range(7)) if reverse else range(7):
        carry = np.float32(0.5) * carry + xs[i]
        rows[i] = carry.sum()

    def step(c: Any, row: Any) -> Any:
        c = 0.5 * c + row["x"]
        return c, (c.sum(), None)

    found = axe.scan(step, axe.ones(2), {"x": xs}, reverse=reverse, unroll=unroll)
    same(found, (carry, (np.array(rows),)))


def test_scan_without_xs_and_without_rows() -> None:
    same(axe.scan(lambda c, _: (c * 2, None), 1.0, length=4), (16.0,))
    last, ys = axe.scan(lambda c, x: (c + x, x), 0.0, np.zeros(0, "f4"))
    assert (float(last), ys.shape) == (0.0, (0,))


def test_python_numbers_take_the_dtype_of_the_body() -> None:
    last, _ = axe.scan(lambda c, x: (c + x, None), 0.0, np.ones(3))
    assert last.dtype is axe.float64
    assert axe.while_loop(lambda c: c < 3, lambda c: c + np.float64(1), 0.0).dtype is axe.float64


def test_map_is_row_by_row() -> None:
    same(axe.map(lambda r: {"s": r["x"].sum()}, {"x": X}), {"s": X.sum(1)})


def test_named_dims() -> None:
    time = axe.dim("time", 1, 8)

    def total(xs: Any) -> Any:
        last, ys = axe.scan(lambda c, x: (c + x, c), axe.zeros(2), xs)
        assert str(ys.shape[0]) == "time"
        return axe.fori_loop(0, xs.shape[0], lambda i, c: c + i.astype(axe.float32), last)

    from axec.dialects.interpret import interpret
    from axec.lang.tracing import trace
    from axec.passes.base import parse_pipeline, run_pipeline

    made = trace(total, [axe.spec((time, 2))])
    run_pipeline(made.module, parse_pipeline("transform,decompose,simplify"), verify_each=True)
    for n in (1, 3, 8):
        xs = np.arange(2 * n, dtype="f4").reshape(n, 2)
        same(interpret(made.func, [xs]), [xs.sum(0) + n * (n - 1) / 2])


def _code(call: Any) -> str:
    with pytest.raises(axe.AxecError) as e:
        call()
    assert e.value.location is not None
    return e.value.code


def test_bad_input() -> None:
    def same_back(c: Any, x: Any = None) -> Any:
        return c, x

    assert _code(lambda: axe.cond(axe.asarray(1), abs, abs, X)) == "control-condition"
    assert _code(lambda: axe.cond(True, lambda: X, lambda: {"a": X})) == "control-branches"
    assert _code(lambda: axe.switch(0.5, [lambda: X])) == "control-condition"
    assert _code(lambda: axe.switch(0, [])) == "argument-type"
    assert _code(lambda: axe.while_loop(lambda c: c, lambda c: c, X)) == "control-condition"
    assert _code(lambda: axe.while_loop(lambda c: c.any(), lambda c: (c,), X)) == "control-carry"
    assert _code(lambda: axe.scan(lambda c, x: c, X, X)) == "control-carry"
    assert _code(lambda: axe.scan(same_back, X)) == "scan-length"
    assert _code(lambda: axe.scan(same_back, X, X, length=2)) == "scan-length"
    assert _code(lambda: axe.scan(same_back, X, 1.0)) == "scan-length"
    assert _code(lambda: axe.scan(same_back, X, X, unroll=0)) == "argument-type"
    assert _code(lambda: axe.fori_loop(0, 2.5, lambda i, c: c, X)) == "argument-type"
    assert (
        _code(lambda: axe.fori_loop(0, axe.asarray(2.5), lambda i, c: c, X)) == "control-condition"
    )
