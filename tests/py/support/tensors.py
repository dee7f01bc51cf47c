"""Types and arrays for tests of kernels, in few words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from axec.dialects import dims, dtypes
from axec.dialects.opdef import Array
from axec.dialects.types import TensorType


def t(*shape: int | str, dtype: str = "f32") -> TensorType:
    """A type; texts are dims."""
    sizes = tuple(dims.parse(n) if isinstance(n, str) else n for n in shape)
    return TensorType(dtypes.of(dtype), sizes)


def arrays(types: Sequence[TensorType], seed: int = 0, **sizes: int) -> list[Array]:
    """Normal numbers, the same in every run."""
    rng = np.random.default_rng(seed)
    return [
        rng.standard_normal([dims.evaluate(n, sizes) for n in x.shape]).astype(x.dtype.numpy)
        for x in types
    ]
