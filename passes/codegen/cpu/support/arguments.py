"""One array of a call: take its buffer, check it against its record (stub.py, TABLE), make it."""

from __future__ import annotations

from axec.passes.codegen.cpu.support.host import call_host
from axec.passes.codegen.cpu.support.trees import OBJECT_TYPE
from axec.passes.codegen.llvm import (
    I1,
    I8,
    I32,
    I64,
    NULL,
    PTR,
    VOID,
    Builder,
    Module,
    Value,
    constant,
)
from axec.runtime.abi import OBJECTS

__all__ = ["emit_arguments"]

# Py_buffer: part of the stable ABI since Python 3.11.
VIEW_BUF, VIEW_LEN, VIEW_ITEM, VIEW_NDIM, VIEW_FORMAT, VIEW_SHAPE = 0, 16, 24, 36, 40, 48
VIEW_BYTES = 80
_PYBUF_WRITABLE, _PYBUF_FORMAT, _PYBUF_C_CONTIGUOUS = 0x1, 0x4, 0x38
INPUT_FLAGS = _PYBUF_C_CONTIGUOUS | _PYBUF_FORMAT
OUTPUT_FLAGS = INPUT_FLAGS | _PYBUF_WRITABLE

UNKNOWN = -(1 << 63)  # a size that no array has given yet
# Byte offsets in a record.
RECORD_FORMAT, RECORD_BFLOAT, RECORD_MASK, RECORD_DONOR, RECORD_AXES = 8, 10, 16, 24, 32


def emit_arguments(module: Module) -> None:
    """Define the four functions below. The module must have the host table."""
    _emit_check(module)
    _emit_take(module)
    _emit_overlaps(module)
    _emit_new(module)


def _emit_check(module: Module) -> None:
    """axe_check(view, record, sizes) -> i1: rank, format, alignment and sizes are as declared.
    Sizes that are not known yet become known."""
    b = module.function("axe_check", I1, {"view": PTR, "record": PTR, "sizes": PTR}, "internal")
    view, record, sizes = b.args
    bad = b.label("bad")

    def need(cond: Value) -> None:
        b.branch_if(b.not_(cond), bad, unlikely=True)

    axes = b.load(I64, record, name="axes")
    need(b.cmp("eq", b.convert(b.load(I32, b.offset(view, VIEW_NDIM)), I64), axes))
    mask = b.load(I64, b.offset(record, RECORD_MASK), name="mask")
    text = b.load(PTR, b.offset(view, VIEW_FORMAT), name="format")
    with b.if_else(b.cmp("ne", text, NULL)) as way:
        with way.then():
            found, at = b.load(I8, text), b.offset(record, RECORD_FORMAT)
            usual, other = (b.cmp("eq", found, b.load(I8, b.offset(at, i))) for i in range(2))
            need(b.or_(usual, other))
            need(b.cmp("eq", b.load(I8, b.offset(text, 1)), 0))
        with way.else_():  # axe_take has looked at the dtype
            need(b.cmp("ne", b.load(I8, b.offset(record, RECORD_BFLOAT)), 0))
            need(b.cmp("eq", b.load(I64, b.offset(view, VIEW_ITEM)), b.add(mask, 1)))
    address = b.load(I64, b.offset(view, VIEW_BUF), name="address")
    need(b.cmp("eq", b.and_(address, mask), 0))
    shape = b.load(PTR, b.offset(view, VIEW_SHAPE), name="shape")
    with b.for_(0, axes, name="axis") as axis:
        declared = b.load(I64, b.at(b.offset(record, RECORD_AXES), I64, axis.index))
        size = b.load(I64, b.at(shape, I64, axis.index), name="size")
        with b.if_(b.cmp("lt", declared, 0), [declared]) as named:
            slot = b.at(sizes, I64, b.not_(declared))  # -1 - declared
            known = b.load(I64, slot)
            size_now = b.select(b.cmp("eq", known, UNKNOWN), size, known)
            b.store(size_now, slot)
            named.yield_(size_now)
        need(b.cmp("eq", size, named.results[0]))
    b.ret(constant(I1, 1))
    b.place(bad)
    b.ret(constant(I1, 0))


