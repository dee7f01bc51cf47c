"""Files of named arrays in the safetensors format: no code, no pickle, mapped without a copy.

    8 bytes   length of the header, little-endian
    header    JSON: name -> {"dtype", "shape", "data_offsets": [begin, end]}, and "__metadata__"
    data      the arrays, row by row, little-endian, without holes

Source: https://github.com/huggingface/safetensors, README "Format". The package itself is a fine
one, but a training process has numpy alone; the format is the part that matters to others.
"""

from __future__ import annotations

import hashlib
import json
import math
import mmap
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from axec.container import replace_file
from axec.runtime.errors import AxecError
from axec.train.state import Array

Path = str | os.PathLike[str]

DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
    "U8": "uint8",
    "BOOL": "bool",
}
_NAMES = {name: code for code, name in DTYPES.items()}
_METADATA, _DIGEST = "__metadata__", "sha256"  # of the data, when axec wrote the file
_MAX_HEADER = 100_000_000  # the format's own bound


@dataclass(frozen=True, slots=True)
class File:
    """What a file holds. `arrays` are read-only views of the mapped file."""

    arrays: dict[str, Array]
    metadata: dict[str, str]


def write(path: Path, arrays: Mapping[str, Any], metadata: Mapping[str, str] = {}) -> None:
    """Write arrays by name, atomically: an existing file stays until the new one is whole and on
    disk. AxecError `checkpoint-write` where the file system or a dtype refuses."""
    # Wide elements first, so that every array is aligned; then by name, so that equal input gives
    # equal bytes.
    rows = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    names = sorted(rows, key=lambda n: (-rows[n].itemsize, n))
    header: dict[str, Any] = {}
    at, digest = 0, hashlib.sha256()
    for name in names:
        array, shape = rows[name], np.shape(arrays[name])
        if array.dtype.name not in _NAMES:
            raise AxecError("checkpoint-write", f"`{name}` has dtype {array.dtype}")
        offsets = [at, at + array.nbytes]
        row = {"dtype": _NAMES[array.dtype.name], "shape": list(shape), "data_offsets": offsets}
        header[name] = row
        digest.update(_bytes(array))
        at += array.nbytes
    header[_METADATA] = {**metadata, _DIGEST: digest.hexdigest()}
    text = json.dumps(header, separators=(",", ":"), sort_keys=True).encode()
    text += b" " * (-len(text) % 8)
    head: list[bytes | memoryview] = [struct.pack("<Q", len(text)), text]
    chunks = [*head, *(_bytes(rows[n]) for n in names)]
    try:
        replace_file(path, chunks)
    except AxecError as e:
        raise AxecError("checkpoint-write", e.message) from None


def _bytes(array: Array) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def read(path: Path) -> File:
    """Map a file. AxecError `checkpoint-missing` where there is none, `checkpoint-corrupt` where it
    was cut or changed (every bound is checked; the data's hash, if axec wrote it)."""
    data, header, start = _open(path)
    metadata = header.pop(_METADATA, {})
    _need(path, _are_strings(metadata), "its metadata are no strings")
    arrays = {name: _array(path, data, start, name, row) for name, row in header.items()}
    spans = sorted(row["data_offsets"] for row in header.values())
    ends = [0, *(end for _, end in spans)]
    _need(path, [begin for begin, _ in spans] == ends[:-1], "its arrays overlap or leave holes")
    size = len(data) - start
    _need(path, ends[-1] == size, f"it has {size} of {ends[-1]} bytes of data")
    if _DIGEST in metadata:
        found = hashlib.sha256(memoryview(data)[start:]).hexdigest()
        _need(path, found == metadata[_DIGEST], "its data are not those that were written")
    return File(arrays, metadata)


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata alone, without a look at the data; errors as of `read`."""
    found = _open(path)[1].get(_METADATA, {})
    _need(path, _are_strings(found), "its metadata are no strings")
    return dict(found)


def _open(path: Path) -> tuple[Any, dict[str, Any], int]:
    """The bytes, the header, and where the data start."""
    try:
        with open(path, "rb") as file:
            whole = os.fstat(file.fileno()).st_size
            data: Any = b""
            if whole:
                data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as e:
        message = f"cannot open {path}: {e.strerror}"
        hint = (
            "train first: fit(..., callbacks=[Checkpoints(FOLDER)]) and train.save write such files"
        )
        raise AxecError("checkpoint-missing", message, hint=hint) from None
    _need(path, whole >= 8, f"it has {whole} bytes")
    (length,) = struct.unpack("<Q", data[:8])
    _need(path, length <= min(_MAX_HEADER, whole - 8), f"it ends inside its header ({whole} bytes)")
    try:
        header = json.loads(data[8 : 8 + length])
    except (ValueError, RecursionError):
        raise _corrupt(path, "its header is no JSON") from None
    _need(path, isinstance(header, dict), "its header is no JSON object")
    return data, header, 8 + length


def _array(path: Path, data: Any, start: int, name: str, row: Any) -> Array:
    try:
        dtype, shape, (begin, end) = DTYPES[row["dtype"]], tuple(row["shape"]), row["data_offsets"]
        counts = (begin, end, *shape)
        _need(path, all(type(n) is int and n >= 0 for n in counts), f"`{name}` has odd sizes")
    except (KeyError, TypeError, ValueError):
        raise _corrupt(path, f"`{name}` is described in no known way") from None
    kind = _dtype(dtype)
    count = math.prod(shape)
    fits = end - begin == count * kind.itemsize and start + end <= len(data)
    _need(path, fits, f"`{name}` {list(shape)} lies outside the file")
    return np.frombuffer(data, kind, count, start + begin).reshape(shape)


def _dtype(name: str) -> np.dtype[Any]:
    if name == "bfloat16":
        try:
            import ml_dtypes  # noqa: F401  registers the name
        except ImportError:
            return np.dtype("uint16")  # its bits, as in calls of artifacts
    return np.dtype(name)


def _are_strings(found: Any) -> bool:
    return isinstance(found, dict) and all(isinstance(v, str) for v in found.values())


def _need(path: Path, condition: bool, what: str) -> None:
    if not condition:
        raise _corrupt(path, what)


def _corrupt(path: Path, what: str) -> AxecError:
    return AxecError("checkpoint-corrupt", f"{path} is no whole safetensors file: {what}")
