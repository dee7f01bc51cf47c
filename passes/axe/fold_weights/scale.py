"""Numbers that scale and shift the result of a product, channel by channel, become a part of its
weight and one shift:

    (conv(x, w) - mean) * scale + bias   =>   conv(x, w * scale) + (bias - mean * scale)

Batch normalisation with running statistics is that, and so are scales of layers and of quantised
weights. The sums are of other numbers than before, so that results differ in their last bits:
each term is rounded once more (w * scale), the result two times less.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from axec.dialects import types
from axec.dialects.axe import elementwise as ew
from axec.dialects.axe.arrange import broadcast, reshape
from axec.dialects.opdef import OpDef
from axec.passes.axe.fold_weights.known import Program, is_foldable, is_read_once
from axec.passes.axe.simplify.rewrite import Rules, Site, Sweep, Table, Value

RULES = Rules()
rule = RULES.enter


class Scales(Sweep):
    """The sweep that these rules need: it knows what is known, and what repeats it along named
    dims."""

    def __init__(self, rules: Table, limit: int, emitted: Table, program: Program) -> None:
        super().__init__(rules, limit, emitted)
        self.program = program
        self.known = program.known
        self.repeated: set[Value] = set()

    def note(self, value: Value, op: Any, name: str) -> Site:
        site = super().note(value, op, name)
        if is_foldable(op, site.operands, self.known):
            self.known.add(value)
        elif name == "axe.broadcast" and site.operands[0] in self.known:
            self.repeated.add(value)
        return site

    def knows(self, value: Value) -> bool:
        return value in self.known or value in self.repeated


@dataclass(frozen=True, slots=True)
class Product:
    """A product with a weight that it alone reads. `side`: the weight's operand; `axes`: axes of
    the result that are axes of the weight, and these. Numbers along them are a tensor of the shape
    `sizes`, the channels."""

    site: Site
    side: int
    axes: dict[int, int]

    @staticmethod
    def of(site: Site) -> Product | None:
        """None where the op is no product of floats of 32 bits or more with such a weight. (Of
        narrow floats a weight is rounded to far fewer bits than sums are.)"""
        sweep, t = site.sweep, site.type
        assert isinstance(sweep, Scales)
        if site.name not in ("conv", "dot_general") or not t.dtype.is_float or t.dtype.size < 4:
            return None
        for side in (1, 0) if site.name == "dot_general" else (1,):
            weight = site.operands[side]
            if weight in sweep.known and sweep.program.owns(weight):
                return Product(site, side, _axes(site, side))
        return None

    @property
    def sizes(self) -> tuple[Any, ...]:
        return tuple(self.site.type.shape[a] for a in self.axes)

    def channels(self, user: Site, number: int) -> Value | None:
        """An operand of a pointwise op behind the product as numbers along the channels; None where
        it is not known, or differs along other axes."""
        value, maker = user.operands[number], user.makers[number]
        assert isinstance(user.sweep, Scales)
        if not user.sweep.knows(value):
            return None
        order = list(self.axes)
        if maker is not None and maker.name == "broadcast":
            axes = maker.attr("axes")
            if not all(a in self.axes for a in axes):
                return None
            if list(axes) == order and maker.operand_type().shape == self.sizes:
                return maker.operands[0]
            placed = tuple(order.index(a) for a in axes)
            return user.emit(broadcast, maker.operands[0], shape=self.sizes, axes=placed)
        shape = user.type.shape
        if any(n != 1 for a, n in enumerate(shape) if a not in self.axes):
            return None
        return user.emit(reshape, value, shape=self.sizes)

    def scaled(self, emit: Sweep, op: OpDef, by: Value) -> Value:
        """The product with op(weight, by), `by` along the channels."""
        operands = list(self.site.operands)
        weight = operands[self.side]
        shape, axes = types.of(weight).shape, tuple(self.axes.values())
        operands[self.side] = emit(op, weight, emit(broadcast, by, shape=shape, axes=axes))
        return emit(self.site.definition, *operands, **self.site.attrs)

    def spread(self, emit: Sweep, numbers: Value) -> Value:
        """Numbers along the channels in the shape of the result."""
        return emit(broadcast, numbers, shape=self.site.type.shape, axes=tuple(self.axes))


def _axes(site: Site, side: int) -> dict[int, int]:
    """Which axes of a product's result are axes of an operand, and which ones."""
    if site.name == "conv":
        return {1: 0}
    batch = [site.attr("batch_x"), site.attr("batch_y")]
    folded = [site.attr("contract_x"), site.attr("contract_y")]
    free = [
        [a for a in range(site.operand_type(i).rank) if a not in batch[i] + folded[i]]
        for i in (0, 1)
    ]
    first = len(batch[side]) + (len(free[0]) if side else 0)
    return dict(enumerate(batch[side])) | {first + i: a for i, a in enumerate(free[side])}


