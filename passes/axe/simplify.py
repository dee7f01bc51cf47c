"""Make programs smaller without changing a bit of what they compute.

One forward sweep over each function with the rules of rules_pointwise.py, rules_arrange.py,
rules_contract.py and fold.py, between merging equal ops and dropping unused ones; before and after,
the rules of control/rules.py for branches and loops.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from axec.dialects.kernel import functions

# The rule modules enter their rules into the table; order of import is order of trial.
from axec.passes.axe import fold, rules_arrange, rules_contract, rules_pointwise  # noqa: F401
from axec.passes.axe.control.run import simplify_control
from axec.passes.axe.rewrite import Sweep, drop_unused
from axec.passes.base import Pass, register, run_upstream


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
            sweep = Sweep(self.limit)
            sweep.run(function.regions[0].blocks[0])
            hits += sweep.hits
            drop_unused(function)
        hits += simplify_control(module)
        if hits:
            run_upstream(module, "cse")
        return hits
