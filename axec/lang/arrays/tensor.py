"""The array class. A Tensor is traced (a value of the program being built) or eager (a NumPy array
under it); both follow the Python array API standard 2024.12. Methods and operators are the
functions of the namespace, which say what they do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from axec.dialects import dims, dtypes, types
from axec.dialects.axe.rules import show
from axec.dialects.dtypes import DType
from axec.dialects.types import Shape, TensorType
from axec.lang.arrays.interop import Values
from axec.lang.errors import error
from axec.lang.sizes import carry
from axec.lang.source import called_as, user_site
from axec.lang.spec import dtype_name
from axec.lang.statements import rows_loop

if TYPE_CHECKING:
    from axec.lang.arrays.core import ArrayLike
    from axec.lang.arrays.update import At
    from axec.lang.tracing import Trace

__all__ = ["Tensor"]

Axes = int | tuple[int, ...] | None


class Tensor(Values):
    """An n-d array with value semantics: no method changes it."""

    __slots__ = ("trace", "type", "value")

    value: Any  # an MLIR value when traced, otherwise a NumPy array
    trace: Trace | None
    type: TensorType

    def __init__(
        self, value: Any, trace: Trace | None = None, type: TensorType | None = None
    ) -> None:
        """`type`: that of the value, where the caller knows it."""
        self.value = value
        self.trace = trace
        if type is not None:
            self.type = type
        elif trace is None:
            self.type = TensorType(dtypes.of(value.dtype), value.shape)
        else:
            self.type = types.of(value)

    # What it is.

    @property
    def shape(self) -> Shape:
        """Sizes: ints, and dims with their ranges."""
        if self.trace is None or self.type.is_static:
            return self.type.shape
        return tuple(carry(s, self.trace.ranges) for s in self.type.shape)

    @property
    def dtype(self) -> DType:
        return self.type.dtype

    @property
    def ndim(self) -> int:
        return self.type.rank

    @property
    def size(self) -> dims.Size:
        """The number of elements."""
        return dims.product(self.shape)

    def __len__(self) -> int:
        return self._leading("len()")

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(self._leading("a `for` loop", rows_loop())))

    def _leading(self, use: str, hint: str | None = None) -> int:
        if self.ndim == 0:
            raise error("axis-range", f"{use} needs an axis, this array has shape ()")
        size = self.shape[0]
        if isinstance(size, int):
            return size
        raise error(
            "dim-value",
            f"{use} needs the number of rows, and `{size}` is known only at run time",
            hint=hint
            or "work on the whole axis at once: `x * 2` and `axe.sum(x, axis=0)` "
            "apply to every row",
        )

    def __repr__(self) -> str:
        if self.trace is not None:
            name = dtype_name(self.dtype)
            return f"<traced {name} {show(self.type.shape)} of `{self.trace.name}`>"
        text = np.array2string(self.value, separator=", ", prefix="axe.asarray(")
        return f"axe.asarray({text}, dtype=axe.{dtype_name(self.dtype)})"

    # NumPy's functions on it.

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        # `ndarray + tensor` comes here and goes on as `axe.add`.
        if method == "__call__" and not options and ufunc.__name__ in _OPERATORS:
            return _OPERATORS[ufunc.__name__](*inputs)
        called = "" if method == "__call__" else f".{method}"
        self._refuse_numpy(ufunc.__name__ + called, inputs)
        return getattr(ufunc, method)(*map(_to_numpy, inputs), **options)

    def __array_function__(self, fn: Any, kinds: Any, args: Any, options: Any) -> Any:
        from axec.lang import tree

        self._refuse_numpy(fn.__name__, tree.leaves([args, options]))
        return fn(*tree.map(_to_numpy, args), **tree.map(_to_numpy, options))

    def _refuse_numpy(self, name: str, inputs: Any) -> None:
        if any(isinstance(v, Tensor) and v.trace is not None for v in inputs):
            from axec import lang

            ours = _NUMPY_NAMES.get(name, name)
            call = called_as(user_site(), f"axe.{ours}") or f"axe.{ours}(...)"
            raise error(
                "numpy-function",
                f"NumPy's {name} needs values, this array is traced",
                hint=f"write `{call}`" if ours in lang.NAMES else None,
            )

    def __reduce__(self) -> tuple[Any, ...]:
        return Tensor, (self.__array__(),)  # pickle and copy: the dtype is found again by name

    # Elements and axes.

    def __getitem__(self, index: Any) -> Tensor:
        return indexing.getitem(self, index)

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        site = user_site()
        target = (site.text if site else "") or "x[...]"
        name = target.partition("[")[0]
        raise error(
            "tensor-immutable",
            "arrays have value semantics: an element cannot be assigned",
            hint=f"make a new array: `{name} = {name}.at{target[len(name) :]}.set(value)`",
        )

    @property
    def at(self) -> At:
        """`x.at[index].set(value)`: a new array with the elements at `index` replaced."""
        return update.At(self)

    @property
    def T(self) -> Tensor:
        """The transpose of a matrix."""
        return arrange.transpose_matrix(self)

    @property
    def mT(self) -> Tensor:
        """The last two axes exchanged."""
        return arrange.matrix_transpose(self)

    def reshape(self, *shape: Any) -> Tensor:
        return arrange.reshape(self, shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> Tensor:
        if not axes:
            return arrange.permute_dims(self, tuple(reversed(range(self.ndim))))
        return arrange.permute_dims(self, axes[0] if isinstance(axes[0], tuple) else axes)

    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        return arrange.swapaxes(self, axis1, axis2)

    def squeeze(self, axis: int | tuple[int, ...]) -> Tensor:
        return arrange.squeeze(self, axis)

    def flatten(self) -> Tensor:
        return arrange.reshape(self, (-1,))

    def astype(self, dtype: Any) -> Tensor:
        return elementwise.astype(self, dtype)

    def clip(self, min: ArrayLike | None = None, max: ArrayLike | None = None) -> Tensor:
        return elementwise.clip(self, min, max)

    def take(self, indices: ArrayLike, axis: int | None = None) -> Tensor:
        return indexing.take(self, indices, axis=axis)

    # Reductions.

    def sum(self, axis: Axes = None, *, dtype: Any = None, keepdims: bool = False) -> Tensor:
        return reduce.sum(self, axis=axis, dtype=dtype, keepdims=keepdims)

    def prod(self, axis: Axes = None, *, dtype: Any = None, keepdims: bool = False) -> Tensor:
        return reduce.prod(self, axis=axis, dtype=dtype, keepdims=keepdims)

    def mean(self, axis: Axes = None, *, keepdims: bool = False) -> Tensor:
        return reduce.mean(self, axis=axis, keepdims=keepdims)

    def var(self, axis: Axes = None, *, correction: float = 0, keepdims: bool = False) -> Tensor:
        return reduce.var(self, axis=axis, correction=correction, keepdims=keepdims)

    def std(self, axis: Axes = None, *, correction: float = 0, keepdims: bool = False) -> Tensor:
        return reduce.std(self, axis=axis, correction=correction, keepdims=keepdims)

    def max(self, axis: Axes = None, *, keepdims: bool = False) -> Tensor:
        return reduce.max(self, axis=axis, keepdims=keepdims)

    def min(self, axis: Axes = None, *, keepdims: bool = False) -> Tensor:
        return reduce.min(self, axis=axis, keepdims=keepdims)

    def any(self, axis: Axes = None, *, keepdims: bool = False) -> Tensor:
        return reduce.any(self, axis=axis, keepdims=keepdims)

    def all(self, axis: Axes = None, *, keepdims: bool = False) -> Tensor:
        return reduce.all(self, axis=axis, keepdims=keepdims)

    def argmax(self, axis: int | None = None, *, keepdims: bool = False) -> Tensor:
        return reduce.argmax(self, axis=axis, keepdims=keepdims)

    def argmin(self, axis: int | None = None, *, keepdims: bool = False) -> Tensor:
        return reduce.argmin(self, axis=axis, keepdims=keepdims)

    # Operators.

    def __add__(self, other: ArrayLike) -> Tensor:
        return elementwise.add(self, other)

    def __radd__(self, other: ArrayLike) -> Tensor:
        return elementwise.add(other, self)

    def __sub__(self, other: ArrayLike) -> Tensor:
        return elementwise.subtract(self, other)

    def __rsub__(self, other: ArrayLike) -> Tensor:
        return elementwise.subtract(other, self)

    def __mul__(self, other: ArrayLike) -> Tensor:
        return elementwise.multiply(self, other)

    def __rmul__(self, other: ArrayLike) -> Tensor:
        return elementwise.multiply(other, self)

    def __truediv__(self, other: ArrayLike) -> Tensor:
        return elementwise.divide(self, other)

    def __rtruediv__(self, other: ArrayLike) -> Tensor:
        return elementwise.divide(other, self)

    def __floordiv__(self, other: ArrayLike) -> Tensor:
        return elementwise.floor_divide(self, other)

    def __rfloordiv__(self, other: ArrayLike) -> Tensor:
        return elementwise.floor_divide(other, self)

    def __mod__(self, other: ArrayLike) -> Tensor:
        return elementwise.remainder(self, other)

    def __rmod__(self, other: ArrayLike) -> Tensor:
        return elementwise.remainder(other, self)

    def __pow__(self, other: ArrayLike) -> Tensor:
        return elementwise.pow(self, other)

    def __rpow__(self, other: ArrayLike) -> Tensor:
        return elementwise.pow(other, self)

    def __matmul__(self, other: ArrayLike) -> Tensor:
        return contract.matmul(self, other)

    def __rmatmul__(self, other: ArrayLike) -> Tensor:
        return contract.matmul(other, self)

    def __and__(self, other: ArrayLike) -> Tensor:
        return elementwise.bitwise_and(self, other)

    def __rand__(self, other: ArrayLike) -> Tensor:
        return elementwise.bitwise_and(other, self)

    def __or__(self, other: ArrayLike) -> Tensor:
        return elementwise.bitwise_or(self, other)

    def __ror__(self, other: ArrayLike) -> Tensor:
        return elementwise.bitwise_or(other, self)

    def __xor__(self, other: ArrayLike) -> Tensor:
        return elementwise.bitwise_xor(self, other)

    def __rxor__(self, other: ArrayLike) -> Tensor:
        return elementwise.bitwise_xor(other, self)

    def __lshift__(self, other: ArrayLike) -> Tensor:
        return elementwise.bitwise_left_shift(self, other)

    def __rlshift__(self, other: ArrayLike) -> Tensor:
        return elementwise.bitwise_left_shift(other, self)

    def __rshift__(self, other: ArrayLike) -> Tensor:
        return elementwise.bitwise_right_shift(self, other)

    def __rrshift__(self, other: ArrayLike) -> Tensor:
        return elementwise.bitwise_right_shift(other, self)

    def __eq__(self, other: ArrayLike) -> Tensor:  # type: ignore[override]
        return elementwise.equal(self, other)

    def __ne__(self, other: ArrayLike) -> Tensor:  # type: ignore[override]
        return elementwise.not_equal(self, other)

    def __lt__(self, other: ArrayLike) -> Tensor:
        return elementwise.less(self, other)

    def __le__(self, other: ArrayLike) -> Tensor:
        return elementwise.less_equal(self, other)

    def __gt__(self, other: ArrayLike) -> Tensor:
        return elementwise.greater(self, other)

    def __ge__(self, other: ArrayLike) -> Tensor:
        return elementwise.greater_equal(self, other)

    __hash__ = None  # type: ignore[assignment]

    def __neg__(self) -> Tensor:
        return elementwise.negative(self)

    def __pos__(self) -> Tensor:
        return self

    def __abs__(self) -> Tensor:
        return elementwise.abs(self)

    def __invert__(self) -> Tensor:
        return elementwise.bitwise_invert(self)


def _to_numpy(value: Any) -> Any:
    return np.asarray(value) if isinstance(value, Tensor) else value


# Where NumPy's name differs from the standard's.
_NUMPY_NAMES = {
    "absolute": "abs",
    "add.reduce": "sum",
    "amax": "max",
    "amin": "min",
    "concatenate": "concat",
    "maximum.reduce": "max",
    "minimum.reduce": "min",
    "multiply.reduce": "prod",
    "power": "pow",
    "transpose": "permute_dims",
    "true_divide": "divide",
}

# Last, because the functions need the class.
from axec.lang.arrays import arrange, contract, elementwise, indexing, reduce, update  # noqa: E402

# NumPy ufunc -> function, for `ndarray <operator> tensor`.
_SAME_NAME = (
    "add subtract multiply divide floor_divide remainder equal not_equal less less_equal greater "
    "greater_equal bitwise_and bitwise_or bitwise_xor"
)
_OPERATORS: dict[str, Callable[..., Tensor]] = {
    **{name: getattr(elementwise, name) for name in _SAME_NAME.split()},
    "left_shift": elementwise.bitwise_left_shift,
    "power": elementwise.pow,
    "right_shift": elementwise.bitwise_right_shift,
    "matmul": contract.matmul,
}
