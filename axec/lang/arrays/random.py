"""Random numbers from keys: `axe.random.normal(axe.random.key(0), (3, 4))`.

A key is a 0-d int64 array; a function of this module called again with the same key gives the same
numbers, on every target and for any number of threads. `split` and `fold_in` make new keys; a key
that was split should draw no numbers itself. Element i of a result comes from the 64 bits that
Threefry-2x32-20 makes of the key and i (op `random_bits`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from axec.dialects import dtypes
from axec.dialects.axe.constants import iota
from axec.dialects.axe.random import random_bits
from axec.dialects.axe.rules import show
from axec.dialects.dims import product
from axec.dialects.dtypes import DType
from axec.dialects.types import Shape
from axec.lang.arrays import core, static
from axec.lang.arrays import elementwise as ew
from axec.lang.arrays.core import ArrayLike, as_tensor, known_shape, stretch
from axec.lang.arrays.create import arange
from axec.lang.arrays.dispatch import apply, cast
from axec.lang.arrays.indexing import take
from axec.lang.arrays.normal_quantile import normal_quantile
from axec.lang.arrays.reduce import argmax
from axec.lang.arrays.sequence import argsort
from axec.lang.arrays.tensor import Tensor
from axec.lang.errors import error
from axec.lang.spec import as_dtype, dtype_name, float32, int64

# Counters of new keys, apart from those of numbers, which are below: split, fold_in.
_SPLIT = 1 << 62
_FOLD = -(1 << 63)
_SIGNIFICAND = {dtypes.f64: 53, dtypes.f32: 24, dtypes.f16: 11, dtypes.bf16: 8}


def key(seed: ArrayLike, /) -> Tensor:
    """A key from a seed: an integer of up to 64 bits, or a 0-d integer array."""
    if isinstance(seed, int):
        if not -(1 << 63) <= seed < 1 << 64:
            raise error("scalar-range", f"key: the seed {seed} has more than 64 bits")
        return Tensor(np.asarray(seed % (1 << 64), np.uint64).astype(np.int64))
    return _as_key("key", cast(_integer("key", seed), dtypes.i64))


def split(key: ArrayLike, num: int = 2, /) -> Tensor:
    """`num` new keys as an int64 array of shape (num,)."""
    found = _as_key("split", key)
    return _bits(found, _counters(known_shape((num,))) + _SPLIT)


def fold_in(key: ArrayLike, number: ArrayLike, /) -> Tensor:
    """The new key for a number >= 0, of a step or a layer."""
    step = cast(_integer("fold_in", number), dtypes.i64)
    return _bits(_as_key("fold_in", key), ew.bitwise_xor(step, _FOLD))


def bits(key: ArrayLike, shape: Any = (), *, dtype: Any = int64) -> Tensor:
    """Uniform bits in an integer dtype."""
    wanted = as_dtype(dtype)
    if not wanted.is_integer:
        raise error("dtype-unsupported", f"bits: needs an integer dtype, got {dtype_name(wanted)}")
    return cast(_draw("bits", key, shape), wanted)


def uniform(
    key: ArrayLike, shape: Any = (), *, dtype: Any = float32, low: float = 0.0, high: float = 1.0
) -> Tensor:
    """Uniform in [low, high); where low + u * (high - low) rounds up, high may occur."""
    wanted = _float("uniform", dtype)
    low, high = static.real("low", low), static.real("high", high)
    unit = _unit(_draw("uniform", key, shape), wanted)
    return unit if (low, high) == (0, 1) else unit * (float(high) - float(low)) + float(low)


def normal(key: ArrayLike, shape: Any = (), *, dtype: Any = float32) -> Tensor:
    """Standard normal, by the transform of Box and Muller (Annals of Mathematical Statistics 29,
    1958); f32 and narrower reach 6.6, f64 reaches 8.5."""
    wanted = _float("normal", dtype)
    if wanted is dtypes.f64:
        found, counters = _as_key("normal", key), _counters(known_shape(shape)) * 2
        radius = 1.0 - _unit(_bits(found, counters), wanted)
        turn = _unit(_bits(found, counters + 1), wanted) * (2 * math.pi)
    else:
        words = _draw("normal", key, shape)
        radius = _open_unit(words)
        turn = cast(cast(words, dtypes.i32), dtypes.f32) * (math.pi * 2.0**-31)
    return cast(ew.sqrt(-2.0 * ew.log(radius)) * ew.cos(turn), wanted)


def truncated_normal(
    key: ArrayLike, low: float, high: float, shape: Any = (), *, dtype: Any = float32
) -> Tensor:
    """Standard normal numbers under the condition of lying in [low, high], by the inverse of the
    distribution function."""
    wanted = _float("truncated_normal", dtype)
    ends = [float(static.real(name, v)) for name, v in (("low", low), ("high", high))]
    if not ends[0] < ends[1]:
        raise error("bad-attribute", f"truncated_normal: {low} is not below {high}")
    if ends[0] > 0:  # probabilities near 1 have fewer digits than those near 0
        return -truncated_normal(key, -ends[1], -ends[0], shape, dtype=wanted)
    below, above = (0.5 * math.erfc(-end / math.sqrt(2)) for end in ends)
    wide = dtypes.f64 if wanted is dtypes.f64 else dtypes.f32
    chance = _unit(_draw("truncated_normal", key, shape), wide) * (above - below) + below
    return cast(ew.clip(normal_quantile(chance), *ends), wanted)


def bernoulli(key: ArrayLike, p: ArrayLike = 0.5, shape: Any = None) -> Tensor:
    """True with probability p, as bool; of the shape of p unless `shape` says otherwise."""
    chance = cast(core.need_float("bernoulli", as_tensor(p)), dtypes.f32)
    wanted = chance.type.shape if shape is None else known_shape(shape)
    return ew.less(_unit(_draw("bernoulli", key, wanted), dtypes.f32), stretch(chance, wanted))


def randint(key: ArrayLike, shape: Any, low: int, high: int, *, dtype: Any = int64) -> Tensor:
    """Uniform integers in [low, high). A number's probability is off by less than 2 ** -32, for
    spans below 2 ** 31 by less than 2 ** -63."""
    wanted = as_dtype(dtype)
    low, high = static.integer("low", low), static.integer("high", high)
    if not wanted.is_integer:
        name = dtype_name(wanted)
        raise error("dtype-unsupported", f"randint: needs an integer dtype, got {name}")
    info = np.iinfo(wanted.numpy)
    if not info.min <= low < high <= int(info.max) + 1 or high - low >= 1 << 63:
        name = dtype_name(wanted)
        raise error("bad-attribute", f"randint: [{low}, {high}) is no range of {name}")
    words, span = _draw("randint", key, shape), high - low
    if span < 1 << 31:  # the upper 64 bits of the product of 64 random bits and the span
        top, bottom = _upper(words), ew.bitwise_and(words, 0xFFFFFFFF)
        found = ew.bitwise_right_shift(top * span + ew.bitwise_right_shift(bottom * span, 32), 32)
    else:
        found = ew.remainder(ew.bitwise_and(words, (1 << 63) - 1), span)
    return cast(found + low, wanted)


def categorical(key: ArrayLike, logits: ArrayLike, /, *, axis: int = -1) -> Tensor:
    """One index along `axis` per row, int64, with probability softmax(logits): the largest of the
    logits plus Gumbel noise."""
    t = core.need_float("categorical", as_tensor(logits))
    wide = dtypes.f64 if t.dtype is dtypes.f64 else dtypes.f32
    # Precise where it matters: a small variable makes large noise.
    variable = -ew.log1p(-_open_unit(_draw("categorical", key, t.type.shape)))
    return argmax(cast(t, wide) - cast(ew.log(variable), wide), axis=axis)


def permutation(key: ArrayLike, x: ArrayLike, /, *, axis: int = 0) -> Tensor:
    """x with its slices along an axis in random order; of an int n, of 0, 1, ... n - 1: the order
    of random bits."""
    t = arange(x) if isinstance(x, int) else as_tensor(x)
    place = static.axis("permutation", axis, t.ndim)
    words = _draw("permutation", key, (t.type.shape[place],))
    return take(t, argsort(words), axis=place)


# ---- bits ----------------------------------------------------------------------------------------


def _draw(name: str, key: ArrayLike, shape: Any) -> Tensor:
    """64 bits per element."""
    return _bits(_as_key(name, key), _counters(known_shape(shape)))


def _bits(key: Tensor, counters: Tensor) -> Tensor:
    return apply(random_bits, stretch(key, counters.type.shape), counters)


def _counters(shape: Shape) -> Tensor:
    """The row-major number of every element."""
    found = core.full(shape, 0, dtypes.i64) if not shape else None
    for axis in range(len(shape)):
        place = apply(iota, shape=shape, dtype=dtypes.i64, axis=axis)
        stride = product(shape[axis + 1 :])
        term = place if stride == 1 else place * core.scalar(stride, dtypes.i64)
        found = term if found is None else found + term
    assert found is not None
    return found


def _upper(words: Tensor) -> Tensor:
    return ew.bitwise_and(ew.bitwise_right_shift(words, 32), 0xFFFFFFFF)


def _unit(words: Tensor, dtype: DType) -> Tensor:
    """[0, 1): as many of the upper bits as the significand has."""
    count = _SIGNIFICAND[dtype]
    word = dtypes.i64 if dtype is dtypes.f64 else dtypes.i32
    whole = cast(ew.bitwise_right_shift(words, 64 - count), word)
    return cast(ew.bitwise_and(whole, (1 << count) - 1), dtype) * 2.0**-count


def _open_unit(words: Tensor) -> Tensor:
    """(0, 1] in f32, with relative precision near 0: 31 of the upper bits."""
    whole = ew.bitwise_and(cast(ew.bitwise_right_shift(words, 32), dtypes.i32), (1 << 31) - 1)
    return (cast(whole, dtypes.f32) + 0.5) * 2.0**-31


def _as_key(name: str, key: ArrayLike) -> Tensor:
    t = as_tensor(key)
    if t.dtype is not dtypes.i64 or t.ndim:
        what = f"{dtype_name(t.dtype)} {show(t.type.shape)}"
        raise error(
            "argument-type",
            f"{name}: a key is a 0-d int64 array, got {what}",
            hint="write `axe.random.key(seed)`; of several keys take one: `keys[0]`",
        )
    return t


def _integer(name: str, value: ArrayLike) -> Tensor:
    t = as_tensor(value)
    if not t.dtype.is_integer:
        raise error("dtype-unsupported", f"{name}: needs an integer, got {dtype_name(t.dtype)}")
    return t


def _float(name: str, dtype: Any) -> DType:
    wanted = as_dtype(dtype)
    if not wanted.is_float:
        got = dtype_name(wanted)
        raise error("dtype-unsupported", f"{name}: needs a floating point dtype, got {got}")
    return wanted
