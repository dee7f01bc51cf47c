"""Branches and loops whose course only a run of the program knows, under JAX's names.

    y = axe.cond(x.sum() > 0, lambda x: x / 2, lambda x: x * x, x)
    x = axe.while_loop(lambda x: axe.abs(x * x - 2) > 1e-6, lambda x: x / 2 + 1 / x, x)

Bodies are functions of pytrees of arrays; what else they use, arrays too, they take from around
them. All branches are traced, a body of a loop once: they become private functions that an op of
the control dialect runs.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axec.dialects import control, dtypes
from axec.dialects.axe.rules import show
from axec.dialects.dims import DimExpr
from axec.dialects.dtypes import DType
from axec.dialects.types import TensorType
from axec.lang import hints, tree
from axec.lang.arrays import dispatch
from axec.lang.arrays.core import ArrayLike, as_tensor
from axec.lang.arrays.dispatch import cast
from axec.lang.arrays.tensor import Tensor
from axec.lang.control.carry import Carry, label_of
from axec.lang.errors import error
from axec.lang.functions import (
    Flat,
    Function,
    active,
    anywhere,
    need_function,
    need_sequence,
    share,
    traced,
    values,
)
from axec.lang.sizes import plain
from axec.lang.spec import dtype_name

__all__ = ["cond", "switch", "while_loop"]


def cond(
    pred: ArrayLike, true_fn: Callable[..., Any], false_fn: Callable[..., Any], *operands: Any
) -> Any:
    """`true_fn(*operands)` where `pred`, a 0-d bool, is true, otherwise `false_fn(*operands)`. Only
    one of them runs; both give the same pytree of arrays of the same shapes and dtypes. Python
    numbers in the operands stay what they are.

    Raises AxecError `control-condition`, `control-branches`."""
    need_function(true_fn, "cond")
    need_function(false_fn, "cond")
    return anywhere(functools.partial(_cond, true_fn, false_fn), pred, *operands)


def _cond(true_fn: Any, false_fn: Any, pred: Any, *operands: Any) -> Any:
    test = as_tensor(pred)
    if test.type != control.BOOL:
        hint = hints.write(0, "{}.all()", "", 3 + len(operands))
        raise _no_condition("cond", test.type, hint)
    titles = ("`false_fn`", "`true_fn`")
    return _branch("cond", cast(test, dtypes.i32), (false_fn, true_fn), titles, operands)


def switch(index: ArrayLike, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """`branches[index](*operands)`; an index (a 0-d integer) that is out of range means the nearest
    branch. Only that branch runs; all give the same pytree of arrays of the same shapes and dtypes.

    Raises AxecError `control-condition`, `control-branches`."""
    functions = need_sequence(branches, "branches")
    if not functions:
        raise error("argument-type", "switch needs one branch or more")
    for branch in functions:
        need_function(branch, "switch")
    return anywhere(functools.partial(_switch, functions), index, *operands)


def _switch(branches: Sequence[Any], index: Any, *operands: Any) -> Any:
    titles = [f"branch {i}" for i in range(len(branches))]
    return _branch("switch", position(index, "switch"), branches, titles, operands)


def position(index: Any, what: str) -> Tensor:
    """A 0-d integer, as i32 or i64."""
    place = as_tensor(index)
    if place.ndim or not place.dtype.is_integer:
        raise error(
            "control-condition",
            f"{what} takes a 0-d integer, got {dtype_name(place.dtype)} {show(place.type.shape)}",
            hint="cast it with `.astype(axe.int32)`" if not place.ndim else
            "pick one element, such as `.argmax()` or `[0]`",
        )  # fmt: skip
    return place if place.dtype is dtypes.i64 else cast(place, dtypes.i32)


def _branch(
    what: str, index: Tensor, branches: Sequence[Any], titles: Sequence[str], operands: Any
) -> Any:
    outer = active()
    flats = [Flat(branch, operands) for branch in branches]
    arrays, types = flats[0].arrays, flats[0].types
    functions = [traced(outer, flat, types, flat.label) for flat in flats]
    for title, function in zip(titles, functions, strict=True):
        _need_same(what, titles[0], functions[0], title, function)
    shared = share(functions)
    op = control.Switch(tuple(f.name for f in functions)).create(
        values(outer, [index, *arrays, *shared]), functions[0].results, outer._location()
    )
    return tree.unflatten(functions[0].out_tree, [Tensor(v, outer) for v in op.results])


def _need_same(what: str, name: str, first: Function, other_name: str, other: Function) -> None:
    """The two branches give the same."""
    if first.out_tree != other.out_tree:
        raise error(
            "control-branches",
            f"{what}: {name} gives {first.out_tree}, {other_name} gives {other.out_tree}",
            hint="all branches return the same dicts, lists and tuples",
        )
    for path, a, b in zip(tree.paths(first.out_tree), first.results, other.results, strict=True):
        if a != b:
            where = f" for `{path}`" if path else ""
            message = f"{what}: {name} gives {words(a)}, {other_name} gives {words(b)}{where}"
            hint = "all branches need one shape: `axe.broadcast_to(y, shape)` repeats elements"
            if a.shape == b.shape:
                low, high = sorted(((name, a.dtype), (other_name, b.dtype)), key=_width)
                hint = f"cast what {low[0]} gives with `.astype(axe.{dtype_name(high[1])})`"
            raise error("control-branches", message, hint=hint)


def _width(named: tuple[str, DType]) -> tuple[int, int]:
    """Dtypes in the order in which a cast loses least."""
    return "biuf".index(named[1].kind), named[1].size


def words(t: TensorType) -> str:
    """A type as users write it."""
    return f"{dtype_name(t.dtype)} {show(t.shape)}"


def while_loop(cond: Callable[..., Any], body: Callable[..., Any], init: Any) -> Any:
    """`while cond(carry): carry = body(carry)`, starting with `init`, a pytree of arrays; the carry
    at the end. `cond` gives a 0-d bool, `body` a pytree like `init` with the same shapes and
    dtypes (Python numbers in `init` take those that the body gives).

    How often the body runs is not known before, so that there is no reverse mode through it, only
    `jvp`; `scan` and `fori_loop` with known bounds have both. Raises AxecError `control-condition`,
    `control-carry`."""
    need_function(cond, "while_loop")
    need_function(body, "while_loop")
    return anywhere(functools.partial(while_, "while_loop", cond, body), init)


def while_(what: str, cond: Any, body: Any, init: Any) -> Any:
    """A while in the trace that runs."""
    outer = active()
    carry = Carry(what, init)
    label = label_of(body)
    step = carry.settled(lambda: traced(outer, carry.taking(body), carry.types, label))
    carry.check(step.out_tree, step.results)
    test = traced(outer, carry.taking(cond), carry.types, label_of(cond))
    if list(test.results) != [control.BOOL]:
        raise _no_condition(what, test.results[0], "return one 0-d bool: `.any()`, `.all()`")
    shared = share([test, step])
    loop = control.While(test.name, step.name, len(carry.arrays))
    op = loop.create(values(outer, [*carry.arrays, *shared]), outer._location())
    return tree.unflatten(carry.treedef, [Tensor(v, outer) for v in op.results])


def _no_condition(what: str, t: TensorType, hint: str) -> Exception:
    if not t.rank:
        hint = "compare it: `x > 0`, `x != 0`"
    return error(
        "control-condition",
        f"the condition of {what} is a 0-d bool, got {words(t)}",
        hint=hint or "one bool for all elements: `.all()` or `.any()`",
    )


Bound = int | DimExpr | Tensor  # a Tensor where only a run knows it


def bound(value: Any) -> Bound:
    """A bound of a counted loop: an int or size where it is known."""
    if isinstance(value, DimExpr):
        return plain(value)
    if isinstance(value, (Tensor, np.ndarray)):
        place = position(value, "a bound of fori_loop")
        return place if place.trace is not None else int(dispatch.concrete(place))
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise error(
            "argument-type",
            f"the bounds of fori_loop are integers, got {value!r}",
            hint="`axe.fori_loop(lower, upper, body, init)`",
        )
    return operator.index(value)
