"""One entry of a loaded artifact: the state that its native stub reads, and the slow path.

The stub serves the calls that need no thought. Everything else comes here: what must be converted,
copied or allocated is, what is wrong is said, and the same native code runs.
"""

import ctypes
import mmap
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from ctypes import addressof, c_char_p, c_int, c_int64, c_void_p, py_object
from numbers import Integral
from typing import Any

from .abi import ARENA_CAPACITY, ARENA_HEADER, MAX_THREADS, OBJECTS, Frame, State
from .arrays import Array, ArraySpec, address
from .errors import AxecError
from .image import Image
from .tree import flatten, names, unflatten

# Address space only: pages that no call touches never become memory. (Python 3.11's mmap lacks
# MAP_NORESERVE; it is 0x4000 on x86-64 and aarch64.)
_ARENA_FLAGS = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000
CPUS = min(os.cpu_count() or 1, MAX_THREADS)  # the largest `threads` that a call takes
_METH_FASTCALL_KEYWORDS = 0x0080 | 0x0002


class _MethodDef(ctypes.Structure):
    _fields_ = (("name", c_char_p), ("code", c_void_p), ("flags", c_int), ("doc", c_char_p))


_Constructor = ctypes.PYFUNCTYPE(py_object, c_void_p, py_object, c_void_p)
_new_function = _Constructor(("PyCFunction_NewEx", ctypes.pythonapi))


