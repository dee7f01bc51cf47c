"""One entry of a loaded artifact: the state that its native stub reads, and the slow path.

The stub serves the calls that need no thought. Everything else comes here: what must be converted,
copied or allocated is, what is wrong is said, and the same native code runs.
"""

from __future__ import annotations

import ctypes
import mmap
import operator
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .abi import ARENA_CAPACITY, ARENA_HEADER, MAX_THREADS, Frame, State
from .arrays import Array, ArraySpec, address
from .errors import AxecError

if TYPE_CHECKING:
    from .image import Image

METH_FASTCALL_KEYWORDS = 0x0080 | 0x0002
# Address space only: pages that no call touches never become memory. (Python 3.11's mmap lacks
# MAP_NORESERVE; it is 0x4000 on x86-64 and aarch64.)
_ARENA_FLAGS = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000
_KEYWORDS = sys.intern("out"), sys.intern("threads")


class _MethodDef(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


_new_builtin = ctypes.PYFUNCTYPE(
    ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p
)(("PyCFunction_NewEx", ctypes.pythonapi))


class Entry:
    """Entry `index` of an image, bound to its program and weights; calling it is the slow path.

    Concurrent calls take an arena each; an entry keeps as many as were ever in use at once.
    """

    def __init__(self, name: str, row: Mapping[str, Any], image: Image, index: int) -> None:
        self.name = name
        self.inputs = [ArraySpec(array) for array in row["inputs"]]
        self.outputs = [ArraySpec(array) for array in row["outputs"]]
        self.dims: dict[str, list[int]] = dict(sorted(row["dims"].items()))
        self._image, self._index = image, index
        self._arena_bytes: int = row["arena_bytes"]
        self._arenas: list[mmap.mmap] = []
        self._state = State.from_address(image.address(f"axe_state_{index}"))

    def start(self, program: bytes, weights: Array | None, threads: int) -> Callable[..., Any]:
        """Fill the native state; gives the native stub as a function that keeps this alive."""
        self._program = ctypes.create_string_buffer(program, len(program))
        self._weights, self._threads = weights, threads
        self._allocators = [output.allocator() for output in self.outputs]
        table = (ctypes.c_void_p * len(self._allocators))(*map(id, self._allocators))
        self._table = table
        state = self._state
        state.fallback = id(self)
        state.kw_out, state.kw_threads = map(id, _KEYWORDS)
        state.arenas = None
        state.program = ctypes.addressof(self._program)
        state.weights = None if weights is None else address(weights)
        state.threads, state.max_threads = threads, max_threads()
        state.allocators = ctypes.addressof(table)
        state.arena_bytes = self._arena_bytes
        self._image.push(ctypes.addressof(state), self._new_arena())
        names = ", ".join(array.name for array in self.inputs)
        doc = f"{self.name}({names}, *, out=None, threads=None)\n--\n\nCompiled by axec."
        # The interpreter reads this struct as long as the function lives: it must not move or go.
        self._method = _MethodDef(
            self.name.encode(),
            self._image.address(f"axe_call_{self._index}"),
            METH_FASTCALL_KEYWORDS,
            doc.encode(),
        )
        function: Callable[..., Any] = _new_builtin(ctypes.addressof(self._method), self, None)
        return function

    def __call__(self, *args: Any, out: Any = None, threads: Any = None, **kwargs: Any) -> Any:
        parts = self._threads if threads is None else check_threads(threads)
        values = bind(self.name, [spec.name for spec in self.inputs], args, kwargs)
        arrays = [spec.convert(value) for spec, value in zip(self.inputs, values, strict=True)]
        dims = self._solve_dims(arrays)
        given = self._given_outputs(out)
        for spec, array in zip(self.outputs, given, strict=True):
            arrays.append(spec.target(array, spec.sizes(dims), arrays))
        self._run(arrays, list(dims.values()), parts)
        results = arrays[len(self.inputs) :]
        if out is None:
            return results[0] if len(results) == 1 else tuple(results)
        for array, result in zip(given, results, strict=True):
            if array is not result:
                array[...] = result
        return out

    def _new_arena(self) -> int:
        try:
            arena = mmap.mmap(-1, ARENA_HEADER + max(self._arena_bytes, 8), flags=_ARENA_FLAGS)
        except (OSError, ValueError, OverflowError):
            raise AxecError(
                "out-of-memory",
                f"cannot reserve the arena of entry {self.name!r}: {self._arena_bytes} bytes",
            ) from None
        self._arenas.append(arena)
        start = ctypes.addressof(ctypes.c_char.from_buffer(arena)) + ARENA_HEADER
        ctypes.c_int64.from_address(start + ARENA_CAPACITY).value = len(arena) - ARENA_HEADER
        return start

    def _solve_dims(self, arrays: Sequence[Array]) -> dict[str, int]:
        found: dict[str, tuple[int, str]] = {}
        for spec, array in zip(self.inputs, arrays, strict=True):
            if array.ndim != len(spec.shape):
                raise spec.shape_error(array)
            for size, actual in zip(spec.shape, array.shape, strict=True):
                if isinstance(size, int) and size != actual:
                    raise spec.shape_error(array)
                if size in self.dims:
                    name = str(size)
                    self._check_dim(name, found.setdefault(name, (actual, spec.name)), actual, spec)
        dims = {dim: found[dim][0] for dim in self.dims}
        for spec, array in zip(self.inputs, arrays, strict=True):
            if not spec.is_static and array.shape != (sizes := spec.sizes(dims)):
                raise spec.shape_error(array, sizes)
        return dims

    def _check_dim(self, dim: str, first: tuple[int, str], actual: int, spec: ArraySpec) -> None:
        low, high = self.dims[dim]
        if not low <= actual <= high:
            raise AxecError(
                "dim-out-of-range",
                f"dim {dim!r} is {actual} in input {spec.name!r}; its range is {low} to {high}",
            )
        if first[0] != actual:
            raise AxecError(
                "dim-conflict",
                f"dim {dim!r} is {first[0]} in input {first[1]!r}, but {actual} in {spec.name!r}",
            )

    def _given_outputs(self, out: Any) -> Sequence[Any]:
        if out is None:
            return [None] * len(self.outputs)
        outs = out if isinstance(out, tuple) else (out,)
        if len(outs) != len(self.outputs):
            message = f"out holds {len(outs)} arrays; {self.name!r} has {len(self.outputs)} outputs"
            raise AxecError("output-invalid", message, hint="pass a tuple, one array per output")
        return outs

    def _run(self, arrays: Sequence[Array], dims: Sequence[int], threads: int) -> None:
        state = ctypes.addressof(self._state)
        arena = self._image.pop(state) or self._new_arena()
        try:
            pointers = map(address, arrays)
            bases = (ctypes.c_void_p * (len(arrays) + 2))(*pointers, self._state.weights, arena)
            sizes = (ctypes.c_int64 * len(dims))(*dims)
            at = ctypes.addressof
            frame = Frame(at(self._program), at(bases), at(sizes), arena, threads)
            self._image.run(ctypes.addressof(frame))
        finally:
            self._image.push(state, arena)


def max_threads() -> int:
    """The largest `threads` that a call takes: the CPUs of this machine."""
    return min(os.cpu_count() or 1, MAX_THREADS)


def check_threads(threads: Any) -> int:
    """`threads` as an int; AxecError `threads-invalid` unless it is 1 to `max_threads()`."""
    try:
        count = operator.index(threads)
    except TypeError:
        count = 0
    if not 1 <= count <= max_threads():
        message = f"threads is {threads!r}; this machine takes 1 to {max_threads()}"
        raise AxecError("threads-invalid", message)
    return count


def bind(
    entry: str, names: Sequence[str], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> list[Any]:
    """Arguments in the order of `names`; AxecError `input-count` or `input-name`."""
    values = dict(zip(names, args, strict=False))
    for name, value in kwargs.items():
        if name not in names or name in values:
            fault = "was given twice" if name in values else "does not exist"
            hint = f"its inputs are {', '.join(names)}"
            raise AxecError("input-name", f"input {name!r} of {entry!r} {fault}", hint=hint)
        values[name] = value
    if len(values) != len(names) or len(args) > len(names):
        given, missing = len(args) + len(kwargs), [n for n in names if n not in values]
        raise AxecError(
            "input-count",
            f"{entry!r} takes {len(names)} inputs ({', '.join(names)}), but {given} were given",
            hint=f"add {', '.join(missing)}" if missing else f"leave out {given - len(names)}",
        )
    return [values[name] for name in names]
