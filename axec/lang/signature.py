"""What a function is compiled for: its parameters, each an input or bound to arrays.

predict(x: Spec, params: arrays)   x becomes an input, params become weights of the artifact
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from axec.dialects import dims
from axec.dialects.dims import Ranges
from axec.lang import tree
from axec.lang.arrays.tensor import Tensor
from axec.lang.errors import AxecError, did_you_mean, error
from axec.lang.sizes import merge
from axec.lang.source import definition_site
from axec.lang.spec import Spec
from axec.lang.tree import TreeDef

Parameter = inspect.Parameter


@dataclass(frozen=True, slots=True)
class Argument:
    """One parameter: its leaves are all specs (an input) or all arrays (bound)."""

    name: str
    treedef: TreeDef
    leaves: tuple[Any, ...]
    paths: tuple[str, ...]  # names of the leaves: that of the parameter with the path in its tree
    keyword: bool  # passed by name
    is_input: bool


def arguments(
    fn: Callable[..., Any], name: str, specs: Sequence[Any], keywords: Mapping[str, Any]
) -> list[Argument]:
    """The function's parameters with what was given for them. AxecError `input-count`,
    `argument-name` or `argument-type` where they do not fit."""
    signature = inspect.signature(fn)
    try:
        bound = signature.bind(*specs, **keywords)
    except TypeError:
        raise _misfit(fn, name, signature, len(specs), keywords) from None
    found = []
    for parameter, value in bound.arguments.items():
        kind = signature.parameters[parameter].kind
        if kind is Parameter.VAR_POSITIONAL:
            found += [_argument(f"{parameter}{i}", v, False) for i, v in enumerate(value)]
        elif kind is Parameter.VAR_KEYWORD:
            found += [_argument(k, v, True) for k, v in value.items()]
        else:
            found.append(_argument(parameter, value, kind is Parameter.KEYWORD_ONLY))
    for path, count in Counter(p for a in found for p in a.paths).items():
        if count > 1:
            raise error("argument-name", f"{count} leaves of the arguments are called `{path}`")
    return found


def ranges(specs: Iterable[Spec]) -> Ranges:
    """The range of every named dim of the inputs, by name. AxecError `dim-range` when two specs
    disagree, `dim-unbound` when no axis has a dim's own size."""
    joint: Ranges = {}
    shapes = []
    for spec in specs:
        if spec.ranges:
            joint = merge(joint, spec.ranges)
        shapes.append(spec.shape)
    for name in joint:
        if not any(dims.dim(name) in shape for shape in shapes):
            raise error(
                "dim-unbound",
                f"no input has `{name}` itself as the size of an axis",
                hint=f"an input with an axis of size `{name}` tells a call what it is",
            )
    return {name: joint[name] for name in sorted(joint)}


def _argument(name: str, value: Any, keyword: bool) -> Argument:
    leaves, treedef = tree.flatten(value)
    paths = tuple([f"{name}.{p}" if p else name for p in tree.paths(treedef)])
    for path, leaf in zip(paths, leaves, strict=True):
        if not isinstance(leaf, (Spec, Tensor, np.ndarray, np.generic)):
            raise error(
                "argument-type",
                f"`{path}` is {leaf!r}, neither a spec nor an array",
                hint="declare an input with `axe.spec(shape, dtype)`; a value that is known when "
                "compiling goes in with functools.partial or a closure",
            )
    count = sum([isinstance(v, Spec) for v in leaves])
    if 0 < count < len(leaves):
        raise error(
            "argument-type",
            f"`{name}` mixes specs and arrays",
            hint="pass what is an input and what is bound as two parameters",
        )
    return Argument(name, treedef, tuple(leaves), paths, keyword, count == len(leaves))


def _misfit(
    fn: Any, name: str, signature: inspect.Signature, count: int, keywords: Mapping[str, Any]
) -> AxecError:
    names = list(signature.parameters)
    unknown = [k for k in keywords if k not in names]
    if unknown:
        return error(
            "argument-name",
            f"`{name}` has no parameter `{unknown[0]}`",
            hint=did_you_mean(unknown[0], names),
        )
    site = definition_site(fn)
    where = f" ({site.location})" if site else ""
    takes = f"{len(names)} {'input' if len(names) == 1 else 'inputs'}"
    return error(
        "input-count",
        f"`{name}` takes {takes}, got {count + len(keywords)}",
        hint=f"it is defined as `{name}{signature}`{where}",
    )
