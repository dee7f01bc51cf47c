"""Values seen as strided windows of buffers: what strides say is what the ops compute."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from support.programs import Builder, program

from axec.dialects import load, types
from axec.dialects.interpret import interpret
from axec.passes.kernel.strides import viewed

Value = Any
SHAPE = (4, 6, 2, 3)


def _transpose(b: Builder, x: Value, n: int) -> Value:
    axes = list(range(types.of(x).rank))
    return b.transpose(x, perm=(*axes[n % len(axes) :], *axes[: n % len(axes)]))


def _slice(b: Builder, x: Value, n: int) -> Value:
    shape, axis = b.shape(x), n % types.of(x).rank
    start = tuple([int(a == axis and size > 1) for a, size in enumerate(shape)])
    return b.slice(x, start=start, stop=shape, step=(1,) * len(shape))


def _split(b: Builder, x: Value, n: int) -> Value:
    shape, axis = b.shape(x), n % types.of(x).rank
    by = 2 if shape[axis] % 2 == 0 else 1
    return b.reshape(x, shape=(*shape[:axis], shape[axis] // by, by, *shape[axis + 1 :]))


def _join(b: Builder, x: Value, n: int) -> Value:
    shape = b.shape(x)
    if len(shape) < 2:
        return x
    axis = n % (len(shape) - 1)
    joined = shape[axis] * shape[axis + 1]
    return b.reshape(x, shape=(*shape[:axis], joined, *shape[axis + 2 :]))


def _broadcast(b: Builder, x: Value, n: int) -> Value:
    shape = b.shape(x)
    at = n % (len(shape) + 1)
    axes = tuple([a for a in range(len(shape) + 1) if a != at])
    return b.broadcast(x, shape=(*shape[:at], 3, *shape[at:]), axes=axes)


STEPS = (_transpose, _slice, _split, _join, _broadcast)


@settings(deadline=None, max_examples=100, derandomize=True)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 5)), max_size=5))
def test_viewed(steps: list[tuple[Any, int]]) -> None:
    def make(b: Builder, x: Value) -> Value:
        for step, n in steps:
            x = step(b, x, n)
        return b.neg(x)

    module = program([f"f32[{', '.join(map(str, SHAPE))}]"], make)
    with load():
        (main,) = module.body.operations
        *ops, end = (o.operation for o in main.regions[0].blocks[0].operations)
        value = end.operands[0].owner.operands[0]
        seen, through = viewed(value)
        x = np.arange(np.prod(SHAPE), dtype=np.float32).reshape(SHAPE)
        (wanted,) = interpret(main, [x])
        if len(through) < len(ops) - 1:  # a join of what is no run: seen from there
            assert through == ops[-1 - len(through) : -1]
            return
    flat = x.reshape(-1)[seen.offset :]
    sizes = [size for size, _ in seen.axes]
    strides = [4 * stride for _, stride in seen.axes]
    found = np.lib.stride_tricks.as_strided(flat, sizes, strides)
    np.testing.assert_array_equal(-found, wanted)
