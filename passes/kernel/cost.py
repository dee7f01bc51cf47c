"""What kernels cost: exact counts for reports, coarse weights and times for decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Any

from axec.dialects import dims, types
from axec.dialects.attrs import ints
from axec.dialects.axe import OPS
from axec.dialects.dims import Ranges, Size
from axec.dialects.kernel import body_of, yielded
from axec.passes.kernel.templates import attention, ops_of
from axec.passes.kernel.templates.attention import PARTS

# ---- weights: one element of a pointwise op, in additions ----------------------------------------

_ROOTS = ("div", "sqrt", "rsqrt")
_CURVES = (
    "exp", "exp2", "log", "log2", "log10", "log1p", "expm1", "tanh", "sigmoid", "erf", "sin", "cos",
    "atan",
)  # fmt: skip
WEIGHTS: Mapping[str, int] = {
    **dict.fromkeys(_ROOTS, 4),
    **dict.fromkeys(_CURVES, 10),  # a polynomial of degree 6 or so, with range reduction
    **dict.fromkeys(("atan2", "asinh", "acosh", "hypot", "rem"), 20),
    "pow": 25,
    "random_bits": 60,
    "take": 2,
    "dynamic_slice": 1,
    "dynamic_update": 2,
    "pad": 1,
    "concat": 2,
}


def weight(name: str) -> int:
    """Cost of one result element of an op (name without dialect), in additions; index arithmetic
    that loops share anyway (transpose, slice, broadcast, ...) counts as nothing."""
    default = 1 if OPS[f"axe.{name}"].group == "pointwise" else 0
    return WEIGHTS.get(name, default)


# ---- flops and bytes -----------------------------------------------------------------------------

# Moving, choosing and comparing bits is no floating point operation.
_NO_FLOPS = (
    "cast", "select", "compare", "and", "or", "xor", "not", "copysign", "next_after",
    "shift_left", "shift_right", "random_bits",
)  # fmt: skip


def op_flops(op: Any) -> Size:
    """Floating point operations of one axe op: 1 per element of a pointwise op, whatever function
    it is; a product with a sum counts 2; folding n elements counts n."""
    kind = OPS[op.name]
    if op.name in PARTS:
        return attention.op_flops(op)
    if kind.group == "matrix":
        return _matrix_flops(kind.name, op)
    if kind.group not in ("pointwise", "contract") or kind.name in _NO_FLOPS:
        return 0
    source, result = types.of(op.operands[0]), types.of(op.results[0])
    if not source.dtype.is_float:
        return 0
    if kind.name == "dot_general":
        return 2 * dims.product(source.shape[a] for a in ints(op, "contract_x")) * result.count
    if kind.name == "conv":
        return 2 * dims.product(types.of(op.operands[1]).shape[1:]) * result.count
    if kind.name == "window":
        return dims.product(ints(op, "size")) * result.count
    return source.count if kind.group == "contract" else result.count


def _matrix_flops(name: str, op: Any) -> Size:
    """The leading term. Source: Golub and Van Loan, Matrix Computations, chapters 3 to 5."""
    *lead, m, n = types.of(op.operands[-1]).shape
    batch = dims.product(lead)
    if name == "triangular_solve":
        return batch * (m * m * n)
    if name == "householder":  # the reflections, and Q from them
        return batch * ((n * n * (m * 12 - n * 4)) // 3)
    return batch * ((n * n * n * (2 if name == "lu" else 1)) // 3)


def flops(kernel: Any) -> Size:
    """Floating point operations of one launch."""
    total: Size = 0
    for op in ops_of(kernel):
        total = total + op_flops(op)
    return total


def nbytes(kernel: Any) -> Size:
    """Bytes that a launch reads and writes, each input and output once; of an input that is only
    sliced, the slices."""
    total: Size = 0
    for value in yielded(kernel):
        total = total + types.of(value).nbytes
    for value in body_of(kernel).arguments:
        readers = [use.owner for use in value.uses]
        sliced = bool(readers) and all(r.name == "axe.slice" for r in readers)
        for read in [r.results[0] for r in readers] if sliced else [value]:
            total = total + types.of(read).nbytes
    return total


@dataclass(frozen=True, slots=True)
class Work:
    """An amount that is a polynomial and, where branches differ, maxima."""

    size: Size = 0
    largest: tuple[str, ...] = ()  # expressions to add

    def __add__(self, other: Work) -> Work:
        return Work(self.size + other.size, self.largest + other.largest)

    def __str__(self) -> str:
        return " + ".join([str(self.size)] * (self.size != 0 or not self.largest) + [*self.largest])

    def times(self, n: Size) -> Work:
        """n times as much."""
        return Work(self.size * n, tuple(f"({n})*({text})" for text in self.largest))


def most(parts: Sequence[Work]) -> Work:
    """The largest of some amounts."""
    sizes = [p.size for p in parts]
    if not any(p.largest for p in parts):
        numbers = [s for s in sizes if isinstance(s, int)]
        if len(numbers) == len(sizes):
            return Work(max(numbers))
        if len(set(map(str, sizes))) == 1:
            return Work(sizes[0])
    text = str(parts[0])
    for part in parts[1:]:
        text = f"max({text}, {part})"
    return Work(0, (text,))


# ---- time, for the choice of grain ---------------------------------------------------------------

# Picoseconds on one core of a recent server CPU. Only the order of magnitude matters.
_PER_BYTE = 60
_PER_WEIGHT = 60
_PER_PRODUCT_FLOP = 20
THREAD = 20_000_000  # a thread is woken for at least 20 us of work


def picoseconds(kernel: Any) -> Size:
    """A coarse estimate of the time of one launch on one core."""
    total = nbytes(kernel) * _PER_BYTE
    for op in ops_of(kernel):
        name = op.name[4:]
        if OPS[op.name].group in ("contract", "matrix") or op.name in PARTS:
            products = name in ("dot_general", "conv") or op.name in PARTS
            per_flop = _PER_PRODUCT_FLOP if products else _PER_WEIGHT
            total = total + op_flops(op) * per_flop
        else:
            total = total + types.of(op.results[0]).count * (weight(name) * _PER_WEIGHT)
    return total


def moving(nbytes: Size) -> Size:
    """Picoseconds for bytes that are read and written, nothing more."""
    return nbytes * _PER_BYTE


def grain(time: Size, units: Size, ranges: Ranges) -> int:
    """The fewest units that are worth a thread, for a launch that takes `time` picoseconds and has
    `units` units; named dims count at the geometric mean of their range."""
    at = middle(ranges)
    count = max(1, dims.evaluate(units, at))
    return max(1, -(-count * THREAD // max(1, dims.evaluate(time, at))))


def middle(ranges: Ranges) -> dict[str, int]:
    """Named dims at the geometric mean of their range."""
    return {name: max(1, isqrt(max(1, low) * high)) for name, (low, high) in ranges.items()}
