"""`axe_call`: from Python's arguments to `axe_run`, the same code for every entry.

A METH_FASTCALL | METH_KEYWORDS call with arrays or trees of them, by position or name, `out=` and
`threads=` is checked and run with the GIL released. This code never raises and allocates nothing of
its own: any call that is not plainly right goes unchanged to the fallback (runtime/call.py), which
converts, copies, or says what is wrong. Outputs that the caller does not give are made by the
allocators of the state.
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
from axec.passes.codegen.cpu.support.trees import NODE_BYTES, PARENT
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
from axec.runtime.abi import OBJECTS, Frame, State

__all__ = ["emit_call"]

_HEADER = ("n_inputs", "n_outputs", "n_dims", "n_code", "n_values", "n_args", "n_in", "n_out")


class _Call:
    """What the steps of a call share: the arguments, the table's header, memory on the stack."""

    def __init__(self, b: Builder) -> None:
        self.b = b
        self.args, self.nargs, self.kwnames, self.state, self.table = b.args
        self.n_inputs, self.n_outputs, self.n_dims, self.n_code, self.n_values, *trees = (
            b.load(I64, b.at(self.table, I64, i), name=n) for i, n in enumerate(_HEADER)
        )
        self.n_args, self.n_in, self.n_out = trees
        self.ranges = b.at(self.table, I64, len(_HEADER), "ranges")
        self.code = b.at(self.ranges, I64, b.mul(self.n_dims, 2), "code")
        self.nodes = b.at(self.code, I64, b.mul(self.n_code, 2), "nodes")
        self.out_nodes = b.offset(self.nodes, b.mul(self.n_in, NODE_BYTES), "out_nodes")
        self.records = b.offset(self.out_nodes, b.mul(self.n_out, NODE_BYTES), "records")
        self.n_arrays = b.add(self.n_inputs, self.n_outputs, name="n_arrays")
        self.n_sizes = b.add(self.n_dims, self.n_values, name="n_sizes")
        self.objects = b.load(PTR, self.field(State.objects.offset), name="objects")
        self.views = b.alloca(I8, b.mul(self.n_arrays, VIEW_BYTES), 16, "views")
        self.bases = b.alloca(PTR, b.add(self.n_arrays, 2), name="bases")
        self.sizes = b.alloca(I64, self.n_sizes, name="sizes")
        self.leaves = b.alloca(PTR, self.n_arrays, name="leaves")
        # Arguments that are arrays, all of them, need not be opened.
        args_only = b.cmp("eq", self.n_args, self.n_in)
        self.flat = b.and_(args_only, b.cmp("eq", self.n_in, self.n_inputs))
        roots = b.alloca(PTR, self.n_args, name="roots")
        self.roots = b.select(self.flat, self.leaves, roots)
        self.out = b.alloca(PTR, name="out")
        self.opened = b.alloca(PTR, b.add(self.n_in, self.n_out), name="opened")  # all nodes
        self.made = b.alloca(PTR, self.n_outputs, name="made")  # arrays that are ours
        self.taken = b.alloca(I64, name="taken")  # how many views are held
        self.result = b.alloca(PTR, name="result")
        self.frame = b.alloca(I64, 5, name="frame")
        self.slow = b.label("slow")

    def need(self, cond: Value) -> None:
        """Go to the slow path unless `cond`."""
        self.b.branch_if(self.b.not_(cond), self.slow, unlikely=True)

    def field(self, offset: int) -> Value:
        """Address of a field of the state."""
        return self.b.offset(self.state, offset)

    def object(self, name: str) -> Value:
        """One of the objects that every state has."""
        return self.b.load(PTR, self.b.at(self.objects, PTR, OBJECTS.index(name)))

    def leaf(self, index: Value) -> Value:
        """The object that is array `index`."""
        return self.b.load(PTR, self.b.at(self.leaves, PTR, index))

    def open(self, nodes: Value, count: Value, roots: Value, opened: Value, leaves: Value) -> None:
        """Go to the slow path unless the roots are trees as declared."""
        args = [nodes, count, roots, opened, leaves, self.objects]
        self.need(self.b.call("axe_open", I1, args))

    def view(self, index: Value) -> Value:
        """Address of the Py_buffer of array `index`."""
        return self.b.offset(self.views, self.b.mul(index, VIEW_BYTES))

    def following(self, record: Value) -> Value:
        """The record behind `record`."""
        axes = self.b.load(I64, record)
        return self.b.at(self.b.offset(record, RECORD_AXES), I64, axes)


