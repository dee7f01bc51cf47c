"""One counted loop: a body traced once, and the control.scan that runs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from axec.dialects import control
from axec.dialects.dims import Size
from axec.dialects.types import TensorType
from axec.lang import tree
from axec.lang.arrays import core
from axec.lang.arrays.core import as_tensor
from axec.lang.arrays.tensor import Tensor
from axec.lang.control.carry import Carry
from axec.lang.errors import error
from axec.lang.functions import active, traced, values


@dataclass(slots=True)
class Loop:
    """A scan in the trace that runs; `what` is its name in errors."""

    what: str
    length: Size
    reverse: bool
    label: str = "body"

    def run(self, step: Callable[..., Any], init: Any, xs: Any) -> tuple[Any, Any]:
        """`step(i, carry, row)` gives (carry, y)."""
        outer = active()
        core.known_shape((self.length,))
        carry = Carry(self.what, init)
        leaves, x_tree = tree.flatten(xs)
        rows = [as_tensor(leaf) for leaf in leaves]
        count = len(carry.arrays)

        def body(i: Tensor, *leaves: Tensor) -> Any:
            return step(
                i,
                tree.unflatten(carry.treedef, leaves[:count]),
                tree.unflatten(x_tree, leaves[count:]),
            )

        def trace() -> Any:
            types = [control.INDEX, *carry.types, *(_row(x.type) for x in rows)]
            return traced(outer, body, types, self.label)

        function = carry.settled(trace)
        parts = self._pair(function.out_tree)
        carry.check(parts[0], function.results)
        loop = control.Scan(function.name, count, len(rows), self.length, self.reverse)
        operands = values(outer, [*carry.arrays, *rows, *function.captured])
        made = loop.create(operands, function.results, outer._location())
        found = [Tensor(v, outer) for v in made.results]
        last, ys = (
            tree.unflatten(part, leaves)
            for part, leaves in zip(parts, (found[:count], found[count:]), strict=True)
        )
        return last, ys

    def _pair(self, out: tree.TreeDef) -> tuple[tree.TreeDef, tree.TreeDef]:
        if out.kind != "tuple" or len(out.children) != 2:
            raise error(
                "control-carry",
                f"the body of {self.what} gives (carry, y), it gave {out}",
                hint="return a tuple of two: `return carry, y`, or `return carry, None`",
            )
        carry, ys = out.children
        return carry, ys


def _row(t: TensorType) -> TensorType:
    return t.with_shape(t.shape[1:])
