"""Types and attributes: one spelling, read strictly."""

import pickle
import re

import numpy as np
import pytest

from axec.diag import AxecError
from axec.dialects import attrs, dims, dtypes, types
from axec.dialects.dims import dim
from axec.dialects.dtypes import DType
from axec.dialects.types import TensorType
from axec.mlir import ir

TEXTS = ["f32[]", "bool[0]", "u8[1, 3]", "bf16[batch, 784]", "i8[floordiv(n + 1, 2), 3, 2*n]"]


@pytest.mark.parametrize("text", TEXTS)
def test_text_and_mlir_round_trip(text: str) -> None:
    t = types.parse(text)
    assert str(t) == text
    assert types.of(t.ir()) == t
    assert types.of(ir.Type.parse(str(t.ir()))) == t


@pytest.mark.parametrize("text", ["", "f32", "f33[3]", "f32[3", "f32[3,]", "f32[2n]", "f32(3)"])
def test_what_is_no_type(text: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        types.parse(text)


def test_equal_types_are_one_mlir_type() -> None:
    made = TensorType(dtypes.f32, (1 + dim("n"), 3))
    assert made.ir() == ir.Type.parse('tensor<?x3xf32, ["n + 1"]>')


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("i32", "unsupported-dtype"),
        ("tensor<*xf32>", "unsupported-dtype"),
        ("tensor<3xi16>", "unsupported-dtype"),
        ("tensor<?xf32>", "unnamed-dim"),
        ('tensor<?x?xf32, ["n"]>', "unnamed-dim"),
        ('tensor<3xf32, ["n"]>', "unnamed-dim"),
        ("tensor<?xf32, [3]>", "unnamed-dim"),
        ('tensor<?xf32, "n">', "unnamed-dim"),
        ('tensor<?xf32, ["4"]>', "unnamed-dim"),
        ('tensor<?xf32, ["1 + n"]>', "unnamed-dim"),
        ('tensor<?xf32, ["n +"]>', "unnamed-dim"),
    ],
)
def test_mlir_types_that_are_none_of_ours(text: str, code: str) -> None:
    with pytest.raises(AxecError) as e:
        types.of(ir.Type.parse(text))
    assert e.value.code == code


def test_sizes_of_a_type() -> None:
    t = types.parse("f64[n, 4]")
    assert (t.rank, t.count, t.nbytes, t.is_static) == (2, 4 * dim("n"), 32 * dim("n"), False)
    assert t.shape_at({"n": 3}) == (3, 4)


@pytest.mark.parametrize("dtype", dtypes.ALL)
def test_dtypes_are_single_objects(dtype: DType) -> None:
    assert pickle.loads(pickle.dumps(dtype)) is dtype
    assert dtypes.of(dtype.name) is dtypes.of(dtype.numpy) is dtypes.of(dtype) is dtype
    assert dtypes.BY_MLIR[str(dtype.ir())] is dtype


def test_unknown_dtypes() -> None:
    for value in ("f33", np.complex64, object()):
        with pytest.raises(AxecError, match="axec has no dtype"):
            dtypes.of(value)


@pytest.mark.parametrize(
    ("a", "b", "joined"),
    [
        ("f32", "f32", "f32"), ("f16", "bf16", "f32"), ("f16", "f64", "f64"), ("i8", "u8", "i32"),
        ("u8", "i32", "i32"), ("i32", "i64", "i64"), ("bool", "bool", "bool"),
        ("bool", "i32", None), ("f32", "i32", None),
    ],
)  # fmt: skip
def test_promotion(a: str, b: str, joined: str | None) -> None:
    wanted = None if joined is None else dtypes.of(joined)
    assert dtypes.promote(dtypes.of(a), dtypes.of(b)) is wanted
    assert dtypes.promote(dtypes.of(b), dtypes.of(a)) is wanted


def _arrays(dtype: DType) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = [(), (0,), (1,), (2, 0), (7,), (3, 5), (17,), (300,)]
    found = [np.asarray(rng.normal(size=s) * 30) for s in shapes]
    found += [np.zeros((3, 2)), np.ones((9,)), np.full((2, 2), -0.0)]
    if dtype.is_float:
        special = np.array([np.nan, np.inf, -np.inf, 0, 1e-40])
        found += [special, *special.reshape(5, 1), special[:1].repeat(3), special[1:2].repeat(3)]
    if dtype.kind in "ub":
        found = [np.abs(a) for a in found]
    return [a.astype(dtype.numpy) for a in found]


@pytest.mark.parametrize("dtype", dtypes.ALL)
def test_arrays_survive_printing_and_parsing(dtype: DType) -> None:
    for value in _arrays(dtype):
        text = str(attrs.KINDS["Array"].to_ir(value))
        found = attrs.read("Array", ir.Attribute.parse(text))
        assert (found.dtype, found.shape) == (value.dtype, value.shape), text
        np.testing.assert_array_equal(found.astype("f8"), value.astype("f8"), err_msg=text)
        assert (np.signbit(found.astype("f8")) == np.signbit(value.astype("f8"))).all(), text


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int", -3), ("float", 0.1), ("float", float("inf")), ("bool", False), ("bool", True),
        ("str", "lt"), ("DType", dtypes.u8), ("DType", dtypes.bool_), ("Ints", ()),
        ("Ints", (2, -1)), ("Sizes", ()), ("Sizes", (3, 2 * dim("n") + 1)), ("Pairs", ()),
        ("Pairs", ((0, 1), (2, 3))),
    ],
)  # fmt: skip
def test_attributes_round_trip(kind: str, value: object) -> None:
    attr = ir.Attribute.parse(str(attrs.KINDS[kind].to_ir(value)))
    assert attrs.read(kind, attr) == value


def test_a_float_attribute_has_no_negative_zero() -> None:
    assert attrs.KINDS["float"].to_ir(-0.0) == attrs.KINDS["float"].to_ir(0.0)


WRONG = {
    "int": ["3 : i32", "true", "1.5", '"3"'],
    "float": ["3", '"x"'],
    "bool": ["1 : i64", '"true"'],
    "str": ["3", "[]"],
    "DType": ["3", "i16"],
    "Ints": ["[1, 2]", "array<i32: 1>", "3"],
    "Sizes": ["array<i64: 1>", "[1.5]", '["1 + n"]', '["3"]', "[3 : i32]"],
    "Pairs": ["[1]", "[array<i64: 1>]", "[array<i64: 1, 2, 3>]", "array<i64: 1, 2>"],
    "Array": ["3", "dense_resource<x> : tensor<2xf32>", "dense<1> : tensor<2xi16>"],
}


@pytest.mark.parametrize(("kind", "text"), [(k, t) for k, row in WRONG.items() for t in row])
def test_attributes_of_another_kind(kind: str, text: str) -> None:
    with pytest.raises(AxecError, match=re.escape(f"must be {attrs.KINDS[kind].words}")) as e:
        attrs.read(kind, ir.Attribute.parse(text))
    assert e.value.code == "bad-attribute"


def test_every_kind_has_wrong_examples() -> None:
    assert WRONG.keys() == attrs.KINDS.keys()
    assert dims.names(3) == set()
