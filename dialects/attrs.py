"""Attributes of ops as plain Python values: one row per kind, both ways."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from axec.diag import AxecError
from axec.dialects import dims, dtypes
from axec.dialects.dims import Size
from axec.dialects.types import TensorType
from axec.mlir import ir

Ints = tuple[int, ...]
Sizes = tuple[Size, ...]
Pairs = tuple[tuple[int, int], ...]  # e.g. padding: (low, high) per axis


@dataclass(frozen=True, slots=True)
class AttrKind:
    """How a Python value of one annotation is written to MLIR and read from an attribute of the
    class `cls`; `words` describe it to people."""

    words: str
    cls: Any
    to_ir: Callable[[Any], Any]
    from_ir: Callable[[Any], Any]


def read(kind: str, attr: Any) -> Any:
    """The Python value of an attribute. Raises AxecError `bad-attribute` for another kind."""
    return _read(kind, attr) if kind == "Array" else _read_once(kind, attr)


def _read(kind: str, attr: Any) -> Any:
    row = KINDS[kind]
    try:
        if isinstance(attr, row.cls):
            return row.from_ir(attr)
        problem = f"got {attr}"
    except (ValueError, KeyError, TypeError) as e:
        problem = f"got {attr}: {e}"
    raise AxecError("bad-attribute", f"must be {row.words}, {problem}")


# Attributes are unique in the context, and programs repeat theirs.
_read_once = functools.lru_cache(maxsize=1 << 16)(_read)


def ints(op: Any, name: str) -> Ints:
    """An attribute that is a list of integers (the bindings take 5 us to walk one)."""
    return cast(Ints, _read_once("Ints", op.attributes[name]))


def at(kind: str, value: Any, bound: Mapping[str, int]) -> Any:
    """The value with named dims in sizes evaluated, as references want it."""
    return tuple(dims.evaluate(s, bound) for s in value) if kind == "Sizes" else value


def _i64(value: int) -> Any:
    return ir.IntegerAttr.get(ir.IntegerType.get_signless(64), value)


def _from_i64(attr: Any) -> int:
    if attr.type != ir.IntegerType.get_signless(64):
        raise ValueError("its type must be i64")
    return int(attr.value)


def _f64(value: float) -> Any:
    # -0.0 becomes 0.0: the two are equal as Python values, and one value has one attribute.
    return ir.FloatAttr.get(ir.F64Type.get(), float(value) + 0.0)


def _size_to_ir(size: Size) -> Any:
    return _i64(size) if isinstance(size, int) else ir.StringAttr.get(str(size))


def _size_from_ir(attr: Any) -> Size:
    if isinstance(attr, ir.StringAttr):
        return dims.parse_canonical(attr.value)
    return _from_i64(ir.IntegerAttr(attr))


def _pair_from_ir(attr: Any) -> tuple[int, int]:
    low, high = ir.DenseI64ArrayAttr(attr)
    return low, high


def _dense_to_ir(value: np.ndarray[Any, Any]) -> Any:
    dtype = dtypes.of(value.dtype)
    value = np.ascontiguousarray(value).reshape(value.shape)  # the former makes 0-d arrays 1-d
    if dtype is dtypes.bf16:  # the bindings know no bfloat16 buffers: hand over the bits
        value = value.view(np.uint16)
    return ir.DenseElementsAttr.get(value, type=TensorType(dtype, value.shape).ir())


def _dense_from_ir(attr: Any) -> np.ndarray[Any, Any]:
    dtype = dtypes.BY_MLIR[str(attr.type.element_type)]
    shape = tuple(attr.type.shape)
    if attr.is_splat and dtype.is_float:
        return np.full(shape, ir.FloatAttr(attr.get_splat_value()).value, dtype.numpy)
    if dtype is dtypes.bf16:
        return _bf16_from_text(str(attr)).reshape(shape)
    return np.array(attr).reshape(shape)


def _bf16_from_text(text: str) -> np.ndarray[Any, Any]:
    """The elements of a printed `dense<...>` (the bindings hand out no bfloat16 in another way):
    one string of hexadecimal bytes, or numbers, where NaN and infinity are 16 bits each."""
    body = text[len("dense<") : text.index("> : ")]
    if body.startswith('"'):
        return np.frombuffer(bytes.fromhex(body[3:-1]), dtypes.bf16.numpy)
    words = re.findall(r"[^][, ]+", body)
    return np.array([_bf16_from_word(w) for w in words], dtypes.bf16.numpy)


def _bf16_from_word(word: str) -> Any:
    if word.startswith("0x"):
        return np.uint16(int(word, 16)).view(dtypes.bf16.numpy)
    return float(word)


# Keyed by the annotation as it is written in an op's declaration. Values are hashable but for
# "Array", so that an application of an op can be looked up (emit.py).
KINDS: dict[str, AttrKind] = {
    "int": AttrKind("an integer", ir.IntegerAttr, _i64, _from_i64),
    "float": AttrKind("a number", ir.FloatAttr, _f64, lambda a: float(a.value)),
    "bool": AttrKind("true or false", ir.BoolAttr, ir.BoolAttr.get, lambda a: bool(a.value)),
    "str": AttrKind("a string", ir.StringAttr, ir.StringAttr.get, lambda a: str(a.value)),
    "DType": AttrKind(
        "a dtype",
        ir.TypeAttr,
        lambda d: ir.TypeAttr.get(d.ir()),
        lambda a: dtypes.BY_MLIR[str(a.value)],
    ),
    "Ints": AttrKind(
        "a list of integers",
        ir.DenseI64ArrayAttr,
        lambda v: ir.DenseI64ArrayAttr.get(list(v)),
        lambda a: tuple(a),
    ),
    "Sizes": AttrKind(
        "a list of sizes",
        ir.ArrayAttr,
        lambda v: ir.ArrayAttr.get([_size_to_ir(s) for s in v]),
        lambda a: tuple(_size_from_ir(s) for s in a),
    ),
    "Pairs": AttrKind(
        "a list of pairs of integers",
        ir.ArrayAttr,
        lambda v: ir.ArrayAttr.get([ir.DenseI64ArrayAttr.get(list(p)) for p in v]),
        lambda a: tuple(_pair_from_ir(p) for p in a),
    ),
    "Array": AttrKind("an array", ir.DenseElementsAttr, _dense_to_ir, _dense_from_ir),
}
