"""The LLVM builder: the text it makes, and what that text does when it runs."""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from axec.passes.codegen.llvm import (
    BF16,
    F16,
    F32,
    F64,
    I1,
    I8,
    I32,
    I64,
    PTR,
    VOID,
    Builder,
    Module,
    Type,
    Value,
    constant,
    int_of,
    vec,
    zero,
)
from axec.passes.codegen.llvm.values import float_text

AXPY = """\
; module example

define hidden void @axpy(ptr %block, i64 %lo, i64 %hi) #0 {
entry:
  %x = load ptr, ptr %block, align 8
  %0 = getelementptr i8, ptr %block, i64 8
  %y = load ptr, ptr %0, align 8
  %1 = icmp slt i64 %lo, %hi
  br i1 %1, label %i.loop, label %i.done
i.loop:
  %i = phi i64 [ %lo, %entry ], [ %i.next, %i.loop ]
  %2 = phi <8 x float> [ splat (float 0.0), %entry ], [ %7, %i.loop ]
  %3 = getelementptr float, ptr %x, i64 %i
  %4 = load <8 x float>, ptr %3, align 4
  %5 = getelementptr float, ptr %y, i64 %i
  %6 = call <8 x float> @llvm.fma.v8f32(<8 x float> %4, <8 x float> \
splat (float 0x3FB99999A0000000), <8 x float> splat (float 0.5))
  store <8 x float> %6, ptr %5, align 4
  %7 = fadd contract <8 x float> %2, %6
  %i.next = add nuw nsw i64 %i, 8
  %8 = icmp slt i64 %i.next, %hi
  br i1 %8, label %i.loop, label %i.done
i.done:
  %9 = phi <8 x float> [ splat (float 0.0), %entry ], [ %7, %i.loop ]
  ret void
}

declare <8 x float> @llvm.fma.v8f32(<8 x float>, <8 x float>, <8 x float>)

attributes #0 = { nounwind }

!0 = !{!"branch_weights", i32 1, i32 4096}
!1 = !{i32 1}
"""


def test_text() -> None:
    module = Module("example")
    b = module.function("axpy", VOID, {"block": PTR, "lo": I64, "hi": I64})
    block, lo, hi = b.args
    x, y = b.load(PTR, block, name="x"), b.load(PTR, b.offset(block, 8), name="y")
    lanes = vec(F32, 8)
    with b.for_(lo, hi, 8, carried=[constant(lanes, 0)]) as loop:
        value = b.load(lanes, b.at(x, F32, loop.index))
        at = b.at(y, F32, loop.index)
        result = b.fma(value, 0.1, 0.5)
        b.store(result, at)
        loop.yield_(b.add(loop.carried[0], result, "contract"))
    b.ret()
    assert module.text() == AXPY


def test_index_arithmetic_leaves_no_trace() -> None:
    b = Module("m").function("f", VOID, {"p": PTR, "i": I64})
    p, i = b.args
    assert b.add(b.mul(i, 1), 0) is i
    assert b.mul(constant(I64, 3), b.add(constant(I64, 2), 5)).const == 21
    assert b.mul(i, 0).const == 0
    assert b.sub(constant(I64, 3), 5).const == -2
    assert b.udiv(constant(I64, 7), 2).const == 3
    assert b.cmp("lt", constant(I64, 1), 2).const == 1
    assert b.offset(p, 0) is p
    assert b.at(p, F32, 0) is p
    assert b.lines == []
    b.at(p, F32, 3)
    assert b.lines == ["  %0 = getelementptr i8, ptr %p, i64 12"]


@pytest.mark.parametrize(
    ("type_", "number", "text"),
    [
        (F32, 1.0, "1.0"),
        (F32, -0.0, "-0.0"),
        (F32, 0.1, "0x3FB99999A0000000"),
        (F32, 1e40, "0x7FF0000000000000"),
        (F32, float("-inf"), "0xFFF0000000000000"),
        (F64, 0.1, "0x3FB999999999999A"),
        (F16, 0.1, "0xH2E66"),
        (F16, 1e6, "0xH7C00"),
        (BF16, 0.1, "0xR3DCD"),
        (BF16, float("nan"), "0xR7FC0"),
    ],
)
def test_float_literals_are_exact(type_: Type, number: float, text: str) -> None:
    assert float_text(type_, number) == text


