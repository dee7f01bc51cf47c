"""The gradient checker for the entries of a file: inputs from their specs, weights as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from axec.dialects.axe.cases import bind
from axec.lang import tree
from axec.lang.arrays.core import as_tensor
from axec.lang.entry import Entry
from axec.lang.errors import AxecError
from axec.lang.signature import ranges
from axec.lang.spec import Spec
from axec.lang.testing import Comparison, compare_grads


@dataclass(frozen=True)
class Checked:
    """What was compared: `dims` and their sizes, names of the leaves that were varied."""

    dims: Mapping[str, int]
    names: Sequence[str]
    comparisons: Sequence[Comparison]


def check(
    entry: Entry, order: int = 2, modes: Sequence[str] = ("fwd", "rev"), *,
    tolerance: float | None = None, seed: int = 0,
) -> Checked:  # fmt: skip
    """Compare the derivatives of an entry with central differences, with respect to all floating
    point inputs and weights. Named dims are small, inside their ranges; inputs are drawn from
    `seed`. Raises AxecError `grad-check` at the entry's place where they differ, `argument-type`
    for what cannot be checked."""
    leaves, treedef = tree.flatten(entry.specs)
    sizes = small([leaf for leaf in leaves if isinstance(leaf, Spec)])
    rng = np.random.default_rng(seed)
    arrays = [_drawn(rng, leaf, sizes) if isinstance(leaf, Spec) else leaf for leaf in leaves]
    names = tree.paths(treedef)

    def call(given: Mapping[str, Any]) -> Any:
        return entry.fn(**given)

    try:
        found = compare_grads(
            call, [tree.unflatten(treedef, arrays)], order, modes,
            tolerance=tolerance, seed=seed, names=names,
        )  # fmt: skip
    except AxecError as e:
        if e.code == "grad-check" or e.location is None:
            e.location = entry.location  # the differences are of the whole function
        raise
    pairs = zip(names, arrays, strict=True)
    varied = [name for name, array in pairs if as_tensor(array).dtype.is_float]
    return Checked(sizes, varied, found)


def small(specs: Sequence[Spec]) -> dict[str, int]:
    """A small odd size for every named dim, or what of its range is nearest."""
    wanted, allowed = bind([s.type for s in specs]), ranges(specs)
    return {name: min(max(n, allowed[name][0]), allowed[name][1]) for name, n in wanted.items()}


def _drawn(rng: np.random.Generator, spec: Spec, sizes: Mapping[str, int]) -> Any:
    """Normal floats; integers from 0 to 9, so that they serve as indices too; fair bools."""
    shape, dtype = spec.type.shape_at(sizes), spec.dtype
    drawn = rng.standard_normal(shape) if dtype.is_float else rng.integers(0, 10, shape)
    return np.asarray(drawn % 2 if dtype.kind == "b" else drawn).astype(dtype.numpy)
