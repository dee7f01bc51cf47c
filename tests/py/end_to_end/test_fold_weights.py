"""What depends on weights alone is computed when compiling: values, sizes, names, bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import axec as axe
from axec import nn
from axec.dialects import load
from axec.dialects.interpret import interpret
from axec.driver import PIPELINE
from axec.lang.tracing import trace
from axec.passes import base

TARGETS = ("x86-64-v3", "native")
SOME = settings(
    deadline=None, max_examples=60, derandomize=True, suppress_health_check=list(HealthCheck)
)
#: Behind a product or convolution of up to 40 terms, in units of the largest number on the way: a
#: weight is rounded once more for each of at most 5 factors.
TOLERANCE = 2e-5


def normal(seed: int, *shape: int) -> Any:
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def folded(fn: Any, *specs: Any, passes: str = "fold_weights") -> tuple[Any, Any]:
    """The traced function and its module after the pass; both stay usable."""
    made = trace(fn, specs)
    with load():
        base.run_pipeline(made.module, base.parse_pipeline(f"decompose,simplify,{passes}"))
    return made, made.module


# ---- values --------------------------------------------------------------------------------------

STEPS = {
    "scale": lambda y, c: y * c,
    "scaled": lambda y, c: c * y,
    "divide": lambda y, c: y / (c + np.float32(3.5)),
    "add": lambda y, c: y + c,
    "added": lambda y, c: c + y,
    "subtract": lambda y, c: y - c,
    "from": lambda y, c: c - y,
    "twice": lambda y, _: y * 2.0,
    "more": lambda y, _: 0.5 - y,
    "square": lambda y, _: y * y,  # no factor of the weight: what stands behind it stays
}


@st.composite
def chains(draw: Any) -> tuple[str, list[str], int]:
    kind = draw(st.sampled_from(["conv", "grouped", "product", "left", "batched"]))
    return (
        kind,
        draw(st.lists(st.sampled_from(list(STEPS)), min_size=1, max_size=5)),
        draw(st.integers(0, 99)),
    )


def program(kind: str, steps: list[str], seed: int) -> tuple[Any, Any, dict[str, Any]]:
    """A function of x and params, x, params. Channels: 20, so that their numbers are weights."""
    params = {f"c{i}": normal(seed + i, 20) for i in range(len(steps))}
    x, w, product = {
        "conv": ((2, 3, 6, 5), (20, 3, 3, 2), lambda x, w: nn.conv2d(x, w, padding=1)),
        "grouped": ((1, 4, 5, 5), (20, 2, 3, 3), lambda x, w: nn.conv2d(x, w, groups=2)),
        "product": ((3, 8), (8, 20), lambda x, w: x @ w),
        "left": ((8, 7), (20, 8), lambda x, w: w @ x),
        "batched": ((2, 3, 8), (2, 8, 20), lambda x, w: x @ w),
    }[kind]

    axes = {"conv": (1, 20, 1, 1), "grouped": (1, 20, 1, 1), "left": (20, 1)}.get(kind, (20,))

    def run(x: Any, params: Any) -> Any:
        y = product(x, params["w"])
        for i, step in enumerate(steps):
            y = STEPS[step](y, axe.reshape(params[f"c{i}"], axes))
        return y

    return run, normal(seed, *x), params | {"w": normal(seed + 50, *w)}


def assert_close(found: Any, wanted: Any, steps: list[str]) -> None:
    power = 2.0 ** sum(s == "square" for s in steps)
    scale = max(1.0, float(np.abs(wanted).max()))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=TOLERANCE * power * scale)


@SOME
@given(chains())
def test_the_pass_keeps_values(sample: tuple[str, list[str], int]) -> None:
    fn, x, params = program(*sample)
    wanted = np.asarray(fn(x, params))  # op by op, with the references
    made, module = folded(fn, axe.spec(x.shape), params)
    with load():
        weights = evaluated(made, module)
        (found,) = interpret(module.body.operations[0], [x, *weights])
    assert_close(found, wanted, sample[1])


def evaluated(made: Any, module: Any) -> list[Any]:
    """The weights of a module's one entry, made by its recipes."""
    entry, *rest = (o.operation for o in module.body.operations)
    recipes = {f.attributes["sym_name"].value: f for r in rest for f in r.regions[0].blocks[0]}
    found = []
    for row in entry.attributes["arg_attrs"]:
        if "axe.recipe" in row:
            recipe, *names = (text.value for text in row["axe.recipe"])
            found += interpret(recipes[recipe], [made.weights[n] for n in names])
        elif "axe.weight" in row:
            found.append(made.weights[row["axe.weight"].value])
    return found


def test_long_chains() -> None:
    """More ops on a weight than Python's stack is deep are one recipe."""
    w = normal(0, 20)

    def fn(x: Any, w: Any) -> Any:
        for i in range(1200):
            w = abs(w - np.float32(i % 7))
        return (x + w) * w

    made, module = folded(fn, axe.spec((20,)), w)
    with load():
        (found,) = evaluated(made, module)
    for i in range(1200):
        w = abs(w - np.float32(i % 7))
    assert np.array_equal(found, w)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("kind", ["conv", "grouped", "product", "left", "batched"])
def test_machine_code_has_the_same_values(kind: str, target: str) -> None:
    steps = ["subtract", "scale", "add", "twice"]
    fn, x, params = program(kind, steps, 7)
    artifact = axe.compile(fn, axe.spec(x.shape), params, target=target)
    assert_close(artifact.load()(x, threads=2), np.asarray(fn(x, params)), steps)
    assert [len(row["from"]) for row in artifact.manifest["weights"]] == [2, 3]


