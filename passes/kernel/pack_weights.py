"""Weights of products, stored in the order in which their tiles read them.

    func @f(%x, %w {axe.weight = "w"}) { kernel.call @gemm_0(%x, %w) }   kernel.define @gemm_0 {...}
    ->
    func @f(%x, %w {axe.weight = "w", axe.layout = "panels 768x3072"})
    kernel.define @gemm_0 {layouts = ["", "panels 768x3072"], ...}

Nothing is packed when a program runs, and no workspace is planned for it. Types and bodies stay:
`layouts` says how the bytes of a kernel's inputs lie, "" for row by row.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from axec.dialects import control, types
from axec.dialects.functions import functions, is_private
from axec.dialects.kernel import body_of, definitions, sizes_attr, texts
from axec.mlir import ir
from axec.passes.base import Pass, register
from axec.passes.kernel import templates
from axec.passes.kernel.strides import row_major
from axec.passes.kernel.templates.channels_last import ChannelsLast
from axec.passes.kernel.templates.convolution import Conv
from axec.passes.kernel.templates.gemm import Gemm
from axec.passes.kernel.templates.winograd import winograd_of
from axec.passes.kernel.weight_layouts import PANEL, Filters, Layout, Panels, Taps

_Place = tuple[str, int]  # kernel, number of an input
_Weight = tuple[Any, int]  # function, number of an argument


@register
@dataclass(frozen=True)
class PackWeights(Pass):
    """Store weights that only products read in the order in which these read them.

    Options: `waste`, the most zeros that may be stored for 100 numbers of a weight; `winograd`,
    whether 3x3 filters are transformed where that pays (winograd.py)."""

    name = "pack_weights"
    waste: int = 25
    winograd: bool = True

    def run(self, module: Any) -> None:
        kernels = definitions(module)
        wanted = {}
        for name, kernel in kernels.items():
            if found := self._wanted(kernel):
                wanted[name, found[0]] = found[1]
        for (function, number), places in _agreed(module, wanted).items():
            _set_argument(function, number, str(wanted[places[0]]))
            for name, position in places:
                _set_input(kernels[name], position, str(wanted[name, position]))

    def _wanted(self, kernel: Any) -> tuple[int, Layout] | None:
        """The input of a kernel that it would rather read in another order."""
        if templates.template_of(kernel) != "gemm":
            return None
        product = templates.product(kernel)
        layout = self._layout(product)
        argument = ir.BlockArgument(product.weight)
        used_once = len(list(argument.uses)) == 1
        return (argument.arg_number, layout) if layout and used_once else None

    def _layout(self, product: templates.Product) -> Layout | None:
        if isinstance(product, Gemm):
            return self._panels(product)
        if isinstance(product, ChannelsLast):
            return _filters(product, winograd=self.winograd)
        return _taps(product) if isinstance(product, Conv) else None

    def _panels(self, g: Gemm) -> Panels | None:
        """For a right factor that is one whole matrix of known size."""
        k, n = g.k, g.n
        if not isinstance(k, int) or not isinstance(n, int) or any(step for *_, step in g.batch):
            return None
        if types.of(g.right).count != k * n or g.right_strides not in ((n, 1), (1, k)):
            return None
        layout = Panels(k, n, g.right_strides != (n, 1), g.group)
        zeros = layout.shape[0] * PANEL - n
        return layout if zeros * 100 <= self.waste * n else None


def _taps(c: Conv) -> Taps | None:
    outputs, channels, count = _in_order(c) or (0, 0, 0)
    return Taps(outputs, channels, count) if count > 1 and channels > 1 else None


def _filters(c: ChannelsLast, *, winograd: bool) -> Layout | None:
    found = _in_order(c.conv)
    if found is None:
        return None
    if winograd and (transformed := winograd_of(c)) is not None:
        return transformed
    outputs, channels, count = found
    if c.depthwise:
        return Taps(outputs, channels, count)
    return Filters(c.conv.groups, outputs // c.conv.groups, channels, count, c.width)


def _in_order(c: Conv) -> tuple[int, int, int] | None:
    """Outputs, channels, positions in the window of filters of known size that lie row by row."""
    shape = types.of(c.w).shape
    if not all(isinstance(n, int) for n in shape) or c.w_strides != tuple(row_major(shape)):
        return None
    outputs, channels, *window = (n for n in shape if isinstance(n, int))
    return outputs, channels, math.prod(window)


def _agreed(module: Any, wanted: Mapping[_Place, Layout]) -> dict[_Weight, list[_Place]]:
    """Weights, with the kernel inputs that they are given to, where all of these want panels and
    are given such weights only."""
    uses: dict[_Weight, list[_Place]] = {}
    blocks = _blocks(module)
    for function in functions(module):
        for number, argument in _weights(function):
            places = _places(argument, blocks)
            if places and len({wanted.get(p) for p in places}) == 1 and places[0] in wanted:
                uses[function.operation, number] = places
    while True:
        given = Counter(place for places in uses.values() for place in places)
        calls = _calls(module)
        kept = {w: ps for w, ps in uses.items() if all(given[p] == calls[p[0]] for p in ps)}
        if len(kept) == len(uses):
            return kept
        uses = kept


def _weights(function: Any) -> Iterator[tuple[int, Any]]:
    """The arguments of a function that are weights, with their numbers."""
    found = function.operation.attributes
    for number, row in enumerate(found.get("arg_attrs", ())):
        if "axe.weight" in row:
            yield number, function.operation.regions[0].blocks[0].arguments[number]


def _places(argument: Any, blocks: Mapping[str, Any]) -> list[_Place] | None:
    """The kernel inputs that a value is given to, here or in every run of what loops and branches
    run; None if it is used in another way, too."""
    found: list[_Place] = []
    for use in argument.uses:
        op, number = use.owner, use.operand_number
        if op.name == "kernel.call":
            found.append((op.attributes["callee"].value, number))
            continue
        inside = [_places(blocks[f].arguments[n], blocks) for f, n in control.passed(op, number)]
        if not inside or any(places is None for places in inside):
            return None
        found += chain.from_iterable(filter(None, inside))
    return found


def _calls(module: Any) -> Counter[str]:
    """How often each kernel is called; a call in a function that several ops run counts for each
    of them."""
    blocks = _blocks(module)
    found: Counter[str] = Counter()
    waiting = [f.attributes["sym_name"].value for f in functions(module) if not is_private(f)]
    while waiting:
        for op in (o.operation for o in blocks[waiting.pop()].operations):
            if op.name == "kernel.call":
                found[op.attributes["callee"].value] += 1
            waiting += control.bodies(op)
    return found


def _blocks(module: Any) -> dict[str, Any]:
    return {f.attributes["sym_name"].value: f.regions[0].blocks[0] for f in functions(module)}


def _set_argument(function: Any, number: int, layout: str) -> None:
    rows = list(function.attributes["arg_attrs"])
    row = {named.name: named.attr for named in rows[number]}
    rows[number] = ir.DictAttr.get({**row, "axe.layout": ir.StringAttr.get(layout)})
    function.attributes["arg_attrs"] = ir.ArrayAttr.get(rows)


def _set_input(kernel: Any, number: int, layout: str) -> None:
    found = kernel.attributes
    layouts = [""] * len(body_of(kernel).arguments)
    if "layouts" in found:
        layouts = list(texts(found["layouts"]))
    layouts[number] = layout
    found["layouts"] = sizes_attr(layouts)
    found["units"] = ir.StringAttr.get(str(templates.units(kernel)))
    found["workspace"] = sizes_attr(templates.workspace(kernel))
