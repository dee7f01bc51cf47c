"""Loops and conditionals of the LLVM builder, run."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from axec.passes.codegen.llvm import I64, Builder, Module, Value, constant


def _function(load: Any, params: int, emit: Callable[..., None]) -> Callable[..., int]:
    module = Module("m")
    names = [f"a{i}" for i in range(params)]
    b = module.function("f", I64, dict.fromkeys(names, I64), "export")
    emit(b, *b.args)
    function = load(module).f
    function.restype, function.argtypes = ctypes.c_int64, [ctypes.c_int64] * params
    result: Callable[..., int] = function
    return result


def test_for(load: Any) -> None:
    def emit(b: Builder, lo: Value, hi: Value, step: Value) -> None:
        with b.for_(lo, hi, step, carried=[constant(I64, 0), constant(I64, 1)]) as loop:
            total, count = loop.carried
            loop.yield_(b.add(total, loop.index), b.add(count, 1))
        b.ret(b.add(b.mul(loop.results[0], 1000), loop.results[1]))

    function = _function(load, 3, emit)
    for lo, hi, step in [(0, 5, 1), (3, 3, 1), (5, 2, 1), (-4, 9, 4), (0, 1, 100)]:
        values = range(lo, hi, step)
        assert function(lo, hi, step) == sum(values) * 1000 + len(values) + 1


def test_nested_loops_and_if(load: Any) -> None:
    def emit(b: Builder, n: Value) -> None:
        with b.for_(0, n, carried=[constant(I64, 0)], name="row") as rows:
            with b.for_(0, rows.index, carried=rows.carried, name="column") as columns:
                (total,) = columns.carried
                odd = b.cmp("eq", b.and_(columns.index, 1), 1)
                with b.if_(odd, [total]) as arm:
                    arm.yield_(b.add(total, columns.index))
                columns.yield_(arm.results[0])
            rows.yield_(columns.results[0])
        b.ret(rows.results[0])

    function = _function(load, 1, emit)
    assert function(20) == sum(c for r in range(20) for c in range(r) if c % 2)


def test_loop_with_break_and_if_else(load: Any) -> None:
    """Steps of the Collatz sequence."""

    def emit(b: Builder, n: Value) -> None:
        with b.loop(carried=[n, constant(I64, 0)]) as loop:
            value, steps = loop.carried
            loop.break_if(b.cmp("eq", value, 1), steps)
            with b.if_else(b.cmp("eq", b.and_(value, 1), 0), 1) as way:
                with way.then() as arm:
                    arm.yield_(b.lshr(value, 1))
                with way.else_() as arm:
                    arm.yield_(b.add(b.mul(value, 3), 1))
            loop.yield_(way.results[0], b.add(steps, 1))
        b.ret(loop.results[0])

    assert _function(load, 1, emit)(27) == 111


def test_early_return_and_switch(load: Any) -> None:
    def emit(b: Builder, n: Value) -> None:
        with b.if_(b.cmp("lt", n, 0)):
            b.ret(constant(I64, -1))
        labels = {case: b.label(f"case{case}") for case in (0, 7)}
        default = b.label("other")
        b.switch(n, labels, default)
        for case, label in labels.items():
            b.place(label)
            b.ret(constant(I64, case + 100))
        b.place(default)
        b.ret(n)

    function = _function(load, 1, emit)
    assert [function(n) for n in (-5, 0, 7, 9)] == [-1, 100, 107, 9]