def _product_under(site: Site | None) -> Product | None:
    """The product that a value is, or that known numbers were added to; nobody else reads it."""
    while site is not None and is_read_once(site.op.results[0]):
        if site.name not in ("add", "sub"):
            return Product.of(site)
        number = _unknown(site)
        site = None if number is None else site.makers[number]
    return None


def _unknown(site: Site) -> int | None:
    """Which of two operands is not known; None where not exactly one is."""
    assert isinstance(site.sweep, Scales)
    found = [i for i, v in enumerate(site.operands) if not site.sweep.knows(v)]
    return found[0] if len(found) == 1 else None


@rule("product * c => product with weight * c; (product + c1) * c, (product - c1) * c alike",
      "mul", "div")  # fmt: skip
def _(s: Site) -> Value | None:
    for i in (0, 1) if s.name == "mul" else (0,):
        product = _product_under(s.makers[i])
        if product is not None and (by := product.channels(s, 1 - i)) is not None:
            return _scaled(product, s.makers[i], s.definition, by)
    return None


def _scaled(product: Product, site: Site | None, op: OpDef, by: Value) -> Value | None:
    """op(value of the site, by): the product's weight and what is added to it."""
    assert site is not None
    emit = site.sweep
    if site is product.site:
        return product.scaled(emit, op, by)
    i = _unknown(site)
    assert i is not None
    numbers = product.channels(site, 1 - i)
    if numbers is None or (found := _scaled(product, site.makers[i], op, by)) is None:
        return None
    both = [found, product.spread(emit, emit(op, numbers, by))]
    return emit(site.definition, *(both[::-1] if i else both))


@rule("(product + c1) + c2 => product + (c1 + c2), and with differences", "add", "sub")
def _(s: Site) -> Value | None:
    i = _unknown(s)
    inner = None if i is None else s.makers[i]
    if i is None or inner is None or inner.name not in ("add", "sub"):
        return None
    j, product = _unknown(inner), _product_under(inner)
    if j is None or product is None or inner.makers[j] is not product.site:
        return None
    first, second = product.channels(inner, 1 - j), product.channels(s, 1 - i)
    if first is None or second is None:
        return None
    total, turned, op, place = _SUMS[_form(inner, j), _form(s, i)]
    numbers = s.emit(total, *((second, first) if turned else (first, second)))
    both = [inner.operands[j], product.spread(s.emit, numbers)]
    return s.emit(op, both[place], both[1 - place])


def _form(site: Site, number: int) -> str:
    """How known numbers c come to a value v, which is the operand of this number."""
    return "v + c" if site.name == "add" else ("v - c", "c - v")[number]


#: By the forms of two sums, the inner first: the op that their numbers make together with, whether
#: the outer one's come first there; the op of the one sum that is left, and the value's operand.
_SUMS = {
    ("v + c", "v + c"): (ew.add, False, ew.add, 0),
    ("v + c", "v - c"): (ew.sub, False, ew.add, 0),
    ("v + c", "c - v"): (ew.sub, True, ew.sub, 1),
    ("v - c", "v + c"): (ew.sub, True, ew.add, 0),
    ("v - c", "v - c"): (ew.add, False, ew.sub, 0),
    ("v - c", "c - v"): (ew.add, False, ew.sub, 1),
    ("c - v", "v + c"): (ew.add, False, ew.sub, 1),
    ("c - v", "v - c"): (ew.sub, False, ew.sub, 1),
    ("c - v", "c - v"): (ew.sub, True, ew.add, 0),
}
