"""Values, derivatives and batches of branches and loops: random programs beside plain Python."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
from support.control_programs import ALL, COUNTED, REVERSIBLE, SIZE, Maker, Python, inputs

import axec as axe

SEEDS = range(8)


def same(found: Any, expected: Any) -> None:
    for a, b in zip(axe.tree.leaves(found), axe.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-9, atol=1e-11)


def arguments(seed: int) -> tuple[Any, Any]:
    x, w = inputs(seed)
    return axe.asarray(x), axe.asarray(w)


def stacked(*rows: Any) -> Any:
    return axe.tree.map(lambda *r: axe.stack(r), *rows)


@pytest.mark.parametrize("seed", SEEDS)
def test_values(seed: int) -> None:
    program = Maker(seed, ALL).program()
    same(program(axe, *arguments(seed)), program(Python, *arguments(seed)))


@pytest.mark.parametrize("seed", SEEDS)
def test_gradients_of_counted_loops_are_those_of_the_rounds_in_a_row(seed: int) -> None:
    program = Maker(seed, COUNTED).program()
    args = arguments(seed)
    gradients = [axe.value_and_grad(functools.partial(program, c), (0, 1)) for c in (axe, Python)]
    same(gradients[0](*args), gradients[1](*args))


@pytest.mark.parametrize("seed", SEEDS)
def test_derivatives(seed: int) -> None:
    args = arguments(seed)
    some, whole = (
        functools.partial(Maker(seed, kinds, stops=False).program(), axe)
        for kinds in (REVERSIBLE, ALL)
    )
    axe.testing.check_grads(some, args, order=2 if seed == 1 else 1, modes=("fwd", "rev"))
    axe.testing.check_grads(whole, args, order=1, modes=("fwd",))


@pytest.mark.parametrize("seed", SEEDS)
def test_batches(seed: int) -> None:
    """vmap of the program and of its gradient, the gradient of a batch: beside one by one."""
    rng = np.random.default_rng(seed)
    x, w = axe.asarray(rng.standard_normal((3, 4, SIZE))), axe.asarray(rng.standard_normal(SIZE))
    whole = functools.partial(Maker(seed, ALL).program(), axe)
    same(axe.vmap(whole, in_axes=(0, None))(x, w), stacked(*(whole(row, w) for row in x)))
    gradient = axe.grad(functools.partial(Maker(seed, REVERSIBLE).program(), axe))
    one_by_one = stacked(*(gradient(row, w) for row in x))
    same(axe.vmap(gradient, in_axes=(0, None))(x, w), one_by_one)
    some = functools.partial(Maker(seed, REVERSIBLE).program(), axe)
    total = axe.grad(lambda x: axe.vmap(lambda row: some(row, w))(x).sum())
    same(total(x), one_by_one)


def test_bfloat16_sums_of_gradients_are_float32() -> None:
    w = axe.asarray(1.0, dtype=axe.bfloat16)
    xs = axe.ones(1000, dtype=axe.bfloat16) / 512

    def loss(w: Any) -> Any:
        return axe.scan(lambda c, x: (c + (w * x).astype(axe.float32), None), 0.0, xs)[0]

    assert float(axe.grad(loss)(w)) == pytest.approx(1000 / 512, rel=2**-7)


def test_custom_derivatives_in_a_body() -> None:
    @axe.custom_vjp
    def halved(x: Any) -> Any:
        return x * x

    halved.defvjp(lambda x: (x * x, x), lambda x, g: (g * x,))  # half of what it is

    def total(w: Any) -> Any:
        return axe.scan(lambda c, _: (c + halved(w), None), 0.0, length=4)[0]

    w = axe.asarray(3.0)
    same(axe.grad(total)(w), 12.0)
    same(axe.grad(lambda w: axe.cond(w > 0, halved, lambda w: w, w))(w), 3.0)
    same(axe.vmap(axe.grad(total))(axe.asarray([1.0, 2.0])), axe.asarray([4.0, 8.0]))


def test_reverse_mode_through_a_while_says_what_to_use() -> None:
    def power(x: Any) -> Any:
        return axe.while_loop(lambda y: y < 10, lambda y: y * x, x)

    x = axe.asarray(2.0)
    with pytest.raises(axe.AxecError, match="how often it runs") as e:
        axe.grad(power)(x)
    assert e.value.code == "grad-while"
    assert "fori_loop" in str(e.value.hint)
    assert e.value.location is not None
    same(axe.grad(lambda x: x * axe.stop_gradient(power(x)))(x), 16.0)
    same(axe.jacfwd(power)(x), 32.0)


def test_what_does_not_vary_is_not_differentiated() -> None:
    """Integer carries, ys that nobody reads and consts that are not asked about cost nothing."""
    from axec.lang.tracing import trace
    from axec.passes.axe.transform import Transform
    from axec.passes.base import run_pipeline

    def loss(w: Any, xs: Any, scale: Any) -> Any:
        def step(c: Any, x: Any) -> Any:
            h, n = c
            h = axe.tanh(h * w + x) * scale
            return (h, n + 1), axe.exp(h)

        (h, _), _ = axe.scan(step, (axe.zeros(3), 0), xs)
        return h.sum()

    spec = axe.spec(3)
    made = trace(axe.grad(loss), [spec, axe.spec((5, 3)), spec])
    run_pipeline(made.module, [Transform()], verify_each=True)
    ops = [o.operation for o in made.func.operation.regions[0].blocks[0].operations]
    ahead, back = [o for o in ops if o.name == "control.scan"]
    assert len(ahead.results) - 3 <= 2  # tanh and the carry before it are saved
    assert len(back.results) == 2  # the cotangent of h, the sum for w


def test_cotangents_of_matrices_are_one_product_after_the_loop() -> None:
    from axec.lang.tracing import trace
    from axec.passes.base import parse_pipeline, run_pipeline

    def loss(w: Any, xs: Any) -> Any:
        def step(h: Any, x: Any) -> Any:
            return axe.tanh(x + h @ w.T), None

        return (axe.scan(step, axe.zeros((2, 3)), xs)[0] ** 2).sum()

    for wrapped in (loss, axe.amp(loss)):
        specs = [axe.spec((3, 3)), axe.spec((5, 2, 3))]
        made = trace(axe.grad(wrapped), specs, name="main.grad.0")
        run_pipeline(made.module, parse_pipeline("transform,decompose,simplify"), verify_each=True)
        counts = {
            f.operation.attributes["sym_name"].value.split(".")[-2:][0]: str(f).count("dot_general")
            for f in made.module.body.operations
        }
        assert counts == {"grad": 1, "ahead": 1, "back": 1}
