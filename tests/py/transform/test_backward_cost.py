"""What differentiation costs: operations of the backward pass against counts by hand."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from support.programs import Builder, program, transformer

from axec.coverage.functions import apply
from axec.dialects import dims, load, types
from axec.dialects.axe import OPS
from axec.dialects.functions import define, functions, set_type
from axec.mlir import ir, unknown_location
from axec.passes.base import parse_pipeline, run_pipeline
from axec.passes.kernel.cost import op_flops


def with_gradients(module: Any, wrt: Callable[[int], range]) -> Any:
    """A function `train` that gives the sum of the squares of main's result, and its gradient with
    respect to the arguments `wrt(count)`."""
    with load(), unknown_location():
        (main,) = functions(module)
        main.attributes["sym_visibility"] = ir.StringAttr.get("private")
        block = main.regions[0].blocks[0]
        end = block.operations[len(block.operations) - 1]
        (y,) = end.operands
        with ir.InsertionPoint(end):
            b = Builder()
            loss = b.reduce(b.mul(y, y), kind="sum", axes=tuple(range(types.of(y).rank)))
        end.operation.operands[0] = loss
        set_type(main)
        inputs = [a.type for a in block.arguments]
        picked = wrt(len(inputs))

        def train(*arguments: Any) -> list[Any]:
            one = Builder().constant(value=np.asarray(1, np.float32))
            results = [loss.type, *(inputs[i] for i in picked)]
            return apply("vjp", "main", [*arguments, one], results, wrt=picked, seeds=[0])

        with ir.InsertionPoint(module.body):
            define("train", inputs, train)
    return module


def flops(module: Any, *names: str) -> int:
    """Operations of the ops of the last function; of the named ones only."""
    total: dims.Size = 0
    function = list(functions(module))[-1]
    for view in function.regions[0].blocks[0].operations:
        op = view.operation
        if op.name in OPS and (not names or op.name[4:] in names):
            total = total + op_flops(op)
    assert isinstance(total, int)
    return total


def simplified(module: Any, pipeline: str = "transform,decompose,simplify") -> Any:
    run_pipeline(module, parse_pipeline(pipeline))
    return module


def dense(layers: list[int], batch: int) -> Any:
    def body(b: Builder, x: Any, *params: Any) -> Any:
        for w, bias in zip(params[::2], params[1::2], strict=True):
            x = b.dense(x, w, bias)
            if w is not params[-2]:
                x = b.relu(x)
        return x

    sizes = list(itertools.pairwise(layers))
    params = [text for i, o in sizes for text in (f"f32[{i}, {o}]", f"f32[{o}]")]
    return program([f"f32[{batch}, {layers[0]}]", *params], body)


def test_mlp() -> None:
    """Each layer has two products backward, but the first: x is no parameter. All else is one
    operation per element and step."""
    layers, batch = [64, 128, 96, 10], 32
    found = flops(simplified(with_gradients(dense(layers, batch), lambda n: range(1, n))))
    forward = [2 * batch * i * o for i, o in itertools.pairwise(layers)]
    products = 3 * sum(forward) - forward[0]
    bias = 2 * batch * sum(layers[1:])  # forward: added; backward: summed
    relu = batch * sum(layers[1:-1])  # forward; backward chooses, which is no operation
    loss = 4 * batch * layers[-1]  # y * y, its sum; twice y
    assert found <= 1.05 * (products + bias + relu + loss)
    assert flops(simplified(with_gradients(dense(layers, batch), lambda n: range(1, n))),
                 "dot_general") == products  # fmt: skip


def test_transformer() -> None:
    """Backward has two products for each one forward. Attention has two forward and seven backward,
    of the pairs that the causal mask leaves: its scores are computed again, and never stored."""
    layers, width, seq, batch = 2, 256, 128, 4
    made = transformer(layers, width=width, seq=str(seq), batch=str(batch))
    train = simplified(with_gradients(made, lambda n: range(1, n)))
    tokens = batch * seq
    weights = 3 * layers * 2 * tokens * 12 * width * width
    attention = layers * (2 + 7) * 2 * tokens * (seq + 1) // 2 * width
    parts = [f"attention{end}" for end in ("", "_lse", "_dq", "_dk", "_dv")]
    assert flops(train, "dot_general") == weights
    assert attention <= flops(train, *parts) <= 1.1 * attention
    assert flops(train) <= 1.05 * (weights + attention)


def test_conv() -> None:
    """The gradients of a convolution are two convolutions of its size, up to the edges."""
    shape = "f32[2, 8, 32, 32]", "f32[16, 8, 3, 3]", "f32[16, 16, 3, 3]"
    how: Any = {"stride": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": 1}
    made = program(list(shape), lambda b, x, v, w: b.conv(b.conv(x, v, **how), w, **how))
    train = simplified(with_gradients(made, lambda n: range(1, n)))
    first = 2 * 8 * 9 * 2 * 16 * 32 * 32
    second = 2 * 16 * 9 * 2 * 16 * 32 * 32
    assert flops(train, "conv") <= 1.05 * (2 * first + 3 * second)


def test_time_of_a_transformer() -> None:
    """12 layers, width 256. The limit is loose, because machines are shared; the measured time
    stands in docs/transformations.md."""
    best = 1.0
    for _ in range(3):
        made = transformer(12, width=256, seq="128", batch="4")
        train = with_gradients(made, lambda n: range(1, n))
        started = time.process_time()
        simplified(train)
        best = min(best, time.process_time() - started)
    assert best < 0.6
