"""Ops that are defined by a decomposition into core ops, which is also their reference.

A decomposition is written once against `emit(op, *operands, **attrs)` (see emit.py). It works in
f32 where the operands are f16 or bf16, and never overflows where the result does not.
"""

from __future__ import annotations

import math

from axec.dialects.attrs import Ints, Pairs
from axec.dialects.axe.arrange import broadcast
from axec.dialects.axe.build import Value, fill, mean, narrow, over, scalar, trailing, widen
from axec.dialects.axe.elementwise import (
    add,
    div,
    erf,
    exp,
    log,
    max_,
    mul,
    rsqrt,
    sigmoid,
    sub,
)
from axec.dialects.axe.reduce import reduce, window
from axec.dialects.axe.rules import (
    need_axes,
    need_kind,
    need_shape,
    same_dtype,
    show,
    window_sizes,
)
from axec.dialects.emit import Emit
from axec.dialects.opdef import ShapeError, composite
from axec.dialects.types import TensorType


@composite
def stop_gradient(x: TensorType) -> TensorType:
    """x itself; a constant to differentiation."""
    return x


@stop_gradient.decompose
def _(emit: Emit, x: Value) -> Value:
    return x


@composite
def relu(x: TensorType) -> TensorType:
    """max(x, 0); NaN stays NaN."""
    need_kind("relu", x, "fi")
    return x


@relu.decompose
def _(emit: Emit, x: Value) -> Value:
    return emit(max_, x, fill(emit, 0, x))


@composite
def silu(x: TensorType) -> TensorType:
    """x * sigmoid(x), also called swish."""
    need_kind("silu", x, "f")
    return x


@silu.decompose
def _(emit: Emit, x: Value) -> Value:
    wide = widen(emit, x)
    return narrow(emit, emit(mul, wide, emit(sigmoid, wide)), emit.type(x).dtype)


GELU_SLOPE = 2 * math.sqrt(2 / math.pi)
GELU_CUBIC = 0.044715 * GELU_SLOPE


@composite
def gelu(x: TensorType, *, approximate: bool = False) -> TensorType:
    """x * Phi(x), Phi the normal distribution: x/2 * (1 + erf(x / sqrt(2))), or `approximate`
    x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x**3))). Source: arXiv 1606.08415, section 2."""
    need_kind("gelu", x, "f")
    return x


@gelu.decompose
def _(emit: Emit, x: Value, *, approximate: bool) -> Value:
    wide = widen(emit, x)
    phi = gelu_phi(emit, wide, approximate)
    return narrow(emit, emit(mul, wide, phi), emit.type(x).dtype)


def gelu_phi(emit: Emit, x: Value, approximate: bool) -> Value:
    """What gelu multiplies x with."""
    return _phi_tanh(emit, x) if approximate else _phi_erf(emit, x)


def _phi_erf(emit: Emit, x: Value) -> Value:
    half = fill(emit, 0.5, x)
    e = emit(erf, emit(mul, x, fill(emit, math.sqrt(0.5), x)))
    return emit(add, emit(mul, e, half), half)


def _phi_tanh(emit: Emit, x: Value) -> Value:
    # (1 + tanh(u)) / 2 = sigmoid(2 u), which loses no digits where tanh is near -1.
    cubic = emit(mul, emit(mul, x, x), fill(emit, GELU_CUBIC, x))
    return emit(sigmoid, emit(mul, x, emit(add, cubic, fill(emit, GELU_SLOPE, x))))


for _shape in ("[]", "[0, 3]", "[1]", "[3, 5]", "[batch, 7]"):
    for _op in (stop_gradient, relu, silu, gelu):
        _op.sample(f"f32{_shape}")
gelu.sample("f32[3, 5]", approximate=True)


@composite
def softmax(x: TensorType, *, axis: int) -> TensorType:
    """exp(x - m) / sum(exp(x - m)) along `axis`, m the maximum. NaN where all of x is -inf."""
    need_kind("softmax", x, "f")
    need_axes("softmax", (axis,), x.rank)
    return x


def _peak(emit: Emit, x: Value, axis: int) -> Value:
    # The result of what follows does not depend on the peak, so derivatives need not either.
    return emit(stop_gradient, emit(reduce, x, kind="max", axes=(axis,)))


def _centred(emit: Emit, x: Value, axis: int) -> Value:
    return emit(sub, x, over(emit, _peak(emit, x, axis), x, axis))


@softmax.decompose
def _(emit: Emit, x: Value, *, axis: int) -> Value:
    e = emit(exp, _centred(emit, widen(emit, x), axis))
    total = emit(reduce, e, kind="sum", axes=(axis,))
    # One division per row; total >= 1, so that its reciprocal loses nothing.
    share = emit(div, fill(emit, 1, total), total)
    return narrow(emit, emit(mul, e, over(emit, share, e, axis)), emit.type(x).dtype)


@composite
def log_softmax(x: TensorType, *, axis: int) -> TensorType:
    """(x - m) - log(sum(exp(x - m))) along `axis`, m the maximum. NaN where all of x is -inf."""
    need_kind("log_softmax", x, "f")
    need_axes("log_softmax", (axis,), x.rank)
    return x


@log_softmax.decompose
def _(emit: Emit, x: Value, *, axis: int) -> Value:
    d = _centred(emit, widen(emit, x), axis)
    total = emit(reduce, emit(exp, d), kind="sum", axes=(axis,))
    found = emit(sub, d, over(emit, emit(log, total), d, axis))
    return narrow(emit, found, emit.type(x).dtype)


