"""Kernels that differ in sizes alone become one, which calls tell their sizes.

    kernel.define @k_0 (tensor<256x64xf32>)        kernel.call {callee = @k_0, dims = []}
    kernel.define @k_1 (tensor<128x128xf32>)       kernel.call {callee = @k_1, dims = []}
    ->
    kernel.define @k_0 {dims = ["d0", "d1"]} (tensor<?x?xf32, ["64*d0", "64*d1"]>)
                                                   kernel.call {callee = @k_0, dims = ["4", "1"]}
                                                   kernel.call {callee = @k_0, dims = ["2", "2"]}

LLVM takes as long for one of them as for all. Convolutions with lanes along channels are shared,
their inner loops ask for their sizes anyway, and `map` kernels. Sizes along which vectors run stay
multiples of GRANULE, so that no vector is partial; sizes that all of them have stay as they are.
`cut` says what else depends on sizes: of a convolution blocks of rows and steps of a slice, which
become dims; of a map kernel the blocks of a row, where that has an end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from axec.dialects import attrs, types
from axec.dialects.axe import OPS
from axec.dialects.axe.contract import conv
from axec.dialects.dims import Size, dim
from axec.dialects.functions import functions
from axec.dialects.kernel import body_of, definitions, sizes_attr, texts, yielded
from axec.dialects.types import Shape
from axec.mlir import ir
from axec.passes.base import Pass, register
from axec.passes.kernel import cost, templates
from axec.passes.kernel.templates.channels_last import ChannelsLast

GRANULE = 64

_Axis = tuple[int, int]  # a value of a kernel, by its number, and one of its axes
_Member = tuple[Any, ChannelsLast | None]  # a kernel, and its convolution


@register
@dataclass(frozen=True)
class Share(Pass):
    """Make one kernel of those that differ in sizes alone."""

    name = "share"

    def run(self, module: Any) -> None:
        alike: dict[Any, list[_Member]] = {}
        for kernel in definitions(module).values():
            if (found := _words(kernel)) is not None:
                alike.setdefault(found[0], []).append((kernel, found[1]))
        renamed: dict[str, tuple[str, list[Size]]] = {}
        for members in alike.values():
            if len(members) > 1:
                renamed |= _shared(members)
        if renamed:
            _call_again(module, renamed)


def _words(kernel: Any) -> tuple[Any, ChannelsLast | None] | None:
    """What kernels must have in common besides their sizes, and a kernel's convolution; None for
    one that is not shared."""
    found, product = kernel.attributes, None
    if texts(found["dims"]) or "layouts" in found or "choice" in found:
        return None
    if (template := templates.template_of(kernel)) not in ("map", "gemm"):
        return None
    if template == "gemm" and (product := _channels_last(kernel)) is None:
        return None
    if template == "map" and not _in_rows(kernel):
        return None
    numbers = {v: i for i, v in enumerate(body_of(kernel).arguments)}
    words: list[Any] = [template, *[_form(v.type) for v in numbers]]
    for op in templates.ops_of(kernel):
        if op.name not in _RULES:
            return None
        (result,) = op.results
        words += [op.name, *[numbers[v] for v in op.operands], _form(result.type)]
        words += [op.attributes[name] for name in OPS[op.name].attrs if name != "shape"]
        numbers[result] = len(numbers)
    return (*words, *[numbers[v] for v in yielded(kernel)]), product


@lru_cache(maxsize=1 << 12)
def _form(type_: Any) -> Any:
    """Dtype, and which axes are 1: these stay so."""
    t = types.of(type_)
    return t.dtype.name, tuple([n == 1 for n in t.shape])


def _in_rows(kernel: Any) -> bool:
    """Do units end where rows do, or are there no rows?"""
    walk = templates.map_loop(kernel)
    return walk.flat or walk.blocks == 1


def _channels_last(kernel: Any) -> ChannelsLast | None:
    p = templates.product(kernel)
    if not isinstance(p, ChannelsLast) or p.depthwise or p.groups != 1:
        return None
    return p if p.conv.x_strides[1] == p.conv.w_strides[0] == 1 else None


# ---- which axes have one size --------------------------------------------------------------------


class _Axes:
    """The axes of all values of a kernel, and of all kernels like it: those of one class have one
    size. `classes`: by value and axis, by number; `granules`: what a dim of each class counts;
    `derived`: sizes along a convolution's result, which follow from others."""

    def __init__(self, kernel: Any) -> None:
        self.ops = templates.ops_of(kernel)
        self.values = _values(kernel)
        self.numbers = {v: i for i, v in enumerate(self.values)}
        self._above: dict[_Axis, _Axis] = {}
        self._granules: dict[_Axis, int] = {}
        self._derived: list[_Axis] = []
        for op in self.ops:
            _RULES[op.name](self, op)
        roots = [[self._root((i, a)) for a in range(types.of(v).rank)]
                 for i, v in enumerate(self.values)]  # fmt: skip
        found = dict.fromkeys(root for row in roots for root in row)
        self.firsts = list(found)
        order = {root: i for i, root in enumerate(found)}
        self.classes = [[order[root] for root in row] for row in roots]
        stepped = {self._root(axis): step for axis, step in self._granules.items()}
        self.granules = [stepped.get(root, GRANULE) for root in found]
        self.derived = {order[self._root(axis)] for axis in self._derived}
        self.derived -= {order[root] for root in stepped}

    def join(self, value: Any, axis: int, other: Any, other_axis: int) -> None:
        """Say that two axes have one size."""
        first = self._root((self.numbers[value], axis))
        second = self._root((self.numbers[other], other_axis))
        if first != second:
            low, high = sorted((first, second))  # arguments stand for results
            self._above[high] = low

    def walk(self, x: Any, w: Any, result: Any, steps: Iterable[int]) -> None:
        """Say that windows walk over the spatial axes of x, in such steps."""
        for axis, step in enumerate(steps, 2):
            self._granules[self.numbers[x], axis] = step
            self._derived.append((self.numbers[result], axis))

    def _root(self, axis: _Axis) -> _Axis:
        while (found := self._above.get(axis)) is not None:
            axis = found
        return axis

    def sizes(self, kernel: Any) -> list[int]:
        """The size of each class in a kernel without dims."""
        values = _values(kernel)
        found = [types.of(values[i]).shape[axis] for i, axis in self.firsts]
        return [size for size in found if isinstance(size, int)]

    def told(self, sizes: Sequence[int]) -> tuple[int | None, ...]:
        """Sizes that a kernel must keep; None where it may be told."""
        return tuple(
            None if c in self.derived or (n > 1 and n % granule == 0) else n
            for c, (n, granule) in enumerate(zip(sizes, self.granules, strict=True))
        )


