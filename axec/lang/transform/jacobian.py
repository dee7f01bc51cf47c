"""Matrices of derivatives: a jvp or vjp for every unit vector, batched."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from axec.dialects.types import TensorType
from axec.lang import tree
from axec.lang.arrays.arrange import reshape
from axec.lang.arrays.core import as_tensor
from axec.lang.arrays.create import zeros
from axec.lang.arrays.tensor import Tensor
from axec.lang.errors import error
from axec.lang.functions import anywhere, need_function
from axec.lang.transform.derivatives import Argnums, jvp, need_argnums, normalised, vjp
from axec.lang.transform.vmap import vmap

__all__ = ["hessian", "jacfwd", "jacrev"]


def jacfwd(
    fn: Callable[..., Any], argnums: Argnums = 0, *, has_aux: bool = False
) -> Callable[..., Any]:
    """The Jacobian by forward mode, one direction per element of the arguments `argnums`: cheap
    where there are few. The result is like that of fn, with a pytree like the argument (a tuple of
    them for several) in the place of every array; a leaf has shape result.shape + argument.shape.

    `has_aux`: fn gives (result, anything), the result is (Jacobian, anything). Sizes of the
    arguments must be known; otherwise AxecError `dim-value`. Others as `axe.jvp`."""
    return _jacobian(_forward, fn, argnums, has_aux)


def jacrev(
    fn: Callable[..., Any], argnums: Argnums = 0, *, has_aux: bool = False
) -> Callable[..., Any]:
    """The Jacobian by reverse mode, one direction per element of the result: cheap where there are
    few. Otherwise like `jacfwd`."""
    return _jacobian(_reverse, fn, argnums, has_aux)


def hessian(
    fn: Callable[..., Any], argnums: Argnums = 0, *, has_aux: bool = False
) -> Callable[..., Any]:
    """The matrix of second derivatives: jacfwd(jacrev(fn))."""
    return jacfwd(jacrev(fn, argnums, has_aux=has_aux), argnums, has_aux=has_aux)


Build = Callable[[Callable[..., Any], Sequence[Tensor]], tuple[tree.TreeDef, list[list[Tensor]]]]


def _jacobian(
    build: Build, fn: Callable[..., Any], argnums: Argnums, has_aux: bool
) -> Callable[..., Any]:
    need_function(fn, build.__name__.replace("_forward", "jacfwd").replace("_reverse", "jacrev"))
    need_argnums(argnums)

    @functools.wraps(fn)
    def call(*args: Any, **kwargs: Any) -> Any:
        whole = functools.partial(_whole, build, fn, argnums, has_aux)
        return anywhere(whole, *args, **kwargs)

    return call


def _whole(
    build: Build, fn: Callable[..., Any], argnums: Argnums, has_aux: bool, *args: Any, **kwargs: Any
) -> Any:
    picked = normalised(argnums, len(args))
    leaves, treedef = tree.flatten([args[i] for i in picked])

    def of_leaves(*xs: Tensor) -> Any:
        given = list(args)
        for i, arg in zip(picked, tree.unflatten(treedef, xs), strict=True):
            given[i] = arg
        return fn(*given, **kwargs)

    first = (lambda *xs: of_leaves(*xs)[0]) if has_aux else of_leaves
    out_tree, rows = build(first, [as_tensor(x) for x in leaves])
    blocks = [tree.unflatten(treedef, row) for row in rows]
    shown = [b[0] if isinstance(argnums, int) else tuple(b) for b in blocks]
    found = _graft(out_tree, shown)
    return (found, of_leaves(*map(as_tensor, leaves))[1]) if has_aux else found


def _graft(treedef: tree.TreeDef, parts: Sequence[Any]) -> Any:
    """The pytree of this structure with whole pytrees in the place of its leaves."""
    return tree.unflatten(treedef, parts)


def _forward(
    fn: Callable[..., Any], xs: Sequence[Tensor]
) -> tuple[tree.TreeDef, list[list[Tensor]]]:
    """Structure of the result, and per leaf of it the derivatives by every x."""
    structure: list[tree.TreeDef] = []
    columns = []
    for i, x in enumerate(xs):

        def along(t: Tensor, i: int = i) -> list[Tensor]:
            tangents = [t if j == i else zeros(v.shape, dtype=v.dtype) for j, v in enumerate(xs)]
            leaves, treedef = tree.flatten(jvp(fn, xs, tangents)[1])
            structure.append(treedef)
            return leaves

        found = vmap(along, 0, -1)(_units(x.type))
        columns.append([reshape(c, (*c.shape[:-1], *x.shape)) for c in found])
    return structure[0], [list(row) for row in zip(*columns, strict=True)]


def _reverse(
    fn: Callable[..., Any], xs: Sequence[Tensor]
) -> tuple[tree.TreeDef, list[list[Tensor]]]:
    out, pullback = vjp(fn, *xs)
    leaves, treedef = tree.flatten(out)
    rows = []
    for i, y in enumerate(leaves):

        def back(g: Tensor, i: int = i) -> Any:
            seeds = [g if j == i else zeros(v.shape, dtype=v.dtype) for j, v in enumerate(leaves)]
            return list(pullback(tree.unflatten(treedef, seeds)))

        found = vmap(back)(_units(y.type))
        rows.append([reshape(r, (*y.shape, *r.shape[1:])) for r in found])
    return treedef, rows


def _units(t: TensorType) -> Tensor:
    """The unit vectors of a space of arrays: [elements, *shape]."""
    if not t.is_static:
        raise error(
            "dim-value",
            f"a Jacobian has one row or column per element, and {t} has a size known at run time "
            "only",
            hint="take a jvp or vjp in one direction",
        )
    count = t.count
    assert isinstance(count, int)
    eye = np.eye(count, dtype=t.dtype.numpy).reshape((count, *t.shape_at({})))
    return as_tensor(eye)
