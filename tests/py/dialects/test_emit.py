"""Emission into IR, upstream passes on axe ops, decompositions in IR."""

from typing import Any

import numpy as np
import pytest

from axec.dialects import dtypes, types
from axec.dialects.axe import OPS, composite, constants, op_of
from axec.dialects.axe import elementwise as ew
from axec.dialects.axe.build import joined, mean
from axec.dialects.axe.cases import bind, cases, values
from axec.dialects.dims import dim
from axec.dialects.emit import EvalEmit, IrEmit
from axec.dialects.interpret import interpret
from axec.dialects.opdef import OpDef, ShapeError
from axec.mlir import ir, passmanager, unknown_location

COMPOSITES = [op for op in OPS.values() if op.group == "composite"]


def _ops(module: Any) -> list[str]:
    block = module.body.operations[0].regions[0].blocks[0]
    return [o.operation.name.removeprefix("axe.") for o in block.operations][:-1]


def _run_passes(module: Any, *names: str) -> None:
    passmanager.PassManager.parse(f"builtin.module({','.join(names)})").run(module.operation)


def test_shape_errors_come_before_any_op_is_made(build: Any) -> None:
    def body(emit: IrEmit, x: Any, y: Any) -> Any:
        with pytest.raises(ShapeError) as e:
            emit(ew.add, x, y)
        assert e.value.code == "shape-mismatch"
        return x

    assert _ops(build(["f32[3]", "f32[4]"], body)) == []


def test_a_plan_is_not_shared_between_attributes_or_types(build: Any) -> None:
    def body(emit: IrEmit, x: Any, y: Any) -> Any:
        found = [emit(composite.softmax, v, axis=a) for v in (x, y) for a in (0, 1)]
        found += [emit(ew.compare, x, x, direction=d) for d in ("lt", "ge", "lt")]
        return found + [emit(constants.constant, value=np.full(2, v, "f4")) for v in (1, 2)]

    module = build(["f32[3, 3]", "f64[3, 3]"], body)
    made = list(module.body.operations[0].regions[0].blocks[0].operations)[:-1]
    axes = [OPS["axe.softmax"].attrs_from_ir(o.operation)["axis"] for o in made[:4]]
    assert axes == [0, 1, 0, 1]
    assert [types.of(o.operation.results[0]).dtype.name for o in made[:4:2]] == ["f32", "f64"]
    directions = [OPS["axe.compare"].attrs_from_ir(o.operation)["direction"] for o in made[4:7]]
    assert directions == ["lt", "ge", "lt"]
    constants_made = [OPS["axe.constant"].attrs_from_ir(o.operation)["value"][0] for o in made[7:]]
    assert constants_made == [1, 2]


def test_location_is_that_of_the_emitter(build: Any) -> None:
    def body(emit: IrEmit, x: Any) -> Any:
        return IrEmit(ir.Location.file("model.py", 7, 3))(ew.exp, x)

    module = build(["f32[3]"], body)
    made = module.body.operations[0].regions[0].blocks[0].operations[0]
    assert str(made.location) == 'loc("model.py":7:3)'
    assert op_of(made.operation) is ew.exp
    assert op_of(module.operation) is None


def test_cse_merges_equal_ops_and_dce_drops_dead_ones(build: Any) -> None:
    def body(emit: IrEmit, x: Any) -> Any:
        a, b = (emit(composite.softmax, x, axis=1) for _ in range(2))
        other = emit(composite.softmax, x, axis=0)
        emit(ew.exp, x)  # dead
        return emit(ew.add, emit(ew.add, a, b), other)

    module = build(["f32[n, 3]"], body)
    assert _ops(module) == ["softmax", "softmax", "softmax", "exp", "add", "add"]
    _run_passes(module, "cse")
    assert _ops(module) == ["softmax", "softmax", "add", "add"]


def test_cse_keeps_what_differs_in_one_attribute(build: Any) -> None:
    def body(emit: IrEmit, x: Any) -> Any:
        return [emit(ew.compare, x, x, direction=d) for d in ("lt", "le", "lt")]

    module = build(["f32[3]"], body)
    _run_passes(module, "cse")
    assert _ops(module) == ["compare", "compare"]


