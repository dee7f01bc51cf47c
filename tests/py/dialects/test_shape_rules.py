"""What shape rules refuse: the code, and a message that names both sides."""

from typing import Any

import numpy as np
import pytest

from axec.dialects import dtypes, types
from axec.dialects.axe import OPS
from axec.dialects.dims import dim
from axec.dialects.opdef import OpDef, ShapeError

WINDOW: dict[str, Any] = {"stride": (1,), "padding": ((0, 0),), "dilation": (1,)}
MATMUL: dict[str, Any] = {"batch_x": (), "batch_y": (), "contract_x": (1,), "contract_y": (0,)}
CONV: dict[str, Any] = {**WINDOW, "groups": 1}
B, N = dim("batch"), dim("n")

ADD = {"axis": 0, "kind": "add"}

# op, operand types, attributes, code, a piece of the message
REFUSED: list[tuple[str, list[str], dict[str, Any], str, str]] = [
    ("add", ["f32[3]", "f32[4]"], {}, "shape-mismatch", "(3,) and (4,)"),
    ("add", ["f32[batch]", "f32[n]"], {}, "shape-mismatch", "(batch,) and (n,)"),
    ("add", ["f32[3]", "f64[3]"], {}, "dtype-mix", "f32 and f64"),
    ("add", ["bool[3]", "bool[3]"], {}, "dtype-unsupported", "got bool"),
    ("exp", ["i32[3]"], {}, "dtype-unsupported", "exp: needs floating point, got i32"),
    ("and", ["f32[3]", "f32[3]"], {}, "dtype-unsupported", "got f32"),
    ("compare", ["f32[3]"] * 2, {"direction": "<"}, "bad-attribute", "there are eq, ne, lt"),
    ("select", ["i32[3]", "f32[3]", "f32[3]"], {}, "dtype-mix", "condition must be bool, got i32"),
    ("select", ["bool[2]", "f32[3]", "f32[3]"], {}, "shape-mismatch", "(2,), must be (3,)"),
    ("select", ["bool[3]", "f32[3]", "f32[4]"], {}, "shape-mismatch", "(3,) and (4,)"),
    ("clamp", ["f32[3]", "f32[3]", "f32[]"], {}, "shape-mismatch", "(3,) and ()"),
    ("cumulate", ["f32[3]"], {"kind": "mean", "axis": 0}, "bad-attribute", "there are sum, prod"),
    ("cumulate", ["bool[3]"], {"kind": "max", "axis": 0}, "dtype-unsupported", "got bool"),
    ("cumulate", ["f32[3]"], {"kind": "sum", "axis": -1}, "axis-range", "(-1,)"),
    ("argsort", ["f32[]"], {"descending": False}, "axis-range", "needs an axis"),
    ("top", ["f32[3]"], {"k": 4}, "bad-attribute", "4 of 3 elements"),
    ("top", ["f32[n]"], {"k": 1}, "bad-attribute", "1 of n elements"),
    ("random_bits", ["i32[3]", "i32[3]"], {}, "dtype-unsupported", "needs i64, got i32"),
    ("random_bits", ["i64[]", "i64[3]"], {}, "shape-mismatch", "() and (3,)"),
    ("iota", [], {"shape": (3,), "dtype": dtypes.bool_, "axis": 0}, "dtype-unsupported", "bool"),
    ("iota", [], {"shape": (3,), "dtype": dtypes.i32, "axis": 1}, "axis-range", "(1,)"),
    ("dim_size", [], {"shape": (-3,), "dtype": dtypes.i32}, "bad-attribute", "(-3,)"),
    ("iota", [], {"shape": (-3,), "dtype": dtypes.i32, "axis": 0}, "bad-attribute", "(-3,)"),
    ("reshape", ["f32[2, 3]"], {"shape": (4,)}, "shape-mismatch", "(2, 3) has 6 elements, (4,)"),
    ("reshape", ["f32[batch, 3]"], {"shape": (B,)}, "shape-mismatch", "3*batch elements"),
    ("reshape", ["f32[2]"], {"shape": (-1, -2)}, "bad-attribute", "(-1, -2)"),
    ("transpose", ["f32[2, 3]"], {"perm": (0,)}, "axis-range", "(2, 3)"),
    ("transpose", ["f32[2, 3]"], {"perm": (0, 0)}, "axis-range", "(0, 0) do not fit rank 2"),
    ("transpose", ["f32[2, 3]"], {"perm": (0, -1)}, "axis-range", "(0, -1)"),
    ("broadcast", ["f32[2]"], {"shape": (3,), "axes": (0,)}, "shape-mismatch", "(2,)"),
    ("broadcast", ["f32[batch]"], {"shape": (N,), "axes": (0,)}, "shape-mismatch", "(n,)"),
    ("broadcast", ["f32[2]"], {"shape": (2,), "axes": ()}, "bad-attribute", "1 entries"),
    ("broadcast", ["f32[2]"], {"shape": (2,), "axes": (1,)}, "axis-range", "(1,)"),
    ("slice", ["f32[5]"], {"start": (0,), "stop": (6,), "step": (1,)}, "shape-mismatch", "(6,)"),
    ("slice", ["f32[5]"], {"start": (3,), "stop": (2,), "step": (1,)}, "shape-mismatch", "(5,)"),
    ("slice", ["f32[n]"], {"start": (0,), "stop": (N + 1,), "step": (1,)}, "shape-mismatch", "n"),
    ("slice", ["f32[5]"], {"start": (-1,), "stop": (2,), "step": (1,)}, "bad-attribute", "start"),
    ("slice", ["f32[5]"], {"start": (0,), "stop": (2,), "step": (0,)}, "bad-attribute", "step"),
    ("slice", ["f32[5]"], {"start": (), "stop": (2,), "step": (1,)}, "bad-attribute", "start"),
    ("reverse", ["f32[5]"], {"axes": (1,)}, "axis-range", "rank 1"),
    ("pad", ["f32[5]", "f64[]"], {"low": (0,), "high": (0,)}, "dtype-mix", "f32 and f64"),
    ("pad", ["f32[5]", "f32[1]"], {"low": (0,), "high": (0,)}, "shape-mismatch", "(1,)"),
    ("pad", ["f32[5]", "f32[]"], {"low": (-1,), "high": (0,)}, "bad-attribute", "low"),
    ("pad", ["f32[5]", "f32[]"], {"low": (0,), "high": (0, 0)}, "bad-attribute", "high"),
    ("concat", ["f32[2, 3]", "f32[3, 3]"], {"axis": 1}, "shape-mismatch", "(2, 3) and (3, 3)"),
    ("concat", ["f32[2, 3]", "f32[2]"], {"axis": 0}, "shape-mismatch", "(2,)"),
    ("concat", ["f32[2]", "i32[2]"], {"axis": 0}, "dtype-mix", "f32 and i32"),
    ("concat", ["f32[2]", "f32[2]"], {"axis": -1}, "axis-range", "(-1,)"),
    ("take", ["f32[5]", "f32[2]"], {"axis": 0}, "dtype-mix", "i32 or i64, got f32"),
    ("take", ["f32[5]", "i32[2]"], {"axis": 1}, "axis-range", "rank 1"),
    ("take", ["f32[0]", "i32[2]"], {"axis": 0}, "shape-mismatch", "nothing to take"),
    ("scatter", ["f32[5]", "i32[2]", "f32[3]"], ADD, "shape-mismatch", "(2,)"),
    ("scatter", ["f32[0]", "i32[2]", "f32[2]"], ADD, "shape-mismatch", "nothing"),
    ("scatter", ["f32[5]", "f32[2]", "f32[2]"], ADD, "dtype-mix", "i32 or i64"),
    ("scatter", ["bool[5]", "i32[2]", "bool[2]"], ADD, "dtype-unsupported", "bool"),
    ("scatter", ["f32[5]"] * 3, {"axis": 0, "kind": "sub"}, "bad-attribute", "there are set, add"),
    ("dynamic_slice", ["f32[5]", "i32[]"], {"size": (6,)}, "shape-mismatch", "(6,) does not fit"),
    ("dynamic_slice", ["f32[5]"], {"size": (2,)}, "shape-mismatch", "0 starts"),
    ("dynamic_slice", ["f32[5]", "i32[1]"], {"size": (2,)}, "shape-mismatch", "shape (1,)"),
    ("dynamic_slice", ["f32[5]", "i8[]"], {"size": (2,)}, "dtype-mix", "i32 or i64, got i8"),
    ("dynamic_slice", ["f32[5, 5]", "i32[]", "i64[]"], {"size": (2, 2)}, "dtype-mix", "i32 and"),
    ("dynamic_slice", ["f32[5]", "i32[]"], {"size": (-1,)}, "bad-attribute", "(-1,)"),
    ("dynamic_update", ["f32[5]", "f64[2]", "i32[]"], {}, "dtype-mix", "f32 and f64"),
    ("dynamic_update", ["f32[5]", "f32[6]", "i32[]"], {}, "shape-mismatch", "(6,)"),
    ("reduce", ["f32[5]"], {"kind": "mean", "axes": (0,)}, "bad-attribute", "no kind 'mean'"),
    ("reduce", ["bool[5]"], {"kind": "sum", "axes": (0,)}, "dtype-unsupported", "got bool"),
    ("reduce", ["f32[5]"], {"kind": "sum", "axes": (0, 0)}, "axis-range", "(0, 0)"),
    ("argreduce", ["f32[5]"], {"kind": "sum", "axis": 0}, "bad-attribute", "'sum'"),
    ("argreduce", ["f32[3, 0]"], {"kind": "max", "axis": 1}, "shape-mismatch", "(3, 0) is empty"),
    ("window", ["f32[5]"], {"kind": "min", "size": (2,), **WINDOW}, "bad-attribute", "'min'"),
    ("window", ["f32[5]"], {"kind": "max", "size": (6,), **WINDOW}, "shape-mismatch", "(6,)"),
    ("window", ["f32[]"], {"kind": "max", "size": (6,), **WINDOW}, "shape-mismatch", "()"),
    ("window", ["f32[5]"], {"kind": "max", "size": (0,), **WINDOW}, "bad-attribute", "window"),
    ("window", ["f32[5]"], {"kind": "max", "size": (2,), **WINDOW, "stride": (0,)}, "bad-attribute",
     "stride (0,) must be at least 1"),
    ("window", ["f32[5]"], {"kind": "max", "size": (2,), **WINDOW, "padding": ((0, -1),)},
     "bad-attribute", "padding"),
    ("window", ["f32[5]"], {"kind": "max", "size": (2,), **WINDOW, "dilation": ()}, "bad-attribute",
     "dilation"),
    ("dot_general", ["f32[2, 3]", "f32[4, 5]"], MATMUL, "shape-mismatch", "(3,) and (4,)"),
    ("dot_general", ["f32[2, n]", "f32[batch, 5]"], MATMUL, "shape-mismatch", "(n,) and (batch,)"),
    ("dot_general", ["f32[2, 3]", "f64[3, 5]"], MATMUL, "dtype-mix", "f32 and f64"),
    ("dot_general", ["bool[2, 3]", "bool[3, 5]"], MATMUL, "dtype-unsupported", "bool"),
    ("dot_general", ["f32[2, 3]", "f32[3]"], {**MATMUL, "batch_x": (1,)}, "axis-range", "(1, 1)"),
    ("dot_general", ["f32[2, 3]", "f32[3]"], {**MATMUL, "batch_x": (0,)}, "shape-mismatch",
     "batch axes (0,) of (2, 3) and () of (3,)"),
    ("conv", ["f32[1, 3, 5]", "f32[2, 4, 3]"], CONV, "shape-mismatch", "(1, 3, 5) and (2, 4, 3)"),
    ("conv", ["f32[1, 4, 5]", "f32[3, 2, 3]"], {**CONV, "groups": 2}, "shape-mismatch", "2 groups"),
    ("conv", ["f32[1, 4, 5]", "f32[4, 4, 3]"], {**CONV, "groups": 0}, "bad-attribute", "groups"),
    ("conv", ["f32[1, 4]", "f32[4, 4]"], CONV, "shape-mismatch", "(1, 4) and (4, 4)"),
    ("conv", ["f32[1, 4, 2]", "f32[4, 4, 3]"], CONV, "shape-mismatch", "does not fit into (2,)"),
    ("conv", ["f32[1, 4, 5]", "f64[4, 4, 3]"], CONV, "dtype-mix", "f32 and f64"),
    ("relu", ["bool[3]"], {}, "dtype-unsupported", "bool"),
    ("cholesky", ["f32[3]"], {}, "shape-mismatch", "needs matrices"),
    ("cholesky", ["f32[2, 3]"], {}, "shape-mismatch", "needs square matrices [..., N, N], got (2"),
    ("cholesky", ["f16[2, 2]"], {}, "dtype-unsupported", "needs f32 or f64, got f16"),
    ("lu", ["f32[n, 2]"], {}, "shape-mismatch", "(n, 2)"),
    ("householder", ["f32[2, 3]"], {}, "shape-mismatch", "more columns than rows"),
    ("triangular_solve", ["f32[2, 2]", "f32[3, 1]"], {"lower": True}, "shape-mismatch", "(3, 1)"),
    ("triangular_solve", ["f32[2, 2]", "f64[2, 1]"], {"lower": True}, "dtype-mix", "f64"),
    ("solve", ["f32[7, 2, 2]", "f32[2, 1]"], {}, "shape-mismatch", "must be (7, 2, 1)"),
    ("softmax", ["f32[3]"], {"axis": 1}, "axis-range", "rank 1"),
    ("softmax", ["i32[3]"], {"axis": 0}, "dtype-unsupported", "i32"),
    ("log_softmax", ["f32[]"], {"axis": 0}, "axis-range", "rank 0"),
    ("layer_norm", ["f32[2, 3]", "f32[2]", "f32[3]"], {}, "shape-mismatch", "(2,), must be (3,)"),
    ("layer_norm", ["f32[]", "f32[]", "f32[]"], {}, "shape-mismatch", "()"),
    ("layer_norm", ["f16[2, 3]", "f32[3]", "f32[3]"], {}, "dtype-mix", "f16 and f32"),
    ("rms_norm", ["f32[2, 3]", "f32[2, 3]"], {}, "shape-mismatch", "(2, 3), must be (3,)"),
    ("avg_pool", ["f32[5]"], {"size": (7,), "stride": (1,), "padding": ((0, 0),)}, "shape-mismatch",
     "(7,)"),
    ("avg_pool", ["f32[5]"], {"size": (1, 1), "stride": (1, 1), "padding": ((0, 0),) * 2},
     "shape-mismatch", "more axes than (5,)"),
    ("attention", ["f32[3]"] * 3, {"scale": 1.0}, "shape-mismatch", "(3,) and (3,) and (3,)"),
    ("attention", ["f32[3, 4]", "f32[3, 5]", "f32[3, 4]"], {"scale": 1.0}, "shape-mismatch",
     "k has shape (3, 5), must be (3, 4)"),
    ("attention", ["f32[3, 4]", "f32[3, 4]", "f32[2, 4]"], {"scale": 1.0}, "shape-mismatch", "v"),
    ("attention", ["f32[3, 4]"] * 3 + ["bool[3, 4]"], {"scale": 1.0}, "shape-mismatch", "(3, 3)"),
    ("attention", ["f32[3, 4]"] * 3 + ["f64[3, 3]"], {"scale": 1.0}, "dtype-mix", "f32 and f64"),
    ("attention", ["f32[3, 4]"] * 3 + ["f32[3, 3]"] * 2, {"scale": 1.0}, "shape-mismatch", "got 2"),
    ("attention_lse", ["f32[3]"] * 2, {"scale": 1.0}, "shape-mismatch", "(3,) and (3,)"),
    ("attention_dq", ["f32[3, 4]"] * 4 + ["f32[3]", "f32[2]"], {"scale": 1.0}, "shape-mismatch",
     "delta has shape (2,), must be (3,)"),
    ("attention_dk", ["f32[3, 4]"] * 4 + ["f64[3]", "f32[3]"], {"scale": 1.0}, "dtype-mix", "f64"),
    ("attention_dv", ["f32[3, 4]", "f32[5, 4]", "f32[2, 6]", "f32[3]"], {"scale": 1.0},
     "shape-mismatch", "g has shape (2, 6), must be (3, 6)"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "operands", "given", "code", "piece"),
    REFUSED,
    ids=[f"{i}-{row[0]}-{row[3]}" for i, row in enumerate(REFUSED)],
)
def test_refused(
    name: str, operands: list[str], given: dict[str, Any], code: str, piece: str
) -> None:
    op = OPS[f"axe.{name}"]
    with pytest.raises(ShapeError) as e:
        op.result_types(tuple(map(types.parse, operands)), op.with_defaults(given))
    assert (e.value.code, e.value.location) == (code, None)
    assert e.value.message.startswith(op.name)
    assert piece in e.value.message


