"""Make programs smaller without changing a bit of what they compute.

One forward sweep over each function with the rules of fold.py, arrange.py, contract.py and
pointwise.py, between merging equal ops and dropping unused ones; before and after it, the rules for
branches and loops (control/rules.py).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from axec.dialects.functions import functions
from axec.passes.axe.simplify import arrange, contract, fold, pointwise
from axec.passes.axe.simplify.control.run import simplify_control
from axec.passes.axe.simplify.rewrite import Sweep, by_root, drop_unused
from axec.passes.base import Pass, register, run_upstream

RULES = fold.RULES + arrange.RULES + contract.RULES + pointwise.RULES  # in order of trial
_BY_ROOT = by_root(RULES)


@register
@dataclass(frozen=True)
class Simplify(Pass):
    """Fold constants, apply algebraic rules, merge equal ops, drop unused ones."""

    name = "simplify"
    limit: int = 1024  # largest number of elements of a constant that folding creates

    def run(self, module: Any) -> Counter[str]:
        """Returns how often each rule was applied, by its text."""
        run_upstream(module, "cse")
        hits = simplify_control(module)
        for function in functions(module):
            sweep = Sweep(_BY_ROOT, self.limit)
            sweep.run(function.regions[0].blocks[0])
            hits += sweep.hits
            drop_unused(function)
        hits += simplify_control(module)
        if hits:
            run_upstream(module, "cse")
        return hits