class Entry:
    """Entry `index` of an image; calling it is the slow path. Concurrent calls take an arena each,
    and an entry keeps as many as were ever in use at once."""

    def __init__(self, name: str, row: Mapping[str, Any], image: Image, index: int) -> None:
        self.name = name
        self.inputs = [ArraySpec(array) for array in row["inputs"]]
        self.outputs = [ArraySpec(array) for array in row["outputs"]]
        self._in, self._out = row["in_tree"], row["out_tree"]
        self.dims: dict[str, list[int]] = dict(sorted(row["dims"].items()))
        self._image = image
        self._stub = image.address(f"axe_call_{index}")
        self._state = State.from_address(image.address(f"axe_state_{index}"))
        self._state.arena_bytes = row["arena_bytes"]
        self._arenas: list[mmap.mmap] = []

    def start(self, program: bytes, weights: Array | None, threads: int) -> Callable[..., Any]:
        """Fill the native state; gives the native stub as a function that keeps this alive."""
        self._program = ctypes.create_string_buffer(program, len(program))
        self._weights = weights
        self._allocators = [output.allocator() for output in self.outputs]
        self._objects = self._all_objects()
        lists = self._allocators, self._objects
        self._tables = [(c_void_p * len(found))(*map(id, found)) for found in lists]
        state = self._state
        state.fallback, state.program = id(self), addressof(self._program)
        state.allocators, state.objects = map(addressof, self._tables)
        state.weights = None if weights is None else address(weights)
        state.threads, state.max_threads, state.arenas = threads, CPUS, None
        self._image.push(addressof(state), self._new_arena())
        taken = ", ".join([*self._in["keys"], "*", "out=None", "threads=None"])
        doc = f"{self.name}({taken})\n--\n\nCompiled by axec.".encode()
        # The interpreter reads this struct as long as the function lives: it must not move or go.
        self._method = _MethodDef(self.name.encode(), self._stub, _METH_FASTCALL_KEYWORDS, doc)
        return _new_function(addressof(self._method), self, None)  # type: ignore[no-any-return]

    def __call__(self, *args: Any, out: Any = None, threads: Any = None, **kwargs: Any) -> Any:
        parts = self._state.threads if threads is None else check_threads(threads)
        keys = self._in["keys"]
        roots = zip(self._in["children"], bind(self.name, keys, args, kwargs), keys, strict=True)
        values = [leaf for root in roots for leaf in flatten(*root)]
        arrays = [spec.convert(value) for spec, value in zip(self.inputs, values, strict=True)]
        dims = self._solve_dims(arrays)
        given = [None] * len(self.outputs) if out is None else self._given(out)
        for spec, array in zip(self.outputs, given, strict=True):
            at, others = spec.donor, list(arrays)
            source = None if at is None else others.pop(at)
            arrays.append(spec.target(source if array is None else array, spec.sizes(dims), others))
            if at is not None and arrays[-1] is not source:  # what the call changes is a copy
                arrays[-1][...], arrays[at] = source, arrays[-1]
        self._run(arrays, dims, parts)
        results = arrays[len(self.inputs) :]
        for array, result in zip(given, results, strict=True):
            if array is not None and array is not result:
                array[...] = result
        return unflatten(self._out, iter(results)) if out is None else out

    def _all_objects(self) -> list[Any]:
        import numpy as np

        halves = (array.dtype for array in (*self.inputs, *self.outputs) if array.bits16)
        texts = [*map(sys.intern, (*OBJECTS[:3], *names(self._in), *names(self._out)))]
        return [*texts[:3], np.ndarray, next(halves, None), *texts[3:]]

    def _given(self, out: Any) -> Sequence[Any]:
        """The arrays in `out`; a flat result's may come in a list or a tuple of any kind."""
        leaf, count = {"kind": "leaf"}, len(self.outputs)
        if self._out != (leaf if count == 1 else {"kind": "tuple", "children": [leaf] * count}):
            return [*flatten(self._out, out, "out")]
        given = out if isinstance(out, (list, tuple)) else [out]
        if len(given) != count:
            message = f"out holds {len(given)} arrays, {self.name!r} has {count}"
            raise AxecError("output-invalid", message)
        return given

    def _new_arena(self) -> int:
        size = self._state.arena_bytes
        try:
            arena = mmap.mmap(-1, ARENA_HEADER + max(size, 8), flags=_ARENA_FLAGS)
        except (OSError, ValueError, OverflowError):
            message = f"cannot reserve {size} bytes for the arena of {self.name!r}"
            raise AxecError("out-of-memory", message) from None
        self._arenas.append(arena)
        start = addressof(ctypes.c_char.from_buffer(arena)) + ARENA_HEADER
        c_int64.from_address(start + ARENA_CAPACITY).value = len(arena) - ARENA_HEADER
        return start

    def _solve_dims(self, arrays: Sequence[Array]) -> dict[str, int]:
        found: dict[int | str, tuple[int, str]] = {}  # dim -> its size, the input that gave it
        for spec, array in zip(self.inputs, arrays, strict=True):
            if array.ndim != len(spec.shape):
                raise spec.shape_error(array)
            for size, actual in zip(spec.shape, array.shape, strict=True):
                if size in self.dims:
                    first = found.setdefault(size, (actual, spec.name))
                    self._check_dim(str(size), first, (actual, spec.name))
                elif isinstance(size, int) and size != actual:
                    raise spec.shape_error(array)
        dims = {dim: found[dim][0] for dim in self.dims}
        for spec, array in zip(self.inputs, arrays, strict=True):
            if not spec.is_static and array.shape != (sizes := spec.sizes(dims)):
                raise spec.shape_error(array, sizes)
        return dims

    def _check_dim(self, dim: str, first: tuple[int, str], now: tuple[int, str]) -> None:
        low, high = self.dims[dim]
        if not low <= now[0] <= high:
            message = f"dim {dim!r} is {now[0]} in input {now[1]!r}; its range is {low} to {high}"
            raise AxecError("dim-out-of-range", message)
        if first[0] != now[0]:
            message = f"dim {dim!r} is {first[0]} in input {first[1]!r}, but {now[0]} in {now[1]!r}"
            raise AxecError("dim-conflict", message)

    def _run(self, arrays: Sequence[Array], dims: Mapping[str, int], threads: int) -> None:
        state = addressof(self._state)
        arena = self._image.pop(state) or self._new_arena()
        try:
            pointers = *map(address, arrays), self._state.weights, arena
            bases = (c_void_p * len(pointers))(*pointers)
            sizes = (c_int64 * len(dims))(*dims.values())
            starts = addressof(self._program), addressof(bases), addressof(sizes)
            self._image.run(ctypes.byref(Frame(*starts, arena, threads)))
        finally:
            self._image.push(state, arena)


def check_threads(threads: Any) -> int:
    """`threads` as an int; AxecError `threads-invalid` unless it is 1 to CPUS."""
    count = int(threads) if isinstance(threads, Integral) and threads is not True else 0
    if not 1 <= count <= CPUS:
        message = f"threads is {threads!r}, but must be 1 to {CPUS}, the CPUs of this machine"
        raise AxecError("threads-invalid", message)
    return count


def bind(entry: str, names: list[str], args: Sequence[Any], kwargs: dict[str, Any]) -> list[Any]:
    """Arguments in the order of `names`; AxecError `input-count` or `input-name`."""
    takes = f"{entry!r} takes {len(names)} inputs ({', '.join(names)})"
    values = dict(zip(names, args, strict=False))
    for name in kwargs:
        if name in values or name not in names:
            fault = "was given twice" if name in values else "does not exist"
            raise AxecError("input-name", f"input {name!r} {fault}", hint=takes)
    values |= kwargs
    missing = [name for name in names if name not in values]
    if missing or len(args) > len(names):
        hint = f"add {', '.join(missing)}" if missing else f"keep the first {len(names)}"
        given = len(args) + len(kwargs)
        raise AxecError("input-count", f"{takes}, but {given} were given", hint=hint)
    return [values[name] for name in names]
