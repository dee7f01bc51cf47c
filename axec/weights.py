"""The weights segment: the arrays that the user gave, and those that are made from them, each once,
as the kernels read them.

What a program stores is a function of its IR (`Stored`); the numbers come in when a file is
written. So a program that was compiled before is right for other values of its weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from axec.dialects import dtypes
from axec.dialects.exec import held_type
from axec.dialects.functions import functions, name_of
from axec.dialects.interpret import interpreted
from axec.dialects.types import TensorType
from axec.lang.tracing import Traced
from axec.mlir import ir
from axec.passes.kernel import weight_layouts
from axec.runtime.abi import ALIGNMENT

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Stored:
    """What a program stores of one weight. `layout`: how its numbers lie, "" row by row; `recipe`:
    the name of the function that makes it from the weights `sources`, "" for one of the user's."""

    dtype: str
    shape: Sequence[int]
    layout: str = ""
    recipe: str = ""
    sources: Sequence[str] = ()

    @staticmethod
    def of(program: Any) -> dict[str, Stored]:
        """The weights that an exec.program reads, by name."""
        given = program.attributes
        layouts, recipes = (_texts(given, key) for key in ("layouts", "recipes"))
        found = {}
        for role, argument in zip(
            given["roles"], program.regions[0].blocks[0].arguments, strict=True
        ):
            kind, _, name = role.value.partition(":")
            if kind == "weight":
                layout = layouts[name].value if name in layouts else ""
                recipe, *sources = (t.value for t in recipes[name]) if name in recipes else [""]
                found[name] = Stored.like(held_type(argument), layout, recipe, sources)
        return found

    @staticmethod
    def like(t: TensorType, layout: str, recipe: str, sources: Sequence[str]) -> Stored:
        """Of a weight of this type."""
        own = [n for n in t.shape if isinstance(n, int)]
        shape = weight_layouts.parse(layout).shape if layout else own
        return Stored(t.dtype.name, list(shape), layout, recipe, list(sources))

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * dtypes.BY_NAME[self.dtype].size


def _texts(attributes: Any, key: str) -> dict[str, Any]:
    return {r.name: r.attr for r in attributes[key]} if key in attributes else {}


@dataclass(frozen=True, slots=True)
class _Placed:
    """A weight at its offset, with the arrays that it is made from (which keep their ids)."""

    offset: int
    stored: Stored
    sources: Sequence[Array]

    def row(self, name: str) -> dict[str, Any]:
        """As in the manifest."""
        found = {"name": name, "dtype": self.stored.dtype, "shape": list(self.stored.shape)}
        made = {"from": list(self.stored.sources)} if self.stored.recipe else {}
        return {**found, "offset": self.offset, **made}


@dataclass(slots=True)
class Weights:
    """The segment, whatever entries use an array; each weight is ALIGNMENT-aligned."""

    size: int = 0
    _placed: dict[str, _Placed] = field(default_factory=dict)  # by name
    _offsets: dict[Any, int] = field(default_factory=dict)  # by recipe, layout, ids of arrays

    def place(self, entry: Traced, wanted: Mapping[str, Stored]) -> dict[str, int]:
        """Byte offset of every weight that an entry reads, by the name that it has there."""
        return {name: self._add(entry, name, stored) for name, stored in wanted.items()}

    def _add(self, entry: Traced, name: str, stored: Stored) -> int:
        arrays = [entry.weights[source] for source in stored.sources or (name,)]
        key = stored.recipe, stored.layout, tuple(map(id, arrays))
        if key not in self._offsets:
            # The same name may stand for other arrays in other entries.
            unique = f"{entry.name}.{name}" if name in self._placed else name
            offset = self._offsets[key] = -(-self.size // ALIGNMENT) * ALIGNMENT
            self._placed[unique] = _Placed(offset, stored, arrays)
            self.size = offset + stored.nbytes
        return self._offsets[key]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The weights as in the manifest."""
        return [placed.row(name) for name, placed in self._placed.items()]

    def data(self, recipes: str) -> Array:
        """The segment's bytes. `recipes`: the text of their module, "" for none. One weight after
        the other is made, so that no more than one is in memory twice."""
        module = ir.Module.parse(recipes) if recipes else None
        made_by = {name_of(f): interpreted(f) for f in functions(module)} if module else {}
        found = np.zeros(self.size, np.uint8)
        for placed in self._placed.values():
            array, stored = placed.sources[0], placed.stored
            if stored.recipe:
                (array,) = made_by[stored.recipe](placed.sources)
            if stored.layout:
                array = weight_layouts.parse(stored.layout).apply(array)
            room = found[placed.offset : placed.offset + stored.nbytes]
            room.view(array.dtype).reshape(array.shape)[...] = array
        return found
