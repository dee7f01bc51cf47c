"""Malformed IR gets a diagnostic at the op's own line and column, never a Python traceback."""

import pytest

from axec.dialects.axe import OPS
from axec.mlir import ir

F3, F4 = "tensor<3xf32>", "tensor<4xf32>"

# text of one op on %a : tensor<3xf32>, %b : tensor<4xf32>; a piece of the message
MALFORMED = [
    (f'"axe.add"(%a, %b) : ({F3}, {F4}) -> {F3}', "'axe.add' op shapes (3,) and (4,) differ"),
    (f'"axe.exp"(%a) : ({F3}) -> {F4}', "result types are f32[4], the shape rule gives f32[3]"),
    (f'"axe.exp"(%a) : ({F3}) -> tensor<3xf64>', "are f64[3], the shape rule gives f32[3]"),
    (f'"axe.exp"(%a, %a) : ({F3}, {F3}) -> {F3}', "got 2 operands, needs 1"),
    (f'"axe.exp"() : () -> {F3}', "got 0 operands, needs 1"),
    (f'"axe.exp"(%a) : ({F3}) -> ({F3}, {F3})', "result types are f32[3], f32[3], the shape rule"),
    (f'"axe.exp"(%a) : ({F3}) -> ()', "result types are none"),
    (f'"axe.exp"(%a) : ({F3}) -> f32', "f32 is no tensor of a dtype that axec has"),
    (f'"axe.exp"(%a) : ({F3}) -> tensor<?xf32>', "the encoding must name each of 1 `?`"),
    (f'"axe.exp"(%a) : ({F3}) -> tensor<*xf32>', "is no tensor of a dtype"),
    (f'"axe.dynamic_slice"() {{size = []}} : () -> {F3}', "got 0 operands, needs 1 or more"),
    (f'"axe.softmax"(%a) : ({F3}) -> {F3}', "attribute 'axis' is missing"),
    (f'"axe.softmax"(%a) {{axis = 0 : i32}} : ({F3}) -> {F3}', "'axis' must be an integer"),
    (f'"axe.softmax"(%a) {{axis = 3}} : ({F3}) -> {F3}', "axes (3,) do not fit rank 1"),
    (f'"axe.reduce"(%a) {{axes = [0], kind = "sum"}} : ({F3}) -> tensor<f32>',
     "'axes' must be a list of integers"),
    (f'"axe.reshape"(%a) {{shape = ["1 + n"]}} : ({F3}) -> {F3}', "must be written 'n + 1'"),
    ('"axe.iota"() {axis = 0, dtype = i16, shape = [3]} : () -> tensor<3xi16>', "must be a dtype"),
    ('"axe.constant"() {value = dense<1> : tensor<2xi16>} : () -> tensor<2xi16>', "an array"),
]  # fmt: skip


@pytest.mark.parametrize(("op", "message"), MALFORMED)
def test_malformed(op: str, message: str) -> None:
    results = "%0:2 = " if "-> (t" in op else "" if "-> ()" in op else "%0 = "
    text = f"func.func @f(%a: {F3}, %b: {F4}) {{\n    {results}{op}\n  return\n}}"
    with pytest.raises(ir.MLIRError) as e:
        ir.Module.parse(text)
    (found,) = e.value.error_diagnostics
    assert message in found.message
    assert found.message.startswith(f"'{op.split(chr(34))[1]}' op ")
    assert str(found.location) == f'loc("-":2:{5 + len(results)})'


def test_the_users_location_is_reported() -> None:
    text = f"""func.func @f(%a: {F3}) {{
      %0 = "axe.sqrt"(%a) : ({F3}) -> {F4} loc("model.py":42:5)
      return
    }}"""
    with pytest.raises(ir.MLIRError) as e:
        ir.Module.parse(text)
    assert str(e.value.error_diagnostics[0].location) == 'loc("model.py":42:5)'


def test_unknown_ops_are_refused() -> None:
    with pytest.raises(ir.MLIRError, match=r"axe\.frobnicate"):
        ir.Module.parse('"axe.frobnicate"() : () -> ()')
    assert "axe.frobnicate" not in OPS
