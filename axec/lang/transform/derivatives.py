"""Derivatives of functions, under JAX's names. All nest in any order, inside and outside a trace.

loss, grads = axe.value_and_grad(loss_fn)(params, batch)
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from axec.dialects.axe import composite
from axec.dialects.types import TensorType
from axec.lang import tree
from axec.lang.arrays import dispatch
from axec.lang.arrays.core import as_tensor, full
from axec.lang.arrays.dispatch import apply as apply_op
from axec.lang.arrays.dispatch import cast
from axec.lang.arrays.tensor import Tensor
from axec.lang.errors import error
from axec.lang.functions import (
    Flat,
    Function,
    active,
    anywhere,
    apply,
    need_function,
    need_sequence,
    traced,
)
from axec.lang.spec import dtype_name
from axec.lang.tracing import Trace

__all__ = ["grad", "jvp", "stop_gradient", "value_and_grad", "vjp"]

Argnums = int | Sequence[int]


def grad(
    fn: Callable[..., Any], argnums: Argnums = 0, *, has_aux: bool = False
) -> Callable[..., Any]:
    """The gradient of a scalar function with respect to its positional arguments `argnums`:
    a pytree like that argument, or a tuple of them where several are named.

    `has_aux`: fn gives (value, anything), and the result is (gradient, anything). Raises AxecError
    `grad-dtype` for arguments that are not floating point, `grad-scalar` for a value that is no
    floating point scalar, `argument-name` for an argument that there is not."""
    both = value_and_grad(fn, argnums, has_aux=has_aux)

    @functools.wraps(fn)
    def call(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return call


def value_and_grad(
    fn: Callable[..., Any], argnums: Argnums = 0, *, has_aux: bool = False
) -> Callable[..., Any]:
    """Like `grad`, but gives (value, gradient), with `has_aux` ((value, anything), gradient)."""
    need_function(fn, "grad")
    need_argnums(argnums)

    @functools.wraps(fn)
    def call(*args: Any, **kwargs: Any) -> Any:
        return anywhere(functools.partial(_value_and_grad, fn, argnums, has_aux), *args, **kwargs)

    return call


def _value_and_grad(
    fn: Callable[..., Any], argnums: Argnums, has_aux: bool, *args: Any, **kwargs: Any
) -> Any:
    outer = active()
    picked = normalised(argnums, len(args))
    flat = Flat(fn, args, kwargs, picked)
    wrt = [i for i, owner in enumerate(flat.owners) if owner in picked]
    need_floats(flat, wrt, "grad")
    function = traced(outer, flat, flat.types, flat.label)
    value = _scalar(function, has_aux)
    one = full((), 1, value.dtype)
    results, cotangents = pull(outer, function, flat.arrays, {0: one}, wrt)
    by_leaf = dict(zip(wrt, cotangents, strict=True))
    trees = [_argument(flat, args, i, by_leaf) for i in picked]
    gradient = trees[0] if isinstance(argnums, int) else tuple(trees)
    return tree.unflatten(function.out_tree, results), gradient


def _argument(flat: Flat, args: Sequence[Any], position: int, by_leaf: dict[int, Tensor]) -> Any:
    """The pytree of an argument with cotangents as its leaves."""
    leaves = [by_leaf[i] for i, owner in enumerate(flat.owners) if owner == position]
    return tree.unflatten(tree.structure(args[position]), leaves)


def _scalar(function: Function, has_aux: bool) -> TensorType:
    """The type of the value to differentiate, which comes first among the results."""
    structure = function.out_tree
    if has_aux:
        if structure.kind != "tuple" or len(structure.children) != 2:
            raise error(
                "grad-scalar",
                f"with has_aux the function gives (value, anything), it gave {structure}",
                hint="return a tuple of two: `return loss, aux`",
            )
        structure = structure.children[0]
    if structure.kind != "leaf":
        raise error(
            "grad-scalar",
            f"grad needs a function that gives one scalar, it gave {structure}",
            hint="return the loss alone, or pass has_aux=True to return (loss, anything)",
        )
    result = function.results[0]
    if result.rank or not result.dtype.is_float:
        raise error(
            "grad-scalar",
            f"grad needs a floating point scalar, the function gave {dtype_name(result.dtype)} of "
            f"shape {result.shape}",
            hint="add up what it gives, `.sum()` or `.mean()`; or use axe.vjp, axe.jacrev",
        )
    return result


def vjp(fn: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """(fn(*primals), pullback): `pullback(g)` takes a cotangent like the result to a tuple of
    cotangents of the primals. `has_aux`: fn gives (result, anything); then (result, pullback,
    anything). Raises AxecError `grad-dtype`, and `tree-structure` or `shape-mismatch` for a
    cotangent that is unlike the result."""
    need_function(fn, "vjp")
    result = fn(*tree.map(as_tensor, primals)) if dispatch.tracing() else anywhere(fn, *primals)
    out, aux = _with_aux(result, has_aux)
    call = _without_aux(fn) if has_aux else fn

    def pullback(g: Any) -> Any:
        return anywhere(functools.partial(_pullback, call), list(primals), g)

    return (out, pullback, aux) if has_aux else (out, pullback)


def _with_aux(found: Any, has_aux: bool) -> tuple[Any, Any]:
    if not has_aux:
        return found, None
    if not isinstance(found, tuple) or len(found) != 2:
        raise error(
            "argument-type",
            "with has_aux the function gives (result, anything)",
            hint="return a tuple of two: `return result, aux`",
        )
    return found


def _without_aux(fn: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(fn)
    def call(*args: Any) -> Any:
        return fn(*args)[0]

    return call


def _pullback(fn: Callable[..., Any], primals: Sequence[Any], g: Any) -> Any:
    outer = active()
    flat = Flat(fn, primals, argnums=range(len(primals)))
    wrt = list(range(len(flat.arrays)))
    need_floats(flat, wrt, "vjp")
    function = traced(outer, flat, flat.types, flat.label)
    seeds = _like(g, function.out_tree, function.results, "cotangent")
    floats = {i: s for i, s in enumerate(seeds) if function.results[i].dtype.is_float}
    _, cotangents = pull(outer, function, flat.arrays, floats, wrt)
    args, _ = tree.unflatten(flat.treedef, cotangents)
    return tuple(args)


def jvp(
    fn: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], *,
    has_aux: bool = False,
) -> tuple[Any, ...]:  # fmt: skip
    """(fn(*primals), tangent of the result) in the direction `tangents`, a pytree like `primals`.
    `has_aux`: fn gives (result, anything); then (result, tangent, anything). Results that are not
    floating point have the tangent 0. Raises AxecError `grad-dtype`, `tree-structure`,
    `shape-mismatch`."""
    need_function(fn, "jvp")
    at, along = need_sequence(primals, "primals"), need_sequence(tangents, "tangents")
    return tuple(anywhere(functools.partial(_jvp, fn, bool(has_aux)), at, along))


def _jvp(fn: Callable[..., Any], has_aux: bool, primals: Any, tangents: Any) -> Any:
    outer = active()
    flat = Flat(fn, primals, argnums=range(len(primals)))
    wrt = list(range(len(flat.arrays)))
    need_floats(flat, wrt, "jvp")
    directions = _like(tangents, tree.structure(primals), flat.types, "tangent")
    function = traced(outer, flat, flat.types, flat.label)
    results, moved = push(outer, function, flat.arrays, wrt, directions)
    out = tree.unflatten(function.out_tree, results)
    change = tree.unflatten(function.out_tree, moved)
    value, aux = _with_aux(out, has_aux)
    return (value, change[0], aux) if has_aux else (value, change)


def stop_gradient(x: Any) -> Any:
    """x itself, a constant to differentiation; x is a pytree of arrays."""
    return tree.map(lambda leaf: apply_op(composite.stop_gradient, as_tensor(leaf)), x)


# ---- what transformations share ------------------------------------------------------------------


def need_argnums(argnums: Argnums) -> None:
    """An int, or a sequence of them."""
    picked = argnums if isinstance(argnums, (list, tuple)) else [argnums]
    if not picked or not all(isinstance(i, int) and not isinstance(i, bool) for i in picked):
        raise error(
            "argument-type",
            f"argnums is the position of an argument or a tuple of them, got {argnums!r}",
        )


def normalised(argnums: Argnums, count: int) -> list[int]:
    """Positions of arguments, from 0. AxecError `argument-name` for one that there is not."""
    picked = [argnums] if isinstance(argnums, int) else list(argnums)
    for i in picked:
        if not -count <= i < count:
            raise error(
                "argument-name",
                f"argnums names argument {i} of a call with {count} positional arguments",
                hint="count from 0; arguments passed by name cannot be named",
            )
    return [i % count for i in picked]


def need_floats(flat: Flat, wrt: Sequence[int], what: str) -> None:
    """The arrays to differentiate with respect to are floating point."""
    for i in wrt:
        dtype = flat.arrays[i].dtype
        if not dtype.is_float:
            raise error(
                "grad-dtype",
                f"{what} needs floating point arguments, argument {flat.owners[i]} holds "
                f"{dtype_name(dtype)}",
                hint="cast it with `.astype(axe.float32)`, or leave it out: name the others with "
                "argnums, or bind it with a lambda or functools.partial",
            )
    missing = len(flat.leaves) > len(flat.places) and not flat.places
    if missing or (not wrt and flat.leaves):
        raise error("grad-dtype", f"{what} has nothing to differentiate with respect to")


def pull(
    outer: Trace, function: Function, arrays: Sequence[Tensor], seeds: dict[int, Tensor],
    wrt: Sequence[int],
) -> tuple[list[Tensor], list[Tensor]]:  # fmt: skip
    """An fn.vjp: the function's results, and the cotangents of the arrays in `wrt`."""
    types = [*function.results, *(arrays[i].type for i in wrt)]
    operands = [*arrays, *function.captured, *seeds.values()]
    found = apply(
        outer, "vjp", operands, types, {"callee": function.name}, wrt=wrt, seeds=list(seeds)
    )
    count = len(function.results)
    return found[:count], found[count:]


