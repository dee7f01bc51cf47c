"""Named dims with ranges: arithmetic, comparisons, what they refuse; specs and dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import axec as axe
from axec.dialects import dims
from axec.lang.sizes import at_least_zero, divide

QUICK = settings(max_examples=60, deadline=None, derandomize=True)
A, B = axe.dim("a", 1, 8), axe.dim("b", 2, 16)
RANGES = {"a": (1, 8), "b": (2, 16)}


def test_arithmetic_keeps_ranges() -> None:
    found = 2 * A + B * 3 - 1
    assert isinstance(found, axe.Dim)
    assert str(found) == "2*a + 3*b - 1"
    assert found.ranges == RANGES
    assert (A - A, A * 0, (2 * A) // 2 == A) == (0, 0, True)
    assert dims.evaluate((10 - A) // 3, {"a": 8}) == 0
    assert dims.evaluate(A % 2, {"a": 7}) == 1
    assert (4 * A) % 2 == 0
    assert (A - A) + B == B


def test_comparisons_that_the_ranges_decide() -> None:
    assert A > 0
    assert A >= 1
    assert A < 9
    assert A <= 8
    assert not A > 8
    assert not A < 1
    assert A + 8 > A
    assert A < A + B
    assert not A == 3  # noqa: SIM201
    named, plain = A, dims.dim("a")
    assert named == plain
    assert plain == named
    assert hash(A) == hash(dims.dim("a"))
    assert bool(A)


@pytest.mark.parametrize("question", [lambda: A > 1, lambda: A < B, lambda: A >= 8])
def test_comparisons_that_they_do_not(question: Any) -> None:
    with pytest.raises(axe.AxecError) as caught:
        question()
    assert caught.value.code == "dim-undecided"
    assert "a in 1..8" in caught.value.message


@pytest.mark.parametrize(
    "use",
    [lambda: int(A), lambda: float(A), lambda: range(A), lambda: A / 2, lambda: 1 / A,
     lambda: [0][A], lambda: A // 0, lambda: A // B],
)  # fmt: skip
def test_uses_that_need_a_number(use: Any) -> None:
    with pytest.raises(axe.AxecError) as caught:
        use()
    assert caught.value.code == "dim-value"


def test_one_name_one_range() -> None:
    other = axe.dim("a", 1, 9)
    for call in (lambda: A + other, lambda: axe.spec((A, other))):
        with pytest.raises(axe.AxecError, match=r"two ranges: 1\.\.8 and 1\.\.9"):
            call()
    assert A + axe.dim("a", 1, 8) == 2 * A


@pytest.mark.parametrize(
    "arguments", [("a", 3, 2), ("a", -1, 2), ("a b", 1, 2), ("floordiv", 1, 2), (1, 1, 2)]
)
def test_bad_dims(arguments: Any) -> None:
    with pytest.raises(axe.AxecError) as caught:
        axe.dim(*arguments)
    assert caught.value.code == "dim-range"


@QUICK
@given(st.integers(1, 8), st.integers(2, 16), st.integers(-3, 3), st.integers(1, 4))
def test_what_is_proven_holds(a: int, b: int, offset: int, by: int) -> None:
    values = {"a": a, "b": b}
    for size in (A - A // by + offset, (A + B) // by - A // by, 2 * (A // by) - A + offset):
        if at_least_zero(size, RANGES):
            assert dims.evaluate(size, values) >= 0


def test_what_should_be_proven_is() -> None:
    assert at_least_zero(A - A // 2, RANGES)
    assert at_least_zero(A - 2 * (A // 2), RANGES)
    assert not at_least_zero(A // 2 - A, RANGES)


@pytest.mark.parametrize(
    ("total", "part", "expected"),
    [
        (12, 4, "3"),
        (12, 5, "None"),
        (0, 4, "0"),
        (6 * A * B, 2 * A, "3*b"),
        (6 * A * B, 6 * A * B, "1"),
        (A * B + A, A, "b + 1"),
        (A * B + B, A, "None"),
        (A + 1, A + 1, "1"),
        (A + 1, B + 1, "None"),
        (12, A, "None"),
    ],
)
def test_exact_division(total: Any, part: Any, expected: str) -> None:
    assert str(divide(total, part)) == expected


def test_spec() -> None:
    spec = axe.spec((A, 3), axe.int32)
    assert spec == axe.spec([A, np.int64(3)], "int32")
    assert spec != axe.spec((A, 4), axe.int32)
    assert repr(axe.spec(5)) == "axe.spec((5,), axe.float32)"
    assert axe.spec(()).shape == ()
    tree = axe.spec_like({"w": np.ones((2, 3)), "b": axe.zeros(4)})
    assert tree == {"w": axe.spec((2, 3), axe.float64), "b": axe.spec(4)}


@pytest.mark.parametrize(
    "call",
    [
        lambda: axe.spec(("batch", 3)),
        lambda: axe.spec((2.5,)),
        lambda: axe.spec((True,)),
        lambda: axe.spec((-1,)),
        lambda: axe.spec_like([1]),
    ],
)
def test_bad_specs(call: Any) -> None:
    with pytest.raises(axe.AxecError) as caught:
        call()
    assert caught.value.location.file.endswith("test_sizes.py")


NAMES = ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int8", "uint8", "bool"]


@pytest.mark.parametrize("name", NAMES)
def test_dtypes(name: str) -> None:
    dtype = getattr(axe, name)
    assert dtype.numpy.name == name
    assert axe.spec((), name).dtype is axe.spec((), dtype.numpy).dtype is dtype


def test_unknown_dtype() -> None:
    with pytest.raises(axe.AxecError) as caught:
        axe.spec((), "flaot32")
    assert (caught.value.code, caught.value.hint) == (
        "unsupported-dtype",
        "did you mean `float32`?",
    )