def _values(kernel: Any) -> list[Any]:
    return [*body_of(kernel).arguments, *[op.results[0] for op in templates.ops_of(kernel)]]


def _pointwise(c: _Axes, op: Any) -> None:
    (result,) = op.results
    for value in op.operands:
        for axis in range(types.of(result).rank):
            c.join(result, axis, value, axis)


def _broadcast(c: _Axes, op: Any) -> None:
    (x,), (result,) = op.operands, op.results
    sizes, wide = types.of(x).shape, types.of(result).shape
    for axis, at in enumerate(attrs.ints(op, "axes")):
        if sizes[axis] == wide[at]:
            c.join(result, at, x, axis)


def _transpose(c: _Axes, op: Any) -> None:
    for axis, source in enumerate(attrs.ints(op, "perm")):
        c.join(op.results[0], axis, op.operands[0], source)


def _conv(c: _Axes, op: Any) -> None:
    (x, w), (result,) = op.operands, op.results
    c.join(x, 0, result, 0)
    c.join(w, 0, result, 1)
    c.join(x, 1, w, 1)
    c.walk(x, w, result, attrs.ints(op, "stride"))


def _constant(c: _Axes, op: Any) -> None:
    """A scalar."""


_RULES: dict[str, Callable[[_Axes, Any], None]] = {
    **{op.full_name: _pointwise for op in OPS.values() if op.group == "pointwise"},
    "axe.broadcast": _broadcast,
    "axe.transpose": _transpose,
    "axe.conv": _conv,
    "axe.constant": _constant,
}


# ---- sizes as dims -------------------------------------------------------------------------------


