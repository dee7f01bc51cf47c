"""Counted loops: `scan` along the rows of arrays, `fori_loop` over numbers, `map`. Their length is
known when the program starts, which reverse mode needs.

    last, ys = axe.scan(lambda c, x: (c + x, c * x), init, xs)
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from axec.dialects import control
from axec.dialects.dims import Size
from axec.lang import tree
from axec.lang.arrays import dispatch
from axec.lang.arrays.core import as_tensor
from axec.lang.arrays.tensor import Tensor
from axec.lang.control.branches import bound, while_, words
from axec.lang.control.carry import label_of
from axec.lang.control.loop import Loop
from axec.lang.control.unroll import unrolled
from axec.lang.errors import error
from axec.lang.functions import anywhere, need_function

__all__ = ["fori_loop", "map", "scan"]


def scan(
    f: Callable[..., Any], init: Any, xs: Any = None, length: Any = None, reverse: bool = False,
    unroll: int | bool = 1,
) -> tuple[Any, Any]:  # fmt: skip
    """`carry, ys[i] = f(carry, xs[i])` for all rows of xs, starting with `init`; the carry at the
    end and ys.

    `xs`: a pytree of arrays with a first axis of one length, or None with `length` given (an int or
    a dim). `f` gives (carry, y): a carry like `init` with the same shapes and dtypes, and any
    pytree of arrays, or None. `reverse`: from the last row to the first; ys[i] still belongs to
    xs[i]. `unroll`: so many rounds are one round of the loop (True: all of them); of a length that
    is no multiple of it the rest follows, where the length is a dim it has no effect then.

    Raises AxecError `control-carry`, `scan-length`, `tree-structure`."""
    need_function(f, "scan")
    call = functools.partial(_scan, f, length=length, reverse=reverse, unroll=unroll)
    result: tuple[Any, Any] = anywhere(call, init, xs)
    return result


def _scan(
    f: Callable[..., Any], init: Any, xs: Any, *, length: Any, reverse: Any, unroll: Any
) -> tuple[Any, Any]:
    loop = Loop("scan", _length("scan", xs, length), bool(reverse), label_of(f))
    by = _rounds(unroll, loop.length)
    if by > 1:
        return unrolled(loop, f, init, xs, by)
    return loop.run(lambda i, carry, row: f(carry, row), init, xs)


def _rounds(unroll: Any, size: Size) -> int:
    """How many rounds become one."""
    if isinstance(unroll, bool):
        return size if unroll and isinstance(size, int) else 1
    by = bound(unroll)
    if not isinstance(by, int) or by < 1:
        raise error("argument-type", f"unroll is a positive number of rounds, got {unroll!r}")
    if isinstance(size, int):
        return min(by, size)
    return by if size // by * by == size else 1


def fori_loop(lower: Any, upper: Any, body: Callable[..., Any], init: Any) -> Any:
    """`for i in range(lower, upper): carry = body(i, carry)`, starting with `init`, a pytree of
    arrays; the carry at the end, which keeps its shapes and dtypes. i is a 0-d int64.

    Bounds that are Python ints, dims or arrays outside a trace are known, and the loop is a `scan`;
    with a traced array among them it is a `while_loop`, which has no reverse mode. Raises AxecError
    `control-carry`, `control-condition`."""
    need_function(body, "fori_loop")
    low, high = bound(lower), bound(upper)
    if isinstance(low, Tensor) or isinstance(high, Tensor):
        return anywhere(functools.partial(_until, body), low, high, init)
    return anywhere(functools.partial(_counted, low, high, body), init)


def _counted(low: Size, high: Size, body: Callable[..., Any], init: Any) -> Any:
    count = high - low
    size = max(count, 0) if isinstance(count, int) else count
    loop = Loop("fori_loop", size, False, label_of(body))

    def step(i: Tensor, carry: Any, row: Any) -> Any:
        return body(i if low == 0 else i + low, carry), None

    return loop.run(step, init, None)[0]


def _until(body: Callable[..., Any], low: Any, high: Any, init: Any) -> Any:
    start, end = (dispatch.cast(as_tensor(b), control.INDEX.dtype) for b in (low, high))

    def step(state: Any) -> Any:
        i, carry = state
        return i + 1, body(i, carry)

    return while_("fori_loop", lambda state: state[0] < end, step, (start, init))[1]


def map(f: Callable[..., Any], xs: Any) -> Any:
    """`f` on each row of xs, one after the other: ys[i] = f(xs[i]). `vmap` does all rows at once,
    which is faster and takes more memory."""
    need_function(f, "map")
    return anywhere(functools.partial(_map, f), xs)


def _map(f: Callable[..., Any], xs: Any) -> Any:
    loop = Loop("map", _length("map", xs, None), False, label_of(f))
    return loop.run(lambda i, carry, row: (None, f(row)), None, xs)[1]


def _length(what: str, xs: Any, length: Any) -> Size:
    """The number of rounds, on which all of xs and `length` agree."""
    sizes: dict[Size, str] = {}
    for path, leaf in zip(tree.paths(xs), tree.leaves(xs), strict=True):
        t = as_tensor(leaf).type
        name = f"`xs.{path}`" if path else "`xs`"
        if not t.rank:
            message = f"{what}: {name} is {words(t)} and has no axis to go along"
            raise error("scan-length", message, hint="let the body use it from around it")
        sizes.setdefault(t.shape[0], f"{name} of {t.shape[0]} rows")
    if length is not None:
        number = bound(length)
        if isinstance(number, Tensor):
            raise error("scan-length", f"{what}: the length is an array that only a run knows",
                        hint="use axe.while_loop, or axe.fori_loop(0, n, body, init)")  # fmt: skip
        sizes.setdefault(number, f"a length of {number}")
    if len(sizes) > 1:
        first, second = list(sizes.values())[:2]
        raise error("scan-length", f"{what}: {first} and {second}",
                    hint="all of xs have one first size; cut the longer: `x[:n]`")  # fmt: skip
    if not sizes:
        raise error("scan-length", f"{what}: neither xs nor a length says how many rounds",
                    hint="give `length=n`, or an array in xs")  # fmt: skip
    return next(iter(sizes))
