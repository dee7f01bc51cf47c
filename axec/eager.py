"""How transformations run outside a trace: the pass resolves them, the interpreter runs the rest.

`axec` imports this module with `axec.lang`; it loads the passes at the first use.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from axec.lang.functions import evaluate_with


def evaluate(module: Any, inputs: Sequence[Any]) -> Sequence[Any]:
    """The results of the module's first function on arrays."""
    from axec.dialects.interpret import interpret
    from axec.passes.axe.transform import Transform
    from axec.passes.base import run_pipeline

    run_pipeline(module, [Transform()])
    with module.context:
        return interpret(module.body.operations[0], inputs)


evaluate_with(evaluate)