def test_misuse_is_refused() -> None:
    b = Module("m").function("f", VOID, {"x": I64, "y": I32})
    x, y = b.args
    with pytest.raises(TypeError, match="differ in type"):
        b.add(x, y)
    with pytest.raises(TypeError, match="yielded"), b.for_(0, x, carried=[x]):
        pass
    with pytest.raises(TypeError, match="carried as"), b.for_(0, x, carried=[x]) as loop:
        loop.yield_(y)


# What the instructions compute, for one lane and for vectors.

_FLOATS = np.array([0.0, -0.0, 1.5, -2.5, 3.5, np.inf, -np.inf, np.nan, 0.49, -7.9, 1e20, 2.0] * 2)
_INTS = np.array([0, 1, -1, 7, -8, 100, 2**31 - 1, -(2**31), 5, -6, 13, 40] * 2)

Emit = Callable[[Builder, Value, Value], Value]


def _flip_sign(b: Builder, x: Value) -> Value:
    return b.bitcast(b.xor(b.bitcast(x, int_of(x.type)), 1 << (x.type.bits - 1)), x.type)


def _choose(predicate: str) -> Emit:
    return lambda b, x, y: b.select(b.cmp(predicate, x, y), x, 0.0)


FLOAT_CASES: dict[str, tuple[Emit, Callable[..., Any]]] = {
    "add": (lambda b, x, y: b.add(x, y), np.add),
    "sub": (lambda b, x, y: b.sub(x, y), np.subtract),
    "mul": (lambda b, x, y: b.mul(x, y), np.multiply),
    "div": (lambda b, x, y: b.div(x, y), np.divide),
    "neg": (lambda b, x, y: b.neg(x), lambda x, y: -x),
    "min": (lambda b, x, y: b.min(x, y), np.minimum),
    "max": (lambda b, x, y: b.max(x, y), np.maximum),
    "minnum": (lambda b, x, y: b.minnum(x, y), np.fmin),
    "maxnum": (lambda b, x, y: b.maxnum(x, y), np.fmax),
    "abs": (lambda b, x, y: b.abs(x), lambda x, y: np.abs(x)),
    "sqrt": (lambda b, x, y: b.sqrt(x), lambda x, y: np.sqrt(x)),
    "floor": (lambda b, x, y: b.floor(x), lambda x, y: np.floor(x)),
    "ceil": (lambda b, x, y: b.ceil(x), lambda x, y: np.ceil(x)),
    "round_even": (lambda b, x, y: b.round_even(x), lambda x, y: np.round(x)),
    "trunc": (lambda b, x, y: b.round_to_zero(x), lambda x, y: np.trunc(x)),
    "copysign": (lambda b, x, y: b.copysign(x, y), np.copysign),
    "constant": (lambda b, x, y: b.add(b.mul(x, 0.5), 1.25), lambda x, y: x * 0.5 + 1.25),
    "lt": (_choose("lt"), lambda x, y: np.where(x < y, x, 0)),
    "ne": (_choose("ne"), lambda x, y: np.where(x != y, x, 0)),
    "bits": (lambda b, x, y: _flip_sign(b, x), lambda x, y: -x),
}  # fmt: skip
INT_CASES: dict[str, tuple[Emit, Callable[..., Any]]] = {
    "add": (lambda b, x, y: b.add(x, y), np.add),
    "sub": (lambda b, x, y: b.sub(x, y), np.subtract),
    "mul": (lambda b, x, y: b.mul(x, y), np.multiply),
    "div": (lambda b, x, y: b.div(x, 3), lambda x, y: np.trunc(x / 3).astype(x.dtype)),
    "rem": (lambda b, x, y: b.rem(x, 3), lambda x, y: np.fmod(x, 3)),
    "neg": (lambda b, x, y: b.neg(x), lambda x, y: -x),
    "not": (lambda b, x, y: b.not_(x), lambda x, y: ~x),
    "and": (lambda b, x, y: b.and_(x, y), np.bitwise_and),
    "or": (lambda b, x, y: b.or_(x, y), np.bitwise_or),
    "shl": (lambda b, x, y: b.shl(x, 3), lambda x, y: x << 3),
    "ashr": (lambda b, x, y: b.ashr(x, 3), lambda x, y: x >> 3),
    "min": (lambda b, x, y: b.min(x, y), np.minimum),
    "max": (lambda b, x, y: b.max(x, y), np.maximum),
    "abs": (lambda b, x, y: b.abs(x), lambda x, y: np.abs(x)),
    "ctpop": (lambda b, x, y: b.ctpop(x), lambda x, y: np.bitwise_count(x.view(f"u{x.itemsize}"))),
    "ge": (lambda b, x, y: b.select(b.cmp("ge", x, y), x, y), np.maximum),
}
_TYPES = {"f4": F32, "f8": F64, "i4": I32, "i8": I64}
LANES = (1, 4, 16)


