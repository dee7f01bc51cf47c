"""The inverse of the normal distribution function.

Rational functions of r = 0.180625 - (p - 1/2)**2 in the middle and of sqrt(-log(tail)) outside.
Source: Wichura, "Algorithm AS 241: the percentage points of the normal distribution", Applied
Statistics 37, 1988: PPND7 (7 digits) in f32, PPND16 (16 digits) in f64.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from axec.dialects import dtypes
from axec.lang.arrays import elementwise as ew
from axec.lang.arrays.tensor import Tensor

_SPLIT = 0.425  # |p - 1/2| of the middle
_FAR = 5.0  # sqrt(-log(tail)) of the outermost part

# Per part (middle, near, far): where r starts, numerator and denominator, constant term first.
_Part = tuple[float, tuple[float, ...], tuple[float, ...]]
_PARTS: dict[object, tuple[_Part, _Part, _Part]] = {
    dtypes.f32: (
        (
            0.0,
            (3.3871327179, 50.434271938, 159.29113202, 59.109374720),
            (1.0, 17.895169469, 78.757757664, 67.187563600),
        ),
        (
            1.6,
            (1.4234372777, 2.7568153900, 1.3067284816, 0.17023821103),
            (1.0, 0.73700164250, 0.12021132975),
        ),
        (
            5.0,
            (6.6579051150, 3.0812263860, 0.42868294337, 0.017337203997),
            (1.0, 0.24197894225, 0.012258202635),
        ),
    ),
    dtypes.f64: (
        (
            0.0,
            (
                3.3871328727963666080, 133.14166789178437745, 1971.5909503065514427,
                13731.693765509461125, 45921.953931549871457, 67265.770927008700853,
                33430.575583588128105, 2509.0809287301226727,
            ),
            (
                1.0, 42.313330701600911252, 687.18700749205790830, 5394.1960214247511077,
                21213.794301586595867, 39307.895800092710610, 28729.085735721942674,
                5226.4952788528545610,
            ),
        ),
        (
            1.6,
            (
                1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550,
                3.64784832476320460504, 1.27045825245236838258, 0.241780725177450611770,
                0.0227238449892691845833, 7.74545014278341407640e-4,
            ),
            (
                1.0, 2.05319162663775882187, 1.67638483018380384940, 0.689767334985100004550,
                0.148103976427480074590, 0.0151986665636164571966, 5.47593808499534494600e-4,
                1.05075007164441684324e-9,
            ),
        ),
        (
            5.0,
            (
                6.65790464350110377720, 5.46378491116411436990, 1.78482653991729133580,
                0.296560571828504891230, 0.0265321895265761230930, 0.00124266094738807843860,
                2.71155556874348757815e-5, 2.01033439929228813265e-7,
            ),
            (
                1.0, 0.599832206555887937690, 0.136929880922735805310, 0.0148753612908506148525,
                7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
                2.04426310338993978564e-15,
            ),
        ),
    ),
}  # fmt: skip


def normal_quantile(p: Tensor) -> Tensor:
    """x with probability p of a normal number below it, for f32 or f64 p in [0, 1]; finite at the
    ends, where it is that of the smallest normal number."""
    middle, near, far = _PARTS[p.dtype]
    q = p - 0.5
    tail = ew.maximum(ew.minimum(p, 1.0 - p), float(np.finfo(p.dtype.numpy).tiny))
    r = ew.sqrt(-ew.log(tail))
    outside = ew.where(r <= _FAR, _ratio(near, r), _ratio(far, r))
    inside = q * _ratio(middle, _SPLIT**2 - q * q)
    return ew.where(ew.abs(q) <= _SPLIT, inside, ew.copysign(outside, q))


def _ratio(part: _Part, r: Tensor) -> Tensor:
    start, above, below = part
    x = r - start if start else r
    return _horner(x, above) / _horner(x, below)


def _horner(x: Tensor, coefficients: Sequence[float]) -> Tensor:
    found = x * coefficients[-1] + coefficients[-2]
    for c in reversed(coefficients[:-2]):
        found = found * x + c
    return found
