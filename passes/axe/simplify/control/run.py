"""Apply the rules for branches and loops to a module, from the entries inwards."""

from __future__ import annotations

from collections import Counter
from typing import Any

from axec.dialects import control
from axec.dialects.functions import block_of, name_of
from axec.passes.axe.simplify.control.edit import Bodies, rename
from axec.passes.axe.simplify.control.rules import GONE, RULES
from axec.passes.axe.simplify.rewrite import drop_unused


def simplify_control(module: Any) -> Counter[str]:
    """Simplify all branches and loops in place; how often each rule was applied, by its text."""
    bodies = Bodies.of(module)
    entries = bodies.entries()
    hits: Counter[str] = Counter()
    if len(entries) == len(bodies.functions):  # there are no bodies
        return hits
    before = control.reached([name_of(f) for f in entries], bodies.functions)
    bodies.owned()
    for function in entries:
        _sweep(bodies, function, hits)
    _merge_equal(bodies)
    after = control.reached([name_of(f) for f in entries], bodies.functions)
    for name in (before | bodies.made) - after:
        bodies.functions[name].erase()
    return hits


def _sweep(bodies: Bodies, function: Any, hits: Counter[str]) -> None:
    """The ops of a function, last ones first: what nobody uses of them ends what makes it."""
    again = True
    while again:  # what is put in a function's own line may be a loop, too
        again = False
        drop_unused(function)
        for op in reversed(bodies.ops(block_of(function))):
            again |= _settle(bodies, op, hits)
    drop_unused(function)


def _settle(bodies: Bodies, op: Any, hits: Counter[str]) -> bool:
    """One op and all inside it; whether it is gone."""
    while True:
        before = hits.total()
        for rule in RULES:
            found = rule.apply(bodies, op) if op.name in rule.ops else None
            if found is not None:
                hits[rule.text] += 1
            if found is GONE:
                return True
            op = op if found is None else found
        for name in control.bodies(op):
            _sweep(bodies, bodies.functions[name], hits)
        if hits.total() == before:
            return False


def _merge_equal(bodies: Bodies) -> None:
    """Let ops whose bodies are the same text run one body, inner ones first."""
    merged = True
    while merged:
        merged = False
        known: dict[str, str] = {}
        first = {n: known.setdefault(_text(n, f), n) for n, f in bodies.functions.items()}
        for function in bodies.functions.values():
            for op in bodies.ops(block_of(function)):
                names = control.bodies(op)
                new = [first[n] for n in names]
                if new != list(names):
                    rename(op, new)
                    merged = True


def _text(name: str, function: Any) -> str:
    """A function without its name."""
    return str(function.get_asm(enable_debug_info=False)).replace(f"@{name}(", "@(", 1)
