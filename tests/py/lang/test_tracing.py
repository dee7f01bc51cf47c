"""What tracing writes: names, weights, constants, locations; the same text from any folder."""

from __future__ import annotations

import functools
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import axec as axe
from axec.dialects import load
from axec.lang.tracing import Traced, trace

Run = Callable[..., Any]
ROOT = Path(__file__).resolve().parents[3]


def text(traced: Traced, locations: bool = False) -> str:
    with load():
        return str(traced.module.operation.get_asm(enable_debug_info=locations))


def names(traced: Traced) -> list[str]:
    return [op.operation.name for op in traced.func.body.blocks[0].operations]


def big(*shape: int, value: float = 0) -> np.ndarray[Any, Any]:
    return np.full(shape, value, np.float32)


def test_signature() -> None:
    batch = axe.dim("batch", 1, 64)
    params = {"w": big(8, 4), "b": big(20)}

    def fn(x: Any, params: Any, *, extra: Any) -> Any:
        return {"y": x @ params["w"] + extra["bias"], "b": params["b"] * 2}

    extra = {"bias": axe.spec((4,)), "none": None}
    traced = trace(fn, [axe.spec((batch, 8)), params], keywords={"extra": extra})
    assert traced.name == "fn"
    assert traced.inputs == ("x", "extra.bias")
    assert traced.outputs == ("b", "y")
    assert traced.dims == {"batch": (1, 64)}
    assert list(traced.weights) == ["params.w", "params.b"]
    assert traced.weights["params.w"] is params["w"]
    leaf = {"kind": "leaf"}
    assert traced.in_tree == {
        "kind": "dict",
        "keys": ["x", "extra"],
        "children": [
            leaf,
            {"kind": "dict", "keys": ["bias", "none"], "children": [leaf, {"kind": "none"}]},
        ],
    }
    assert traced.out_tree == {"kind": "dict", "keys": ["b", "y"], "children": [leaf, leaf]}
    head = next(line for line in text(traced).splitlines() if "func.func" in line)
    assert head.strip() == (
        'func.func @fn(%arg0: tensor<?x8xf32, ["batch"]> {axe.name = "x"}, '
        '%arg1: tensor<4xf32> {axe.name = "extra.bias"}, '
        '%arg2: tensor<8x4xf32> {axe.weight = "params.w"}, '
        '%arg3: tensor<20xf32> {axe.weight = "params.b"}) -> '
        '(tensor<20xf32> {axe.name = "b"}, tensor<?x4xf32, ["batch"]> {axe.name = "y"}) '
        "attributes {axe.dims = {batch = [1, 64]}} {"
    )


@pytest.mark.parametrize(
    ("fn", "outputs", "kind"),
    [
        (lambda x: x, ("result",), "leaf"),
        (lambda x: (x, [x]), ("result.0", "result.1.0"), "tuple"),
        (lambda x: [x], ("result.0",), "list"),
        (lambda x: {"loss": x, "state": {"w": x}}, ("loss", "state.w"), "dict"),
        (lambda x: (x, 2, np.ones(3)), ("result.0", "result.1", "result.2"), "tuple"),
    ],
)
def test_results(fn: Any, outputs: tuple[str, ...], kind: str) -> None:
    traced = trace(fn, [axe.spec(3)])
    assert (traced.outputs, traced.out_tree["kind"]) == (outputs, kind)


def test_weights_and_constants(run: Run) -> None:
    shared, other, small = big(20, value=1), big(20, value=2), big(16, value=3)

    def fn(x: Any, params: Any) -> Any:
        # 16 elements and less are constants; one array is one weight, however it is reached.
        y = x + params["a"] + params["b"] + shared + other
        return y, x[:16] * 2 + small, x[:16] * 3 + small

    params = {"a": shared, "b": shared, "unused": big(30), "small": small}
    traced = trace(fn, [axe.spec(20), params])
    assert list(traced.weights) == ["params.a", "const_0"]
    assert names(traced).count("axe.constant") == 3  # small, 2 and 3
    found = run(traced, np.zeros(20, np.float32))
    np.testing.assert_array_equal(found[0], 5)
    np.testing.assert_array_equal(found[2], 3)


def test_equal_constants_are_one() -> None:
    traced = trace(lambda x: x * 2 + 2 - 2.0, [axe.spec(4)])
    assert names(traced).count("axe.constant") == 1


def test_a_weight_that_is_no_c_array(run: Run) -> None:
    w = np.arange(24, dtype=np.float32).reshape(4, 6).T
    traced = trace(lambda x: x @ w, [axe.spec((2, 6))])
    assert traced.weights["const_0"].flags.c_contiguous
    x = np.ones((2, 6), np.float32)
    np.testing.assert_array_equal(run(traced, x)[0], x @ w)


def test_nothing_is_evaluated_inside_a_trace() -> None:
    # A mask of a million elements is two ramps and a comparison, not a weight.
    traced = trace(lambda x: axe.where(axe.tril(axe.ones((1024, 1024))) > 0, x, 0), [axe.spec(1)])
    assert not traced.weights
    assert "axe.iota" in names(traced)


def test_several_positional_and_keyword_arguments() -> None:
    def fn(*xs: Any, **named: Any) -> Any:
        return sum(xs[1:], xs[0]) + named["z"]

    traced = trace(fn, [axe.spec(2), axe.spec(2)], keywords={"z": axe.spec(2)})
    assert traced.inputs == ("xs0", "xs1", "z")


def test_static_arguments_by_partial() -> None:
    def fn(x: Any, power: int) -> Any:
        return x * power

    assert trace(functools.partial(fn, power=3), [axe.spec(2)]).name == "main"
    with pytest.raises(axe.AxecError, match="`power` is 3, neither a spec nor an array"):
        trace(fn, [axe.spec(2), 3])


