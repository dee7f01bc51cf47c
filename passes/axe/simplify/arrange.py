"""Rules of ops that move elements: they compose, vanish, or step aside. All are exact."""

from __future__ import annotations

from axec.dialects.axe import OPS, arrange
from axec.dialects.dims import Size
from axec.dialects.types import Shape
from axec.passes.axe.simplify.rewrite import Rules, Site, Value, static_shape, used_once

RULES = Rules()
rule = RULES.enter

_RESHAPE = arrange.reshape
_SPLATS = ("reshape", "transpose", "broadcast", "slice", "reverse")


@rule("reshape(constant number) => constant number, other arrangements too", *_SPLATS)
def _(s: Site) -> Value | None:
    if s.name == "broadcast" and s.made_by(0, "constant"):
        return None  # the one form that splats have
    found = s.splat(0)
    return None if found is None else s.fill(found)


@rule("pad(c, c) => c, concat(c, c) => c, c one constant number", "pad", "concat")
def _(s: Site) -> Value | None:
    found = [s.splat(i) for i in range(len(s.operands))]
    bits = {None if f is None else f.tobytes() for f in found}
    return s.fill(found[0]) if len(bits) == 1 and found[0] is not None else None


# ---- nothing to do -------------------------------------------------------------------------------


@rule("reshape(x) to its own shape => x", "reshape")
def _(s: Site) -> Value | None:
    return s.operands[0] if s.type.shape == s.operand_type().shape else None


@rule("transpose(x, identity) => x", "transpose")
def _(s: Site) -> Value | None:
    perm = s.attr("perm")
    return s.operands[0] if perm == tuple(range(len(perm))) else None


@rule("slice(x) of all of x => x", "slice")
def _(s: Site) -> Value | None:
    whole = s.type.shape == s.operand_type().shape and set(s.attr("step")) <= {1}
    return s.operands[0] if whole else None


@rule("dynamic_slice(x) of all of x => x", "dynamic_slice")
def _(s: Site) -> Value | None:
    return s.operands[0] if s.type.shape == s.operand_type().shape else None


@rule("dynamic_update(x, y) of all of x => y", "dynamic_update")
def _(s: Site) -> Value | None:
    return s.operands[1] if s.type.shape == s.operand_type(1).shape else None


@rule("reverse(x) along axes of size 1 => x", "reverse")
def _(s: Site) -> Value | None:
    shape = s.type.shape
    return s.operands[0] if all(shape[a] == 1 for a in s.attr("axes")) else None


@rule("pad(x) by nothing => x", "pad")
def _(s: Site) -> Value | None:
    return s.operands[0] if not any((*s.attr("low"), *s.attr("high"))) else None


@rule("concat(x, empty) => x", "concat")
def _(s: Site) -> Value | None:
    """Of two empty operands the second stays: the result is empty, too."""
    axis = s.attr("axis")
    kept = [v for i, v in enumerate(s.operands) if s.operand_type(i).shape[axis] != 0]
    return (kept or list(s.operands))[-1] if len(kept) < 2 else None


# ---- two become one ------------------------------------------------------------------------------


@rule("reshape(reshape(x)) => reshape(x)", "reshape")
def _(s: Site) -> Value | None:
    inner = s.made_by(0, "reshape")
    return inner and s.emit(_RESHAPE, inner.operands[0], shape=s.type.shape)


@rule("transpose(transpose(x)) => transpose(x)", "transpose")
def _(s: Site) -> Value | None:
    inner = s.made_by(0, "transpose")
    if inner is None:
        return None
    first = inner.attr("perm")
    perm = tuple(first[a] for a in s.attr("perm"))
    return s.emit(arrange.transpose, inner.operands[0], perm=perm)


@rule("transpose(x) that moves axes of size 1 only => reshape(x)", "transpose")
def _(s: Site) -> Value | None:
    shape = s.operand_type().shape
    moved = [a for a in s.attr("perm") if shape[a] != 1]
    return s.emit(_RESHAPE, s.operands[0], shape=s.type.shape) if moved == sorted(moved) else None


@rule("broadcast(x) that repeats nothing and keeps the order => reshape(x)", "broadcast")
def _(s: Site) -> Value | None:
    source, axes = s.operand_type(), s.attr("axes")
    kept = {a: n for a, n in enumerate(s.type.shape) if n != 1 or a in axes}
    if (
        (source.rank == 0) != (s.type.rank == 0)
        # Not by the count of elements: [0] repeated to [0, 3] has as many.
        or kept != dict(zip(axes, source.shape, strict=True))
        or list(axes) != sorted(axes)
    ):
        return None
    return s.emit(_RESHAPE, s.operands[0], shape=s.type.shape)


@rule("broadcast(broadcast(x)) => broadcast(x)", "broadcast")
def _(s: Site) -> Value | None:
    inner = s.made_by(0, "broadcast")
    if inner is None:
        return None
    outer = s.attr("axes")
    axes = tuple(outer[a] for a in inner.attr("axes"))
    return s.emit(arrange.broadcast, inner.operands[0], shape=s.type.shape, axes=axes)


@rule("broadcast(reshape(x)) => broadcast(x), the reshape adding or dropping axes of size 1",
      "broadcast")  # fmt: skip
