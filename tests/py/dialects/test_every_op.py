"""Every op, in every sample and dtype: one text, one type, one meaning."""

from typing import Any

import numpy as np
import pytest

from axec.dialects import dims, dtypes
from axec.dialects.axe import CLASSES, FAMILIES, OPS
from axec.dialects.axe.cases import Case, bind, cases, taken, values
from axec.dialects.emit import EvalEmit, evaluate
from axec.dialects.interpret import interpret
from axec.dialects.opdef import GROUPS, OpDef
from axec.mlir import ir

ops = pytest.mark.parametrize("op", OPS.values(), ids=lambda op: op.name)


def _module(build: Any, case: Case) -> Any:
    return build(list(case.operands), lambda emit, *xs: emit(case.op, *xs, **case.attrs))


def _bound(case: Case) -> dict[str, int]:
    return bind(case.operands + case.results)


@ops
def test_ir_verifies_and_prints_as_it_parses(op: OpDef, build: Any) -> None:
    for case in cases(op):
        text = str(_module(build, case))
        assert f'"{op.full_name}"' in text, case
        assert str(ir.Module.parse(text)) == text, case


@ops
def test_attributes_come_back(op: OpDef, build: Any) -> None:
    for case in cases(op):
        module = _module(build, case)  # held: an op alone does not keep its module alive
        made = module.body.operations[0].regions[0].blocks[0].operations[0]
        found = op.attrs_from_ir(made.operation)
        assert found.keys() == case.attrs.keys()
        for name, value in case.attrs.items():
            np.testing.assert_equal(found[name], value, err_msg=str(case))
            assert type(found[name]) is type(value), case


@ops
def test_reference_gives_the_declared_type(op: OpDef) -> None:
    for case in cases(op):
        bound = _bound(case)
        found = evaluate(op, values(case.operands, bound), op.attrs_at(case.attrs, bound))
        (declared,) = case.results
        assert isinstance(found, np.ndarray), case
        assert found.shape == declared.shape_at(bound), case
        assert found.dtype == declared.dtype.numpy, case


@ops
def test_interpreter_calls_the_reference(op: OpDef, build: Any) -> None:
    for case in cases(op):
        bound = _bound(case)
        if bind(case.operands) != bound:
            continue  # a named dim of an attribute alone: test_interpret.py has one
        xs = values(case.operands, bound)
        module = _module(build, case)
        (found,) = interpret(module.body.operations[0], xs)
        expected = evaluate(op, xs, op.attrs_at(case.attrs, bound))
        assert found.tobytes() == expected.tobytes(), case


@ops
def test_inputs_are_left_alone(op: OpDef) -> None:
    for case in cases(op):
        bound = _bound(case)
        xs = values(case.operands, bound)
        before = [x.tobytes() for x in xs]
        evaluate(op, xs, op.attrs_at(case.attrs, bound))
        assert [x.tobytes() for x in xs] == before, case


@ops
def test_shape_rule_commutes_with_binding_dims(op: OpDef) -> None:
    """The rule on symbolic sizes, evaluated, is the rule on the evaluated sizes."""
    for case in cases(op):
        bound = _bound(case)
        operands = tuple(t.with_shape(t.shape_at(bound)) for t in case.operands)
        found = op.result_types(operands, op.attrs_at(case.attrs, bound))
        assert [t.shape for t in found] == [t.shape_at(bound) for t in case.results], case


@ops
def test_narrow_floats_round_once(op: OpDef) -> None:
    """bf16 and f16 compute in f32: the result is that of f32 operands, rounded."""
    for case in cases(op):
        narrow = case.dtype in (dtypes.f16, dtypes.bf16)
        if not narrow or not op.operands or case.results[0].dtype is not case.dtype:
            continue
        if op.name in ("cast", "next_after"):
            continue
        xs = values(case.operands, _bound(case))
        given = op.attrs_at(case.attrs, _bound(case))
        wide = [x.astype(np.float32) if x.dtype == case.dtype.numpy else x for x in xs]
        expected = EvalEmit()(op, *wide, **given).astype(case.dtype.numpy)
        np.testing.assert_array_equal(
            evaluate(op, xs, given).astype("f4"), expected.astype("f4"), err_msg=str(case)
        )


@ops
def test_declaration(op: OpDef) -> None:
    assert op.group in GROUPS
    assert op.doc.endswith("."), op.doc
    assert (op.expand is not None) == (op.group == "composite")
    assert (op.eval is None) == (op.group == "composite")
    assert op.family in {f.__name__.rpartition(".")[2] for f in FAMILIES}
    assert op.full_name in CLASSES


@ops
def test_samples_cover_the_corners(op: OpDef) -> None:
    """0-d or as few axes as the op takes, size 0, size 1, an odd size, a named dim."""
    if op.name == "dim_size":
        return  # its sizes are attributes
    shapes = [t.shape for c in cases(op) for t in c.operands + c.results]
    sizes = {s for shape in shapes for s in shape}
    assert 0 in sizes, "no empty sample"
    assert 1 in sizes or () in shapes, "no sample of one element"
    assert any(isinstance(s, int) and s > 1 and s % 2 for s in sizes), "no odd size"
    named = any(dims.names(s) for s in sizes)
    assert named or op.name == "constant", "no named dim"


FLOATS, INTS, ANY = "f64 f32 f16 bf16", "i64 i32 i8 u8", "f64 f32 f16 bf16 i64 i32 i8 u8 bool"
TAKEN = {
    FLOATS: """exp exp2 log log2 log10 log1p expm1 sqrt rsqrt tanh sigmoid erf sin cos atan atan2
        asinh acosh hypot rem copysign next_after floor ceil trunc round
        silu gelu softmax log_softmax layer_norm rms_norm avg_pool attention""",
    "f64 f32": """attention_lse attention_dq attention_dk attention_dv cholesky triangular_solve lu
        householder solve""",
    f"{FLOATS} {INTS}": """iota dim_size add sub mul div pow clamp window dot_general conv
        cumulate""",
    f"{FLOATS} i64 i32 i8": "neg abs sign relu",
    "i64": "random_bits",
    INTS: "shift_left shift_right",
    f"{INTS} bool": "and or xor not",
    ANY: """constant max min compare select cast reshape transpose broadcast slice reverse pad
        concat take scatter dynamic_slice dynamic_update reduce argreduce argsort top
        stop_gradient""",
}


def test_dtypes_that_ops_take() -> None:
    expected = {name: row for row, names in TAKEN.items() for name in names.split()}
    found = {op.name: " ".join(d.name for d in taken(op)) for op in OPS.values()}
    assert found == expected
