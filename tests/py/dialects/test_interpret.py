"""The reference interpreter: binding of dims, kernels, observation, errors, long programs."""

from typing import Any

import numpy as np
import pytest

from axec.diag import AxecError, Location
from axec.dialects import types
from axec.dialects.axe import constants
from axec.dialects.axe import elementwise as ew
from axec.dialects.dims import dim
from axec.dialects.emit import IrEmit
from axec.dialects.interpret import interpret
from axec.dialects.locations import location_of
from axec.mlir import ir

N3 = 'tensor<?x3xf32, ["n"]>'


def _main(module: Any) -> Any:
    return module.body.operations[0]


def _error(module: Any, *inputs: Any) -> AxecError:
    with pytest.raises(AxecError) as e:
        interpret(_main(module), inputs)
    return e.value


def test_named_dims_take_the_sizes_of_the_inputs(build: Any) -> None:
    def body(emit: IrEmit, x: Any) -> Any:
        ramp = emit(constants.iota, shape=(dim("n"), 3), dtype=types.of(x).dtype, axis=0)
        return emit(ew.add, x, ramp)

    module = build(["f32[n, 3]"], body)
    for n in (0, 1, 4):
        (found,) = interpret(_main(module), [np.zeros((n, 3), "f4")])
        np.testing.assert_array_equal(found, np.arange(n)[:, None] + np.zeros((1, 3)))


def test_inputs_are_checked(build: Any) -> None:
    module = build(["f32[n, 3]", "f32[n]", "f32[2*n + 1]"], lambda emit, x, y, z: x)
    x, y, z = (np.zeros(s, "f4") for s in ((2, 3), (2,), (5,)))
    assert interpret(_main(module), [x, y, z])[0] is x
    assert _error(module, x, y).code == "input-count"
    assert _error(module, x.astype("f8"), y, z).code == "input-dtype"
    assert _error(module, x[0], y, z).code == "input-shape"
    assert _error(module, x[:, :2], y, z).code == "input-shape"
    assert _error(module, x, y, z[:4]).code == "input-shape"
    assert _error(module, x, np.zeros(3, "f4"), z).code == "dim-conflict"
    assert "n is 2 and 3" in _error(module, x, np.zeros(3, "f4"), z).message


def test_dims_that_no_input_gives(build: Any) -> None:
    module = build(["f32[2*n]"], lambda emit, x: x)
    assert _error(module, np.zeros(4, "f4")).code == "dim-unbound"


def test_ranges_of_dims(build: Any) -> None:
    module = build(["f32[n]"], lambda emit, x: x)
    _main(module).attributes["axe.dims"] = ir.Attribute.parse("{n = [2, 4], unused = [1, 1]}")
    assert interpret(_main(module), [np.zeros(4, "f4")])[0].shape == (4,)
    error = _error(module, np.zeros(5, "f4"))
    assert (error.code, error.message) == ("dim-out-of-range", "dim n is 5, its range is 2 to 4")


def test_every_op_is_observed_in_order(build: Any) -> None:
    module = build(["f32[3]"], lambda emit, x: emit(ew.neg, emit(ew.exp, x)))
    seen: list[tuple[str, float]] = []
    interpret(
        _main(module),
        [np.zeros(3, "f4")],
        observe=lambda op, arrays: seen.append((op.name, float(arrays[0][0]))),
    )
    assert seen == [("axe.exp", 1.0), ("axe.neg", -1.0)]


def test_long_programs(build: Any) -> None:
    def body(emit: IrEmit, x: Any) -> Any:
        value = x
        for _ in range(5000):
            value = emit(ew.add, value, x)
        return value

    module = build(["i64[2]"], body)
    (found,) = interpret(_main(module), [np.array([1, -2])])
    np.testing.assert_array_equal(found, [5001, -10002])


def test_values_used_twice_and_returned_twice(build: Any) -> None:
    def body(emit: IrEmit, x: Any, unused: Any) -> Any:
        y = emit(ew.add, x, x)
        return [y, x, y]

    module = build(["i64[1]", "i64[]"], body)
    found = interpret(_main(module), [np.array([2]), np.array(0)])
    assert [int(a[0]) for a in found] == [4, 2, 4]


KERNELS = f"""
func.func @main(%x: tensor<?x3xf32, ["n"]>) -> tensor<?xf32, ["n"]> {{
  %0 = "kernel.fused"(%x) ({{
  ^bb0(%a: {N3}):
    %1 = "axe.exp"(%a) : ({N3}) -> {N3}
    "kernel.yield"(%1) : ({N3}) -> ()
  }}) {{template = "map"}} : ({N3}) -> {N3}
  %2 = "kernel.call"(%0) {{callee = @k0, dims = ["n"]}} : ({N3}) -> tensor<?xf32, ["n"]>
  return %2 : tensor<?xf32, ["n"]>
}}
"kernel.define"() ({{
^bb0(%a: tensor<?x3xf32, ["d0"]>):
  %0 = "axe.reduce"(%a) {{kind = "sum", axes = array<i64: 1>}}
    : (tensor<?x3xf32, ["d0"]>) -> tensor<?xf32, ["d0"]>
  "kernel.yield"(%0) : (tensor<?xf32, ["d0"]>) -> ()
}}) {{sym_name = "k0", template = "row", dims = ["d0"], units = "d0", workspace = []}} : () -> ()
"""


def test_kernels_run_by_their_bodies() -> None:
    module = ir.Module.parse(KERNELS)
    x = np.random.default_rng(0).normal(size=(5, 3)).astype("f4")
    seen: list[str] = []
    (found,) = interpret(_main(module), [x], observe=lambda op, _: seen.append(op.name))
    np.testing.assert_allclose(found, np.exp(x).sum(1), rtol=1e-6)
    assert seen == ["axe.exp", "kernel.fused", "axe.reduce", "kernel.call"]


def test_a_kernel_that_gives_another_size_is_found_out() -> None:
    module = ir.Module.parse(KERNELS.replace('dims = ["n"]', 'dims = ["n + 1"]'))
    error = _error(module, np.zeros((5, 3), "f4"))
    assert error.code == "shape-mismatch"
    assert "declared f32[d0] with {'d0': 6}" in error.message


def test_unknown_ops_are_named_with_their_location() -> None:
    module = ir.Module.parse("""func.func @main(%x: tensor<3xf32>) {
      %c = arith.constant 1 : i64
      return
    }""")
    error = _error(module, np.zeros(3, "f4"))
    assert (error.code, str(error.location)) == ("op-unsupported", "-:2:12")
    assert "arith.constant" in error.message


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ('"m.py":3:4', Location("m.py", 3, 4, 4)),
        ('"m.py":3:4 to :9', Location("m.py", 3, 4, 9)),
        ('"m.py":3:4 to 5:9', Location("m.py", 3, 4, 0)),
        ('"dense"("m.py":3:4)', Location("m.py", 3, 4, 4)),
        ('callsite("m.py":3:4 at "z.py":1:2)', Location("m.py", 3, 4, 4)),
        ('fused[unknown, "m.py":3:4, "z.py":1:2]', Location("m.py", 3, 4, 4)),
        ("unknown", None),
    ],
)
def test_places_in_the_source(location: str, expected: Location | None) -> None:
    module = ir.Module.parse(f"module {{}} loc({location})")
    assert location_of(module.operation) == expected
