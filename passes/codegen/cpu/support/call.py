"""`axe_call`: from Python's arguments to `axe_run`, the same code for every entry.

A METH_FASTCALL | METH_KEYWORDS call with n input arrays, `out=` and `threads=` is checked and run
with the GIL released. This code never raises and allocates nothing of its own: any call that is
not plainly right goes unchanged to the fallback (runtime/call.py), which converts, copies, or says
what is wrong. Outputs that the caller does not give are made by the allocators of the state.
"""

from __future__ import annotations

from axec.passes.codegen.cpu.support.arguments import (
    INPUT_FLAGS,
    OUTPUT_FLAGS,
    RECORD_AXES,
    RECORD_DONOR,
    UNKNOWN,
    VIEW_BUF,
    VIEW_BYTES,
)
from axec.passes.codegen.cpu.support.host import call_host, host_pointer
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
from axec.runtime.abi import Frame, State

__all__ = ["emit_call"]

_HEADER = ("n_inputs", "n_outputs", "n_dims", "n_code", "n_values")


class _Call:
    """What the steps of a call share: the arguments, the table's header, memory on the stack."""

    def __init__(self, b: Builder) -> None:
        self.b = b
        self.args, self.nargs, self.kwnames, self.state, self.table = b.args
        self.n_inputs, self.n_outputs, self.n_dims, self.n_code, self.n_values = (
            b.load(I64, b.at(self.table, I64, i), name=n) for i, n in enumerate(_HEADER)
        )
        self.ranges = b.at(self.table, I64, len(_HEADER), "ranges")
        self.code = b.at(self.ranges, I64, b.mul(self.n_dims, 2), "code")
        self.records = b.at(self.code, I64, b.mul(self.n_code, 2), "records")
        self.n_arrays = b.add(self.n_inputs, self.n_outputs, name="n_arrays")
        self.n_sizes = b.add(self.n_dims, self.n_values, name="n_sizes")
        self.views = b.alloca(I8, b.mul(self.n_arrays, VIEW_BYTES), 16, "views")
        self.bases = b.alloca(PTR, b.add(self.n_arrays, 2), name="bases")
        self.sizes = b.alloca(I64, self.n_sizes, name="sizes")
        self.owned = b.alloca(PTR, self.n_outputs, name="owned")
        self.taken = b.alloca(I64, name="taken")  # how many views are held
        self.frame = b.alloca(I64, 5, name="frame")
        self.slow = b.label("slow")

    def need(self, cond: Value) -> None:
        """Go to the slow path unless `cond`."""
        self.b.branch_if(self.b.not_(cond), self.slow, unlikely=True)

    def field(self, offset: int) -> Value:
        """Address of a field of the state."""
        return self.b.offset(self.state, offset)

    def view(self, index: Value) -> Value:
        """Address of the Py_buffer of array `index`."""
        return self.b.offset(self.views, self.b.mul(index, VIEW_BYTES))

    def following(self, record: Value) -> Value:
        """The record behind `record`."""
        axes = self.b.load(I64, record)
        return self.b.at(self.b.offset(record, RECORD_AXES), I64, axes)


def emit_call(module: Module) -> None:
    """axe_call(args, nargs, kwnames, state, table) -> PyObject*. The module must have the host
    table, `axe_values`, `axe_run` and the functions of arguments.py."""
    params = {"args": PTR, "nargs": I64, "kwnames": PTR, "state": PTR, "table": PTR}
    b = module.function("axe_call", PTR, params)
    call = _Call(b)
    _clear(call)
    out, threads = _keywords(call)
    call.need(b.cmp("eq", call.nargs, call.n_inputs))
    call.need(b.cmp("ge", threads, 1))
    call.need(b.cmp("le", threads, b.load(I64, call.field(State.max_threads.offset))))
    outputs = _take_inputs(call)
    _check_dims(call)
    _take_outputs(call, out, outputs)
    _run(call, threads)
    _release(call)
    _result(call, out)
    _slow_path(call)


def _clear(call: _Call) -> None:
    """Nothing is taken, nothing owned, no size known."""
    b = call.b
    b.store(constant(I64, 0), call.taken)
    with b.for_(0, call.n_outputs, name="output") as output:
        b.store(NULL, b.at(call.owned, PTR, output.index))
    with b.for_(0, call.n_sizes, name="size") as size:
        b.store(constant(I64, UNKNOWN), b.at(call.sizes, I64, size.index))


