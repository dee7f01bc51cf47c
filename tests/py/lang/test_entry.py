"""`@axe.entry` and the search for entries in a file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import axec as axe
from axec.lang.entry import find_entries

Run = Callable[..., Any]
W = np.arange(32, dtype=np.float32).reshape(8, 4)
X = axe.spec((axe.dim("batch", 1, 16), 8))


@axe.entry(x=X, params={"w": W})
def predict(x: Any, params: Any, scale: float = 2.0) -> Any:
    """Scores."""
    return x @ params["w"] * scale


def test_what_an_entry_is() -> None:
    assert isinstance(predict, axe.Entry)
    assert (predict.name, predict.__name__, predict.__doc__) == ("predict", "predict", "Scores.")
    assert predict.inputs == ["x"]
    assert predict.specs == {"x": X, "params": {"w": W}}
    assert repr(predict) == "<axe.entry predict(x, params)>"


def test_trace(run: Run) -> None:
    traced = predict.trace()
    assert (traced.inputs, list(traced.weights)) == (("x",), ["params.w"])
    x = np.ones((3, 8), np.float32)
    np.testing.assert_array_equal(run(traced, x)[0], x @ W * 2)


def test_calls() -> None:
    x, zero = np.ones((3, 8), np.float32), {"w": np.zeros_like(W)}
    for found in (predict(x), predict(x=x), predict(x, {"w": W}), predict(x, {"w": W}, 2.0)):
        assert isinstance(found, axe.Tensor)
        np.testing.assert_array_equal(found, x @ W * 2)
    np.testing.assert_array_equal(predict(x, zero), 0)
    np.testing.assert_array_equal(predict.fn(x, zero), 0)


def test_inside_another_function() -> None:
    # An entry in a trace is its function: no program of its own.
    @axe.entry(x=X, params={"w": W})
    def twice(x: Any, params: Any) -> Any:
        return predict(x, params) * 2

    traced = twice.trace()
    names = [op.operation.name for op in traced.func.body.blocks[0].operations]
    assert names.count("axe.dot_general") == 1


def test_parameters_first_and_keyword_only(run: Run) -> None:
    @axe.entry(params=lambda: [W], x=X, bias=axe.spec((4,)))
    def fn(params: Any, x: Any, *, bias: Any) -> Any:
        return x @ params[0] + bias

    x, bias = np.ones((2, 8), np.float32), np.ones(4, np.float32)
    np.testing.assert_array_equal(fn(x, bias=bias), x @ W + 1)
    traced = fn.trace()
    assert traced.inputs == ("x", "bias")
    np.testing.assert_array_equal(run(traced, x, bias)[0], x @ W + 1)


def test_weights_come_when_they_are_needed_and_once() -> None:
    calls = []

    def weights() -> Any:
        calls.append(1)
        return W

    @axe.entry(x=X, w=weights)
    def fn(x: Any, w: Any) -> Any:
        return x @ w

    assert not calls
    fn.trace()
    fn(np.ones((1, 8), np.float32))
    assert len(calls) == 1


def test_weights_as_inputs() -> None:
    @axe.entry(x=X, params=axe.spec_like({"w": W}))
    def fn(x: Any, params: Any) -> Any:
        return x @ params["w"]

    traced = fn.trace()
    assert (traced.inputs, traced.weights) == (("x", "params.w"), {})


def test_weights_that_cannot_be_had() -> None:
    @axe.entry(x=X, w=lambda: np.load("nowhere.npy"))
    def fn(x: Any, w: Any) -> Any:
        return x @ w

    with pytest.raises(axe.AxecError) as caught:
        fn.trace()
    assert caught.value.code == "trace-failed"
    assert "nowhere.npy" in caught.value.message
    assert caught.value.location.file.endswith("test_entry.py")


@pytest.mark.parametrize(
    ("bindings", "message", "hint"),
    [
        ({"x": X}, "says nothing about `params`", "weights: `params=` arrays"),
        ({"x": X, "param": W}, "has no parameter `param`", "did you mean `params`?"),
    ],
)
def test_bindings_that_do_not_fit(bindings: Any, message: str, hint: str) -> None:
    with pytest.raises(axe.AxecError, match=message) as caught:
        axe.entry(**bindings)(lambda x, params: x)
    assert caught.value.code == "entry-binding"
    assert hint in caught.value.hint


FILE = """
import dataclasses
import axec as axe
from neighbour import HIDDEN

@dataclasses.dataclass
class Config:  # looks itself up in sys.modules
    width: int = HIDDEN

@axe.entry(x=axe.spec((Config().width,)))
def double(x):
    return x * 2

@axe.entry(x=axe.spec((3,)))
def halve(x):
    return x / 2

alias = halve
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "neighbour.py").write_text("HIDDEN = 5\n")
    path = tmp_path / "program.py"
    path.write_text(FILE)
    return path


def test_find_entries(file: Path) -> None:
    modules, paths = set(sys.modules), list(sys.path)
    both = find_entries(str(file))
    assert [e.name for e in both] == ["double", "halve"]
    assert [e.name for e in find_entries(str(file), "halve")] == ["halve"]
    assert both[0].trace().sources == {"program.py": str(file)}
    assert set(sys.modules) == modules
    assert sys.path == paths
    assert not list(file.parent.glob("**/program*.pyc"))


def test_an_edited_file_is_read_again(file: Path) -> None:
    assert len(find_entries(str(file))) == 2
    file.write_text(FILE.replace("halve", "third"))
    assert find_entries(str(file))[1].name == "third"


@pytest.mark.parametrize(
    ("source", "code", "line", "message"),
    [
        ("x = 1\n", "entry-missing", None, "has no entry"),
        ("x = 1\ny = = 2\n", "entry-file", 2, "is no Python: invalid syntax"),
        ("def f():\n    return 1 / 0\nf()\n", "entry-import", 2, "ZeroDivisionError"),
        ("import nowhere\n", "entry-import", 1, "No module named 'nowhere'"),
        ("import sys\nsys.exit(3)\n", "entry-import", 2, "SystemExit: 3"),
        ("import axec as axe\naxe.spec((2.5,))\n", "argument-type", 2, "must be an int"),
        ("import axec as axe\naxe.sofmax\n", "entry-import", 2, "did you mean 'softmax'?"),
        ("import json\njson.loads('{')\n", "entry-import", 2, "JSONDecodeError"),
    ],
)
def test_files_that_are_wrong(
    tmp_path: Path, source: str, code: str, line: int | None, message: str
) -> None:
    path = tmp_path / "wrong.py"
    path.write_text(source)
    with pytest.raises(axe.AxecError) as caught:
        find_entries(str(path))
    error = caught.value
    assert error.code == code
    assert message in error.message
    assert (error.location and error.location.line) == line
    assert "wrong" not in sys.modules


def test_missing_file_and_unknown_entry(file: Path, tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.py", tmp_path):
        with pytest.raises(axe.AxecError) as caught:
            find_entries(str(path))
        assert (caught.value.code, caught.value.location) == ("entry-file", None)
    with pytest.raises(axe.AxecError) as caught:
        find_entries(str(file), "halv")
    assert (caught.value.code, caught.value.hint) == ("entry-unknown", "did you mean `halve`?")
