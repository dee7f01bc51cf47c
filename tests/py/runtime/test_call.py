"""Calls: what runs, what is converted first, and what is refused with which words."""

from __future__ import annotations

import array
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from axec.runtime.abi import DTYPES
from axec.runtime.arrays import ArraySpec
from axec.runtime.call import CPUS, Entry
from axec.runtime.errors import AxecError
from axec.runtime.loader import Program

X, Y = np.arange(16, dtype="f4"), np.arange(16, dtype="f4") * 2
Refused = Callable[..., str]


@pytest.fixture(params=["native", "slow"])
def add(request: pytest.FixtureRequest, loaded: Program) -> Any:
    """The entry by way of its stub, and by way of the slow path alone."""
    function = loaded["add"]
    return function if request.param == "native" else function.__self__


def misaligned(values: Any) -> Any:
    room = np.zeros(values.nbytes + 1, np.uint8)[1:].view(values.dtype)
    room[:] = values
    return room


# What is no array of float32[16] in C order, yet holds one without loss.
SAME = {
    "big-endian": X.astype(">f4"),
    "every second of 32": np.repeat(X, 2)[::2],
    "reversed": X[::-1].copy()[::-1],
    "misaligned": misaligned(X),
    "read-only": np.frombuffer(X.tobytes(), "f4"),
    "list of floats": X.tolist(),
    "list of ints": [int(v) for v in X],
    "array module": array.array("f", X.tolist()),
    "memoryview": memoryview(X),
    "subclass": X.view(np.recarray),
}


@pytest.mark.parametrize("name", SAME)
def test_inputs_that_hold_the_same(add: Any, name: str) -> None:
    assert add(SAME[name], Y).tolist() == (X + Y).tolist()
    assert add(Y, SAME[name]).tolist() == (X + Y).tolist()


def test_conversions_leave_the_input_alone(add: Any) -> None:
    strided = np.repeat(X, 2)[::2]
    before = strided.copy()
    assert add(strided, Y).base is None
    assert (strided == before).all()


def test_results(add: Any) -> None:
    z = np.full(16, -1, "f4")
    assert add(X, Y, out=z) is z
    assert z.tolist() == (X + Y).tolist()
    assert add(y=Y, x=X).tolist() == z.tolist()
    assert add(X, y=Y, threads=1).tolist() == z.tolist()
    fresh, other = add(X, Y), add(X, Y)
    assert fresh.dtype == np.float32
    assert not np.shares_memory(fresh, other)


def outs() -> dict[str, Any]:
    return {
        "strided": np.zeros(32, "f4")[::2],
        "big-endian": np.zeros(16, ">f4"),
        "misaligned": misaligned(np.zeros(16, "f4")),
        "tuple": (np.zeros(16, "f4"),),
    }


@pytest.mark.parametrize("name", outs())
def test_out_that_native_code_cannot_write(add: Any, name: str) -> None:
    out = outs()[name]
    assert add(X, Y, out=out) is out
    assert np.ravel(out).tolist() == (X + Y).tolist()


@pytest.mark.parametrize("start", [0, 3, 8])
def test_out_that_overlaps_an_input(add: Any, start: int) -> None:
    room = np.arange(32, dtype="f4")
    x, out = room[:16], room[start : start + 16]
    expected = (x + Y).tolist()
    assert add(x, Y, out=out) is out
    assert out.tolist() == expected


def test_outs_that_overlap(loaded: Program) -> None:
    room = np.zeros(40, "f4")
    a, b = np.ones((2, 3), "f4"), np.full((3, 3), 2, "f4")
    c, d = room[:6].reshape(2, 3), room[6:15].reshape(3, 3)
    assert loaded["shapes"](a, b, out=(c, d)) == (c, d)
    assert (c == 2).all()
    assert (d == 4).all()
    loaded["shapes"](a, b, out=(c, room[3:12].reshape(3, 3)))
    assert room[:3].tolist() == [2, 2, 2]
    assert (room[3:12] == 4).all()


