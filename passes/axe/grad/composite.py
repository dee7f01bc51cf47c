"""Composites with a better derivative than that of their decomposition; the others go through it.

What a rule needs of the forward computation it emits as the decomposition does, so that merging
equal ops leaves one of both."""

from __future__ import annotations

import math
from collections.abc import Sequence

from axec.dialects.axe import composite as ops
from axec.dialects.axe.build import fill, mean, narrow, over, trailing, widen
from axec.dialects.axe.elementwise import add, compare, exp, mul, rsqrt, select, sub
from axec.dialects.axe.reduce import reduce
from axec.dialects.emit import IrEmit
from axec.passes.axe.grad.rules import (
    VJP,
    Tangents,
    Value,
    jvp,
    vjp,
    vjp_of_all,
)

VJP[ops.stop_gradient] = {}  # a constant


@jvp(ops.stop_gradient)
def _(e: IrEmit, ts: Tangents, y: Value, x: Value) -> None:
    return None


@vjp(ops.relu)
def _relu(e: IrEmit, g: Value, y: Value, x: Value) -> Value:
    """Its derivative at 0 is 0."""
    return e(select, e(compare, x, fill(e, 0, x), direction="gt"), g, fill(e, 0, g))


@jvp(ops.relu)
def _(e: IrEmit, ts: Tangents, y: Value, x: Value) -> Value:
    return _relu(e, ts[0], y, x)


@vjp(ops.gelu)
def _gelu(e: IrEmit, g: Value, y: Value, x: Value, *, approximate: bool) -> Value:
    """g * (phi + x * phi'), with phi' from x and phi: of the forward computation these two are kept
    and nothing else."""
    wide = widen(e, x)
    phi = ops.gelu_phi(e, wide, approximate)
    if approximate:  # phi is a sigmoid, of a cubic polynomial
        power = e(mul, wide, e(mul, wide, fill(e, 3 * ops.GELU_CUBIC, wide)))
        inner = e(add, power, fill(e, ops.GELU_SLOPE, wide))
        slope = e(mul, e(mul, phi, e(sub, fill(e, 1, phi), phi)), inner)
    else:  # the density of the normal distribution
        power = e(mul, wide, e(mul, wide, fill(e, -0.5, wide)))
        slope = e(mul, e(exp, power), fill(e, 1 / math.sqrt(2 * math.pi), wide))
    found = e(mul, widen(e, g), e(add, phi, e(mul, wide, slope)))
    return narrow(e, found, e.type(x).dtype)


@jvp(ops.gelu)
def _(e: IrEmit, ts: Tangents, y: Value, x: Value, *, approximate: bool) -> Value:
    return _gelu(e, ts[0], y, x, approximate=approximate)


def _sum(e: IrEmit, x: Value, axis: int) -> Value:
    return e(reduce, x, kind="sum", axes=(axis,))


# ---- softmax: a symmetric Jacobian, diag(y) - y y^T ----------------------------------------------


@vjp(ops.softmax)
def _softmax(e: IrEmit, g: Value, y: Value, x: Value, *, axis: int) -> Value:
    """y * (g - sum(g * y))"""
    wide_g, wide_y = widen(e, g), widen(e, y)
    inner = over(e, _sum(e, e(mul, wide_g, wide_y), axis), wide_y, axis)
    return narrow(e, e(mul, wide_y, e(sub, wide_g, inner)), e.type(x).dtype)


@jvp(ops.softmax)
def _(e: IrEmit, ts: Tangents, y: Value, x: Value, *, axis: int) -> Value:
    return _softmax(e, ts[0], y, x, axis=axis)


@vjp(ops.log_softmax)
def _(e: IrEmit, g: Value, y: Value, x: Value, *, axis: int) -> Value:
    """g - softmax(x) * sum(g)"""
    wide_g, share = widen(e, g), e(exp, widen(e, y))
    inner = over(e, _sum(e, wide_g, axis), share, axis)
    return narrow(e, e(sub, wide_g, e(mul, share, inner)), e.type(x).dtype)


@jvp(ops.log_softmax)
def _(e: IrEmit, ts: Tangents, y: Value, x: Value, *, axis: int) -> Value:
    """t - sum(softmax(x) * t)"""
    t, share = widen(e, ts[0]), e(exp, widen(e, y))
    inner = over(e, _sum(e, e(mul, share, t), axis), share, axis)
    return narrow(e, e(sub, t, inner), e.type(x).dtype)


# ---- normalisation -------------------------------------------------------------------------------


@vjp_of_all(ops.layer_norm)
def _(
    e: IrEmit, wanted: Sequence[bool], g: Value, y: Value, x: Value, scale: Value, bias: Value, *,
    eps: float,
) -> list[Value | None]:  # fmt: skip
    wide = widen(e, x)
    axis = e.type(x).rank - 1
    d = e(sub, wide, over(e, mean(e, wide, axis), wide, axis))
    dx, dscale = _normalised(e, wanted, g, d, scale, eps, centred=True)
    dbias = _rows_added(e, widen(e, g), scale) if wanted[2] else None
    return [dx, dscale, dbias]


@vjp_of_all(ops.rms_norm)
def _(
    e: IrEmit, wanted: Sequence[bool], g: Value, y: Value, x: Value, scale: Value, *, eps: float
) -> list[Value | None]:
    return _normalised(e, wanted, g, widen(e, x), scale, eps, centred=False)


def _normalised(
    e: IrEmit, wanted: Sequence[bool], g: Value, d: Value, scale: Value, eps: float, *,
    centred: bool,
) -> list[Value | None]:  # fmt: skip
    """Cotangents of x and scale of d * r * scale, r = 1 / sqrt(mean(d**2) + eps), where d is x,
    `centred` or as it is: with n = d * r and h = g * scale, that of x is
    r * (h - mean(h) - n * mean(h * n)); as it is, without the first mean."""
    axis = e.type(d).rank - 1
    power = mean(e, e(mul, d, d), axis)
    factor = over(e, e(rsqrt, e(add, power, fill(e, eps, power))), d, axis)
    n, wide_g = e(mul, d, factor), widen(e, g)
    dx = None
    if wanted[0]:
        h = e(mul, wide_g, trailing(e, widen(e, scale), d))
        inner = e(mul, n, over(e, mean(e, e(mul, h, n), axis), d, axis))
        rest = e(sub, h, inner)
        if centred:
            rest = e(sub, rest, over(e, mean(e, h, axis), d, axis))
        dx = narrow(e, e(mul, factor, rest), e.type(g).dtype)
    return [dx, _rows_added(e, e(mul, wide_g, n), scale) if wanted[1] else None]


def _rows_added(e: IrEmit, x: Value, like: Value) -> Value:
    """The sum over all axes but the last."""
    axes = tuple(range(e.type(x).rank - 1))
    found = e(reduce, x, kind="sum", axes=axes) if axes else x
    return narrow(e, found, e.type(like).dtype)