def test_every_op_refuses_something() -> None:
    """Beside the pointwise ops, whose rules are one function."""
    tested = {row[0] for row in REFUSED}
    untested = {op.name for op in OPS.values() if op.family != "elementwise"} - tested
    takes_all = {"constant", "stop_gradient"}
    assert untested == takes_all | {"silu", "gelu"}  # these two as relu


# op, operand types, attributes, result type
SYMBOLIC: list[tuple[str, list[str], dict[str, Any], str]] = [
    ("reshape", ["f32[batch, 12]"], {"shape": (2 * B, 3, 2)}, "f32[2*batch, 3, 2]"),
    ("slice", ["f32[n]"], {"start": (1,), "stop": (N,), "step": (2,)}, "f32[floordiv(n, 2)]"),
    ("slice", ["f32[n]"], {"start": (0,), "stop": (5,), "step": (1,)}, "f32[5]"),
    ("pad", ["f32[n]", "f32[]"], {"low": (1,), "high": (2,)}, "f32[n + 3]"),
    ("concat", ["f32[n]", "f32[batch]"], {"axis": 0}, "f32[batch + n]"),
    ("take", ["f32[n, 3]", "i64[batch]"], {"axis": 0}, "f32[batch, 3]"),
    ("window", ["f32[n]"], {"kind": "max", "size": (2,), **WINDOW, "stride": (2,)},
     "f32[floordiv(n, 2)]"),
    ("conv", ["f32[batch, 3, n]", "f32[4, 3, 3]"], {**CONV, "padding": ((1, 1),), "stride": (2,)},
     "f32[batch, 4, floordiv(n + 1, 2)]"),
    ("conv", ["f32[1, 2*n, 5]", "f32[n, n, 1]"], {**CONV, "groups": 2}, ""),
    ("dot_general", ["f32[batch, n]", "f32[n, 5]"], MATMUL, "f32[batch, 5]"),
    ("attention", ["f32[batch, n, 8]"] * 3, {"scale": 1.0}, "f32[batch, n, 8]"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "operands", "given", "result"), SYMBOLIC)
def test_symbolic_sizes(name: str, operands: list[str], given: dict[str, Any], result: str) -> None:
    op = OPS[f"axe.{name}"]
    operand_types = tuple(map(types.parse, operands))
    if not result:
        with pytest.raises(ShapeError):
            op.result_types(operand_types, op.with_defaults(given))
        return
    (found,) = op.result_types(operand_types, op.with_defaults(given))
    assert str(found) == result


def test_attributes_are_checked_by_name() -> None:
    op: OpDef = OPS["axe.softmax"]
    with pytest.raises(TypeError, match=r"axe\.softmax has no attribute axes"):
        op.with_defaults({"axes": (1,)})
    with pytest.raises(TypeError, match=r"axe\.softmax needs attribute axis"):
        op.with_defaults({})
    assert OPS["axe.gelu"].with_defaults({}) == {"approximate": False}
    assert OPS["axe.constant"].with_defaults({"value": np.ones(1)})["value"] == 1