def _keywords(call: _Call) -> tuple[Value, Value]:
    """(`out` or null, `threads`); None counts as not given."""
    b = call.b
    default = b.load(I64, call.field(State.threads.offset), name="default")
    with b.if_(b.cmp("ne", call.kwnames, NULL), [NULL, default]) as keywords:
        count = call_host(b, "PyTuple_Size", I64, [call.kwnames])
        with b.for_(0, count, carried=[NULL, default], name="keyword") as loop:
            out, threads = loop.carried
            name = call_host(b, "PyTuple_GetItem", PTR, [call.kwnames, loop.index])
            value = b.load(PTR, b.at(call.args, PTR, b.add(call.nargs, loop.index)), name="value")
            given = b.cmp("ne", value, host_pointer(b, "None"))
            is_out = b.cmp("eq", name, b.load(PTR, call.field(State.kw_out.offset)))
            is_threads = b.cmp("eq", name, b.load(PTR, call.field(State.kw_threads.offset)))
            call.need(b.or_(is_out, is_threads))
            with b.if_(b.and_(is_threads, given), [threads]) as number:
                count = call_host(b, "PyLong_AsLong", I64, [value])
                is_true = b.cmp("eq", value, host_pointer(b, "True"))  # no number of threads
                number.yield_(b.select(is_true, constant(I64, 0), count))
            loop.yield_(b.select(b.and_(is_out, given), value, out), number.results[0])
        keywords.yield_(*loop.results)
    out, threads = keywords.results
    return out, threads


def _take_inputs(call: _Call) -> Value:
    """Take and check the buffers of the inputs; the first output's record."""
    b = call.b
    with b.for_(0, call.n_inputs, carried=[call.records], name="input") as loop:
        (record,) = loop.carried
        object_ = b.load(PTR, b.at(call.args, PTR, loop.index), name="object")
        _take(call, loop.index, object_, INPUT_FLAGS, record)
        loop.yield_(call.following(record))
    return loop.results[0]


def _take(call: _Call, index: Value, object_: Value, flags: int, record: Value) -> None:
    """Array `index` of the call: its view and its base pointer."""
    b = call.b
    view = call.view(index)
    args = [view, object_, constant(I32, flags), record, call.sizes]
    call.need(b.call("axe_take", I1, args))
    b.store(b.add(index, 1), call.taken)
    b.store(b.load(PTR, b.offset(view, VIEW_BUF)), b.at(call.bases, PTR, index))


def _check_dims(call: _Call) -> None:
    """Every dim is in its range; compound sizes of the inputs are what the dims say."""
    b = call.b
    with b.for_(0, call.n_dims, name="dim") as dim:
        size = b.load(I64, b.at(call.sizes, I64, dim.index), name="size")
        range_ = b.at(call.ranges, I64, b.mul(dim.index, 2))
        call.need(b.cmp("ge", size, b.load(I64, range_)))
        call.need(b.cmp("le", size, b.load(I64, b.offset(range_, 8))))
    with b.if_(b.cmp("ne", call.n_code, 0)):
        values = b.at(call.sizes, I64, call.n_dims)
        b.call("axe_values", VOID, [call.code, call.n_code, call.sizes, values])
        with b.for_(0, call.n_inputs, carried=[call.records], name="input") as loop:
            (record,) = loop.carried
            call.need(b.call("axe_check", I1, [call.view(loop.index), record, call.sizes]))
            loop.yield_(call.following(record))


def _take_outputs(call: _Call, out: Value, first: Value) -> None:
    """Take the given outputs (`out` itself, or its items), or make them; one with a donor is the
    array that was given as that input."""
    b = call.b
    given = b.cmp("ne", out, NULL)
    several = b.cmp("ne", call.n_outputs, 1)
    with b.if_(b.and_(given, several)):
        count = call_host(b, "PyTuple_Size", I64, [out])  # -1 when `out` is no tuple
        call.need(b.cmp("eq", count, call.n_outputs))
    with b.for_(0, call.n_outputs, carried=[first], name="output") as loop:
        (record,) = loop.carried
        index = b.add(call.n_inputs, loop.index)
        donor = b.load(I64, b.offset(record, RECORD_DONOR), name="donor")
        with b.if_else(given, 1) as way:
            with way.then() as arm:
                with b.if_(several, [out]) as item:
                    item.yield_(call_host(b, "PyTuple_GetItem", PTR, [out, loop.index]))
                with b.if_(b.cmp("ge", donor, 0)):
                    call.need(b.cmp("eq", item.results[0], _donated(call, donor)))
                arm.yield_(*item.results)
            with way.else_() as arm:
                made = _new_output(call, loop.index, record, donor)
                b.store(made, b.at(call.owned, PTR, loop.index))
                arm.yield_(made)
        _take(call, index, way.results[0], OUTPUT_FLAGS, record)
        call.need(b.not_(b.call("axe_overlaps", I1, [call.views, index, donor])))
        loop.yield_(call.following(record))


