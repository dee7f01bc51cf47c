"""Named dims: laws of arithmetic, canonical text, evaluation."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axec.dialects import dims
from axec.dialects.dims import Size, dim

NAMES = ("a", "b", "batch")
VALUES = st.fixed_dictionaries({n: st.integers(0, 50) for n in NAMES})


def _grown(inner: st.SearchStrategy[Size]) -> st.SearchStrategy[Size]:
    pairs = st.tuples(inner, inner)
    return st.one_of(
        pairs.map(lambda p: p[0] + p[1]),
        pairs.map(lambda p: p[0] - p[1]),
        pairs.map(lambda p: p[0] * p[1]),
        st.tuples(inner, st.integers(1, 7)).map(lambda p: p[0] // p[1]),
        st.tuples(inner, st.integers(1, 7)).map(lambda p: dims.ceildiv(*p)),
    )


LEAVES: st.SearchStrategy[Size] = st.integers(-9, 9) | st.sampled_from(NAMES).map(dim)
EXPRS = st.recursive(LEAVES, _grown, max_leaves=6)


@given(EXPRS, EXPRS, EXPRS)
def test_ring_laws(x: Size, y: Size, z: Size) -> None:
    assert x + y == y + x
    assert x * y == y * x
    assert (x + y) + z == x + (y + z)
    assert (x * y) * z == x * (y * z)
    assert x * (y + z) == x * y + x * z
    assert x - x == 0
    assert x + 0 == x * 1 == x
    assert x * 0 == 0
    assert -1 * x + x == 0


@given(EXPRS, EXPRS, st.integers(1, 6), VALUES)
def test_evaluation_is_a_homomorphism(x: Size, y: Size, by: int, at: dict[str, int]) -> None:
    vx, vy = dims.evaluate(x, at), dims.evaluate(y, at)
    assert dims.evaluate(x + y, at) == vx + vy
    assert dims.evaluate(x - y, at) == vx - vy
    assert dims.evaluate(x * y, at) == vx * vy
    assert dims.evaluate(x // by, at) == vx // by
    assert dims.evaluate(dims.ceildiv(x, by), at) == -(-vx // by)


@given(EXPRS, EXPRS, st.integers(1, 5), st.integers(1, 5))
def test_quotients_are_canonical(x: Size, y: Size, b: int, c: int) -> None:
    assert (x + b * y) // b == x // b + y
    assert (c * x) // (c * b) == x // b


@given(EXPRS, st.integers(1, 5), st.integers(1, 5))
def test_quotients_of_quotients_merge(x: Size, b: int, c: int) -> None:
    if str(x).count("floordiv") == 0:
        assert (x // b) // c == x // (b * c)


@given(EXPRS)
def test_text_round_trip(x: Size) -> None:
    assert dims.parse(str(x)) == x
    assert pickle.loads(pickle.dumps(x)) == x
    if isinstance(x, int):
        with pytest.raises(ValueError, match="must be written"):
            dims.parse_canonical(str(x))
    else:
        assert dims.parse_canonical(str(x)) == x


@given(EXPRS, EXPRS)
def test_equality_is_text_equality(x: Size, y: Size) -> None:
    assert (x == y) == (str(x) == str(y))


@given(EXPRS, EXPRS, VALUES)
def test_substitution_commutes_with_evaluation(x: Size, y: Size, at: dict[str, int]) -> None:
    replaced = dims.evaluate(dims.substitute(x, {"a": y}), at)
    assert replaced == dims.evaluate(x, at | {"a": dims.evaluate(y, at)})


@given(EXPRS, VALUES, VALUES)
def test_bounds_enclose_values(x: Size, at: dict[str, int], other: dict[str, int]) -> None:
    ranges = {n: (min(at[n], other[n]), max(at[n], other[n])) for n in NAMES}
    low, high = dims.bounds(x, ranges)
    assert low <= dims.evaluate(x, at) <= high
    assert low <= dims.evaluate(x, other) <= high


@given(EXPRS)
def test_names(x: Size) -> None:
    used = dims.names(x)
    at = dict.fromkeys(used, 3)
    assert isinstance(dims.evaluate(x, at), int)
    for name in used:
        with pytest.raises(KeyError):
            dims.evaluate(x, {n: v for n, v in at.items() if n != name})


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (2 * dim("batch") + 1, "2*batch + 1"),
        (dim("seq") * dim("batch"), "batch*seq"),
        (1 - dim("n"), "-n + 1"),
        (-dim("n"), "-n"),
        ((dim("n") + 1) // 2, "floordiv(n + 1, 2)"),
        ((dim("n") - 1) // 2 + 1, "floordiv(n + 1, 2)"),
        ((4 * dim("n") + 6) // 8, "floordiv(n + 1, 2)"),
        ((dim("n") + 1) // 2 // 2, "floordiv(n + 1, 4)"),
        (6 * dim("n") // 3, "2*n"),
        (dim("n") - dim("n") + 7, "7"),
    ],
)
def test_canonical_text(made: Size, text: str) -> None:
    assert str(made) == text


@pytest.mark.parametrize(
    "text",
    ["", "n +", "2n", "n m", "(n", "n)", "n * * m", "floordiv(n)", "floordiv(n, 0)", "n // 2", "½",
     "floordiv(n, m)", "floordiv", "n-", "--n", "1.5", "n, m"],
)  # fmt: skip
def test_what_is_no_expression(text: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        dims.parse(text)


def test_text_that_is_not_canonical() -> None:
    assert dims.parse("1 + n") == dim("n") + 1
    with pytest.raises(ValueError, match=r"'1 \+ n' must be written 'n \+ 1'"):
        dims.parse_canonical("1 + n")


@pytest.mark.parametrize("name", ["", "2n", "a b", "floordiv", "n+1"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(ValueError, match="not a name"):
        dim(name)


def test_floats_are_no_sizes() -> None:
    with pytest.raises(TypeError):
        dim("n") + 1.5  # type: ignore[operator]
    with pytest.raises(ValueError, match="positive"):
        dim("n") // 0


def test_product() -> None:
    assert dims.product([]) == 1
    assert dims.product([2, dim("n"), 3]) == 6 * dim("n")
