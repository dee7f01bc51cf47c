"""Give every kernel a name, once: kernel.fused becomes kernel.define and kernel.call.

Kernels that are equal but for places in the source and names of dims are one definition: LLVM sees
each of them once, however many layers call it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from axec.dialects import attrs, dims, types
from axec.dialects.axe import OPS
from axec.dialects.dims import Size, dim
from axec.dialects.functions import functions
from axec.dialects.kernel import body_of, sizes_attr
from axec.mlir import ir
from axec.passes.base import Pass, register
from axec.passes.kernel import cost, templates
from axec.passes.kernel.templates.attention import PARTS

# Ops that say little about what a kernel does.
_DULL = ("constant", "iota", "dim_size", "broadcast", "cast", "reshape", "reduce", "dot_general")
_LABELS = 3  # op names in a kernel's name

Names = tuple[str, ...]  # of a caller's dims; the kernel calls them d0, d1, ...


@register
@dataclass(frozen=True)
class Outline(Pass):
    """Name kernels, merge equal ones, and state what each needs and costs."""

    name = "outline"

    def run(self, module: Any) -> None:
        fused = [
            o.operation
            for f in functions(module)
            for o in f.regions[0].blocks[0].operations
            if o.operation.name == "kernel.fused"
        ]
        if fused:
            outliner = _Outliner(ir.InsertionPoint(next(functions(module))))
            for op in fused:
                outliner.visit(op)


class _Outliner:
    def __init__(self, place: ir.InsertionPoint) -> None:
        self.place = place  # of the definitions
        self.known: dict[Any, str] = {}  # structure -> name
        self.counts: dict[str, int] = {}

    def visit(self, fused: Any) -> None:
        body = _Body.of(fused)
        names = body.dims()
        key = body.key(names)
        if key not in self.known:
            self.known[key] = self._define(fused, names)
        call = ir.Operation.create(
            "kernel.call",
            results=[r.type for r in fused.results],
            operands=list(fused.operands),
            attributes={
                "callee": ir.FlatSymbolRefAttr.get(self.known[key]),
                "dims": sizes_attr(names),
            },
            loc=fused.location,
            ip=ir.InsertionPoint(fused),
            infer_type=False,
        )
        for old, new in zip(fused.results, call.results, strict=True):
            old.replace_all_uses_with(new)
        fused.erase()

    def _define(self, fused: Any, names: Names) -> str:
        name = self._name(fused)
        own = tuple(f"d{i}" for i in range(len(names)))
        define = ir.Operation.create(
            "kernel.define",
            attributes={
                "sym_name": ir.StringAttr.get(name),
                "template": fused.attributes["template"],
                "dims": sizes_attr(own),
            },
            regions=1,
            loc=fused.location,
            ip=self.place,
            infer_type=False,
        )
        body_of(fused).append_to(define.regions[0])
        if names:
            _rename(define, names)
        define.attributes["units"] = ir.StringAttr.get(str(templates.units(define)))
        define.attributes["workspace"] = sizes_attr(templates.workspace(define))
        define.attributes["flops"] = ir.StringAttr.get(str(cost.flops(define)))
        define.attributes["bytes"] = ir.StringAttr.get(str(cost.nbytes(define)))
        return name

    def _name(self, fused: Any) -> str:
        stem = "_".join((templates.template_of(fused), *_labels(fused)))
        self.counts[stem] = self.counts.get(stem, -1) + 1
        return f"{stem}_{self.counts[stem]}"


def _labels(fused: Any) -> list[str]:
    """What the kernel does, in a few words: composites by their name, other ops by theirs."""
    ops = templates.ops_of(fused)
    if templates.template_of(fused) == "attention":
        return [PARTS[op.name][1] for op in ops if op.name in PARTS]
    labels = dict.fromkeys(_label(op) for op in ops)
    telling = [label for label in labels if label not in _DULL]
    return (telling or [label for label in labels if label not in ("constant", "dot_general")])[
        :_LABELS
    ]


def _label(op: Any) -> str:
    where = op.location
    if isinstance(where, ir.NameLoc) and f"axe.{where.name_str}" in OPS:
        return str(where.name_str)
    return str(op.name[4:])


# ---- structure -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Body:
    """A kernel's body as plain data. Values are numbered: block arguments, then results."""

    template: str
    words: list[Any]  # op names and operand numbers
    types: list[Any]  # of all values
    attributes: list[Any]

    @staticmethod
    def of(fused: Any) -> _Body:
        block = body_of(fused)
        numbers = {v: i for i, v in enumerate(block.arguments)}
        body = _Body(templates.template_of(fused), [], [v.type for v in numbers], [])
        for o in block.operations:
            op = o.operation
            name = op.name
            body.words.append(name)
            body.words.extend([numbers[v] for v in op.operands])
            for result in op.results:
                numbers[result] = len(numbers)
                body.types.append(result.type)
            if name in OPS:
                given = op.attributes
                body.attributes.extend([given[a] for a in OPS[name].attrs])
        return body

    def dims(self) -> Names:
        """Named dims in order of first appearance: in types, then in attributes."""
        found: dict[str, None] = {}
        for t in dict.fromkeys(self.types):
            found.update(dict.fromkeys(_dims_of_type(t)))
        for attr in dict.fromkeys(self.attributes):
            if isinstance(attr, ir.ArrayAttr):
                found.update(dict.fromkeys(_dims_of_sizes(attr)))
        return tuple(found)

    def key(self, names: Names) -> Any:
        """What two kernels share exactly when they compute the same."""
        types, attributes = self.types, self.attributes
        if names:
            types = [_renamed_type(t, names) for t in types]
            attributes = [_renamed_attr(a, names) for a in attributes]
        return self.template, len(names), tuple(self.words), tuple(types), tuple(attributes)


@lru_cache(maxsize=1 << 14)
def _dims_of_type(t: Any) -> Names:
    return _names_in(types.of(t).shape)


@lru_cache(maxsize=1 << 14)
def _dims_of_sizes(attr: Any) -> Names:
    return _names_in([dims.parse(a.value) for a in attr if isinstance(a, ir.StringAttr)])


def _names_in(sizes: Sequence[Size]) -> Names:
    return tuple(dict.fromkeys(n for s in sizes for n in sorted(dims.names(s))))


# ---- renaming dims -------------------------------------------------------------------------------


def _rename(define: Any, names: Names) -> None:
    """Call the caller's dims d0, d1, ... in all types and attributes."""
    block = body_of(define)
    for argument in block.arguments:
        argument.set_type(_renamed_type(argument.type, names))
    for op in templates.ops_of(define):
        for result in op.results:
            result.set_type(_renamed_type(result.type, names))
        for name in OPS[op.name].attrs:
            old = op.attributes[name]
            new = _renamed_attr(old, names)
            if new is not old:
                op.attributes[name] = new


def _substitution(names: Names) -> Mapping[str, Size]:
    return {n: dim(f"d{i}") for i, n in enumerate(names)}


@lru_cache(maxsize=1 << 14)
def _renamed_type(t: Any, names: Names) -> Any:
    found = types.of(t)
    new = _substitution(names)
    return found.with_shape(tuple(dims.substitute(s, new) for s in found.shape)).ir()


@lru_cache(maxsize=1 << 14)
def _renamed_attr(attr: Any, names: Names) -> Any:
    if not names or not isinstance(attr, ir.ArrayAttr) or not _dims_of_sizes(attr):
        return attr
    sizes = attrs.read("Sizes", attr)
    new = _substitution(names)
    return attrs.KINDS["Sizes"].to_ir(tuple(dims.substitute(s, new) for s in sizes))