def push(
    outer: Trace, function: Function, arrays: Sequence[Tensor], wrt: Sequence[int],
    tangents: Sequence[Tensor],
) -> tuple[list[Tensor], list[Tensor]]:  # fmt: skip
    """An fn.jvp: the function's results and their tangents, zeros where they are no floats."""
    floats = [i for i, t in enumerate(function.results) if t.dtype.is_float]
    types = [*function.results, *(function.results[i] for i in floats)]
    operands = [*arrays, *function.captured, *tangents]
    both = apply(outer, "jvp", operands, types, {"callee": function.name}, wrt=wrt, outs=floats)
    results, moved = both[: len(function.results)], iter(both[len(function.results) :])
    changes = [
        next(moved) if t.dtype.is_float else full(t.shape, 0, t.dtype) for t in function.results
    ]
    return results, changes


def _like(
    given: Any, structure: tree.TreeDef, types: Sequence[TensorType], what: str
) -> list[Tensor]:
    """The leaves of a pytree that must be like another one, as tensors of its types."""
    leaves, found = tree.flatten(given)
    if found != structure:
        raise error("tree-structure", f"the {what} is {found}, it must be {structure}")
    tensors = [as_tensor(leaf) for leaf in leaves]
    for i, (x, t) in enumerate(zip(tensors, types, strict=True)):
        if isinstance(leaves[i], (bool, int, float)) or not t.dtype.is_float:
            x = tensors[i] = cast(x, t.dtype)
        if x.type != t:
            raise error(
                "shape-mismatch",
                f"a {what} is {x.type}, it must be {t}",
                hint="shape and dtype are those of what it belongs to",
            )
    return tensors
