"""Compute what depends on weights alone when compiling.

    func @f(%x, %w {axe.weight = "w"}, %s {axe.weight = "s"}) { conv(%x, %w) * broadcast(%s) }
    ->
    func @f(%x, %w {axe.weight = "w.mul", axe.recipe = ["mul0", "w", "s"]}) { conv(%x, %w) }
    module @axe.recipes { func @mul0(%w, %s) { %w * broadcast(%s) } }

Which values the weights have does not matter here: recipes say what is to be computed, and
whoever writes the artifact does that (axec/weights.py). Weights that nobody reads any more go. Of
a function that calls run (`roll`), known values become arguments, which its callers compute.

    scale.py     factors of products become a part of their weights
    known.py     which values are known
    cuts.py      which of them are stored
    recipes.py   how these are made
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from axec.dialects import control
from axec.dialects.functions import block_of, is_private, set_type, signature
from axec.mlir import ir
from axec.passes.axe import simplify
from axec.passes.axe.fold_weights import scale
from axec.passes.axe.fold_weights.cuts import Cuts, Expression
from axec.passes.axe.fold_weights.known import Program, Value, nbytes, weights_of
from axec.passes.axe.fold_weights.recipes import Recipes
from axec.passes.axe.simplify.rewrite import by_root, drop_unused
from axec.passes.base import Pass, register

_SCALES = by_root(scale.RULES)
_EMITTED = by_root(scale.RULES + simplify.fold.RULES + simplify.arrange.RULES)


@register
@dataclass(frozen=True)
class FoldWeights(Pass):
    """Compute what depends on weights alone when compiling.

    Options: `scales`, whether factors of products become a part of their weights, which changes
    the last bits of results; `small`, bytes of a new weight that may be stored whatever stays."""

    name = "fold_weights"
    scales: bool = True
    small: int = 4096

    def run(self, module: Any) -> Counter[str]:
        """Returns how often each rule was applied, by its text."""
        hits: Counter[str] = Counter()
        program = Program.of(module)
        if program is None:
            return hits
        changed = []
        for name, function in program.functions.items():
            program.enter(name)
            rules = _SCALES if self.scales else {}
            sweep = scale.Scales(rules, simplify.Simplify.limit, _EMITTED, program)
            sweep.run(block_of(function))
            hits += sweep.hits
            changed += [function] if sweep.hits else []
        program.forget_ops()
        for function in changed:
            drop_unused(function)
        recipes = Recipes(module)
        private, public = ([f for f in program.functions.values() if is_private(f) is w]
                           for w in (True, False))  # fmt: skip
        for function in reversed(private):
            if expressions := self._chosen(function, program):
                _hand_in(function, expressions, program)
        for function in public:
            _store(function, self._chosen(function, program), recipes)
        return hits

    def _chosen(self, function: Any, program: Program) -> list[Expression]:
        """What is to be computed for a function."""
        return Cuts.of(block_of(function), program.known, self.small).expressions()


def _store(entry: Any, expressions: list[Expression], recipes: Recipes) -> None:
    """Give an entry the values of expressions as weights."""
    rows = dict(weights_of(entry))
    names = {number: row["axe.weight"].value for number, row in rows.items()}
    taken = set(names.values())
    added = []
    for one in expressions:
        numbers = [argument.arg_number for argument in one.sources]
        largest = max(one.sources, key=nbytes).arg_number
        name = _unique(f"{names[largest]}.{one.ops[-1].name.removeprefix('axe.')}", taken)
        made_from = [recipes.name(one), *(names[n] for n in numbers)]
        recipe = ir.ArrayAttr.get([ir.StringAttr.get(text) for text in made_from])
        added.append({"axe.weight": ir.StringAttr.get(name), "axe.recipe": recipe})
    _replace(entry, expressions)
    unread = {n for n in rows if _is_unread(block_of(entry).arguments[n])}
    if added or unread:
        old = list(entry.attributes["arg_attrs"])
        kept = [row for number, row in enumerate(old) if number not in unread]
        _drop(entry, unread)
        rows_of_added = [ir.DictAttr.get(row) for row in added]
        entry.attributes["arg_attrs"] = ir.ArrayAttr.get([*kept, *rows_of_added])


def _unique(name: str, taken: set[str]) -> str:
    found = next(n for i in range(1 + len(taken)) if (n := f"{name}{i or ''}") not in taken)
    taken.add(found)
    return found


def _hand_in(function: Any, expressions: list[Expression], program: Program) -> None:
    """Give a function the values of expressions as arguments, which its callers compute."""
    name = function.attributes["sym_name"].value
    block = block_of(function)
    calls = program.calls[name]
    computed = []
    for call in calls:
        with ir.InsertionPoint(call):
            numbers = [[a.arg_number for a in one.sources] for one in expressions]
            operands = [[call.operands[n] for n in own] for own in numbers]
            computed.append([e.emit(v) for e, v in zip(expressions, operands, strict=True)])
    _replace(function, expressions)
    unread = {n for n, a in enumerate(block.arguments) if a in program.known and _is_unread(a)}
    _drop(function, unread)
    kinds = signature(function)[1]
    for place, (call, values) in enumerate(zip(calls, computed, strict=True)):
        kept = [v for n, v in enumerate([*call.operands, *values]) if n not in unread]
        with ir.InsertionPoint(call):
            made = control.Call(name).create(kept, kinds, call.location)
        for old, new in zip(call.results, made.results, strict=True):
            old.replace_all_uses_with(new)
        call.erase()
        calls[place] = made


def _replace(function: Any, expressions: list[Expression]) -> None:
    """Values of expressions become arguments."""
    block = block_of(function)
    for one in expressions:
        argument = block.add_argument(one.value.type, ir.Location.unknown())
        one.value.replace_all_uses_with(argument)
    if expressions:
        drop_unused(function)


def _drop(function: Any, numbers: set[int]) -> None:
    """Take arguments away."""
    for number in sorted(numbers, reverse=True):
        block_of(function).erase_argument(number)
    set_type(function)


def _is_unread(value: Value) -> bool:
    return next(value.uses, None) is None