@pytest.mark.parametrize("op", COMPOSITES, ids=lambda op: op.name)
def test_decomposition_in_ir_is_the_reference(op: OpDef, build: Any) -> None:
    """Emitted into IR, with named dims where the sample has some, a decomposition has the type of
    the shape rule and computes what it computes on arrays. Of narrow numbers it may be the same op
    of wide ones."""
    assert op.expand is not None
    for case in cases(op):

        def body(emit: IrEmit, *xs: Any, case: Any = case) -> Any:
            return op.expand(emit, *xs, **case.attrs)

        module = build(list(case.operands), body)
        main = module.body.operations[0]
        made = [o.operation for o in main.regions[0].blocks[0].operations]
        same = [o for o in made if o.name in ("axe.softmax", op.full_name)]
        assert not any(types.of(o.operands[0]) == case.operands[0] for o in same)
        returned = made[-1].operands[0]
        assert (types.of(returned),) == case.results, case
        bound = bind(case.operands)
        xs = values(case.operands, bound)
        (found,) = interpret(main, xs)
        expected = EvalEmit()(op, *xs, **op.attrs_at(case.attrs, bound))
        np.testing.assert_array_equal(found.astype("f8"), expected.astype("f8"), str(case))


def test_decompositions_stay_small(build: Any) -> None:
    """Ops without constants and broadcasts: what a fuser has to carry."""
    counted = {}
    free = ("constant", "broadcast", "stop_gradient")
    for op in COMPOSITES:
        case = next(c for c in cases(op) if c.dtype is dtypes.f32)
        body = lambda emit, *xs, op=op, case=case: op.expand(emit, *xs, **case.attrs)  # noqa: E731
        ops = _ops(build(list(case.operands), body))
        counted[op.name] = len([o for o in ops if o not in free])
    assert counted == {
        "stop_gradient": 0, "relu": 1, "silu": 2, "gelu": 5, "softmax": 6, "log_softmax": 6,
        "layer_norm": 11, "rms_norm": 7, "avg_pool": 3, "attention": 12,
        "attention_lse": 12, "attention_dq": 9, "attention_dk": 8, "attention_dv": 5, "solve": 15,
    }  # fmt: skip


def test_wide_composites_have_no_casts_in_f32(build: Any) -> None:
    for op in COMPOSITES:
        if op.name == "solve":
            continue  # it casts positions, which its matrix holds as floats
        for case in cases(op):
            body = lambda emit, *xs, op=op, case=case: op.expand(emit, *xs, **case.attrs)  # noqa: E731
            narrow = case.dtype in (dtypes.f16, dtypes.bf16)
            narrow &= op.name not in ("relu", "stop_gradient")
            assert ("cast" in _ops(build(list(case.operands), body))) == narrow, case


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_joined_is_concatenation(count: int, build: Any) -> None:
    xs = [np.arange(3.0 * (i + 1)).reshape(3, i + 1) for i in range(count)]
    np.testing.assert_array_equal(joined(EvalEmit(), xs, 1), np.concatenate(xs, 1))
    declared = [types.TensorType(dtypes.f64, x.shape) for x in xs]
    module = build(declared, lambda emit, *vs: joined(emit, vs, 1))
    assert _ops(module) == ["concat"] * (count - 1)


def test_mean_over_a_named_dim(build: Any) -> None:
    declared = [types.TensorType(dtypes.f32, (3, dim("n")))]
    module = build(declared, lambda emit, x: mean(emit, x, 1))
    (found,) = interpret(module.body.operations[0], [np.arange(12, dtype="f4").reshape(3, 4)])
    np.testing.assert_array_equal(found, [1.5, 5.5, 9.5])


def test_eval_emit_checks_shapes() -> None:
    with pytest.raises(ShapeError, match="differ"):
        EvalEmit()(ew.add, np.ones(3), np.ones(4))
    with pytest.raises(TypeError, match="has no attribute"):
        IrEmit(unknown_location())(ew.add, axis=3)