def blocks(x: Any, params: Any) -> Any:
    """Blocks that repeat, as in a ResNet, with normalisations."""
    for i in range(5):
        y = x
        for j in range(2):
            p = params[f"b{i}{j}"]
            y = nn.conv2d(y, p["w"], padding=1)
            y = nn.batch_norm(y, p["mean"], p["var"], p["gain"], p["bias"])[0]
            y = nn.relu(y) if j == 0 else y
        x = nn.relu(x + y)
    return x


def block_params(seed: int = 0, channels: int = 24) -> dict[str, Any]:
    found = {}
    for n in range(10):
        mean, var, gain, bias = (normal(seed + 10 * n + i, channels) for i in range(4))
        w = normal(seed + 10 * n + 5, channels, channels, 3, 3) * np.float32(0.05)
        found[f"b{n // 2}{n % 2}"] = {
            "w": w, "mean": mean, "var": np.abs(var) + 0.5, "gain": gain, "bias": bias,
        }  # fmt: skip
    return found


@pytest.mark.parametrize("target", TARGETS)
def test_layers_that_repeat(target: str) -> None:
    x, params = normal(3, 2, 24, 9, 8), block_params()
    given = axe.compile(blocks, axe.spec(x.shape), axe.spec_like(params), target=target)
    known = axe.compile(blocks, axe.spec(x.shape), params, target=target)
    wanted = given.load()(x, params)
    np.testing.assert_allclose(known.load()(x), wanted, rtol=1e-4, atol=1e-4)
    (entry,) = known.manifest["entries"].values()
    convolutions = [k["calls"] for k in entry["kernels"] if "conv" in k["name"]]
    assert sum(convolutions) == 10
    names = {row["name"] for row in known.manifest["weights"]}
    assert "params.b00.w.mul" in names
    assert not any(name.endswith((".var", ".mean", ".gain")) for name in names)


def test_the_switch_leaves_every_bit() -> None:
    """Without `scales`, what weights alone decide is computed as the program would."""
    x, params = normal(3, 2, 24, 9, 8), block_params()
    passes = [*PIPELINE]
    at = passes.index("fold_weights")
    plain = axe.compile(blocks, axe.spec(x.shape), params, passes=[*passes[:at], *passes[at + 1 :]])
    passes[at] = "fold_weights{scales=false}"
    exact = axe.compile(blocks, axe.spec(x.shape), params, passes=passes)
    assert np.array_equal(plain.load()(x), exact.load()(x))
    assert _calls(exact) < _calls(plain)
    assert exact.manifest["provenance"]["passes"][at] == "fold_weights{scales=false}"


def _calls(artifact: Any) -> int:
    return sum(k["calls"] for e in artifact.manifest["entries"].values() for k in e["kernels"])


# ---- what is stored ------------------------------------------------------------------------------


def test_entries_share_what_they_make_alike() -> None:
    """The same recipe of the same arrays is stored once, under one name and offset."""
    w, s = normal(0, 40, 30), normal(1, 30)

    @axe.entry(x=axe.spec((3, 40)), w=lambda: w, s=lambda: s)
    def one(x: Any, w: Any, s: Any) -> Any:
        return (x @ w) * s

    @axe.entry(x=axe.spec((5, 40)), weight=lambda: w, by=lambda: s)
    def two(x: Any, weight: Any, by: Any) -> Any:
        return axe.tanh((x @ weight) * by)

    @axe.entry(x=axe.spec((5, 40)), w=lambda: w, s=lambda: 2 * s)
    def three(x: Any, w: Any, s: Any) -> Any:
        return (x @ w) * s

    rows = axe.compile([one, two, three]).manifest["weights"]
    assert [(row["name"], row["from"]) for row in rows] == [
        ("w.mul", ["w", "s"]), ("three.w.mul", ["w", "s"]),
    ]  # fmt: skip


def test_figures_are_of_what_is_stored() -> None:
    """Weights that nobody reads, and those that became others, are neither stored nor counted."""
    w, s, unread = normal(0, 64, 64), normal(1, 64), normal(2, 999)

    def fn(x: Any, w: Any, s: Any, unread: Any) -> Any:
        _ = unread * 2.0
        return (x @ w) * s

    made = axe.compile(fn, axe.spec((2, 64)), w, s, unread)
    (entry,) = made.manifest["entries"].values()
    (row,) = made.manifest["weights"]
    assert row["from"] == ["w", "s"]
    inputs = 2 * 2 * 64 * 4
    assert entry["peak_bytes"] == inputs + w.nbytes + entry["arena_bytes"]
    assert sum(s["size"] for s in made.manifest["segments"] if s["kind"] == "weights") == w.nbytes


def test_states_of_training_are_never_folded() -> None:
    """Parameters of a training step are inputs, so that nothing is known of them."""

    def step(params: Any, x: Any) -> Any:
        return axe.grad(lambda p: ((x @ p["w"]) * p["s"]).sum())(params)

    params = {"w": normal(0, 20, 20), "s": normal(1, 20)}
    made = axe.compile(step, axe.spec_like(params), axe.spec((3, 20)))
    assert made.manifest["weights"] == []


# ---- other values, the same bytes ----------------------------------------------------------------


def test_a_program_that_is_found_has_new_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AXEC_CACHE", str(tmp_path))
    x = normal(3, 2, 24, 9, 8)

    def compiled(seed: int) -> Any:
        return axe.compile(blocks, axe.spec(x.shape), block_params(seed), target="x86-64-v3")

    first = compiled(0)
    again, other = compiled(0), compiled(1000)
    assert set(again.timings) == set(other.timings) == {"trace", "pack"}
    assert again.to_bytes() == first.to_bytes()
    monkeypatch.setenv("AXEC_CACHE", "off")
    assert other.to_bytes() == compiled(1000).to_bytes() != first.to_bytes()
