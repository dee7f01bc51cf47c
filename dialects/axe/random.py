"""Random numbers as a function of a key and a counter: no state, so that the same program gives the
same numbers on every target, for any number of threads and however it is cut into kernels.
"""

from __future__ import annotations

import numpy as np

from axec.dialects import dtypes
from axec.dialects.axe.elementwise import SHAPES
from axec.dialects.axe.rules import same_types
from axec.dialects.opdef import Array, ShapeError, core
from axec.dialects.types import TensorType

#: Rotations of eight rounds, and the constant of the key schedule. Source: Salmon, Moraes, Dror,
#: Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011, table 2 and section 4.2 (values as
#: in Random123, threefry.h).
ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
PARITY = 0x1BD11BDA
ROUNDS = 20


@core("pointwise")
def random_bits(key: TensorType, counter: TensorType) -> TensorType:
    """64 random bits per element: Threefry-2x32-20 of Salmon et al., SC 2011. Operands and result
    are i64, each a pair of 32-bit words (first word: the lower half), because there is no unsigned
    type of that width. For one key, a permutation of the counters."""
    found = same_types("random_bits", key, counter)
    if found.dtype is not dtypes.i64:
        raise ShapeError("dtype-unsupported", f"random_bits: needs i64, got {found.dtype}")
    return found


@random_bits.reference
def _(key: Array, counter: Array) -> Array:
    keys, (x, y) = _words(key), _words(counter)
    schedule = (*keys, keys[0] ^ keys[1] ^ np.uint32(PARITY))
    x, y = x + schedule[0], y + schedule[1]
    for i in range(ROUNDS):
        by = np.uint32(ROTATIONS[i % 8])
        x = x + y
        y = ((y << by) | (y >> (np.uint32(32) - by))) ^ x
        if i % 4 == 3:
            n = i // 4 + 1
            x, y = x + schedule[n % 3], y + schedule[(n + 1) % 3] + np.uint32(n)
    return (x.astype(np.uint64) | y.astype(np.uint64) << np.uint64(32)).astype(np.int64)


def _words(x: Array) -> tuple[Array, Array]:
    bits = x.astype(np.uint64)
    return bits.astype(np.uint32), (bits >> np.uint64(32)).astype(np.uint32)


for _shape in SHAPES:
    random_bits.sample(f"i32{_shape}", f"i32{_shape}")