def _pointwise(module: Module, name: str, type_: Type, emit: Emit) -> None:
    b = module.function(name, VOID, {"x": PTR, "y": PTR, "out": PTR, "n": I64}, "export")
    x, y, out, n = b.args
    with b.for_(0, n, type_.lanes or 1) as loop:
        values = (b.load(type_, b.at(p, type_.element, loop.index)) for p in (x, y))
        b.store(emit(b, *values), b.at(out, type_.element, loop.index))
    b.ret()


def _run(function: Any, x: Any, y: Any, out: Any) -> Any:
    pointers = (ctypes.c_void_p(a.ctypes.data) for a in (x, y, out))
    function(*pointers, ctypes.c_int64(x.size))
    return out


@pytest.mark.parametrize("code", _TYPES)
def test_pointwise(load: Any, code: str) -> None:
    cases = FLOAT_CASES if code[0] == "f" else INT_CASES
    module = Module("pointwise")
    for name, (emit, _) in cases.items():
        for lanes in LANES:
            _pointwise(module, f"{name}_{lanes}", vec(_TYPES[code], lanes), emit)
    library = load(module)
    source = _FLOATS if code[0] == "f" else _INTS
    x, y = np.resize(source, 48).astype(code), np.resize(np.roll(source, 5), 48).astype(code)
    for name, (_, reference) in cases.items():
        with np.errstate(all="ignore"):
            expected = reference(x, y).astype(code)
        for lanes in LANES:
            found = _run(library[f"{name}_{lanes}"], x, y, np.empty_like(x))
            np.testing.assert_array_equal(found, expected, f"{name} {lanes}")


CASTS = [
    (F32, I32, "f4", "i4"), (F64, I64, "f8", "i8"), (I32, F32, "i4", "f4"), (I64, I8, "i8", "i1"),
    (I8, I64, "i1", "i8"), (F32, F64, "f4", "f8"), (F64, F32, "f8", "f4"), (F32, F16, "f4", "f2"),
    (F32, I8, "f4", "i1"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "target", "code", "to"), CASTS)
def test_convert(load: Any, source: Type, target: Type, code: str, to: str) -> None:
    module = Module("casts")
    for lanes in LANES:
        b = module.function(f"f_{lanes}", VOID, {"x": PTR, "y": PTR}, "export")
        value = b.load(vec(source, lanes), b.args[0])
        b.store(b.convert(value, target), b.args[1])
        b.ret()
    library = load(module)
    x = np.array([0, 1, -1, 2.6, -2.6, 127, -128, 99] * 2).astype(code)
    for lanes in LANES:
        y = np.zeros(16, to)
        library[f"f_{lanes}"](*(ctypes.c_void_p(a.ctypes.data) for a in (x, y)))
        np.testing.assert_array_equal(y[:lanes], x[:lanes].astype(to))


def test_float_to_int_saturates(load: Any) -> None:
    module = Module("m")
    b = module.function("f", VOID, {"x": PTR, "y": PTR}, "export")
    b.store(b.convert(b.load(vec(F32, 4), b.args[0]), I32), b.args[1])
    b.ret()
    x, y = np.array([1e20, -1e20, np.nan, np.inf], "f4"), np.zeros(4, "i4")
    load(module).f(*(ctypes.c_void_p(a.ctypes.data) for a in (x, y)))
    top = 2**31 - 1
    assert y.tolist() == [top, -top - 1, 0, top]


# Memory and lanes.