BAD = {
    "no input": ((), {}, "input-count", "'add' takes 2 inputs (x, y), but 0 were given"),
    "one input": ((X,), {}, "input-count", "'add' takes 2 inputs (x, y), but 1 were given"),
    "three inputs": ((X, Y, X), {}, "input-count", "takes 2 inputs (x, y), but 3 were given"),
    "unknown keyword": ((X, Y), {"w": X}, "input-name", "input 'w' does not exist"),
    "given twice": ((X, Y), {"x": X}, "input-name", "input 'x' was given twice"),
    "float64": (
        (X, Y.astype("f8")), {}, "input-dtype",
        "input 'y' has dtype float64, but float32 is declared",
    ),
    "int32": ((X.astype("i4"), Y), {}, "input-dtype", "input 'x' has dtype int32, but float32"),
    "complex": ((X + 1j, Y), {}, "input-dtype", "complex64"),
    "text": (("hello", Y), {}, "input-dtype", "input 'x' has dtype <U5"),
    "None": ((None, Y), {}, "input-dtype", "input 'x' has dtype object"),
    "ragged list": (([1, [2]], Y), {}, "input-dtype", "input 'x' is no array"),
    "short": ((X[:15], Y), {}, "input-shape", "has shape (15,), but (16,) is declared"),
    "two axes": ((X.reshape(4, 4), Y), {}, "input-shape", "has shape (4, 4), but (16,)"),
    "no axis": ((np.float32(1), Y), {}, "input-shape", "has shape (), but (16,)"),
    "out of another dtype": (
        (X, Y), {"out": np.zeros(16)}, "output-invalid",
        "out for 'z' is float64 of shape (16,); it must be a writable array, float32 of shape (16",
    ),
    "out of another shape": (
        (X, Y), {"out": np.zeros((4, 4), "f4")}, "output-invalid",
        "out for 'z' is float32 of shape (4, 4)",
    ),
    "read-only out": (
        (X, Y), {"out": np.frombuffer(bytes(64), "f4")}, "output-invalid",
        "out for 'z' is read-only float32",
    ),
    "out is a list": ((X, Y), {"out": X.tolist()}, "output-invalid", "out holds 16 arrays"),
    "out is a number": ((X, Y), {"out": 3}, "output-invalid", "out for 'z' is of type int"),
    "two outs": ((X, Y), {"out": (X, Y)}, "output-invalid", "out holds 2 arrays, 'add' has 1"),
    "no threads": ((X, Y), {"threads": 0}, "threads-invalid", "threads is 0, but"),
    "negative threads": ((X, Y), {"threads": -1}, "threads-invalid", "threads is -1, but"),
    "many threads": ((X, Y), {"threads": CPUS + 1}, "threads-invalid", f"1 to {CPUS}, the CPUs"),
    "huge threads": ((X, Y), {"threads": 1 << 70}, "threads-invalid", "threads is 118059"),
    "threads is a bool": ((X, Y), {"threads": True}, "threads-invalid", "threads is True, but"),
    "threads is a float": ((X, Y), {"threads": 1.0}, "threads-invalid", "threads is 1.0, but"),
    "threads is an array": ((X, Y), {"threads": X}, "threads-invalid", "threads is array("),
    "threads is text": ((X, Y), {"threads": "2"}, "threads-invalid", "threads is '2'"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_refused(add: Any, name: str) -> None:
    args, kwargs, code, words = BAD[name]
    with pytest.raises(AxecError) as found:
        add(*args, **kwargs)
    assert found.value.code == code
    assert words in found.value.message


def test_hints_work(loaded: Program) -> None:
    with pytest.raises(AxecError) as found:
        loaded["add"](X, Y.astype("f8"))
    assert found.value.hint == "pass y.astype('float32')"
    with pytest.raises(AxecError) as found:
        loaded["add"](X)
    assert found.value.hint == "add y"


def test_named_dims(loaded: Program) -> None:
    scale = loaded["scale"]
    for batch in (1, 5, 64):
        x = np.random.default_rng(batch).random((batch, 4), "f4")
        expected = (x * np.array([1, 2, 3, 4], "f4") + np.float32(batch)).tolist()
        assert scale(x).tolist() == expected
        assert scale.__self__(x).tolist() == expected
        assert scale(x, out=np.zeros((batch, 4), "f4")).tolist() == expected


@pytest.mark.parametrize(
    ("a", "b", "code", "words"),
    [
        ((10, 3), (11, 3), "dim-out-of-range", "dim 'n' is 10 in input 'a'; its range is 1 to 9"),
        ((0, 3), (1, 3), "dim-out-of-range", "dim 'n' is 0 in input 'a'"),
        ((2, 3), (3, 4), "dim-conflict", "dim 'm' is 3 in input 'a', but 4 in 'b'"),
        ((2, 3), (4, 3), "input-shape", "(4, 3), but (n + 1, m), here (3, 3), is declared"),
        ((2, 3), (3,), "input-shape", "has shape (3,), but (n + 1, m) is declared"),
    ],
)
def test_dims_that_do_not_fit(
    loaded: Program, a: tuple[int, ...], b: tuple[int, ...], code: str, words: str
) -> None:
    with pytest.raises(AxecError) as found:
        loaded["shapes"](np.ones(a, "f4"), np.ones(b, "f4"))
    assert found.value.code == code
    assert words in found.value.message


def test_several_outputs(loaded: Program) -> None:
    a, b = np.ones((2, 3), "f4"), np.ones((3, 3), "f4")
    for call in (loaded["shapes"], loaded["shapes"].__self__):
        c, d = call(a, b)
        assert (c.shape, d.shape) == ((2, 3), (3, 3))
        assert (c == 2).all()
        assert (d == 2).all()
    out = np.zeros((2, 3), "f4"), np.zeros((3, 3), "f4")
    assert loaded["shapes"](a, b, out=out) is out
    assert (out[0] == 2).all()


def test_trees(loaded: Program) -> None:
    call, ones = loaded["tree"], np.ones(16, "f4")
    found = call({"a": X, "b": Y}, x=ones)
    assert list(found) == ["s", "r"]
    assert found["s"].tolist() == (X + Y).tolist()
    assert found["r"][0].tolist() == (X + 1).tolist()
    assert found["r"][1] is None
    again = call({"a": Y, "b": X}, ones, out=found, threads=1)
    assert again is found
    assert found["r"][0].tolist() == (Y + 1).tolist()


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (X, "p must be a dict with the keys b, a"),
        ({"a": X}, "p must be a dict with the keys b, a"),
        ({"a": X, "b": Y, "c": X}, "p must be a dict"),
    ],
)
def test_trees_that_do_not_fit(loaded: Program, p: Any, words: str) -> None:
    with pytest.raises(AxecError) as found:
        loaded["tree"](p, X)
    assert found.value.code == "input-structure"
    assert words in found.value.message


