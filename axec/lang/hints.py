"""Hints that work when applied: where possible, the user's own expression with the repair in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations
from typing import Any

from axec.dialects.axe.rules import show
from axec.dialects.dtypes import BY_NAME, DType
from axec.dialects.types import Shape, TensorType
from axec.lang.errors import AxecError, error
from axec.lang.source import operands, rewritten, user_site
from axec.lang.spec import dtype_name

_DTYPE = re.compile(rf"\b({'|'.join(BY_NAME)})\b")
_TO_FLOAT = "{}.astype(axe.float32)"


def write(
    changed: int | Sequence[int], template: str, otherwise: str, count: int | None = None
) -> str:
    """``write `...` `` with an operand of the user's expression (or several, by index) put into
    the template; `otherwise` where the source is not at hand or has not `count` operands."""
    site = user_site()
    if count is not None and len(operands(site)[1]) != count:
        return otherwise
    found = rewritten(site, [changed] if isinstance(changed, int) else changed, template)
    return otherwise if found is None else f"write `{found}`"


def for_rule(code: str, types: Sequence[TensorType]) -> str | None:
    """A hint for an error that an op's own rule found."""
    if code == "dtype-unsupported" and types and not types[0].dtype.is_float:
        otherwise = "cast with `.astype(axe.float32)`, or `.astype(axe.int32)` for a bool array"
        return write(0, _TO_FLOAT, otherwise) if len(types) == 1 else otherwise
    if code == "dtype-mix":
        return "cast with `.astype(...)` so that the dtypes agree"
    return None


def to_float(arrays: Sequence[int], count: int) -> str:
    """How to make the operands at some indices, of `count` in all, floating point."""
    return write(arrays, _TO_FLOAT, "cast with `.astype(axe.float32)`", count)


def masked() -> str:
    """What to write instead of `x[mask]`."""
    text, spans = operands(user_site())
    array, mask = (text[a:b] for a, b in spans) if len(spans) == 2 else ("x", "mask")
    return f"keep the shape: `axe.where({mask}, {array}, 0)`"


def user_words(message: str) -> str:
    """The message of an op's rule with the names of dtypes that users write."""
    return _DTYPE.sub(lambda m: dtype_name(BY_NAME[m[0]]), message)


def cannot_broadcast(name: str, a: Shape, b: Shape) -> AxecError:
    """The error for shapes that do not broadcast; its hint aligns them if axes can be added."""
    otherwise = "sizes, compared from the right, must be equal or 1"
    shorter, template = (0, _aligned(a, b)) if len(a) < len(b) else (1, _aligned(b, a))
    hint = write(shorter, template, otherwise, count=2) if template else otherwise
    return error(
        "shape-mismatch", f"{name}: shapes {show(a)} and {show(b)} do not broadcast", hint=hint
    )


def no_common_dtype(name: str, a: DType, b: DType, values: Sequence[Any]) -> AxecError:
    """The error for dtypes without a join; its hint casts the bool, or the integer to the float."""
    order = "biuf"
    low, high = sorted((a, b), key=lambda d: order.index(d.kind))
    dtypes = [getattr(getattr(v, "type", None), "dtype", None) for v in values]
    cast = f"{{}}.astype(axe.{dtype_name(high)})"
    otherwise = f"cast the {dtype_name(low)} array with `{cast.removeprefix('{}')}`"
    index = dtypes.index(low) if low in dtypes else len(values)
    return error(
        "dtype-mix",
        f"{name}: {dtype_name(a)} and {dtype_name(b)} have no common dtype",
        hint=write(index, cast, otherwise, count=len(values)),
    )


def scalar_mix(name: str, value: Any, dtype: DType, array: int, count: int) -> AxecError:
    """The error for a Python number that cannot take the dtype of the array at index `array`."""
    message = f"{name}: {dtype_name(dtype)} and the Python number {value!r} have no common dtype"
    if isinstance(value, bool) or dtype.kind == "b":
        kind = "float32" if isinstance(value, float) else "int64"
        if isinstance(value, bool):
            return error("dtype-mix", message, hint=f"write the number: `{int(value)}`")
        cast = f"{{}}.astype(axe.{kind})"
    else:
        cast = _TO_FLOAT
    otherwise = f"cast the array with `{cast.removeprefix('{}')}`"
    return error("dtype-mix", message, hint=write(array, cast, otherwise, count))


def matmul(x: Shape, y: Shape) -> str:
    """How a matrix product of these shapes could be meant."""
    k = x[-1]
    if len(y) > 1 and y[-1] == k:
        return write(1, "{}.T" if len(y) == 2 else "{}.mT", "transpose the second operand", 2)
    if len(x) > 1 and x[-2] == y[-2 if len(y) > 1 else 0]:
        return write(0, "{}.T" if len(x) == 2 else "{}.mT", "transpose the first operand", 2)
    where = "the only axis" if len(y) == 1 else "the second-last axis" if len(y) > 2 else "axis 0"
    return f"the last axis of the first operand and {where} of the second must be equal"


def _aligned(short: Shape, long: Shape) -> str | None:
    """The index that puts `short` under other axes of `long`, as in `{}[:, None]`."""
    if len(short) == len(long):
        return "{}.T" if len(short) == 2 and _fits(short[::-1], long) else None
    for places in combinations(range(len(long)), len(short)) if short else ():
        sizes = [1 if i not in places else short[places.index(i)] for i in range(len(long))]
        if _fits(sizes, long):
            marks = [":" if i in places else "None" for i in range(places[0], len(long))]
            return f"{{}}[{', '.join(marks)}]"
    return None


def _fits(sizes: Sequence[Any], shape: Shape) -> bool:
    return all(a == b or 1 in (a, b) for a, b in zip(sizes, shape, strict=True))
