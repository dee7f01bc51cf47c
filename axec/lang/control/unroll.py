"""Several rounds of a scan as one: fewer turns of the loop, more work in each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from axec.lang import tree
from axec.lang.arrays.arrange import concat, stack
from axec.lang.arrays.core import as_tensor
from axec.lang.arrays.tensor import Tensor
from axec.lang.control.loop import Loop
from axec.lang.errors import error


def unrolled(loop: Loop, f: Callable[..., Any], init: Any, xs: Any, by: int) -> tuple[Any, Any]:
    """The loop with `by` rounds in one: as many of these as there are, in a loop of their own, then
    the rounds that are left one by one."""
    main = loop.length // by * by
    rest = loop.length - main
    start = rest if loop.reverse else 0  # of the rows that the inner loop takes

    def step(i: Tensor, carry: Any, rows: Any) -> Any:
        return _in_line(f, carry, rows, range(by), loop.reverse)

    def blocks(x: Any) -> Tensor:
        rows = as_tensor(x)[start : start + main]
        return rows.reshape((main // by, by, *rows.type.shape[1:]))

    inner = Loop(loop.what, main // by, loop.reverse, loop.label)
    carry, ys = inner.run(step, init, tree.map(blocks, xs))
    ys = tree.map(lambda y: y.reshape((main, *y.type.shape[2:])), ys)
    if not isinstance(rest, int) or not isinstance(main, int) or not rest:
        return carry, ys
    order = range(rest) if loop.reverse else range(main, main + rest)
    carry, after = _in_line(f, carry, xs, order, loop.reverse)
    parts = (after, ys) if loop.reverse else (ys, after)
    return carry, tree.map(lambda *rows: concat(rows), *parts)


def _in_line(
    f: Callable[..., Any], carry: Any, xs: Any, order: Sequence[int], reverse: bool
) -> tuple[Any, Any]:
    """Rounds without a loop; the rows of ys in the order of xs."""
    ys: list[Any] = []
    for i in reversed(order) if reverse else order:
        pair = f(carry, tree.map(lambda x, i=i: as_tensor(x)[i], xs))
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise error(
                "control-carry",
                f"the body of scan gives (carry, y), it gave {tree.structure(pair)}",
                hint="return a tuple of two: `return carry, y`, or `return carry, None`",
            )
        carry, y = pair
        ys.append(y)
    if reverse:
        ys.reverse()
    return carry, tree.map(lambda *rows: stack([as_tensor(r) for r in rows]), *ys)