def _donated(call: _Call, donor: Value) -> Value:
    """The object of an input."""
    return call.b.load(PTR, call.b.at(call.args, PTR, donor))


def _new_output(call: _Call, number: Value, record: Value, donor: Value) -> Value:
    """A reference to the donor, or to a new array."""
    b = call.b
    with b.if_else(b.cmp("ge", donor, 0), 1) as way:
        with way.then() as arm:
            call_host(b, "Py_IncRef", VOID, [_donated(call, donor)])
            arm.yield_(_donated(call, donor))
        with way.else_() as arm:
            allocators = b.load(PTR, call.field(State.allocators.offset), name="allocators")
            make = b.load(PTR, b.at(allocators, PTR, number))
            made = b.call("axe_new", PTR, [make, record, call.sizes])
            call.need(b.cmp("ne", made, NULL))
            arm.yield_(made)
    return way.results[0]


def _run(call: _Call, threads: Value) -> None:
    """Take an arena, run the program without the GIL, give the arena back."""
    b = call.b
    arena = b.call("axe_arena_pop", PTR, [call.state], "arena")
    call.need(b.cmp("ne", arena, NULL))
    weights = b.load(PTR, call.field(State.weights.offset), name="weights")
    b.store(weights, b.at(call.bases, PTR, call.n_arrays))
    b.store(arena, b.at(call.bases, PTR, b.add(call.n_arrays, 1)))
    fields = {
        Frame.program.offset: b.load(PTR, call.field(State.program.offset), name="program"),
        Frame.bases.offset: call.bases,
        Frame.dims.offset: call.sizes,
        Frame.arena.offset: arena,
        Frame.threads.offset: threads,
    }
    for offset, value in fields.items():
        b.store(value, b.offset(call.frame, offset))
    thread = call_host(b, "PyEval_SaveThread", PTR)
    b.call("axe_run", VOID, [call.frame])
    call_host(b, "PyEval_RestoreThread", VOID, [thread])
    b.call("axe_arena_push", VOID, [call.state, arena])


def _release(call: _Call) -> None:
    """Let go of all views."""
    b = call.b
    with b.for_(0, b.load(I64, call.taken), name="view") as view:
        call_host(b, "PyBuffer_Release", VOID, [call.view(view.index)])
    b.store(constant(I64, 0), call.taken)


def _result(call: _Call, out: Value) -> None:
    """Return `out`, or the one new output, or a tuple of them."""
    b = call.b
    with b.if_(b.cmp("ne", out, NULL)):
        call_host(b, "Py_IncRef", VOID, [out])
        b.ret(out)
    with b.if_(b.cmp("eq", call.n_outputs, 1)):
        b.ret(b.load(PTR, call.owned))
    result = call_host(b, "PyTuple_New", PTR, [call.n_outputs])
    call.need(b.cmp("ne", result, NULL))
    with b.for_(0, call.n_outputs, name="output") as output:
        item = b.load(PTR, b.at(call.owned, PTR, output.index))
        call_host(b, "PyTuple_SetItem", I32, [result, output.index, item])
    b.ret(result)


def _slow_path(call: _Call) -> None:
    """Undo what was done and let the fallback serve the same arguments."""
    b = call.b
    b.place(call.slow)
    _release(call)
    with b.for_(0, call.n_outputs, name="output") as output:
        call_host(b, "Py_DecRef", VOID, [b.load(PTR, b.at(call.owned, PTR, output.index))])
    call_host(b, "PyErr_Clear", VOID)
    fallback = b.load(PTR, call.field(State.fallback.offset), name="fallback")
    args = [fallback, call.args, call.nargs, call.kwnames]
    b.ret(call_host(b, "PyObject_Vectorcall", PTR, args))