for _op in (softmax, log_softmax):
    _op.sample("f32[1]", axis=0)
    _op.sample("f32[3, 7]", axis=1)
    _op.sample("f32[3, 5, 2]", axis=0)
    _op.sample("f32[0, 3]", axis=1)
    _op.sample("f32[3, 0]", axis=1)
    _op.sample("f32[batch, seq]", axis=1)


@composite
def layer_norm(
    x: TensorType, scale: TensorType, bias: TensorType, *, eps: float = 1e-5
) -> TensorType:
    """(x - mean) / sqrt(var + eps) * scale + bias over the last axis; x [..., D], scale and bias
    [D], var = mean((x - mean)**2). Source: arXiv 1607.06450, equation 4."""
    need_kind("layer_norm", x, "f")
    same_dtype("layer_norm", x, scale, bias)
    for what, t in (("scale", scale), ("bias", bias)):
        _need_last("layer_norm", what, x, t)
    return x


def _need_last(op: str, what: str, x: TensorType, t: TensorType) -> None:
    if x.rank == 0:
        raise ShapeError("shape-mismatch", f"{op}: needs one or more axes, got shape ()")
    need_shape(op, what, t, x.shape[-1:])


def _normalised(emit: Emit, x: Value, scale: Value, eps: float) -> Value:
    """x / sqrt(mean(x**2) + eps) * scale over the last axis."""
    axis = emit.type(x).rank - 1
    power = mean(emit, emit(mul, x, x), axis)
    factor = emit(rsqrt, emit(add, power, fill(emit, eps, power)))
    return emit(mul, emit(mul, x, over(emit, factor, x, axis)), trailing(emit, scale, x))


@layer_norm.decompose
def _(emit: Emit, x: Value, scale: Value, bias: Value, *, eps: float) -> Value:
    wide, wide_scale, wide_bias = (widen(emit, v) for v in (x, scale, bias))
    axis = emit.type(x).rank - 1
    d = emit(sub, wide, over(emit, mean(emit, wide, axis), wide, axis))
    found = emit(add, _normalised(emit, d, wide_scale, eps), trailing(emit, wide_bias, d))
    return narrow(emit, found, emit.type(x).dtype)


@composite
def rms_norm(x: TensorType, scale: TensorType, *, eps: float = 1e-5) -> TensorType:
    """x / sqrt(mean(x**2) + eps) * scale over the last axis; x [..., D], scale [D].
    Source: arXiv 1910.07467, equation 4."""
    need_kind("rms_norm", x, "f")
    same_dtype("rms_norm", x, scale)
    _need_last("rms_norm", "scale", x, scale)
    return x


@rms_norm.decompose
def _(emit: Emit, x: Value, scale: Value, *, eps: float) -> Value:
    found = _normalised(emit, widen(emit, x), widen(emit, scale), eps)
    return narrow(emit, found, emit.type(x).dtype)


for _shape in ("7", "1", "0, 5", "2, 3, 8", "batch, 6", "3, width"):
    _last = f"f32[{_shape.rpartition(', ')[2]}]"
    layer_norm.sample(f"f32[{_shape}]", _last, _last)
    rms_norm.sample(f"f32[{_shape}]", _last, eps=1e-6)


@composite
def avg_pool(
    x: TensorType, *, size: Ints, stride: Ints, padding: Pairs, count_include_pad: bool = False
) -> TensorType:
    """Mean of windows over the last len(size) axes: the sum of `window` over the number of its
    elements, the padding counted only with `count_include_pad`. A window of padding alone gives
    NaN."""
    need_kind("avg_pool", x, "f")
    lead = x.rank - len(size)
    if lead < 0:
        message = f"avg_pool: {show(size)} has more axes than {show(x.shape)}"
        raise ShapeError("shape-mismatch", message)
    once = (1,) * len(size)
    found = window_sizes("avg_pool", x.shape[lead:], size, stride, padding, once)
    return x.with_shape((*x.shape[:lead], *found))


@avg_pool.decompose
def _(
    emit: Emit, x: Value, *, size: Ints, stride: Ints, padding: Pairs, count_include_pad: bool
) -> Value:
    wide = widen(emit, x)
    how = {"kind": "sum", "size": size, "stride": stride, "padding": padding}
    how["dilation"] = (1,) * len(size)
    total = emit(window, wide, **how)
    if count_include_pad or not any(map(any, padding)):
        found = emit(mul, total, fill(emit, 1 / math.prod(size), total))
    else:
        spatial = emit.type(x).shape[emit.type(x).rank - len(size) :]
        ones = emit(broadcast, scalar(emit, 1, wide), shape=spatial, axes=())
        found = emit(div, total, trailing(emit, emit(window, ones, **how), total))
    return narrow(emit, found, emit.type(x).dtype)


for _counted in (False, True):
    avg_pool.sample(
        "f32[2, 3, 5, 7]", size=(2, 3), stride=(2, 1), padding=((0, 1), (1, 1)),
        count_include_pad=_counted,
    )  # fmt: skip
    avg_pool.sample("f32[0, 1]", size=(1,), stride=(1,), padding=((0, 0),))
    avg_pool.sample(
        "f32[batch, seq]", size=(3,), stride=(2,), padding=((1, 1),), count_include_pad=_counted
    )