def _(s: Site) -> Value | None:
    inner = s.made_by(0, "reshape")
    if inner is None:
        return None
    old, new = inner.operand_type().shape, inner.type.shape
    outer = s.attr("axes")
    placed = [outer[i] for i, n in enumerate(new) if n != 1]
    if 1 in old or [n for n in new if n != 1] != list(old):
        return None
    return s.emit(arrange.broadcast, inner.operands[0], shape=s.type.shape, axes=tuple(placed))


@rule("broadcast(transpose(x)) => broadcast(x)", "broadcast")
def _(s: Site) -> Value | None:
    inner = s.made_by(0, "transpose")
    if inner is None:
        return None
    outer, perm = s.attr("axes"), inner.attr("perm")
    axes = tuple(outer[perm.index(a)] for a in range(len(perm)))
    return s.emit(arrange.broadcast, inner.operands[0], shape=s.type.shape, axes=axes)


@rule("transpose(broadcast(x)) => broadcast(x)", "transpose")
def _(s: Site) -> Value | None:
    inner = s.made_by(0, "broadcast")
    if inner is None:
        return None
    perm = s.attr("perm")
    axes = tuple(perm.index(a) for a in inner.attr("axes"))
    return s.emit(arrange.broadcast, inner.operands[0], shape=s.type.shape, axes=axes)


@rule("slice(slice(x)) => slice(x)", "slice")
def _(s: Site) -> Value | None:
    inner = s.made_by(0, "slice")
    if inner is None:
        return None
    base, stride = inner.attr("start"), inner.attr("step")

    def through(bounds: Shape) -> Shape:
        return tuple(b + x * k for b, x, k in zip(base, bounds, stride, strict=True))

    step = tuple(a * b for a, b in zip(stride, s.attr("step"), strict=True))
    # The last element that is read plus one: start + (n - 1) * step + 1, n known to be positive.
    start = through(s.attr("start"))
    stop = tuple(low + (n - 1) * k + 1 for low, n, k in zip(start, s.type.shape, step, strict=True))
    if any(isinstance(n, int) and n < 1 for n in s.type.shape):
        return None
    return s.emit(arrange.slice_, inner.operands[0], start=start, stop=stop, step=step)


@rule("slice(concat(x, y)) => slice of x or of y that holds all of it", "slice")
def _(s: Site) -> Value | None:
    inner = s.made_by(0, "concat")
    if inner is None:
        return None
    axis = inner.attr("axis")
    start, stop = list(s.attr("start")), list(s.attr("stop"))
    offset: Size = 0
    for i, x in enumerate(inner.operands):
        size = inner.operand_type(i).shape[axis]
        low, high = start[axis] - offset, stop[axis] - offset
        room = size - high
        if isinstance(low, int) and low >= 0 and isinstance(room, int) and room >= 0:
            start[axis], stop[axis] = low, high
            how = {"start": tuple(start), "stop": tuple(stop), "step": s.attr("step")}
            return s.emit(arrange.slice_, x, **how)
        offset = offset + size
    return None


@rule("reverse(reverse(x)) => x, along the same axes", "reverse")
def _(s: Site) -> Value | None:
    inner = s.made_by(0, "reverse")
    same = inner is not None and sorted(inner.attr("axes")) == sorted(s.attr("axes"))
    return inner.operands[0] if inner is not None and same else None


@rule("dynamic_slice(x, constants) => slice(x)", "dynamic_slice")
def _(s: Site) -> Value | None:
    found = [s.splat(i) for i in range(1, len(s.operands))]
    starts = [int(n) for n in found if n is not None]
    shape, size = static_shape(s.operand_type()), static_shape(s.type)
    if len(starts) < len(found) or shape is None or size is None:
        return None
    low = tuple(min(max(a, 0), n - k) for a, n, k in zip(starts, shape, size, strict=True))
    stop = tuple(a + k for a, k in zip(low, size, strict=True))
    return s.emit(arrange.slice_, s.operands[0], start=low, stop=stop, step=(1,) * len(low))


# ---- stepping aside ------------------------------------------------------------------------------

_ANY_POINTWISE = tuple(
    op.name for op in OPS.values() if op.group == "pointwise" and len(op.operands) <= 2
)


@rule("op(transpose(x), number) => transpose(op(x, number)), also of reshape", *_ANY_POINTWISE)
def _(s: Site) -> Value | None:
    """Arithmetic joins the kernel that makes x; the arrangement meets its reader, which may take it
    in (a matrix product reads transposed operands at no cost)."""
    if not any(maker is not None and maker.name in _MOVERS for maker in s.makers):
        return None
    chains = [_movers(v, maker) for v, maker in zip(s.operands, s.makers, strict=True)]
    movers = max(chains, key=len)
    if not movers:
        return None
    base = movers[-1].operands[0]
    if not used_once(base):
        return None  # an argument, or other readers: x would have to be stored once more
    operands = []
    for i, chain in enumerate(chains):
        number = s.splat(i)
        if chain is not movers and number is None:
            return None
        moved = s.operand_type(i).with_shape(movers[-1].operand_type().shape)
        operands.append(base if number is None else s.emit.fill(number, moved))
    found = s.emit(s.definition, *operands, **s.attrs)
    for mover in reversed(movers):
        found = s.emit(mover.definition, found, **mover.attrs)
    return found


_MOVERS = ("transpose", "reshape")


def _movers(value: Value, maker: Site | None) -> list[Site]:
    """The transposes and reshapes on the way to a value, last first, that nobody else reads."""
    found = []
    while maker is not None and maker.name in _MOVERS and used_once(value):
        found.append(maker)
        value, maker = maker.operands[0], maker.makers[0]
    return found
