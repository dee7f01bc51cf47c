"""ABI v1: every constant that generated code and the runtime must agree on.

A code segment is an ELF shared object that imports nothing. It exports

  axe_init(ptr host)            Copies the host table: pointers in the order of `HOST_API`.
                                Called once per image, before anything else, holding the GIL.
  axe_parallel(ptr kernel, ptr block, i64 units, i64 grain, i64 threads)
                                Runs `kernel(block, lo, hi)` over a static partition of
                                [0, units); units <= 0 does nothing.
  axe_run(ptr frame)            Runs one program table (runtime/program.py); called without the GIL.
  axe_arena_pop(ptr state) -> ptr
  axe_arena_push(ptr state, ptr arena)
                                The free list of arenas. The GIL makes them atomic: the stub calls
                                them (or does the same inline) only while it holds the GIL, and the
                                runtime calls them through ctypes.PyDLL. `pop` gives 0 when empty.
  axe_kernels                   Array of kernel pointers, `void k(ptr block, i64 lo, i64 hi)`.
  axe_call_<i>                  METH_FASTCALL | METH_KEYWORDS stub of entry i.
  axe_state_<i>                 `State` of entry i, STATE_SIZE bytes, 8-aligned, writable, zeroed.

Entry i is the i-th name of the manifest's entries in sorted order; dim j of an entry is the j-th of
its dim names in sorted order. Where a word is called "PyObject*" the runtime keeps the reference
alive; native code borrows it.

HOST TABLE   one 8-byte pointer per name of `HOST_API`. Addresses of functions, except `None` (the
             object) and `parallel` (the process-wide pool: `axe_parallel` of the image that was
             loaded first; 0 for that image itself, which then uses its own).

STATE        8-byte words at these byte offsets:
    0 fallback      PyObject*   slow path: called with the stub's own args, nargs and kwnames
    8 kw_out        PyObject*   the interned str "out"      } compare by identity; a keyword that
   16 kw_threads    PyObject*   the interned str "threads"  } is neither goes to the fallback
   24 arenas        ptr         first free arena, 0 = none (then: fallback)
   32 program       ptr         program table of the entry
   40 weights       ptr         first byte of the weights segment (ALIGNMENT-aligned), 0 = none
   48 threads       i64         value of `threads` when the caller gives none
   56 max_threads   i64         largest `threads` that is accepted (outside 1..max: fallback)
   64 allocators    ptr         n_outputs PyObject*: called without arguments, gives a fresh C-order
                                array for output j; 0 = its shape is dynamic (then: fallback)
   72 arena_bytes   i64         every arena of the list has at least this capacity, which is enough
                                for the largest dims, so the stub has nothing to check

ARENA        ARENA_HEADER bytes, then the arena proper, ALIGNMENT-aligned. An arena pointer points
             behind the header; at negative byte offsets from it:
  -64 next          ptr         next free arena (also a pointer behind its header), 0 = last
  -56 capacity      i64         bytes behind the header
  -48 ... -8                    unused

FRAME        argument of `axe_run`, 8-byte words at these byte offsets:
    0 program       ptr         program table
    8 bases         ptr         pointers: inputs..., outputs..., weights, arena
   16 dims          ptr         i64 per named dim
   24 arena         ptr         same as the last base
   32 threads       i64         upper bound on the parts that a launch is split into

BLOCK        argument of a kernel: 8-byte slots [buffer pointers..., dims...] as its launch lists.
"""

from __future__ import annotations

import ctypes

__all__ = [
    "ABI_VERSION",
    "ALIGNMENT",
    "ARENA_CAPACITY",
    "ARENA_HEADER",
    "ARENA_NEXT",
    "DTYPES",
    "HOST_API",
    "MAX_THREADS",
    "STATE_SIZE",
    "SYMBOLS",
    "Frame",
    "State",
]

ABI_VERSION = 1
ALIGNMENT = 64  # bytes: of arenas, weights, and every planned offset
MAX_THREADS = 256  # the pool never has more parts than this

HOST_API = (
    "PyObject_GetBuffer",
    "PyBuffer_Release",
    "PyEval_SaveThread",
    "PyEval_RestoreThread",
    "PyErr_Clear",
    "PyObject_Vectorcall",
    "PyObject_CallNoArgs",
    "Py_IncRef",
    "Py_DecRef",
    "PyLong_AsLong",
    "PyTuple_Size",
    "PyTuple_GetItem",
    "PyTuple_New",
    "PyTuple_SetItem",
    "None",
    "pthread_create",
    "syscall",
    "getpid",
    "parallel",
)

# Exported once per image; `axe_call_<i>` and `axe_state_<i>` come on top.
SYMBOLS = (
    "axe_init",
    "axe_parallel",
    "axe_run",
    "axe_arena_pop",
    "axe_arena_push",
    "axe_kernels",
)


class State(ctypes.Structure):
    """`axe_state_<i>`; see STATE above."""

    _fields_ = (
        ("fallback", ctypes.c_void_p),
        ("kw_out", ctypes.c_void_p),
        ("kw_threads", ctypes.c_void_p),
        ("arenas", ctypes.c_void_p),
        ("program", ctypes.c_void_p),
        ("weights", ctypes.c_void_p),
        ("threads", ctypes.c_int64),
        ("max_threads", ctypes.c_int64),
        ("allocators", ctypes.c_void_p),
        ("arena_bytes", ctypes.c_int64),
    )


class Frame(ctypes.Structure):
    """The argument of `axe_run`; see FRAME above."""

    _fields_ = (
        ("program", ctypes.c_void_p),
        ("bases", ctypes.c_void_p),
        ("dims", ctypes.c_void_p),
        ("arena", ctypes.c_void_p),
        ("threads", ctypes.c_int64),
    )


STATE_SIZE = ctypes.sizeof(State)
ARENA_HEADER = 64
ARENA_NEXT = -64
ARENA_CAPACITY = -56

# dtype -> (bytes per element, NumPy name, buffer-protocol formats that native code accepts; the
# first is the usual one). bf16 has no format of its own: it travels as uint16.
DTYPES: dict[str, tuple[int, str, str]] = {
    "f64": (8, "float64", "d"),
    "f32": (4, "float32", "f"),
    "f16": (2, "float16", "e"),
    "bf16": (2, "bfloat16", "H"),
    "i64": (8, "int64", "lq"),
    "i32": (4, "int32", "i"),
    "i16": (2, "int16", "h"),
    "i8": (1, "int8", "b"),
    "u64": (8, "uint64", "LQ"),
    "u32": (4, "uint32", "I"),
    "u16": (2, "uint16", "H"),
    "u8": (1, "uint8", "B"),
    "bool": (1, "bool", "?"),
}