def emit_call(module: Module) -> None:
    """axe_call(args, nargs, kwnames, state, table) -> PyObject*. The module must have the host
    table, `axe_values`, `axe_run` and the functions of arguments.py and trees.py."""
    params = {"args": PTR, "nargs": I64, "kwnames": PTR, "state": PTR, "table": PTR}
    b = module.function("axe_call", PTR, params)
    call = _Call(b)
    _clear(call)
    threads = _arguments(call)
    call.need(b.cmp("ge", threads, 1))
    call.need(b.cmp("le", threads, b.load(I64, call.field(State.max_threads.offset))))
    with b.if_(b.not_(call.flat)):
        call.open(call.nodes, call.n_in, call.roots, call.opened, call.leaves)
    outputs = _take_inputs(call)
    _check_dims(call)
    _find_outputs(call, outputs)
    _take_outputs(call, outputs)
    _run(call, threads)
    _release(call)
    b.ret(b.load(PTR, call.result))
    _slow_path(call)


def _clear(call: _Call) -> None:
    """Nothing is given, taken or made, no size known."""
    b = call.b
    b.store(constant(I64, 0), call.taken)
    b.store(NULL, call.result)
    b.store(NULL, call.out)
    counts = [
        (call.roots, call.n_args),
        (call.opened, b.add(call.n_in, call.n_out)),
        (call.made, call.n_outputs),
    ]
    for pointers, count in counts:
        with b.for_(0, count, name="pointer") as pointer:
            b.store(NULL, b.at(pointers, PTR, pointer.index))
    with b.for_(0, call.n_sizes, name="size") as size:
        b.store(constant(I64, UNKNOWN), b.at(call.sizes, I64, size.index))


def _arguments(call: _Call) -> Value:
    """`threads`. The arguments become the roots, `out` is kept; None counts as not given."""
    b = call.b
    call.need(b.cmp("le", call.nargs, call.n_args))
    with b.for_(0, call.nargs, name="argument") as argument:
        given = b.load(PTR, b.at(call.args, PTR, argument.index))
        b.store(given, b.at(call.roots, PTR, argument.index))
    default = b.load(I64, call.field(State.threads.offset), name="default")
    with b.if_(b.cmp("ne", call.kwnames, NULL), [NULL, default]) as keywords:
        count = call_host(b, "PyTuple_Size", I64, [call.kwnames])
        with b.for_(0, count, carried=[NULL, default], name="keyword") as loop:
            name = call_host(b, "PyTuple_GetItem", PTR, [call.kwnames, loop.index])
            value = b.load(PTR, b.at(call.args, PTR, b.add(call.nargs, loop.index)), name="value")
            loop.yield_(*_keyword(call, name, value, *loop.carried))
        keywords.yield_(*loop.results)
    out, threads = keywords.results
    b.store(out, call.out)
    return threads


def _keyword(
    call: _Call, name: Value, value: Value, out: Value, threads: Value
) -> tuple[Value, Value]:
    """`out` and `threads` after one keyword, which may be the name of an argument."""
    b = call.b
    given = b.cmp("ne", value, host_pointer(b, "None"))
    is_out, is_threads = (b.cmp("eq", name, call.object(n)) for n in ("out", "threads"))
    with b.if_(b.not_(b.or_(is_out, is_threads))):
        names = b.at(call.objects, PTR, len(OBJECTS), "names")
        with b.loop(carried=[constant(I64, 0)], name="find") as find:
            (number,) = find.carried
            call.need(b.cmp("lt", number, call.n_args))
            here = b.load(PTR, b.at(names, PTR, number))
            find.break_if(b.cmp("eq", here, name), number)
            find.yield_(b.add(number, 1))
        root = b.at(call.roots, PTR, find.results[0])
        call.need(b.cmp("eq", b.load(PTR, root), NULL))
        b.store(value, root)
    with b.if_(b.and_(is_threads, given), [threads]) as wanted:
        count = call_host(b, "PyLong_AsLong", I64, [value])
        is_true = b.cmp("eq", value, host_pointer(b, "True"))  # no number of threads
        wanted.yield_(b.select(is_true, constant(I64, 0), count))
    return b.select(b.and_(is_out, given), value, out), wanted.results[0]


def _take_inputs(call: _Call) -> Value:
    """Take and check the buffers of the inputs; the first output's record."""
    b = call.b
    with b.for_(0, call.n_inputs, carried=[call.records], name="input") as loop:
        (record,) = loop.carried
        _take(call, loop.index, INPUT_FLAGS, record)
        loop.yield_(call.following(record))
    return loop.results[0]


