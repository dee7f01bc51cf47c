"""The carry of a loop: a pytree of arrays that each round takes and gives back, unchanged in
structure, shapes and dtypes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from axec.dialects.axe.rules import show
from axec.dialects.types import TensorType
from axec.lang import tree
from axec.lang.arrays.core import Scalar, as_tensor, takes
from axec.lang.arrays.tensor import Tensor
from axec.lang.errors import AxecError, error
from axec.lang.functions import Function
from axec.lang.spec import dtype_name


def label_of(fn: Any) -> str:
    """A word for the private function made of a body."""
    return re.sub(r"\W", "", getattr(fn, "__name__", "")) or "body"


class Carry:
    """The carry at the start. `what` is the loop's name in errors."""

    def __init__(self, what: str, init: Any) -> None:
        self.what = what
        self.leaves, self.treedef = tree.flatten(init)
        self.arrays: list[Tensor] = [as_tensor(leaf) for leaf in self.leaves]

    @property
    def types(self) -> list[TensorType]:
        return [x.type for x in self.arrays]

    def taking(self, fn: Callable[[Any], Any]) -> Callable[..., Any]:
        """A function of the carry as one of its leaves."""
        return lambda *xs: fn(tree.unflatten(self.treedef, xs))

    def settled(self, trace: Callable[[], Function]) -> Function:
        """The traced body. Python numbers at the start take the dtype that the body gives them, as
        they do beside arrays; the body is traced again for it then."""
        function = trace()
        rows = zip(self.leaves, self.arrays, function.results, strict=False)
        found = [self._settled(*row) for row in rows]
        if all(x is y for x, y in zip(found, self.arrays, strict=False)):
            return function
        self.arrays[: len(found)] = found
        return trace()

    def _settled(self, leaf: Any, x: Tensor, body_gives: TensorType) -> Tensor:
        """A leaf at the start, as the body gives it, where it is a Python number."""
        if body_gives.rank or body_gives == x.type or not isinstance(leaf, Scalar):
            return x
        return as_tensor(leaf).astype(body_gives.dtype) if takes(body_gives.dtype, leaf) else x

    def check(self, treedef: tree.TreeDef, types: Sequence[TensorType]) -> None:
        """The body gives back what it was given. Raises AxecError `control-carry`."""
        if treedef != self.treedef:
            raise error(
                "control-carry",
                f"{self.what}: the carry is {self.treedef}, the body gives {treedef}",
                hint="return the carry with the dicts, lists and tuples that the body got it with",
            )
        for path, wanted, found in zip(tree.paths(treedef), self.types, types, strict=False):
            if wanted != found:
                raise self._changed(path, wanted, found)

    def _changed(self, path: str, wanted: TensorType, found: TensorType) -> AxecError:
        leaf = f"leaf `{path}` of the carry" if path else "the carry"
        if wanted.shape == found.shape:
            hint = f"cast it with `.astype(axe.{dtype_name(wanted.dtype)})` where the body returns "
            hint += f"it, or start with {dtype_name(found.dtype)}"
        else:
            hint = f"a carry keeps its shape: start with one of shape {show(found.shape)}, such as "
            hint += f"`axe.zeros({show(found.shape)}, axe.{dtype_name(found.dtype)})`"
        shown = [f"{dtype_name(t.dtype)} {show(t.shape)}" for t in (wanted, found)]
        message = f"{self.what}: {leaf} is {shown[0]} at the start, the body gives {shown[1]}"
        return error("control-carry", message, hint=hint)
