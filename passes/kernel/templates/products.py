"""Which of its products a `gemm` kernel computes, and in what memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from axec.dialects.dims import Size
from axec.dialects.kernel import sizes, texts
from axec.mlir import ir
from axec.passes.kernel.templates import choice
from axec.passes.kernel.templates.body import anchor, sums_result, template_of
from axec.passes.kernel.templates.channels_last import ChannelsLast, channels_last_of
from axec.passes.kernel.templates.convolution import Conv, conv_of
from axec.passes.kernel.templates.gemm import Gemm, gemm_of
from axec.passes.kernel.templates.winograd import Winograd
from axec.passes.kernel.weight_layouts import Winograd as Transformed
from axec.passes.kernel.weight_layouts import parse

Product = Gemm | Conv | ChannelsLast | Winograd

_PRODUCTS: dict[str, Callable[[Any], Product | None]] = {
    "axe.dot_general": gemm_of,
    "axe.conv": lambda op: channels_last_of(op) or conv_of(op),
}


def product_of(op: Any) -> Product | None:
    """How a folding op is a product that the gemm template takes, or None where it is not."""
    rule = _PRODUCTS.get(op.name)
    return rule(op) if rule else None


def product(kernel: Any) -> Product:
    """The product of a gemm kernel."""
    found = product_of(anchor(kernel))
    assert found is not None, "a gemm kernel holds a product that the template takes"
    if "layouts" in kernel.attributes:
        layout = texts(kernel.attributes["layouts"])[ir.BlockArgument(found.weight).arg_number]
        found = _stored(found, layout)
    if isinstance(found, ChannelsLast) and "cut" in kernel.attributes:
        found = replace(found, cut=tuple(sizes(kernel.attributes["cut"])))
    return replace(found, choice=choice.of(kernel))


def _stored(found: Product, layout: str) -> Product:
    if isinstance(found, ChannelsLast) and layout and isinstance(parse(layout), Transformed):
        return Winograd(found.conv)
    return found if isinstance(found, Winograd) else found.stored(layout)


def gemm_workspace(kernel: Any) -> tuple[Size, ...]:
    """[packed panels, one slot per unit], [sums]: each where it is needed. The sums of a product
    are kept in a result of their dtype; scratch holds them where there is none and they are built
    up in several passes. Convolutions need some in Winograd's way only, which `layouts` says."""
    if anchor(kernel).name == "axe.conv" and "layouts" not in kernel.attributes:
        return ()
    g = product(kernel)
    if isinstance(g, Winograd):
        return (g.units * g.slot_bytes,)
    if not isinstance(g, Gemm):
        return ()
    found = [g.units * g.slot_bytes] if g.packs else []
    if sums_result(kernel, g.sums) is None and g.in_passes:
        found.append(g.batch_count * g.m * g.n * g.sums.size)
    return tuple(found)


def is_generic(kernel: Any) -> bool:
    """Is it a product that has no tiles: of a dtype, or of axes, that `product_of` does not take?
    Such kernels are correct, and slow."""
    return template_of(kernel) == "reduce" and anchor(kernel).name in _PRODUCTS
