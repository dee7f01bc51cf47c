"""Derivatives of the user's own, for functions whose derivative is known better than what
differentiation of their ops gives.

    @axe.custom_vjp
    def log1pexp(x): return axe.log1p(axe.exp(x))

    log1pexp.defvjp(lambda x: (log1pexp(x), x), lambda x, g: (g * axe.sigmoid(x),))
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from axec.dialects.types import TensorType
from axec.lang import tree
from axec.lang.arrays import dispatch
from axec.lang.arrays.core import as_tensor, full
from axec.lang.arrays.tensor import Tensor
from axec.lang.errors import AxecError, error
from axec.lang.functions import (
    Flat,
    Function,
    active,
    apply,
    memory,
    need_function,
    reserve,
    traced,
)

__all__ = ["custom_jvp", "custom_vjp"]


class _Custom:
    """What both decorators share. Arrays that the function uses are its arguments."""

    def __init__(self, fn: Callable[..., Any]) -> None:
        need_function(fn, type(self).__name__)
        functools.update_wrapper(self, fn)
        self.fn = fn

    def __call__(self, *args: Any) -> Any:
        """The function; inside a trace it keeps its derivative."""
        if dispatch.tracing() is None:
            return self.fn(*args)
        flat = Flat(self.fn, args, argnums=range(len(args)))
        function, parts = self._symbols(flat)
        made = apply(active(), "custom", flat.arrays, function.results,
                     {"callee": function.name, **parts})  # fmt: skip
        return tree.unflatten(function.out_tree, made)

    def _symbols(self, flat: Flat) -> tuple[Function, dict[str, str]]:
        """The function and the names of its rules, traced once per program and signature. A rule
        may call the function: it finds the names while they are still being traced."""
        places = set(flat.places)
        static = [repr(leaf) for i, leaf in enumerate(flat.leaves) if i not in places]
        key = (self, flat.treedef, tuple(flat.types), tuple(static))
        known = memory(active())
        if key not in known:
            function = _closed(self.fn, flat, flat.types)
            names = {part: reserve(active(), flat.label) for part in self.parts}
            known[key] = function, names
            self._trace(flat, function, names)
        symbols: tuple[Function, dict[str, str]] = known[key]
        return symbols

    parts: tuple[str, ...] = ()  # the attributes of fn.custom beside `callee`

    def _trace(self, flat: Flat, function: Function, names: dict[str, str]) -> None:
        raise NotImplementedError

    def _missing(self, method: str) -> AxecError:
        return error(
            "grad-custom",
            f"`{self.fn.__name__}` has no derivative yet",
            hint=f"give it one with `{self.fn.__name__}.{method}(...)`",
        )


class custom_vjp(_Custom):
    """Decorator: a function with its own vjp, given with `defvjp`. Forward mode cannot go through
    it; see `custom_jvp`."""

    parts = ("forward", "backward")
    rules: tuple[Callable[..., Any], Callable[..., Any]] | None = None

    def defvjp(self, forward: Callable[..., Any], backward: Callable[..., Any]) -> None:
        """`forward(*args)` gives (result, residuals), a pytree of arrays; `backward(residuals, g)`
        a tuple with a cotangent for each argument: a pytree like it, or None for zero."""
        need_function(forward, "defvjp")
        need_function(backward, "defvjp")
        self.rules = forward, backward

    def _trace(self, flat: Flat, function: Function, names: dict[str, str]) -> None:
        if self.rules is None:
            raise self._missing("defvjp")
        forward, backward = self.rules
        args = _arguments(flat)
        ahead = Flat(forward, args, argnums=range(len(args)))
        fwd = _closed(forward, ahead, flat.types, names["forward"])
        residuals = _residuals(forward, fwd, function)
        count = len(function.results)
        floats = [t for t in function.results if t.dtype.is_float]

        def back(*xs: Tensor) -> Any:
            kept, cotangents = xs[: len(xs) - len(floats)], xs[len(xs) - len(floats) :]
            g = tree.unflatten(function.out_tree, _with_zeros(function.results, cotangents))
            return _cotangents(backward, backward(tree.unflatten(residuals, kept), g), flat)

        _closed(backward, back, [*fwd.results[count:], *floats], names["backward"])


class custom_jvp(_Custom):
    """Decorator: a function with its own jvp, given with `defjvp`; it serves reverse mode too, by
    transposition of what is linear in the tangents."""

    parts = ("jvp",)
    rule: Callable[..., Any] | None = None

    def defjvp(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """`rule(primals, tangents)` gives (result, tangent of the result); both arguments are
        tuples like the function's arguments. Usable as a decorator."""
        need_function(rule, "defjvp")
        self.rule = rule
        return rule

    def _trace(self, flat: Flat, function: Function, names: dict[str, str]) -> None:
        rule = self.rule
        if rule is None:
            raise self._missing("defjvp")
        floats = [t for t in flat.types if t.dtype.is_float]

        def push(*xs: Tensor) -> Any:
            primals, own = xs[: len(flat.types)], xs[len(flat.types) :]
            tangents = _with_zeros(flat.types, own)
            pair = rule(_unflatten(flat, primals), _unflatten(flat, tangents))
            return _with_tangents(rule, pair, function)

        _closed(rule, push, [*flat.types, *floats], names["jvp"])


