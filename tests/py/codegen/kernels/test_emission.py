"""What instructions look like: where values are computed, how memory is read, how much code."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
from support.kernels import Kernels, Make, Ops

from axec.diag import AxecError
from axec.dialects.dims import dim
from axec.passes.codegen.cpu.graph.nodes import Affine, Graph
from axec.passes.codegen.cpu.kernels import emit_kernel
from axec.passes.codegen.cpu.targets import TARGETS
from axec.passes.codegen.llvm import Module

Value = Any
V4 = "x86-64-v4"


def text(template: str, inputs: Sequence[str], make: Make, target: str = V4) -> str:
    kernels = Kernels()
    kernels.add(template, inputs, make)
    return kernels.emit(target)[0].text()


def innermost(ir: str) -> str:
    """The lines of the last loop over lanes."""
    found = re.findall(r"\nj\.loop[.\d]*:\n(.*?)br i1", ir, re.S)
    assert found
    return str(found[-1])


def test_whole_vectors_need_no_masks() -> None:
    ir = text("map", ["f32[64, 32]"] * 2, lambda b, x, y: b.add(x, y))
    assert "masked" not in ir
    assert ir.count("fadd") == 1


def test_a_rest_is_masked() -> None:
    ir = text("map", ["f32[100]"] * 2, lambda b, x, y: b.add(x, y))
    assert ir.count("fadd") == 2
    assert ir.count("call <16 x float> @llvm.masked.load") == 2


def test_heavy_bodies_are_written_once() -> None:
    ir = text("map", ["f32[n]"], lambda b, x: b.div(b.tanh(b.tanh(b.tanh(b.exp(x)))), x))
    assert ir.count("fdiv") == 1


def test_short_rows_use_short_vectors() -> None:
    ir = text("map", ["f32[9, 4]", "f32[4]"], lambda b, x, y: b.add(x, b.columns(y, x)))
    assert "<4 x float>" in ir
    assert "<16 x float>" not in ir


def test_what_a_loop_does_not_change_is_computed_before_it() -> None:
    def body(b: Ops, x: Value, y: Value, z: Value) -> Value:
        scale = b.exp(z)
        spread = b.broadcast(scale, shape=b.shape(x), axes=())
        return b.mul(b.mul(x, spread), b.rows(b.exp(y), x))

    ir = text("map", ["f32[6, 64]", "f32[6]", "f32[]"], body)
    assert len(re.findall(r"= load float", ir)) == 2
    assert "fma" not in innermost(ir)
    assert len(re.findall(r"fmul <16", innermost(ir))) == 2


def test_one_evaluation_per_value_and_index() -> None:
    """x is wanted at two indices, through many paths."""

    def body(b: Ops, x: Value) -> Value:
        y = b.reverse(x, axes=(0,))
        return b.add(b.mul(b.sqrt(x), b.sqrt(y)), b.mul(b.sqrt(x), b.sqrt(y)))

    ir = text("map", ["f32[64, 64]"], body)
    assert ir.count("= load <16 x float>") == 2
    assert ir.count("sqrt.v16f32(") == 2 + 1  # and its declaration


def test_vectors_of_long_bodies_go_side_by_side() -> None:
    def chain(n: int) -> Make:
        def body(b: Ops, x: Value) -> Value:
            for _ in range(n):
                x = b.tanh(x)
            return x

        return body

    for n, lanes in ((1, 16), (2, 32), (4, 64)):
        assert f"<{lanes} x float> @llvm.fma" in text("map", ["f32[4096]"], chain(n))
    assert "<16 x float> @llvm.fma" in text("map", ["f32[30]"], chain(4))


def test_contiguous_and_strided_reads_need_no_gather() -> None:
    makes: list[Make] = [
        lambda b, x: b.slice(x, start=(0, 1), stop=(8, 64), step=(2, 2)),
        lambda b, x: b.reverse(x, axes=(1,)),
        lambda b, x: b.transpose(b.reshape(x, shape=(2, 4, 64)), perm=(1, 0, 2)),
        lambda b, x: b.reshape(b.neg(b.reshape(x, shape=(16, 32))), shape=(4, 128)),
    ]
    for make in makes:
        assert "gather" not in text("map", ["f32[8, 64]"], make)
    assert "gather" not in text("map", ["f32[8, 64]"], lambda b, x: b.transpose(x, perm=(1, 0)))
    far = text(
        "map", ["f32[8, 640]"], lambda b, x: b.slice(x, start=(0, 0), stop=(8, 640), step=(1, 10))
    )
    assert "gather" in far


def test_axes_join_where_every_access_allows() -> None:
    """[2, 3, 8, 4] and one value per [2, 3]: the last two axes are one loop of 32."""

    def body(b: Ops, x: Value, y: Value) -> Value:
        return b.add(x, b.broadcast(y, shape=b.shape(x), axes=(0, 1)))

    ir = text("map", ["f32[2, 3, 8, 4]", "f32[2, 3]"], body)
    assert re.search(r"smin.i64\(i64 %\d+, i64 32\)", ir)


@pytest.mark.parametrize("target", [V4, "x86-64-v3"])
def test_same_text_again(target: str) -> None:
    """Names and order come from the kernel alone."""

    def body(b: Ops, x: Value) -> list[Value]:
        m = b.fold(x, "max")
        return [b.exp(b.sub(x, b.rows(m, x))), m]

    assert text("row", ["f32[n, 40]"], body, target) == text("row", ["f32[n, 40]"], body, target)


def test_a_body_that_the_template_cannot_hold() -> None:
    """A reduction that is read at another row than its own: an error, not wrong code."""

    def body(b: Ops, x: Value) -> Value:
        total = b.reverse(b.fold(x, "sum"), axes=(0,))
        return b.add(x, b.rows(total, x))

    kernels = Kernels()
    kernels.add("row", ["f32[4, 40]"], body)
    with pytest.raises(AxecError) as caught:
        emit_kernel(Module("m"), kernels.defines[0], TARGETS[V4])
    assert caught.value.code == "op-unsupported"


def test_positions_are_affine() -> None:
    graph = Graph()
    i, j = graph.variable(), graph.variable()
    position = Affine(3, ((i, 2),)) + Affine(0, ((j, 5), (i, -2)), 1)
    assert position == Affine(3, ((j, 5),), 1)
    assert not position.uniform
    assert position.regular
    assert position * 0 == Affine()
    assert graph.size(3 * dim("n") + 4).const == 4


def test_quotients_and_rests_rejoin() -> None:
    """(x / 12, x / 4 % 3, x % 4) of a [.., 3, 4] buffer is x."""
    graph = Graph()
    x = Affine(0, ((graph.variable(), 1),), 1)
    high, low = graph.divide(x, 4, 120)
    high, middle = graph.divide(high, 3, 30)
    offset = graph._rejoined(high * 12 + middle * 4 + low)
    assert offset == x
