"""Renders docs/ops.md from the declarations: `python -m axec.dialects.axe.docs > docs/ops.md`."""

from __future__ import annotations

import sys
from types import ModuleType

from axec.dialects.attrs import KINDS
from axec.dialects.axe import FAMILIES, OPS, accuracy
from axec.dialects.axe.cases import taken
from axec.dialects.opdef import GROUPS, OpDef

_INTRO = """\
# Ops of the axe dialect

Made from the declarations in `dialects/axe/` by `python -m axec.dialects.axe.docs > docs/ops.md`;
a test holds the two together.

An op takes tensors and gives tensors; values never change. There are {core} core ops, which back
ends know, and {composite} composite ops, each defined by a decomposition into core ops.
Broadcasting and dtype promotion are ops of their own (`broadcast`, `cast`), so that operands fit
exactly. A size is an integer or an expression over named dims, such as `batch` or `2*seq + 1`.

The line under an op's name: its operands, after `;` its attributes and their defaults; its
*group*, which says what a pass may assume; the dtypes that it takes.

| group | meaning |
|---|---|
{groups}
"""


def render() -> str:
    """The whole page."""
    composite = sum(op.group == "composite" for op in OPS.values())
    groups = "\n".join(f"| {name} | {meaning} |" for name, meaning in GROUPS.items())
    parts = [_INTRO.format(core=len(OPS) - composite, composite=composite, groups=groups)]
    parts += map(_family, FAMILIES)
    return "\n".join(parts)


def _family(module: ModuleType) -> str:
    name = module.__name__.rpartition(".")[2]
    ops = [op for op in OPS.values() if op.family == name]
    about = (module.__doc__ or "").strip()
    return "\n".join([f"## {name}\n\n{about}\n", *map(_op, ops)])


def _op(op: OpDef) -> str:
    dtypes = " ".join(d.name for d in taken(op))
    text = " ".join(filter(None, [op.doc, accuracy.words(op)]))
    return f"### {op.name}\n`{signature(op)}` · *{op.group}* · {dtypes}\n\n{text}\n"


def signature(op: OpDef) -> str:
    """`softmax(x; axis: an integer)`: operands, then attributes with their kinds and defaults."""
    operands = list(op.operands)
    if op.variadic:
        operands[-1] = f"*{operands[-1]}"
    given = [f"{k}: {KINDS[kind].words}{_default(op, k)}" for k, kind in op.attrs.items()]
    return f"{op.name}({'; '.join(filter(None, [', '.join(operands), ', '.join(given)]))})"


def _default(op: OpDef, name: str) -> str:
    value = op.defaults.get(name)
    return "" if value is None else f" = {str(value).lower()}"


if __name__ == "__main__":
    sys.stdout.write(render())
