"""`roll` and `unroll`: programs that repeat themselves stay what they are, and what they cost."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.repeated_programs import Repeated

import axec as axe
from axec.dialects import load
from axec.dialects.functions import functions, is_private
from axec.dialects.interpret import interpret
from axec.driver import PIPELINE
from axec.lang.tracing import trace
from axec.passes.axe.roll.period import longest
from axec.passes.base import parse_pipeline, run_pipeline

ROLL = "roll{copies=2 least=2 all=true}"
ALONE = [name for name in PIPELINE if name not in ("roll", "unroll")]
SAMPLES = Path(__file__).parents[3] / "samples"


def traced(fn: Any, arguments: Any) -> Any:
    return trace(fn, [axe.spec_like(a) for a in arguments], name="main")


def run(made: Any, passes: str, arguments: Any) -> tuple[Any, ...]:
    """What the traced program gives after some passes."""
    with load():
        run_pipeline(made.module, parse_pipeline(passes), verify_each=True)
        entry = next(f for f in functions(made.module) if not is_private(f))
        return interpret(entry, [np.asarray(a) for a in axe.tree.leaves(arguments)])


def same(found: Sequence[Any], expected: Sequence[Any]) -> None:
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


def calls(module: Any) -> int:
    return str(module).count('"control.call"')


@pytest.mark.parametrize("seed", [*range(30), 118])  # 118: two runs side by side
def test_programs_stay_what_they_are(seed: int) -> None:
    program = Repeated.of(seed)
    arguments = program.arguments(seed)
    expected = run(traced(program, arguments), "transform", arguments)
    rolled = run(traced(program, arguments), ROLL, arguments)
    same(rolled, expected)
    kernels = f"{ROLL},transform,decompose,simplify,fuse,outline"
    same(run(traced(program, arguments), kernels, arguments), expected)
    made = traced(program, arguments)
    same(run(made, f"{kernels},unroll", arguments), expected)
    with load():
        assert not calls(made.module)


def test_most_random_programs_are_rolled() -> None:
    """Otherwise the tests here say nothing."""
    found = 0
    for seed in range(30):
        program = Repeated.of(seed)
        made = traced(program, program.arguments(seed))
        with load():
            run_pipeline(made.module, parse_pipeline(ROLL))
            found += calls(made.module) > 1
    assert found >= 15


@pytest.mark.parametrize("seed", range(8))
def test_derivatives_and_batches_of_rolled_programs(seed: int) -> None:
    program = Repeated.of(seed)
    arguments = program.arguments(seed)

    def total(*args: Any) -> Any:
        return sum((y * y).sum() for y in axe.tree.leaves(program(*args)))

    def pushed(*args: Any) -> Any:
        return axe.jvp(total, args, args)[1]

    def batched(x: Any, shared: Any, weights: Any) -> Any:
        xs = axe.stack([x, 2 * x, -x])
        return axe.vmap(lambda one: total(one, shared, weights))(xs)

    for fn in (axe.value_and_grad(total, (0, 1, 2)), pushed, batched):
        plain = run(traced(fn, arguments), "transform", arguments)
        rolled = f"{ROLL},transform,decompose,simplify,fuse,outline,unroll"
        same(run(traced(fn, arguments), rolled, arguments), plain)


@pytest.mark.parametrize("seed", range(6))
def test_machine_code(seed: int) -> None:
    program = Repeated.of(seed)
    arguments = [np.float32(a) if not isinstance(a, list) else a for a in program.arguments(seed)]
    arguments[2] = [[np.float32(w) for w in row] for row in arguments[2]]
    specs = axe.spec_like(arguments)
    passes = [ROLL if name == "roll" else name for name in PIPELINE]
    rolled, plain = (axe.compile(program, *specs, passes=p).load() for p in (passes, ALONE))
    found, expected = (axe.tree.leaves(p(*arguments)) for p in (rolled, plain))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)


@functools.cache
def gpt() -> Any:
    spec = importlib.util.spec_from_file_location("gpt", SAMPLES / "gpt.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def loss(params: Any, tokens: Any) -> Any:
    return axe.nn.cross_entropy(gpt().forward(params, tokens), tokens)


def costs(fn: Any, *specs: Any) -> list[dict[str, int]]:
    """What a program costs with `roll` and without."""
    found = []
    for passes in (PIPELINE, ALONE):
        entry = axe.compile(fn, *specs, passes=passes).manifest["entries"][fn.__name__]
        sums = {w: sum(k[w] for k in entry["kernels"]) for w in ("calls", "flops", "bytes")}
        found.append({**sums, "peak": entry["peak_bytes"]})
    return found


TOKENS = axe.spec((2, 32), axe.int32)


def test_a_transformer_costs_what_it_costs_without() -> None:
    rolled, plain = costs(gpt().forward, axe.spec_like(gpt().init(4)), TOKENS)
    assert rolled == plain


def test_a_gradient_costs_no_more_than_without() -> None:
    def gradient(params: Any, tokens: Any) -> Any:
        return axe.value_and_grad(loss)(params, tokens)

    rolled, plain = costs(gradient, axe.spec_like(gpt().init(4)), TOKENS)
    assert rolled["flops"] <= 1.001 * plain["flops"]  # a sum with zero, in the last layer
    assert rolled["bytes"] <= plain["bytes"]
    assert rolled["peak"] <= plain["peak"]
    assert rolled["calls"] <= 1.05 * plain["calls"]


def test_casts_of_mixed_precision_are_no_hindrance() -> None:
    def forward(params: Any, tokens: Any) -> Any:
        return axe.amp(gpt().forward)(params, tokens)

    rolled, plain = costs(forward, gpt().init(6), TOKENS)
    assert rolled["calls"] == plain["calls"]
    assert rolled["flops"] == plain["flops"]
    assert rolled["bytes"] <= 1.01 * plain["bytes"]  # the last layer's unused sum is written, too


def test_what_does_not_fit_hides_nothing() -> None:
    """The longest run is a chain of pointwise ops, which has no border; layers stand behind it."""

    def program(x: Any, w: Any) -> Any:
        for _ in range(40):
            x = axe.sin(x) * 0.5 + axe.exp(-x)
        for _ in range(4):
            x = axe.tanh(axe.cos(x @ w)) * 2.0
        return x

    made = traced(program, [np.ones((3, 8)), np.ones((8, 8))])
    with load():
        run_pipeline(made.module, parse_pipeline("roll{least=8}"))
        assert calls(made.module) == 4


def test_updates_stay_with_the_products_of_the_gradient() -> None:
    """An optimiser computes with derivatives: no border keeps it apart from them."""

    def step(params: Any, tokens: Any) -> Any:
        grads = axe.grad(loss)(params, tokens)
        return axe.tree.map(lambda p, g: p - 0.1 * g, params, grads)

    rolled, plain = costs(step, axe.spec_like(gpt().init(3)), TOKENS)
    assert rolled == plain


def test_layers_are_looked_at_once() -> None:
    """The passes between `roll` and `unroll` see as many ops for 6 layers as for 3."""
    seen = []
    for layers in (3, 6):
        made = trace(gpt().forward, [axe.spec_like(gpt().init(layers)), TOKENS], name="main")
        with load():
            run_pipeline(made.module, parse_pipeline("roll,transform,decompose,simplify"))
            seen.append(str(made.module).count('"axe.'))
    assert seen[0] == seen[1]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([1, 2, 3, 1, 2, 3, 1, 2, 3], (0, 9, 3)),
        ([9, 8, 1, 2, 1, 2, 1, 2, 1, 7], (2, 9, 2)),
        ([1, 1, 2, 1, 1, 2, 1, 1, 2, 1, 1], (0, 11, 3)),
        ([5, 5, 5, 5], (0, 4, 1)),
    ],
)
def test_the_period_of_a_sequence(words: list[int], expected: tuple[int, int, int]) -> None:
    run = longest(words, 0, len(words))
    assert run is not None
    assert (run.start, run.stop, run.period) == expected


def test_nothing_repeats() -> None:
    assert longest([1, 2, 3, 4], 0, 4) is None