def _take(call: _Call, index: Value, flags: int, record: Value) -> None:
    """Array `index` of the call: its view and its base pointer."""
    b = call.b
    view, object_ = call.view(index), call.leaf(index)
    call.need(b.cmp("ne", object_, NULL))
    args = [view, object_, constant(I32, flags), record, call.sizes, call.objects]
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


def _find_outputs(call: _Call, first: Value) -> None:
    """The result, a new reference: `out` and the arrays in it, or a new tree with new arrays."""
    b = call.b
    leaves = b.at(call.leaves, PTR, call.n_inputs, "outputs")
    opened = b.at(call.opened, PTR, call.n_in)
    out = b.load(PTR, call.out)
    with b.if_else(b.cmp("ne", out, NULL)) as way:
        with way.then():
            call.open(call.out_nodes, call.n_out, call.out, opened, leaves)
            call_host(b, "Py_IncRef", VOID, [out])
            b.store(out, call.result)
        with way.else_():
            with b.for_(0, call.n_outputs, carried=[first], name="new") as loop:
                (record,) = loop.carried
                array = _new_output(call, loop.index, record)
                b.store(array, b.at(call.made, PTR, loop.index))
                b.store(array, b.at(leaves, PTR, loop.index))
                loop.yield_(call.following(record))
            args = [call.out_nodes, call.n_out, opened, leaves, call.objects]
            made = b.call("axe_make", PTR, args)
            call.need(b.cmp("ne", made, NULL))
            b.store(made, call.result)


def _new_output(call: _Call, number: Value, record: Value) -> Value:
    """A new reference to the donor, or to a new array."""
    b = call.b
    donor = b.load(I64, b.offset(record, RECORD_DONOR), name="donor")
    with b.if_else(b.cmp("ge", donor, 0), 1) as way:
        with way.then() as arm:
            source = call.leaf(donor)
            call_host(b, "Py_IncRef", VOID, [source])
            arm.yield_(source)
        with way.else_() as arm:
            allocators = b.load(PTR, call.field(State.allocators.offset), name="allocators")
            make = b.load(PTR, b.at(allocators, PTR, number))
            made = b.call("axe_new", PTR, [make, record, call.sizes])
            call.need(b.cmp("ne", made, NULL))
            arm.yield_(made)
    return way.results[0]


def _take_outputs(call: _Call, first: Value) -> None:
    """Take and check the outputs; one with a donor is the array that was given as that input."""
    b = call.b
    with b.for_(0, call.n_outputs, carried=[first], name="output") as loop:
        (record,) = loop.carried
        index = b.add(call.n_inputs, loop.index)
        donor = b.load(I64, b.offset(record, RECORD_DONOR), name="donor")
        with b.if_(b.cmp("ge", donor, 0)):
            call.need(b.cmp("eq", call.leaf(index), call.leaf(donor)))
        _take(call, index, OUTPUT_FLAGS, record)
        call.need(b.not_(b.call("axe_overlaps", I1, [call.views, index, donor])))
        loop.yield_(call.following(record))


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
    """Let go of all but the result."""
    b = call.b
    with b.for_(0, b.load(I64, call.taken), name="view") as view:
        call_host(b, "PyBuffer_Release", VOID, [call.view(view.index)])
    with b.for_(0, call.n_outputs, name="array") as array:
        call_host(b, "Py_DecRef", VOID, [b.load(PTR, b.at(call.made, PTR, array.index))])
    # What a new result holds is its own.
    given = b.select(b.cmp("ne", b.load(PTR, call.out), NULL), call.n_out, constant(I64, 0))
    first = b.select(call.flat, call.n_in, constant(I64, 0))
    with b.for_(first, b.add(call.n_in, given), name="node") as node:
        parent = b.load(I64, b.offset(call.nodes, b.add(b.mul(node.index, NODE_BYTES), PARENT)))
        with b.if_(b.cmp("ge", parent, 0)):
            call_host(b, "Py_DecRef", VOID, [b.load(PTR, b.at(call.opened, PTR, node.index))])


def _slow_path(call: _Call) -> None:
    """Undo what was done and let the fallback serve the same arguments."""
    b = call.b
    b.place(call.slow)
    _release(call)
    call_host(b, "Py_DecRef", VOID, [b.load(PTR, call.result)])
    call_host(b, "PyErr_Clear", VOID)
    fallback = b.load(PTR, call.field(State.fallback.offset), name="fallback")
    args = [fallback, call.args, call.nargs, call.kwnames]
    b.ret(call_host(b, "PyObject_Vectorcall", PTR, args))