def test_trees_of_out(loaded: Program, refused: Refused) -> None:
    for out in (X, {"s": X}, {"s": X, "r": [X]}, {"s": X, "r": [X, X]}):
        assert refused(loaded["tree"], {"a": X, "b": Y}, X, out=out) == "input-structure"


def test_bfloat16_travels_as_uint16(loaded: Program) -> None:
    import ml_dtypes

    bits = np.arange(8, dtype=np.uint16) + 0x3F80
    numbers = bits.view(ml_dtypes.bfloat16)
    for x in (bits, numbers):
        assert loaded["half"](x).view(np.uint16).tolist() == bits.tolist()
        out = np.zeros_like(x)
        assert loaded["half"](x, out=out) is out
        assert out.view(np.uint16).tolist() == bits.tolist()
    with pytest.raises(AxecError, match="has dtype float32"):
        loaded["half"](X[:8])


def test_bfloat16_without_ml_dtypes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DTYPES, "bf16", (2, "a name that NumPy does not know", "H"))
    spec = ArraySpec({"name": "x", "dtype": "bf16", "shape": [4]})
    assert spec.dtype == np.uint16
    assert spec.convert(np.ones(4, np.uint16)).dtype == np.uint16


@pytest.mark.parametrize(
    ("dtype", "value", "fits"),
    [
        ("f32", 0.1, True), ("f32", True, True), ("f32", [1, 2.5], True), ("f32", 1j, False),
        ("f32", 2**24, True), ("f32", 2**24 + 1, False), ("f64", 2**24 + 1, True),
        ("i32", 7, True), ("i32", 2**31, False), ("i32", 1.0, False), ("i32", True, True),
        ("u8", 255, True), ("u8", 256, False), ("u8", -1, False), ("i8", -128, True),
        ("bool", True, True), ("bool", 1, False), ("f16", 1.5, True), ("i64", 2**63, False),
        ("f32", np.float64(1), False), ("f32", "1", False), ("u64", 2**64 - 1, True),
    ],
)  # fmt: skip
def test_python_numbers(dtype: str, value: Any, fits: bool) -> None:
    spec = ArraySpec({"name": "x", "dtype": dtype, "shape": []})
    if fits:
        found = spec.convert(value)
        assert found.dtype == spec.dtype
        assert found.tolist() == np.array(value, spec.dtype).tolist()
    else:
        with pytest.raises(AxecError, match="input-dtype"):
            spec.convert(value)


@pytest.mark.parametrize("dtype", ["f64", "f16", "i64", "i32", "i16", "i8", "u64", "u32", "u16"])
def test_every_dtype_is_told_apart(dtype: str) -> None:
    spec = ArraySpec({"name": "x", "dtype": dtype, "shape": [3]})
    fitting = np.ones(3, DTYPES[dtype][1])
    assert spec.convert(fitting) is fitting
    assert spec.convert(fitting.astype(fitting.dtype.newbyteorder())).tolist() == [1, 1, 1]
    for other in set(DTYPES) - {dtype, "bf16"}:
        with pytest.raises(AxecError):
            spec.convert(np.ones(3, DTYPES[other][1]))


def test_no_copy_that_is_not_needed(loaded: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(Entry, "_run", lambda self, arrays, dims, threads: seen.extend(arrays))
    z = np.zeros(16, "f4")
    loaded["add"].__self__(X, Y, out=z)
    assert seen[0] is X
    assert seen[1] is Y
    assert seen[2] is z


def test_the_functions_describe_themselves(loaded: Program) -> None:
    add = loaded["add"]
    assert add.__name__ == "add"
    assert str(inspect.signature(add)) == "(x, y, *, out=None, threads=None)"
    assert "Compiled by axec" in add.__doc__