def test_masked_access_stays_inside(load: Any) -> None:
    """A masked tail next to an unmapped page neither reads nor writes beyond it."""
    module = Module("m")
    b = module.function("f", VOID, {"p": PTR, "n": I64}, "export")
    lanes = vec(F32, 16)
    mask = b.tail_mask(b.args[1], 16)
    value = b.masked_load(lanes, b.args[0], mask, zero(lanes))
    b.masked_store(b.add(value, 1.0), b.args[0], mask)
    b.ret()
    library = load(module)
    pages = mmap.mmap(-1, 2 * mmap.PAGESIZE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(pages))
    assert (
        ctypes.CDLL(None).mprotect(
            ctypes.c_void_p(start + mmap.PAGESIZE), ctypes.c_size_t(mmap.PAGESIZE), 0
        )
        == 0
    )
    for count in (0, 1, 3, 15, 16):
        at = start + mmap.PAGESIZE - 4 * count
        library.f(ctypes.c_void_p(at), ctypes.c_int64(count))
    written = np.frombuffer(pages, "f4", 16, mmap.PAGESIZE - 64)
    assert written.tolist() == [1.0] + [2.0] * 12 + [3.0] * 2 + [4.0]


def test_gather_scatter_shuffle(load: Any) -> None:
    module = Module("m")
    b = module.function("f", VOID, {"x": PTR, "index": PTR, "out": PTR}, "export")
    x, index, out = b.args
    eight = vec(F32, 8)
    offsets = b.convert(b.load(vec(I32, 8), index), I64)
    addresses = b.at(x, F32, offsets)
    every = constant(vec(I1, 8), 1)
    value = b.gather(eight, addresses, every)
    reverse = b.shuffle(value, None, range(7, -1, -1))
    b.store(b.concat(reverse, b.splat(b.extract(value, 2), 8)), out)
    b.scatter(b.insert(zero(eight), constant(F32, 5), 0), addresses, b.cmp("eq", offsets, 3))
    b.ret()
    x, index, out = np.arange(10, dtype="f4"), np.array([3, 1, 4, 1, 5, 9, 2, 6], "i4"), None
    taken = x[index]
    out = np.zeros(16, "f4")
    load(module).f(*(ctypes.c_void_p(a.ctypes.data) for a in (x, index, out)))
    assert out.tolist() == [*taken[::-1], *[taken[2]] * 8]
    assert x.tolist() == [0, 1, 2, 5, *range(4, 10)]


@pytest.mark.parametrize("lanes", [1, 4, 16])
def test_reductions(load: Any, lanes: int) -> None:
    module = Module("m")
    b = module.function("f", VOID, {"x": PTR, "out": PTR}, "export")
    value = b.load(vec(F32, lanes), b.args[0])
    results = [
        b.reduce(value, b.add),
        b.reduce(value, b.max),
        b.reduce_ordered(constant(F32, 1), value),
        b.convert(b.any(b.cmp("gt", value, 2.5)), F32),
        b.convert(b.all(b.cmp("gt", value, 0.0)), F32),
    ]
    for i, result in enumerate(results):
        b.store(result, b.at(b.args[1], F32, i))
    b.ret()
    x = np.random.default_rng(lanes).random(lanes, "f4") * 3
    out = np.zeros(5, "f4")
    load(module).f(*(ctypes.c_void_p(a.ctypes.data) for a in (x, out)))
    tree = x
    while tree.size > 1:
        tree = tree[: tree.size // 2] + tree[tree.size // 2 :]
    ordered = np.float32(1)
    for item in x:
        ordered += item
    assert out.tolist() == [tree[0], x.max(), ordered, (x > 2.5).any(), (x > 0).all()]


def test_tables_and_variables(load: Any) -> None:
    module = Module("m")
    table = module.constant("squares", [constant(I32, i * i) for i in range(10)])
    text = module.bytes_("text", b'a"\\\n\xff')
    count = module.variable("count", I64)
    b = module.function("f", I64, {"i": I64}, "export")
    b.store(b.add(b.load(I64, count), 1), count)
    square = b.convert(b.load(I32, b.at(table, I32, b.args[0])), I64)
    byte = b.convert(b.load(I8, b.offset(text, 4)), I64, signed=False)
    b.ret(b.add(b.add(square, byte), b.mul(b.load(I64, count), 1000)))
    function = load(module).f
    function.restype = ctypes.c_int64
    assert [function(ctypes.c_int64(i)) for i in (3, 9)] == [1000 + 9 + 255, 2000 + 81 + 255]
