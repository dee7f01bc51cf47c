"""Files in the safetensors format: the bytes of its README, round trips, every way to be broken."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import axec as axe
from axec.train import safetensors


def test_the_bytes_are_those_of_the_format(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    safetensors.write(path, {"b": np.int8([1]), "a": np.float32([[2, 3]])}, {"k": "v"})
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    assert length % 8 == 0
    assert header.pop("__metadata__")["k"] == "v"
    assert header == {
        "a": {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]},
        "b": {"dtype": "I8", "shape": [1], "data_offsets": [8, 9]},
    }
    assert data[8 + length :] == np.float32([2, 3]).tobytes() + b"\x01"


def test_a_file_by_others_is_read(tmp_path: Path) -> None:
    """Without a hash, with names that we would order otherwise."""
    head = b'{"z":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]},"e":{"dtype":"F32","shape":'
    head += b'[0,3],"data_offsets":[4,4]}}'
    bits = np.array([1.5, -2], ml_dtypes.bfloat16)
    path = tmp_path / "b.safetensors"
    path.write_bytes(struct.pack("<Q", len(head)) + head + bits.tobytes())
    found = safetensors.read(path)
    np.testing.assert_array_equal(found.arrays["z"], bits)
    assert found.arrays["e"].shape == (0, 3)
    assert found.metadata == {}


ARRAYS = st.sampled_from(sorted(safetensors.DTYPES.values())).flatmap(
    lambda name: hnp.arrays(
        "uint16" if name == "bfloat16" else name, hnp.array_shapes(min_dims=0, min_side=0)
    ).map(lambda a: a.view(ml_dtypes.bfloat16) if name == "bfloat16" else a)
)


@given(st.dictionaries(st.text(max_size=5), ARRAYS, max_size=4))
@settings(max_examples=50, deadline=None)
def test_round_trip(arrays: Any) -> None:
    arrays.pop("__metadata__", None)
    with tempfile.TemporaryDirectory() as folder:
        safetensors.write(Path(folder) / "x", arrays)
        found = safetensors.read(Path(folder) / "x").arrays
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert found[name].tobytes() == array.tobytes()


def test_reading_maps_the_file(tmp_path: Path) -> None:
    """64 MB of arrays are there without 64 MB of memory."""
    path = tmp_path / "big.safetensors"
    safetensors.write(path, {"a": np.zeros((16, 1 << 20), np.float32)})
    text = path.read_bytes().replace(b'"sha256"', b'"sha257"', 1)  # a hash would read every page
    path.write_bytes(text)
    code = (
        "import sys, resource; from axec.train import safetensors as s\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "a = s.read(sys.argv[1]).arrays['a']; a[3, 4]\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, a.flags.writeable)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=True
    )
    grown, writeable = done.stdout.split()
    assert int(grown) < 8 << 10  # kilobytes
    assert writeable == "False"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "c.safetensors"
    rng = np.random.default_rng(0)
    safetensors.write(path, {"w": rng.random((3, 4), np.float32), "n": np.int32(3)}, {"k": "v"})
    return path.read_bytes()


@settings(max_examples=300, deadline=None)
@given(at=st.floats(0, 1), bit=st.integers(0, 7), cut=st.booleans())
def test_a_cut_or_changed_file_is_named(whole: bytes, at: float, bit: int, cut: bool) -> None:
    place = min(int(at * len(whole)), len(whole) - 1)
    changed = bytearray(whole[:place] if cut else whole)
    if not cut:
        changed[place] ^= 1 << bit
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.safetensors"
        path.write_bytes(changed)
        error, found = attempt(path)
    if error is not None:
        assert error.code == "checkpoint-corrupt"
        assert str(path) in error.message
    else:  # a bit of a name, of a blank or of our metadata: the data are whole
        assert not cut
        assert {a.size for a in found.values()} <= {12, 1}


def attempt(path: Path) -> tuple[axe.AxecError | None, dict[str, Any]]:
    try:
        return None, safetensors.read(path).arrays
    except axe.AxecError as e:
        return e, {}


@pytest.mark.parametrize(
    "row",
    [
        {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [-1], "data_offsets": [0, -4]},
        {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]},
        {"dtype": "F31", "shape": [1], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": 1, "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [1]},
        {"dtype": "F32", "shape": [1.0], "data_offsets": [0, 4]},
        [],
    ],
)
def test_odd_headers_are_refused(tmp_path: Path, row: Any) -> None:
    head = json.dumps({"a": row}).encode()
    path = tmp_path / "odd.safetensors"
    path.write_bytes(struct.pack("<Q", len(head)) + head + bytes(4))
    with pytest.raises(axe.AxecError) as caught:
        safetensors.read(path)
    assert caught.value.code == "checkpoint-corrupt"


def test_what_cannot_be_read_or_written(tmp_path: Path) -> None:
    with pytest.raises(axe.AxecError, match="checkpoint-missing"):
        safetensors.read(tmp_path / "none")
    with pytest.raises(axe.AxecError, match="checkpoint-write"):
        safetensors.write(tmp_path / "no" / "folder", {"a": np.zeros(3)})
    with pytest.raises(axe.AxecError, match="`a` has dtype complex128"):
        safetensors.write(tmp_path / "c", {"a": np.zeros(3, complex)})
