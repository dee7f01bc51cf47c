"""The ABI: every constant that generated code and the runtime must agree on.

A code segment is an ELF shared object that imports nothing. It exports

  axe_init(ptr host)     Copies the host table: pointers in the order of `HOST_API`. Called once per
                         image, before anything else, holding the GIL.
  axe_parallel(ptr launches, i64 count, i64 threads)
                         Runs all as one job, over disjoint pieces of [0, units) each, if any. A
                         launch: LAUNCH_RECORD words, kernel, block, units, grain, one to write to.
  axe_run(ptr frame)     Runs one program table (runtime/program.py); called without the GIL.
  axe_arena_pop(ptr state) -> ptr, axe_arena_push(ptr state, ptr arena)
                         The free list of arenas; pop gives 0 when it is empty. The GIL makes them
                         atomic: whoever calls them (or does the same inline) holds it.
  axe_kernels            Array of kernel pointers, `void k(ptr block, i64 lo, i64 hi)`. A block is
                         8-byte slots [buffer pointers..., dims...], as the launch lists them.
  axe_call_<i>           METH_FASTCALL | METH_KEYWORDS stub of entry i.
  axe_state_<i>          `State` of entry i: writable, 8-aligned, zeroed.

Entry i is the i-th name of the manifest's entries in sorted order; dim j of an entry is the j-th of
its dim names in sorted order. The runtime keeps every Python object that it hands over alive.

An arena pointer is ALIGNMENT-aligned and points behind a header of ARENA_HEADER bytes, with at
negative offsets: ARENA_NEXT ptr, next free arena (0 = last); ARENA_CAPACITY i64, bytes behind it.
"""

import ctypes

ABI_VERSION = 5
LAUNCH_RECORD = 5  # words that describe a launch to `axe_parallel`
ALIGNMENT = 64  # bytes: of arenas, weights, and every planned offset
MAX_THREADS = 256  # the pool never has more parts than this
ARENA_HEADER, ARENA_NEXT, ARENA_CAPACITY = 64, -64, -56

# Addresses of functions, except `None`, `True`, types (objects) and `parallel` (the process-wide
# pool: `axe_parallel` of the image loaded first; 0 for that image itself, which uses its own).
HOST_API = (
    *("PyObject_GetBuffer", "PyBuffer_Release", "PyEval_SaveThread", "PyEval_RestoreThread"),
    *("PyErr_Clear", "PyObject_Vectorcall", "PyObject_CallNoArgs", "Py_IncRef", "Py_DecRef"),
    *("PyLong_AsLong", "PyTuple_Size", "PyTuple_GetItem", "PyTuple_New", "PyTuple_SetItem"),
    *("None", "pthread_create", "syscall", "getpid", "parallel", "PyLong_FromLongLong", "True"),
    *("PyObject_GetAttr", "PyObject_GetItem", "PySequence_GetItem", "PyObject_Size", "PyDict_New"),
    *("PyDict_SetItem", "PyList_New", "PyList_SetItem", "PyDict_Type", "PyList_Type"),
    "PyTuple_Type",
)

# How `State.objects` begins: interned texts, NumPy's class of arrays, its bfloat16 or None.
# Behind these the names of the arguments, then the keys of dicts as `tree.names` has them.
OBJECTS = ("out", "threads", "dtype", "ndarray", "bfloat16")


class State(ctypes.Structure):
    """`axe_state_<i>`: nine 8-byte words, in this order."""

    _fields_ = (
        # PyObject*: the slow path, called with the stub's own args, nargs and kwnames.
        ("fallback", ctypes.c_void_p),
        # PyObject*: OBJECTS, then interned names. Compared by identity; others go to the fallback.
        ("objects", ctypes.c_void_p),
        # First free arena, 0 = none (then: fallback). Each one is large enough for any dims.
        ("arenas", ctypes.c_void_p),
        # Program table of the entry; first byte of the weights (0 = none).
        ("program", ctypes.c_void_p),
        ("weights", ctypes.c_void_p),
        # `threads` when the caller gives none; the largest that is accepted (else: fallback).
        ("threads", ctypes.c_int64),
        ("max_threads", ctypes.c_int64),
        # n_outputs PyObject*, each gives a fresh C-order array: called without arguments for a
        # static shape, with the shape (one tuple of ints) for a dynamic one. The stub may leave
        # dynamic shapes to the fallback.
        ("allocators", ctypes.c_void_p),
        # Capacity that every arena of the list has at least.
        ("arena_bytes", ctypes.c_int64),
    )


class Frame(ctypes.Structure):
    """The argument of `axe_run`: five 8-byte words, in this order."""

    _fields_ = (
        ("program", ctypes.c_void_p),
        ("bases", ctypes.c_void_p),  # pointers: inputs..., outputs..., weights, arena
        ("dims", ctypes.c_void_p),  # an i64 per named dim
        ("arena", ctypes.c_void_p),  # the same as the last base
        ("threads", ctypes.c_int64),  # upper bound on the parts of a launch
    )


# dtype -> (bytes, NumPy name, buffer formats that native code takes); bf16 travels as uint16.
DTYPES: dict[str, tuple[int, str, str]] = {
    "f64": (8, "float64", "d"), "f32": (4, "float32", "f"), "f16": (2, "float16", "e"),
    "bf16": (2, "bfloat16", "H"), "i64": (8, "int64", "lq"), "i32": (4, "int32", "i"),
    "i16": (2, "int16", "h"), "i8": (1, "int8", "b"), "u64": (8, "uint64", "LQ"),
    "u32": (4, "uint32", "I"), "u16": (2, "uint16", "H"), "u8": (1, "uint8", "B"),
    "bool": (1, "bool", "?"),
}  # fmt: skip