@pytest.mark.parametrize(
    ("specs", "code"),
    [
        ([], "input-count"),
        ([axe.spec(2)] * 3, "input-count"),
        ([axe.spec(2), "x"], "argument-type"),
        ([axe.spec(2), [axe.spec(2), np.ones(2)]], "argument-type"),
        ([axe.spec(2), {"a": {"b": axe.spec(1)}, "a.b": axe.spec(1)}], "argument-name"),
        ([axe.spec(axe.dim("n", 1, 2)), axe.spec(axe.dim("n", 1, 3))], "dim-range"),
        ([axe.spec(2), axe.spec(2 * axe.dim("n", 1, 2))], "dim-unbound"),
    ],
)
def test_arguments_that_do_not_fit(specs: list[Any], code: str) -> None:
    with pytest.raises(axe.AxecError) as caught:
        trace(lambda x, y: x, specs)
    assert caught.value.code == code


def test_exceptions_of_the_function() -> None:
    def inner(x: Any) -> Any:
        return {"a": x}["b"]

    with pytest.raises(axe.AxecError) as caught:
        trace(lambda x: inner(x), [axe.spec(2)])
    line = inner.__code__.co_firstlineno + 1
    assert (caught.value.code, caught.value.location.line) == ("trace-failed", line)
    assert "KeyError: 'b'" in caught.value.message
    assert isinstance(caught.value.__cause__, KeyError)
    # The failed trace is over: what follows runs at once again.
    assert (axe.ones(2) + 1).trace is None


def test_functions_that_return_nothing() -> None:
    with pytest.raises(axe.AxecError, match="returns no array"):
        trace(lambda x: None, [axe.spec(2)])
    with pytest.raises(axe.AxecError, match="a str is no array"):
        trace(lambda x: "x", [axe.spec(2)])


def test_leaks() -> None:
    kept: list[Any] = []
    trace(lambda x: kept.append(x + 1) or x, [axe.spec(2)])
    assert repr(kept[0]) == "<traced float32 (2,) of `<lambda>`>"
    for call in (lambda: kept[0] * 2, lambda: trace(lambda x: x + kept[0], [axe.spec(2)])):
        with pytest.raises(axe.AxecError) as caught:
            call()
        assert caught.value.code == "traced-leak"


def spans(traced: Traced) -> list[str]:
    """The source of every op, cut out of this file by its location."""
    found = []
    lines = Path(__file__).read_text().splitlines()
    for op in traced.func.body.blocks[0].operations:
        if op.operation.name.startswith("axe."):
            place = op.location
            first, last = place.start_line - 1, place.end_line - 1
            part = lines[first : last + 1]
            part[-1] = part[-1][: place.end_col - 1]
            part[0] = part[0][place.start_col - 1 :]
            found.append(" ".join(p.strip() for p in part))
    return found


def test_locations() -> None:
    def helper(v: Any) -> Any:
        return axe.exp(v)

    def fn(x: Any, y: Any) -> Any:
        größe = (x @ y, -x)
        z = helper(größe[0]) + größe[1][0, ::2].sum()
        return axe.concat(
            [z, x],
            axis=0,
        )

    traced = trace(fn, [axe.spec((4, 4)), axe.spec((4, 4))])
    assert traced.sources == {"test_tracing.py": __file__}
    assert spans(traced) == [
        "x @ y",
        "-x",
        "axe.exp(v)",
        "größe[1][0, ::2]",
        "größe[1][0, ::2]",
        "größe[1][0, ::2].sum()",
        "helper(größe[0]) + größe[1][0, ::2].sum()",
        "helper(größe[0]) + größe[1][0, ::2].sum()",
        "axe.concat( [z, x], axis=0, )",
    ]


PROGRAM = """
import numpy as np
import axec as axe
from axec.dialects import load
from axec.lang.tracing import trace
from part.layer import dense

def fn(x, params):
    return {"b": dense(x, params["w"]), "a": axe.nn.softmax(x)}

params = {"w": np.ones((8, 8), np.float32), "v": np.ones(3)}
traced = trace(fn, [axe.spec((axe.dim("n", 1, 4), 8)), params])
with load():
    print(traced.module.operation.get_asm(enable_debug_info=True))
"""


def test_the_text_depends_on_the_program_alone(tmp_path: Path) -> None:
    found = set()
    for name, seed in (("a", "1"), ("another folder", "2")):
        folder = tmp_path / name
        (folder / "part").mkdir(parents=True)
        (folder / "part" / "layer.py").write_text("def dense(x, w):\n    return x @ w\n")
        (folder / "main.py").write_text(textwrap.dedent(PROGRAM))
        done = subprocess.run(
            [sys.executable, folder / "main.py"],
            env={"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        found.add(done.stdout)
    assert len(found) == 1
    assert 'loc("part/layer.py":2:12 to :17)' in found.pop()


def test_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    def function(folder: str, body: str) -> Any:
        path = tmp_path / folder / "layer.py"
        path.parent.mkdir()
        path.write_text(f"def layer(x):\n    return {body}\n")
        space: dict[str, Any] = {"__name__": "layer"}
        exec(compile(path.read_text(), path, "exec"), space)
        return space["layer"]

    first, second = function("a", "x + 1"), function("b", "x * 2")
    traced = trace(lambda x: first(second(x)), [axe.spec(2)])
    names = ["layer.py", "a/layer.py"]
    assert [traced.sources[n] for n in names] == [
        str(tmp_path / "b" / "layer.py"),
        str(tmp_path / "a" / "layer.py"),
    ]
    shown = text(traced, locations=True)
    for name in names:
        assert f'loc("{name}":2:12 to :17)' in shown