def _shared(members: Sequence[_Member]) -> dict[str, tuple[str, list[Size]]]:
    """Make one of the kernels whose sizes allow it; what to call instead of each, with which
    dims."""
    axes = _Axes(members[0][0])
    alike: dict[Any, list[tuple[Any, ChannelsLast | None, list[int]]]] = {}
    for kernel, product in members:
        sizes = axes.sizes(kernel)
        alike.setdefault(axes.told(sizes), []).append((kernel, product, sizes))
    renamed = {}
    for found in alike.values():
        made = _Made.of(axes, [sizes for *_, sizes in found]) if len(found) > 1 else None
        if made is None:
            continue
        first = found[0][0]
        name = first.attributes["sym_name"].value
        for kernel, product, sizes in found:
            given = [sizes[c] // axes.granules[c] for c in made.dims]
            renamed[kernel.attributes["sym_name"].value] = name, [*given, *_cut(product)]
        made.write(first)
        for kernel, *_ in found[1:]:
            kernel.erase()
    return renamed


def _cut(p: ChannelsLast | None) -> tuple[Size, ...]:
    """Blocks of rows, and steps of a slice, of a convolution."""
    if p is None:
        return ()
    return p.row_blocks, p.folds[0].count if p.block is None else p.block


@dataclass(frozen=True, slots=True)
class _Made:
    """A kernel for several lists of sizes: a class for every dim, the shapes of all values."""

    dims: tuple[int, ...]
    shapes: tuple[Shape, ...]

    @staticmethod
    def of(axes: _Axes, members: Sequence[Sequence[int]]) -> _Made | None:
        """None where a convolution's result is not as long as what has to be as long."""
        sizes: list[Size] = list(members[0])
        named: dict[Any, tuple[int, Size]] = {}  # by what it is in the members
        for c, granule in enumerate(axes.granules):
            column = tuple([m[c] // granule for m in members])
            if c not in axes.derived and len(set(column)) > 1:
                _, size = named.setdefault(column, (c, dim(f"d{len(named)}")))
                sizes[c] = granule * size

        def shape(value: Any) -> Shape:
            return tuple([sizes[c] for c in axes.classes[axes.numbers[value]]])

        for op in axes.ops:
            if op.name == "axe.conv":
                told = [types.of(v).with_shape(shape(v)) for v in op.operands]
                result = conv.result_types(tuple(told), conv.attrs_from_ir(op))[0].shape
                for c, size in zip(axes.classes[axes.numbers[op.results[0]]], result, strict=True):
                    if c not in axes.derived and sizes[c] != size:
                        return None
                    sizes[c] = size
        classes = tuple([c for c, _ in named.values()])
        return _Made(classes, tuple([shape(v) for v in axes.values]))

    def write(self, kernel: Any) -> None:
        """Give a kernel its dims; what else it states follows from them."""
        given = kernel.attributes
        for value, shape in zip(_values(kernel), self.shapes, strict=True):
            value.set_type(types.of(value).with_shape(shape).ir())
        for op in templates.ops_of(kernel):
            if op.name == "axe.broadcast":
                op.attributes["shape"] = attrs.KINDS["Sizes"].to_ir(types.of(op.results[0]).shape)
        names = [f"d{i}" for i in range(len(self.dims))]
        cut = ["1"]
        if templates.template_of(kernel) == "gemm":
            cut = [f"d{len(names)}", f"d{len(names) + 1}"]
            names += cut
        given["cut"], given["dims"] = sizes_attr(cut), sizes_attr(names)
        given["units"] = ir.StringAttr.get(str(templates.units(kernel)))
        given["flops"] = ir.StringAttr.get(str(cost.flops(kernel)))
        given["bytes"] = ir.StringAttr.get(str(cost.nbytes(kernel)))


def _call_again(module: Any, renamed: Mapping[str, tuple[str, Sequence[Size]]]) -> None:
    for function in functions(module):
        for o in function.regions[0].blocks[0].operations:
            op = o.operation
            if op.name != "kernel.call":
                continue
            if (found := renamed.get(op.attributes["callee"].value)) is not None:
                op.attributes["callee"] = ir.FlatSymbolRefAttr.get(found[0])
                op.attributes["dims"] = sizes_attr(found[1])