def _closed(
    user: Callable[..., Any],
    fn: Callable[..., Any],
    types: Sequence[TensorType],
    symbol: str | None = None,
) -> Function:
    """Trace a function that must get all arrays as arguments."""
    label = getattr(user, "__name__", "").strip("<>") or "function"
    function = traced(active(), fn, types, label, symbol)
    if function.captured:
        raise error(
            "grad-custom",
            f"`{label}` uses {function.captured[0].type} that is no argument of it",
            hint="make every array that a function with its own derivative uses an argument",
        )
    return function


def _arguments(flat: Flat) -> list[Any]:
    args, _ = tree.unflatten(flat.treedef, flat.leaves)
    return list(args)


def _unflatten(flat: Flat, arrays: Sequence[Tensor]) -> tuple[Any, ...]:
    """The arguments with other arrays in their places."""
    leaves = list(flat.leaves)
    for place, x in zip(flat.places, arrays, strict=True):
        leaves[place] = x
    args, _ = tree.unflatten(flat.treedef, leaves)
    return tuple(args)


def _with_zeros(types: Sequence[TensorType], given: Sequence[Tensor]) -> list[Tensor]:
    """One array per type: those given where it is floating point, otherwise zeros."""
    rest = iter(given)
    return [next(rest) if t.dtype.is_float else full(t.shape, 0, t.dtype) for t in types]


def _residuals(forward: Any, fwd: Function, function: Function) -> tree.TreeDef:
    """The structure of the residuals; the results must be those of the function."""
    parts = fwd.out_tree.children
    if fwd.out_tree.kind != "tuple" or len(parts) != 2 or parts[0] != function.out_tree:
        raise _misfit(forward, f"(result, residuals) with result {function.out_tree}", fwd.out_tree)
    count = len(function.results)
    if fwd.results[:count] != function.results:
        raise _misfit(forward, f"{[*function.results]}", [*fwd.results[:count]])
    return parts[1]


def _cotangents(backward: Any, found: Any, flat: Flat) -> tuple[Tensor, ...]:
    """The cotangents of the floating point arrays among the arguments, in order."""
    args = _arguments(flat)
    if not isinstance(found, (tuple, list)) or len(found) != len(args):
        raise _misfit(backward, f"a tuple of {len(args)} cotangents", tree.structure(found))
    leaves: list[Any] = []
    for cotangent, arg in zip(found, args, strict=True):
        if cotangent is None:
            leaves += [None] * len(tree.leaves(arg))
        elif tree.structure(cotangent) != tree.structure(arg):
            raise _misfit(backward, f"{tree.structure(arg)}", tree.structure(cotangent))
        else:
            leaves += tree.leaves(cotangent)
    picked = [leaves[place] for place in flat.places]
    pairs = [(g, t) for g, t in zip(picked, flat.types, strict=True) if t.dtype.is_float]
    return tuple(_typed(backward, g, t) for g, t in pairs)


def _with_tangents(rule: Any, pair: Any, function: Function) -> tuple[Any, ...]:
    """The leaves of the result, then the tangents of those that are floating point."""
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise _misfit(rule, "(result, tangent)", tree.structure(pair))
    leaves, tangents = (tree.leaves(part) for part in pair)
    for part in pair:
        if tree.structure(part) != function.out_tree:
            raise _misfit(rule, f"{function.out_tree}", tree.structure(part))
    rows = list(zip(leaves, tangents, function.results, strict=True))
    results = [_typed(rule, x, t) for x, _, t in rows]
    return (*results, *(_typed(rule, dx, t) for _, dx, t in rows if t.dtype.is_float))


def _typed(rule: Any, x: Any, t: TensorType) -> Tensor:
    """An array of exactly this type; zeros for None."""
    tensor = full(t.shape, 0, t.dtype) if x is None else as_tensor(x)
    if tensor.type != t:
        raise _misfit(rule, f"{t}", tensor.type)
    return tensor


def _misfit(rule: Any, wanted: str, found: Any) -> AxecError:
    name = getattr(rule, "__name__", "the rule")
    return error("grad-custom", f"`{name}` must give {wanted}, it gave {found}")
