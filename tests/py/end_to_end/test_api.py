"""`axe.compile`, `axe.jit`, artifacts in memory and on disk, and options of the driver."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import axec as axe
from axec.diag import AxecError
from axec.driver import LEVELS, PIPELINE, STAGES, compile_entries
from axec.lang.entry import Entry, entry

W = np.arange(12, dtype=np.float32).reshape(4, 3) / 10
X = np.ones((2, 4), np.float32)
SPEC = axe.spec((axe.dim("batch", 1, 8), 4))


def scores(x: Any) -> Any:
    return axe.nn.relu(x @ W) - 1.0


def two_entries() -> list[Entry]:
    weights = {"w": np.arange(48, dtype=np.float32).reshape(4, 12)}

    @entry(x=SPEC, params=weights)
    def up(x: Any, params: Any) -> Any:
        return x @ params["w"]

    @entry(h=axe.spec((axe.dim("batch", 1, 8), 12)), params=weights)
    def down(h: Any, params: Any) -> Any:
        return h @ params["w"].T

    return [up, down]


def test_compile_save_load(tmp_path: Path) -> None:
    artifact = axe.compile(scores, SPEC)
    artifact.save(tmp_path / "scores.axe")
    loaded = axe.load(tmp_path / "scores.axe")
    np.testing.assert_allclose(loaded(X), np.maximum(X @ W, 0) - 1, rtol=1e-6)
    assert loaded.manifest == artifact.manifest
    assert set(artifact.timings) == set(STAGES)
    assert artifact.to_bytes() == (tmp_path / "scores.axe").read_bytes()


def test_entries_share_their_weights() -> None:
    artifact = axe.compile(two_entries())
    assert list(artifact.manifest["entries"]) == ["down", "up"]
    assert len(artifact.manifest["weights"]) == 1
    loaded = artifact.load()
    w = np.arange(48, dtype=np.float32).reshape(4, 12)
    h = loaded["up"](X)
    np.testing.assert_allclose(h, X @ w)
    np.testing.assert_allclose(loaded["down"](h), X @ w @ w.T)


def test_one_name_for_two_arrays() -> None:
    """Weights of two entries that are called the same stay two weights."""

    def make(name: str, value: float) -> Entry:
        def fn(x: Any, w: Any) -> Any:
            return x @ w

        fn.__name__ = name
        return entry(x=SPEC, w=np.full((4, 5), value, np.float32))(fn)

    loaded = axe.compile([make("a", 1), make("b", 2)]).load()
    np.testing.assert_array_equal(loaded["a"](X), np.full((2, 5), 4, np.float32))
    np.testing.assert_array_equal(loaded["b"](X), np.full((2, 5), 8, np.float32))


def test_pytrees_in_and_out() -> None:
    def step(state: dict[str, Any], scale: Any) -> dict[str, Any]:
        return {"sum": state["a"] + state["b"][0], "pair": (state["a"] * scale, state["b"][1])}

    spec = axe.spec((3,))
    loaded = axe.compile(step, {"a": spec, "b": [spec, spec]}, axe.spec(())).load()
    a = np.arange(3, dtype=np.float32)
    found = loaded({"a": a, "b": [a + 1, a + 2]}, np.float32(2))
    np.testing.assert_array_equal(found["sum"], 2 * a + 1)
    np.testing.assert_array_equal(found["pair"][0], 2 * a)
    np.testing.assert_array_equal(found["pair"][1], a + 2)


def test_jit_compiles_once_per_shape() -> None:
    traces = []

    def f(x: Any) -> Any:
        traces.append(x.shape)
        return axe.sum(x * 2.0, axis=1)

    g = axe.jit(f)
    for _ in range(2):
        np.testing.assert_array_equal(np.asarray(g(X)), np.full(2, 8, np.float32))
        np.testing.assert_array_equal(np.asarray(g(X[:1])), np.full(1, 8, np.float32))
    assert traces == [(2, 4), (1, 4)]


def test_several_targets_in_one_file() -> None:
    artifact = axe.compile(scores, SPEC, target=["x86-64-v3", "x86-64-v4"])
    assert [t["name"] for t in artifact.manifest["targets"]] == ["x86-64-v4", "x86-64-v3"]
    v3 = artifact.load(target="x86-64-v3")
    np.testing.assert_allclose(v3(X), np.maximum(X @ W, 0) - 1, rtol=1e-6)


@pytest.mark.parametrize("level", [*LEVELS, "llvm", "asm"])
def test_emit(level: str) -> None:
    text = axe.compile(scores, SPEC, target="x86-64-v3").emit(level)
    assert {"axe": "axe.dot_general", "kernel": "kernel.call", "exec": "exec.launch"}.get(
        level, "gemm_relu_sub_0"
    ) in text


def test_print_and_stop_after(capsys: pytest.CaptureFixture[str]) -> None:
    assert compile_entries(two_entries(), stop_after="outline", print_after=["fuse"]) is None
    printed = capsys.readouterr().out
    assert "// after fuse" in printed
    assert "kernel.define" in printed
    assert "exec.program" not in printed


def test_pipeline_options_reach_the_passes() -> None:
    one = axe.compile(scores, SPEC)
    many = axe.compile(
        scores, SPEC, passes=[p if p != "fuse" else "fuse{max_ops=1}" for p in PIPELINE]
    )
    count = [len(a.manifest["entries"]["scores"]["kernels"]) for a in (one, many)]
    assert count[0] < count[1]
    np.testing.assert_allclose(one.load()(X), many.load()(X), rtol=1e-6)
    assert "fuse{max_ops=1}" in many.manifest["provenance"]["passes"]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"target": "x86-64-v9"}, "option-invalid"),
        ({"passes": ["fuze"]}, "pass-unknown"),
        ({"print_after": ["codegen"]}, "stage-unknown"),
        ({"stop_after": "plam"}, "stage-unknown"),
    ],
)
def test_bad_options(options: dict[str, Any], code: str) -> None:
    with pytest.raises(AxecError) as e:
        axe.compile(scores, SPEC, **options)
    assert e.value.code == code
    assert e.value.hint


def test_peak_is_what_a_call_needs() -> None:
    """The stated peak is the sum of what the file and the caller hold: no more, no less."""
    entry = axe.compile(scores, SPEC).manifest["entries"]["scores"]
    arrays = 8 * 4 * 4 + 8 * 3 * 4 + 4 * 3 * 4 * 0  # x and result at batch 8; W is a constant
    assert entry["peak_bytes"] == arrays + entry["arena_bytes"]
    assert entry["arena_bytes"] >= entry["lower_bound_bytes"]
