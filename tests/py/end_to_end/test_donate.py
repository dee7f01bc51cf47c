"""Donated arguments: results take their memory, on the native path and on the slow one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import axec as axe

N = 300
STATE = {"a": axe.spec((N,)), "b": axe.spec((N,)), "n": axe.spec((), axe.int32)}
Tree = dict[str, Any]


def update(state: Tree, x: Any) -> tuple[Any, Tree]:
    """`b` needs the old `a`, and the sum the new one."""
    a = state["a"] * 0.5 + x
    b = axe.cumulative_sum(state["a"] + state["b"], axis=0) * 0.01
    return (a * b).sum(), {"a": a, "b": b, "n": state["n"] + 1}


def expected(state: Tree, x: Any) -> tuple[Any, Tree]:
    a = state["a"] * np.float32(0.5) + x
    b = np.cumsum(state["a"] + state["b"], dtype="f4") * np.float32(0.01)
    return (a * b).sum(), {"a": a, "b": b, "n": state["n"] + 1}


def fresh(seed: int = 0) -> Tree:
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((2, N), "f4")
    return {"a": a.copy(), "b": b.copy(), "n": np.zeros((), "i4")}


def copied(state: Tree) -> Tree:
    return {k: v.copy() for k, v in state.items()}


def same(found: Tree, wanted: Tree) -> None:
    for key, value in wanted.items():
        np.testing.assert_allclose(found[key], value, rtol=1e-4, atol=1e-5, err_msg=key)


@pytest.fixture(scope="module")
def artifact() -> Any:
    return axe.compile(update, STATE, axe.spec((N,)), donate=("state",))


@pytest.fixture(scope="module")
def step(artifact: Any) -> Any:
    return artifact.load()


X = np.linspace(-1, 1, N, dtype="f4")


@pytest.mark.parametrize("threads", [1, 2])
def test_the_state_changes_in_place(step: Any, threads: int) -> None:
    state, wanted = fresh(), fresh()
    arrays = dict(state)
    for _ in range(4):
        loss, found = step(state, X, threads=threads)
        total, wanted = expected(wanted, X)
        np.testing.assert_allclose(loss, total, rtol=1e-3, atol=1e-3)
        assert all(found[k] is arrays[k] for k in arrays)
        same(state, wanted)
    loss = np.zeros((), "f4")
    out = (loss, state)
    assert step(state, X, out=out) is out
    same(state, expected(wanted, X)[1])


def test_the_manifest_says_so(artifact: Any) -> None:
    (entry,) = artifact.manifest["entries"].values()
    assert [o.get("donor") for o in entry["outputs"]] == [None, 0, 1, 2]
    plain = axe.compile(update, STATE, axe.spec((N,))).manifest["entries"]["update"]
    assert not any("donor" in o for o in plain["outputs"])
    assert entry["peak_bytes"] - entry["arena_bytes"] == 4 * (3 * N + 1) + 4
    assert plain["peak_bytes"] - plain["arena_bytes"] == 4 * (3 * N + 1) + 4 * (2 * N + 2)


def test_what_cannot_be_changed_in_place_is_copied(step: Any) -> None:
    wanted = expected(fresh(), X)[1]
    wide = np.zeros((N, 2), "f4")
    wide[:, 0] = fresh()["a"]
    state = {**fresh(), "a": wide[:, 0]}  # not contiguous
    _, found = step(state, X)
    same(found, wanted)
    np.testing.assert_array_equal(wide[:, 0], fresh()["a"])
    memory = np.concatenate([fresh()["a"], X])
    state = {**fresh(), "a": memory[:N]}  # beside x, which is what counts
    _, found = step(state, memory[N:])
    assert found["a"] is state["a"]
    same(found, wanted)
    memory = np.concatenate([fresh()["a"], fresh()["a"]])
    state = {**fresh(), "a": memory[:N]}
    shared = memory[N // 2 : N // 2 + N]
    before = shared.copy()
    _, found = step(state, shared)
    assert found["a"] is not state["a"]
    np.testing.assert_array_equal(shared, before)
    same(found, expected(fresh(), before)[1])


def test_one_array_given_twice(step: Any) -> None:
    both = fresh()["a"]
    wanted = expected({"a": both.copy(), "b": both.copy(), "n": np.zeros((), "i4")}, X)[1]
    _, found = step({"a": both, "b": both, "n": np.zeros((), "i4")}, X)
    assert found["a"] is not found["b"]
    same(found, wanted)


def test_read_only_memory_is_refused(step: Any) -> None:
    state = fresh()
    state["b"].flags.writeable = False
    before = copied(state)
    with pytest.raises(axe.AxecError, match=r"output-invalid.*read-only"):
        step(state, X)
    same(state, before)


def test_out_elsewhere_leaves_the_argument(step: Any) -> None:
    state, spare, loss = fresh(), fresh(5), np.zeros((), "f4")
    step(state, X, out=(loss, spare))
    same(state, fresh())
    same(spare, expected(fresh(), X)[1])


@given(st.integers(0, 3), st.integers(0, 3), st.booleans())
@settings(max_examples=8, deadline=None)
def test_any_mixture_of_results(first: int, second: int, late: bool) -> None:
    """Results that swap, keep, move or update their arguments, in one program."""
    kinds = (
        lambda s, o: o + 0.0,
        lambda s, o: s,
        lambda s, o: axe.flip(s * 2.0, axis=0),
        lambda s, o: axe.tanh(s) + o,
    )
    numpy = (
        lambda s, o: o,
        lambda s, o: s,
        lambda s, o: np.flip(s * 2),
        lambda s, o: np.tanh(s) + o,
    )

    def run(p: Any, q: Any) -> Any:
        extra = axe.cumulative_sum(p - q, axis=0)
        new_p, new_q = kinds[first](p, q), kinds[second](q, p)
        return new_p, new_q, (extra + p if late else extra)

    specs = axe.spec((N,)), axe.spec((N,))
    program = axe.compile(run, *specs, donate=("p", "q")).load()
    p, q = fresh()["a"], fresh()["b"]
    wanted = numpy[first](p, q), numpy[second](q, p), np.cumsum(p - q) + (p if late else 0)
    wanted = tuple(np.array(w) for w in wanted)
    found = program(p, q)
    assert found[0] is p
    assert found[1] is q
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3)


def test_entries() -> None:
    @axe.entry(
        donate=("cache",), cache=axe.spec((64, 8)), row=axe.spec((1, 8)), at=axe.spec((), axe.int32)
    )
    def extend(cache: Any, row: Any, at: Any) -> Any:
        return axe.dynamic_update_slice(cache, row, (at, 0))

    artifact = axe.compile(extend)
    (entry,) = artifact.manifest["entries"].values()
    assert entry["arena_bytes"] == 0
    assert [k["bytes"] for k in entry["kernels"]] == [64], "the window, read and written"
    program, cache = artifact.load(), np.zeros((64, 8), "f4")
    for i in range(3):
        assert program(cache, np.full((1, 8), i + 1, "f4"), np.int32(i)) is cache
    assert cache[:4, 0].tolist() == [1, 2, 3, 0]


def test_what_donate_refuses() -> None:
    def f(x: Any, y: Any) -> Any:
        return x.sum(), y

    specs = axe.spec((4,)), axe.spec((4,))
    with pytest.raises(axe.AxecError, match=r"donate-invalid.*no input `z`"):
        axe.compile(f, *specs, donate=("z",))
    with pytest.raises(axe.AxecError, match=r"donate-invalid.*like `x`"):
        axe.compile(f, *specs, donate=("y", "x"))
