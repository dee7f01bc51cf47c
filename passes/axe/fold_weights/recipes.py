"""Recipes: how weights are made from those that the user gave. A recipe is a function of axe ops in
a module of its own inside the program's, where no other pass looks; equal ones are one.

    module @axe.recipes {
      func.func @mul0(%0: tensor<64x3x7x7xf32>, %1: tensor<64xf32>) -> tensor<64x3x7x7xf32> {...}
    }
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from axec.dialects.functions import RECIPES, define
from axec.mlir import ir
from axec.passes.axe.fold_weights.cuts import Expression


@dataclass(slots=True)
class Recipes:
    """The recipes of a program."""

    module: Any
    names: dict[Any, str] = field(default_factory=dict)  # by key of an expression
    _block: Any = None

    def name(self, expression: Expression) -> str:
        """The name of the recipe that computes an expression from its sources."""
        key = expression.key
        if key not in self.names:
            kind = expression.ops[-1].name.removeprefix("axe.")
            self.names[key] = f"{kind}{len(self.names)}"
            self._add(self.names[key], expression)
        return self.names[key]

    def _add(self, name: str, expression: Expression) -> None:
        if self._block is None:
            with ir.InsertionPoint(self.module.body):
                made = ir.Operation.create(
                    "builtin.module",
                    attributes={"sym_name": ir.StringAttr.get(RECIPES)},
                    regions=1,
                )
            self._block = made.regions[0].blocks.append()
        with ir.InsertionPoint(self._block):
            kinds = [v.type for v in expression.sources]
            define(name, kinds, lambda *given: [expression.emit(given)])
