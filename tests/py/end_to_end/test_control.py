"""Branches and loops, compiled: random nested programs, their gradients and batches beside plain
Python and the interpreter; loops over a named dim."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
from support.control_programs import ALL, REVERSIBLE, SIZE, Maker, Python, inputs

import axec as axe
from axec.lang import nn

SPECS = (axe.spec((4, SIZE), axe.float64), axe.spec(SIZE, axe.float64))


def need_same(found: Any, expected: Any) -> None:
    pairs = zip(axe.tree.leaves(found), axe.tree.leaves(expected), strict=True)
    for a, b in pairs:
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-9, atol=1e-11)


def results(fn: Any, specs: Any, *args: Any) -> Any:
    """Of the compiled function; two threads give the same bits."""
    program = axe.compile(fn, *specs, name="main", verify_each=True).load(threads=2)
    found = program(*args)
    alone = axe.tree.leaves(program(*args, threads=1))
    for a, b in zip(axe.tree.leaves(found), alone, strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()
    return found


@pytest.mark.parametrize("seed", range(100, 104))
def test_values(seed: int) -> None:
    program = Maker(seed, ALL).program()
    x, w = inputs(seed)
    found = results(functools.partial(program, axe), SPECS, x, w)
    need_same(found, program(Python, axe.asarray(x), axe.asarray(w)))


@pytest.mark.parametrize("seed", range(100, 103))
def test_gradients(seed: int) -> None:
    fn = axe.value_and_grad(functools.partial(Maker(seed, REVERSIBLE).program(), axe), (0, 1))
    x, w = inputs(seed)
    need_same(results(fn, SPECS, x, w), fn(axe.asarray(x), axe.asarray(w)))


@pytest.mark.parametrize("seed", range(100, 102))
def test_batches(seed: int) -> None:
    fn = axe.vmap(functools.partial(Maker(seed, ALL).program(), axe), in_axes=(0, None))
    x, w = inputs(seed)
    xs = np.stack([x, -x, x / 2])
    batch = axe.spec((axe.dim("batch", 1, 4), 4, SIZE), axe.float64)
    found = results(fn, (batch, SPECS[1]), xs, w)
    need_same(found, fn(axe.asarray(xs), axe.asarray(w)))


def test_gradient_of_a_recurrent_layer_over_a_named_length() -> None:
    model = nn.GRU(3, 4, num_layers=2)
    params = {k: v.astype(np.float64) for k, v in model.init(0).items()}

    def loss(p: Any, x: Any) -> Any:
        y, last = model(p, x)
        return (y * y).mean() + last.sum()

    fn = axe.value_and_grad(loss)
    specs = {k: axe.spec(v.shape, axe.float64) for k, v in params.items()}
    x_spec = axe.spec((axe.dim("batch", 1, 8), axe.dim("time", 1, 16), 3), axe.float64)
    program = axe.compile(fn, specs, x_spec, name="train").load()
    for shape in ((1, 1, 3), (2, 16, 3), (8, 7, 3)):
        x = np.random.default_rng(0).standard_normal(shape)
        need_same(program(params, x), fn(params, axe.asarray(x)))


def test_a_loop_that_stops_by_itself() -> None:
    def root(x: Any) -> Any:
        def step(s: Any) -> Any:
            y = (s[0] + x / s[0]) / 2
            return y, s[1] + 1, abs(y - s[0])

        return axe.while_loop(lambda s: s[2] > 1e-6, step, (x, 0, x))[:2]

    fn = axe.vmap(root)
    x = np.array([2.0, 9.0, 1e4])
    found, rounds = axe.compile(fn, axe.spec(3, axe.float64), name="root").load()(x)
    np.testing.assert_allclose(found, np.sqrt(x), rtol=1e-12)
    assert len(set(rounds.tolist())) == 3


def _loops(p: Any, x: Any, n: Any) -> Any:
    """Weights that a loop in a loop, its condition, branches and no loop at all read."""
    w, v, u = p["w"], p["v"], p["u"]

    def inner(h: Any, _: Any) -> Any:
        return axe.tanh(axe.matmul(h, w.T)), None

    def outer(h: Any, _: Any) -> Any:
        h = axe.scan(inner, h, length=2)[0]
        return axe.cond(n > 2, lambda h: axe.tanh(h @ v), lambda h: h @ v, h), h @ u

    h, ys = axe.scan(outer, x, length=3)
    stop = axe.while_loop(lambda s: (s[0] @ u).sum() > s[1], lambda s: (s[0], s[1] + 8), (h, n))
    return h, ys, stop[1], x @ u


@pytest.mark.parametrize("rows", [1, 4, 16, 40])
def test_weights_that_loops_and_branches_read(rows: int) -> None:
    """They are stored as products read them, where all of these agree."""
    rng = np.random.default_rng(rows)
    p = {k: rng.standard_normal((64, 64), dtype=np.float32) / 8 for k in "wvu"}
    x = rng.standard_normal((rows, 64), dtype=np.float32)
    specs = axe.spec(x.shape), axe.spec((), axe.float32)
    artifact = axe.compile(_loops, p, *specs)
    assert artifact.emit("kernel").count('axe.layout = "panels') == 3
    known = artifact.load()
    given = axe.compile(_loops, axe.spec_like(p), *specs).load()
    for n in (np.float32(1), np.float32(5)):
        for a, b in zip(known(x, n), given(p, x, n), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
