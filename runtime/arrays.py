"""Arrays at the border of native code: converted only without loss, refused with a reason."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from .abi import DTYPES
from .errors import AxecError
from .program import evaluate

Array = Any  # numpy.ndarray; numpy is imported when the first array comes


class ArraySpec:
    """One declared input or output: `shape` holds ints and the texts of dim expressions."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        import numpy as np

        self.name: str = row["name"]
        self.shape: tuple[int | str, ...] = tuple(row["shape"])
        self.is_static = all(isinstance(size, int) for size in self.shape)
        self.donor: int | None = row.get("donor")  # of an output: the input whose memory it takes
        self._empty = np.empty
        try:
            self.dtype = np.dtype(DTYPES[row["dtype"]][1])
        except TypeError:  # NumPy knows bfloat16 only once somebody has imported ml_dtypes
            self.dtype = np.dtype(np.uint16)
        self.bits16 = row["dtype"] == "bf16"
        self._rank = _RANKS.get(self.dtype.kind, 2)

    def sizes(self, dims: Mapping[str, int]) -> tuple[int, ...]:
        """The shape at given dims."""
        return tuple(evaluate(s, dims) for s in self.shape)

    def allocator(self) -> Callable[..., Array]:
        """Gives a fresh array: called without arguments, or with the shape if that is dynamic."""
        shape = [self.sizes({})] if self.is_static else []
        return partial(self._empty, *shape, dtype=self.dtype)

    def convert(self, value: Any) -> Array:
        """An input as an aligned C-order native array, copied only if it must be; `input-dtype` for
        an array of another dtype or what is no array. Python numbers and lists of them are taken
        where the declared dtype holds them exactly, floats rounded."""
        import numpy as np

        try:
            array = np.asarray(value)
        except (TypeError, ValueError, RuntimeError) as e:
            raise AxecError("input-dtype", f"input {self.name!r} is no array: {e}") from None
        if self._accepts(array.dtype):
            return _native(array)
        rank = _RANKS.get(array.dtype.kind, 3)
        if rank <= self._rank and not hasattr(value, "dtype"):
            converted = array.astype(self.dtype, order="C")
            if rank == 2 or (converted == array).all():
                return converted
        message = f"input {self.name!r} has dtype {array.dtype}, but {self.dtype} is declared"
        hint = f"pass {self.name}.astype({str(self.dtype)!r})"
        raise AxecError("input-dtype", message, hint=hint)

    def target(self, given: Any, sizes: tuple[int, ...], taken: Iterable[Array]) -> Array:
        """Where native code may write: `given` if it can serve, else a fresh array.
        AxecError `output-invalid` where `given` cannot even take a copy of the result."""
        import numpy as np

        dtype = self.dtype
        if given is not None:
            found = f"of type {type(given).__name__}"
            if isinstance(given, np.ndarray):
                dtype, access = given.dtype, "" if given.flags.writeable else "read-only "
                found = f"{access}{dtype} of shape {given.shape}"
            if found != f"{dtype} of shape {sizes}" or not self._accepts(dtype):
                wanted = f"a writable array, {self.dtype} of shape {sizes}"
                message = f"out for {self.name!r} is {found}; it must be {wanted}"
                raise AxecError("output-invalid", message)
            if _native(given) is given and not any(np.may_share_memory(given, t) for t in taken):
                return given
        try:
            return self._empty(sizes, dtype.newbyteorder("="))
        except MemoryError:
            message = f"no memory for output {self.name!r} of shape {sizes}"
            raise AxecError("out-of-memory", message) from None

    def shape_error(self, array: Array, sizes: tuple[int, ...] = ()) -> AxecError:
        """What an input of the wrong shape gets; `sizes` is the declared shape in numbers."""
        declared, here = str(self.shape).replace("'", ""), f", here {sizes}," if sizes else ""
        message = f"input {self.name!r} has shape {array.shape}, but {declared}{here} is declared"
        return AxecError("input-shape", message)

    def _accepts(self, found: Any) -> bool:
        """Equal up to byte order; bfloat16, which NumPy does not have, may come as uint16."""
        if found == self.dtype or found.newbyteorder("=") == self.dtype:
            return True
        return self.bits16 and found.name in ("bfloat16", "uint16") and bool(found.isnative)


_RANKS = {"b": 0, "i": 1, "u": 1, "f": 2}  # kinds of dtypes: the later holds more


def address(array: Array) -> int:
    """Where an array's first element lies."""
    return int(array.__array_interface__["data"][0])


def _native(array: Array) -> Array:
    """The array itself if native code can read it as it lies, else a copy that it can."""
    if array.flags.c_contiguous and array.flags.aligned and array.dtype.isnative:
        return array
    return array.astype(array.dtype.newbyteorder("="), order="C")