def _emit_take(module: Module) -> None:
    """axe_take(view, object, flags, record, sizes, table) -> i1: take the buffer of an object if it
    is what is declared; otherwise nothing is held. The buffer protocol has no format for bfloat16:
    an array of that very dtype is asked for none."""
    params = {"view": PTR, "object": PTR, "flags": I32, "record": PTR, "sizes": PTR, "table": PTR}
    b = module.function("axe_take", I1, params, "internal")
    view, object_, flags, record, sizes, table = b.args
    with b.if_(b.cmp("ne", b.load(I8, b.offset(record, RECORD_BFLOAT)), 0), [flags]) as formats:
        is_ours = _is_bfloat(b, object_, table)
        formats.yield_(b.select(is_ours, b.and_(flags, ~_PYBUF_FORMAT), flags))
    asked = [object_, view, formats.results[0]]
    status = call_host(b, "PyObject_GetBuffer", I32, asked)
    with b.if_(b.cmp("ne", status, 0), unlikely=True):
        b.ret(constant(I1, 0))
    good = b.call("axe_check", I1, [view, record, sizes])
    with b.if_(b.not_(good), unlikely=True):
        call_host(b, "PyBuffer_Release", VOID, [view])
    b.ret(good)


def _is_bfloat(b: Builder, object_: Value, table: Value) -> Value:
    """Whether an object is a NumPy array, no subclass, of the dtype that the table names."""
    kind, dtype = (b.load(PTR, b.at(table, PTR, OBJECTS.index(n))) for n in ("ndarray", "bfloat16"))
    is_array = b.cmp("eq", b.load(PTR, b.offset(object_, OBJECT_TYPE)), kind)
    with b.if_(is_array, [is_array]) as found:
        name = b.load(PTR, b.at(table, PTR, OBJECTS.index("dtype")))
        own = call_host(b, "PyObject_GetAttr", PTR, [object_, name])
        call_host(b, "Py_DecRef", VOID, [own])  # the array has it too
        found.yield_(b.cmp("eq", own, dtype))
    return found.results[0]


def _emit_overlaps(module: Module) -> None:
    """axe_overlaps(views, count, donor) -> i1: view `count` shares memory with one before it, other
    than view `donor`."""
    params = {"views": PTR, "count": I64, "donor": I64}
    b = module.function("axe_overlaps", I1, params, "internal")
    views, count, donor = b.args

    def extent(index: Value) -> tuple[Value, Value]:
        view = b.offset(views, b.mul(index, VIEW_BYTES))
        start = b.load(I64, b.offset(view, VIEW_BUF))
        return start, b.add(start, b.load(I64, b.offset(view, VIEW_LEN)))

    start, end = extent(count)
    with b.for_(0, count, carried=[constant(I1, 0)], name="other") as other:
        first, last = extent(other.index)
        shared = b.and_(b.cmp("ult", start, last), b.cmp("ult", first, end))
        shared = b.and_(shared, b.cmp("ne", other.index, donor))
        other.yield_(b.or_(other.carried[0], shared))
    b.ret(other.results[0])


def _emit_new(module: Module) -> None:
    """axe_new(allocator, record, sizes) -> a fresh array, or null: calls the allocator without
    arguments, or with the shape as a tuple when it is dynamic."""
    b = module.function("axe_new", PTR, {"make": PTR, "record": PTR, "sizes": PTR}, "internal")
    make, record, sizes = b.args
    failed = b.label("failed")
    holder = b.alloca(PTR, name="holder")
    axes = b.load(I64, record, name="axes")
    words = b.offset(record, RECORD_AXES, "words")
    with b.for_(0, axes, carried=[constant(I64, 0)], name="axis") as signs:
        signs.yield_(b.or_(signs.carried[0], b.load(I64, b.at(words, I64, signs.index))))
    with b.if_(b.cmp("ge", signs.results[0], 0)):  # no negative word: static
        b.ret(call_host(b, "PyObject_CallNoArgs", PTR, [make]))
    shape = call_host(b, "PyTuple_New", PTR, [axes])
    b.branch_if(b.cmp("eq", shape, NULL), failed, unlikely=True)
    b.store(shape, holder)
    with b.for_(0, axes, name="axis") as axis:
        declared = b.load(I64, b.at(words, I64, axis.index))
        with b.if_(b.cmp("lt", declared, 0), [declared]) as named:
            named.yield_(b.load(I64, b.at(sizes, I64, b.not_(declared))))
        number = call_host(b, "PyLong_FromLongLong", PTR, [named.results[0]])
        with b.if_(b.cmp("eq", number, NULL), unlikely=True):
            call_host(b, "Py_DecRef", VOID, [shape])
            b.branch(failed)
        call_host(b, "PyTuple_SetItem", I32, [shape, axis.index, number])
    array = call_host(b, "PyObject_Vectorcall", PTR, [make, holder, constant(I64, 1), NULL])
    call_host(b, "Py_DecRef", VOID, [shape])
    b.ret(array)
    b.place(failed)
    b.ret(NULL)
