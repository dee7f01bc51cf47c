"""Applications of an op to test, measure or show it with: its samples in every dtype it takes."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from axec.dialects import dims, dtypes
from axec.dialects.dtypes import DType
from axec.dialects.opdef import Array, OpDef, Sample, ShapeError
from axec.dialects.types import TensorType


@dataclass(frozen=True)
class Case:
    """One application: `dtype` is what the sample's placeholder became."""

    op: OpDef
    dtype: DType
    operands: tuple[TensorType, ...]
    attrs: dict[str, Any]
    results: tuple[TensorType, ...] = field(init=False)

    def __post_init__(self) -> None:
        found = self.op.result_types(self.operands, self.attrs)
        object.__setattr__(self, "results", found)

    @property
    def is_static(self) -> bool:
        """No named dims in operands and results."""
        return all(t.is_static for t in self.operands + self.results)

    def __str__(self) -> str:
        given = [f"{k}={v}" for k, v in self.attrs.items()]
        return f"{self.op.name}({', '.join([*map(str, self.operands), *given])})"


def cases(op: OpDef) -> Iterator[Case]:
    """Every sample of the op in every dtype that its rule takes."""
    for dtype in dtypes.ALL:
        for sample in op.samples:
            try:
                yield Case(op, dtype, *_retyped(op, sample, dtype))
            except ShapeError as e:
                if e.code != "dtype-unsupported":
                    raise


def taken(op: OpDef) -> list[DType]:
    """The dtypes that the op takes in place of the samples' placeholder."""
    return list(dict.fromkeys(case.dtype for case in cases(op)))


def _retyped(
    op: OpDef, sample: Sample, dtype: DType
) -> tuple[tuple[TensorType, ...], dict[str, Any]]:
    """A sample with another dtype in place of the placeholder: in the operands, or in the
    attributes of an op that has none."""
    operands, given = sample
    if not op.operands:
        return operands, {k: _retyped_attr(v, dtype) for k, v in given.items()}
    placeholder = _placeholder(op)
    return tuple(t.with_dtype(dtype) if t.dtype is placeholder else t for t in operands), given


def _placeholder(op: OpDef) -> DType:
    used = {t.dtype for operands, _ in op.samples for t in operands}
    return dtypes.f32 if dtypes.f32 in used else dtypes.i32


def _retyped_attr(value: Any, dtype: DType) -> Any:
    if isinstance(value, np.ndarray):
        return value.astype(dtype.numpy)
    return dtype if isinstance(value, DType) else value


def bind(types: Sequence[TensorType]) -> dict[str, int]:
    """A small odd size for every named dim."""
    names = sorted(set().union(*(dims.names(s) for t in types for s in t.shape)))
    return {name: 3 + 2 * i for i, name in enumerate(names)}


def values(
    operands: Sequence[TensorType], bound: Mapping[str, int], op: OpDef | None = None
) -> list[Array]:
    """Arrays of the given types, always the same. Integers are small, so that some products fit
    and indices fall in and out of range. Given the op, they lie where it is defined."""
    rng = np.random.default_rng(zlib.crc32(str(operands).encode()))
    found = [_random(rng, t.dtype, t.shape_at(bound)) for t in operands]
    return found if op is None or op.placed is None else op.placed(found)


def _random(rng: np.random.Generator, dtype: DType, shape: tuple[int, ...]) -> Array:
    if dtype.is_float:
        return np.asarray(2 * rng.standard_normal(shape)).astype(dtype.numpy)
    low, high = {"b": (0, 2), "u": (0, 18), "i": (-9, 10)}[dtype.kind]
    return np.asarray(rng.integers(low, high, shape)).astype(dtype.numpy)
