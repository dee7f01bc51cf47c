"""Batching: a function of one example becomes a function of a batch of them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from axec.dialects import fn as fn_dialect
from axec.dialects.axe.rules import show
from axec.dialects.dims import Size
from axec.dialects.types import TensorType
from axec.lang import tree
from axec.lang.errors import error
from axec.lang.functions import (
    Flat,
    Function,
    active,
    anywhere,
    apply,
    need_function,
    traced,
)

__all__ = ["vmap"]

Axis = int | None


def vmap(fn: Callable[..., Any], in_axes: Any = 0, out_axes: Any = 0) -> Callable[..., Any]:
    """`fn` for every index along an axis of its arguments at once, without a loop.

    `in_axes`: the position of that axis in all positional arguments, or a tuple with one entry per
    argument; an entry may be a pytree like the argument, or stand for a part of it; None: the
    argument is the same for all. Arguments passed by name have it in front, Python numbers have
    none. `out_axes`: where the results get it, likewise; None for one that does not vary.

    Raises AxecError `vmap-axis` for an axis that an array does not have or where no argument has
    one, `vmap-size` where sizes differ, `tree-structure` for pytrees that do not fit."""
    need_function(fn, "vmap")

    @functools.wraps(fn)
    def call(*args: Any, **kwargs: Any) -> Any:
        return anywhere(functools.partial(_vmap, fn, in_axes, out_axes), *args, **kwargs)

    return call


def _vmap(fn: Callable[..., Any], in_axes: Any, out_axes: Any, *args: Any, **kwargs: Any) -> Any:
    outer = active()
    flat = Flat(fn, args, kwargs)
    of_args = in_axes if isinstance(in_axes, (tuple, list)) else [in_axes] * len(args)
    wanted = _spread([list(of_args), 0], [list(args), dict(kwargs)], "in_axes")
    pairs = zip(flat.places, flat.arrays, strict=True)
    axes = [_axis(wanted[place], x.type.rank, x.type) for place, x in pairs]
    size = _size(flat, axes)
    types = [_narrow(x.type, a) for x, a in zip(flat.arrays, axes, strict=True)]
    function = traced(outer, flat, types, flat.label)
    places = _out_axes(out_axes, function)
    results = [_wide(t, a, size) for t, a in zip(function.results, places, strict=True)]
    shared = [fn_dialect.NO_AXIS] * len(function.captured)
    found = apply(
        outer, "vmap", [*flat.arrays, *function.captured], results, {"callee": function.name},
        in_axes=_as_ints(axes) + shared, out_axes=_as_ints(places),
    )  # fmt: skip
    return tree.unflatten(function.out_tree, found)


def _as_ints(axes: list[Axis]) -> list[int]:
    return [fn_dialect.NO_AXIS if a is None else a for a in axes]


def _size(flat: Flat, axes: list[Axis]) -> Size:
    """The size of the batch, which all arguments agree about."""
    found: Size | None = None
    first = 0
    for x, axis, owner in zip(flat.arrays, axes, flat.owners, strict=True):
        if axis is None:
            continue
        size = x.type.shape[axis]
        if found is None:
            found, first = size, owner
        elif size != found:
            raise error(
                "vmap-size",
                f"the batch has {found} examples in {_named(first)} and {size} in {_named(owner)}",
                hint="give None in in_axes for an argument that is the same for all examples",
            )
    if found is None:
        raise error(
            "vmap-axis",
            "vmap has no argument with a batch axis",
            hint="give one argument's axis in in_axes, such as 0",
        )
    return found


def _named(owner: int) -> str:
    return f"argument {owner}" if owner >= 0 else "an argument passed by name"


def _axis(axis: Any, rank: int, t: TensorType) -> Axis:
    """A position from 0, in an array of this rank."""
    if axis is None:
        return None
    if not isinstance(axis, int) or isinstance(axis, bool) or not -rank <= axis < rank:
        raise error("vmap-axis", f"axis {axis!r} does not fit an array of shape {show(t.shape)}")
    return axis % rank


def _narrow(t: TensorType, axis: Axis) -> TensorType:
    return t if axis is None else t.with_shape((*t.shape[:axis], *t.shape[axis + 1 :]))


def _wide(t: TensorType, axis: Axis, size: Size) -> TensorType:
    return t if axis is None else t.with_shape((*t.shape[:axis], size, *t.shape[axis:]))


def _out_axes(out_axes: Any, function: Function) -> list[Axis]:
    """The axis of every result."""
    results = function.results
    whole = tree.unflatten(function.out_tree, list(range(len(results))))
    wanted = _spread(out_axes, whole, "out_axes")
    return [_axis(a, t.rank + 1, t) for a, t in zip(wanted, results, strict=True)]


def _spread(axes: Any, whole: Any, what: str) -> list[Any]:
    """One entry per leaf of a pytree, from a pytree of axes that stops at any depth."""
    if axes is None or isinstance(axes, int):
        return [axes] * len(tree.leaves(whole))
    if isinstance(axes, dict) and isinstance(whole, dict) and axes.keys() == whole.keys():
        pairs = [(axes[k], whole[k]) for k in sorted(whole)]
    elif isinstance(axes, (tuple, list)) and isinstance(whole, (tuple, list)):
        if len(axes) != len(whole):
            raise error(
                "tree-structure",
                f"{what} has {len(axes)} entries for {len(whole)}",
                hint="one entry per argument or result: an int, None, or a pytree of them",
            )
        pairs = list(zip(axes, whole, strict=True))
    else:
        raise error(
            "tree-structure",
            f"{what} has {axes!r} where the arrays are {tree.structure(whole)}",
            hint="an int or None stands for all arrays below it",
        )
    return [axis for a, w in pairs for axis in _spread(a, w, what)]
