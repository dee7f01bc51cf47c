"""What an array gives to Python, NumPy and other libraries: its elements. A traced array has none,
and says so."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from axec.dialects.axe.rules import show
from axec.lang.errors import AxecError, error
from axec.lang.spec import dtype_name
from axec.lang.statements import branch_or_loop, counted_loop

if TYPE_CHECKING:
    from axec.dialects.types import TensorType
    from axec.lang.tracing import Trace


class Values:
    """The part of `Tensor` that needs values."""

    __slots__ = ()

    if TYPE_CHECKING:
        value: Any
        trace: Trace | None
        type: TensorType

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        if self.trace is not None:
            raise self._no_value("NumPy", "use the function of the same name in `axe`")
        return np.array(self.value, dtype, copy=copy)

    def item(self) -> Any:
        """The one element as a Python number."""
        return self._number("item()", "return the array instead", lambda v: v.item())

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers."""
        return self.__array__().tolist()

    def __bool__(self) -> bool:
        return bool(self._number("`if` or `bool()`", branch_or_loop(self.type.rank), bool))

    def __int__(self) -> int:
        return int(self._number("int()", "cast with `.astype(axe.int64)`", int))

    def __float__(self) -> float:
        return float(self._number("float()", "cast with `.astype(axe.float32)`", float))

    def __index__(self) -> int:
        hint = counted_loop() or (
            "index the array with it (`x[i]`), or make it a Python int that is known when tracing"
        )
        if not self.type.dtype.is_integer:
            raise error("index-type", f"a {dtype_name(self.type.dtype)} array is no integer")
        return int(self._number("Python", hint, int))

    def _number(self, use: str, hint: str, convert: Callable[[Any], Any]) -> Any:
        if self.trace is not None:
            raise self._no_value(use, hint)
        if self.value.size != 1:
            raise error(
                "argument-type",
                f"{use} needs one element, this array has shape {show(self.type.shape)}",
                hint="reduce it first: `.any()`, `.all()`, `.sum()`",
            )
        return convert(self.value.reshape(()))

    def _no_value(self, use: str, hint: str) -> AxecError:
        what = f"{dtype_name(self.type.dtype)} {show(self.type.shape)}"
        return error("traced-value", f"{use} needs a value, this {what} is traced", hint=hint)

    # As an array of the standard.

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        namespace = sys.modules["axec"]
        version = namespace.__array_api_version__
        if api_version not in (None, version):
            raise error("bad-attribute", f"axec follows version {version}, not {api_version}")
        return namespace

    @property
    def device(self) -> str:
        """Where the elements are: `"cpu"`."""
        return "cpu"

    def to_device(self, device: str, /, *, stream: Any = None) -> Any:
        """The array itself: there is one device, `"cpu"`."""
        if device != "cpu" or stream is not None:
            raise error("bad-attribute", f"there is one device, 'cpu', not {device!r}")
        return self

    def __dlpack__(self, **options: Any) -> Any:
        return self._shared().__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        kind, number = self._shared().__dlpack_device__()
        return int(kind), int(number)

    def _shared(self) -> np.ndarray[Any, Any]:
        if self.trace is not None:
            raise self._no_value("DLPack", "return the array and hand on the result")
        found: np.ndarray[Any, Any] = self.value
        return found
