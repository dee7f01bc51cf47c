"""Files that somebody damaged or forged: an AxecError, no crash, and no native code mapped."""

from __future__ import annotations

import copy
import hashlib
import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from axec.container import Segment, dumps
from axec.runtime.abi import ABI_VERSION
from axec.runtime.errors import AxecError
from axec.runtime.format import HEADER, MAGIC
from axec.runtime.loader import load, verify
from axec.signing import public_key

Parts = tuple[dict[str, Any], list[Segment]]
PRIVATE = bytes(range(32))
PUBLIC = public_key(PRIVATE)


def judge(data: bytes, mapped: type[Exception], **options: Any) -> str:
    """What `load` says: an error's code, or "mapped" when it would have mapped the code."""
    try:
        load(data, **options)
    except AxecError as e:
        return e.code
    except mapped:
        return "mapped"
    raise AssertionError("no code was mapped, and yet it loaded")


@pytest.fixture
def signed(parts: Parts) -> bytes:
    return dumps(*parts, keys=[PRIVATE])


def test_the_whole_file_is_taken(data: bytes, signed: bytes, no_code: type[Exception]) -> None:
    assert judge(data, no_code) == "mapped"
    assert judge(signed, no_code, trusted=[PUBLIC]) == "mapped"


def test_cut_at_every_byte(data: bytes, signed: bytes, no_code: type[Exception]) -> None:
    for size in range(len(data)):
        assert judge(data[:size], no_code) == "artifact-corrupt", size
    for size in range(len(data), len(signed)):
        # Without its signature block it is a whole unsigned file, and nothing between is one.
        found = judge(signed[:size], no_code, trusted=[PUBLIC])
        assert found == ("artifact-unsigned" if size == len(data) else "artifact-corrupt"), size


def test_every_bit_of_header_and_manifest(data: bytes, no_code: type[Exception]) -> None:
    length = HEADER.unpack(data[:64])[5]
    for at in range(64 + length):
        for bit in range(8):
            flipped = bytearray(data)
            flipped[at] ^= 1 << bit
            found = judge(bytes(flipped), no_code)
            assert found in ("artifact-corrupt", "artifact-version"), (at, bit)


def test_a_byte_of_the_rest(data: bytes, no_code: type[Exception]) -> None:
    length = HEADER.unpack(data[:64])[5]
    rng = random.Random(1)
    places = [64 + length, len(data) - 1, *rng.sample(range(64 + length, len(data)), 400)]
    for at in places:
        flipped = bytearray(data)
        flipped[at] ^= rng.randrange(1, 256)
        assert judge(bytes(flipped), no_code) == "artifact-corrupt", at


def test_every_bit_of_the_signature_block(
    data: bytes, signed: bytes, no_code: type[Exception]
) -> None:
    for at in range(len(data), len(signed)):
        flipped = bytearray(signed)
        flipped[at] ^= 1 << at % 8
        found = judge(bytes(flipped), no_code, trusted=[PUBLIC])
        assert found in ("artifact-corrupt", "artifact-unsigned", "signature-invalid"), at


def test_bytes_behind_the_end(data: bytes, signed: bytes, no_code: type[Exception]) -> None:
    for more in (b"\0", b"x" * 5000, bytes(4096), b"AXESIG1\0\0\0\0\0", data):
        assert judge(data + more, no_code) == "artifact-corrupt"
        assert judge(signed + more, no_code) == "artifact-corrupt"


def forge(data: bytes, text: bytes) -> bytes:
    """The file with another manifest and a header that fits: what anybody can do without a key."""
    header = HEADER.unpack(data[:64])
    body = data[(64 + header[5] + 4095) // 4096 * 4096 :]
    gap = bytes(-(64 + len(text)) % 4096)
    length = 64 + len(text) + len(gap) + len(body)
    digest = hashlib.sha256(text).digest()
    return HEADER.pack(MAGIC, 1, 0, 0, length, len(text), digest) + text + gap + body


def canonical(manifest: Any) -> bytes:
    return json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()


def manifest_of(data: bytes) -> Any:
    return json.loads(data[64 : 64 + HEADER.unpack(data[:64])[5]])


def test_forging_works_in_this_test(data: bytes, no_code: type[Exception]) -> None:
    assert forge(data, canonical(manifest_of(data))) == data


SPELLINGS: dict[str, Callable[[bytes], bytes]] = {
    "spaces": lambda t: t.replace(b":", b": ", 1),
    "another order": lambda t: t[:-1].replace(b"{", b'{"zz":1,', 1) + b"}",
    "a key twice": lambda t: t.replace(b'{"entries"', b'{"entries":{},"entries"', 1),
    "an escape": lambda t: t.replace(b'"made by"', b'"m\\u0061de by"'),
    "a float": lambda t: t.replace(b'"made by":"tests"', b'"made by":1.5'),
    "an exponent": lambda t: t.replace(b'"made by":"tests"', b'"made by":1e5'),
    "NaN": lambda t: t.replace(b'"made by":"tests"', b'"made by":NaN'),
    "Infinity": lambda t: t.replace(b'"made by":"tests"', b'"made by":-Infinity'),
    "minus zero": lambda t: t.replace(b'"made by":"tests"', b'"made by":-0'),
    "a long number": lambda t: t.replace(b'"tests"', b"9" * 5000),
    "UTF-8": lambda t: t.replace(b'"tests"', '"tést"'.encode()),
    "a byte order mark": lambda t: b"\xef\xbb\xbf" + t,
    "a zero behind": lambda t: t + b"\0",
    "two objects": lambda t: t + t,
    "a list": lambda t: b"[" + t + b"]",
    "deep": lambda t: t.replace(b'"tests"', b"[" * 100_000 + b"]" * 100_000),
    "open": lambda t: t.replace(b'"tests"', b"[" * 100_000),
    "nothing": lambda t: b"",
    "null": lambda t: b"null",
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_other_spellings(data: bytes, no_code: type[Exception], name: str) -> None:
    text = SPELLINGS[name](canonical(manifest_of(data)))
    assert judge(forge(data, text), no_code) == "artifact-corrupt"


Change = Callable[[Any], Any]
LONE = "\ud800"  # no UTF-8 spelling


def at(*path: Any, value: Any) -> Change:
    def change(manifest: Any) -> None:
        for key in path[:-1]:
            manifest = manifest[key]
        manifest[path[-1]] = value

    return change


def rename(where: str, old: str, new: str) -> Change:
    def change(manifest: Any) -> None:
        inside = manifest
        for key in where.split("/"):
            inside = inside[key]
        inside[new] = inside.pop(old)

    return change


ADD = ("entries", "add")
FORGED: dict[str, Change] = {
    "two segments of one name": at("segments", 1, "name", value="code"),
    "segment elsewhere": at("segments", 1, "offset", value=0),
    "segment before the file": at("segments", 0, "offset", value=-4096),
    "segment longer than the file": at("segments", -1, "size", value=1 << 40),
    "segment of negative size": at("segments", -1, "size", value=-1),
    "segment of unknown kind": at("segments", 1, "kind", value="secret"),
    "segment unaligned": at("segments", 1, "align", value=1),
    "other hash": at("segments", 0, "sha256", value="0" * 64),
    "no segments": at("segments", value=[]),
    "code that is no code": at("targets", 0, "code", value="weights"),
    "code that is missing": at("targets", 0, "code", value="nowhere"),
    "program that is no program": at(*ADD, "program", value="code"),
    "program of another entry": at(*ADD, "program", value="program.scale"),
    "another input": at(*ADD, "inputs", value=[]),
    "no outputs": at(*ADD, "outputs", value=[]),
    "donor that is no input": at(*ADD, "outputs", 0, "donor", value=2),
    "donor below zero": at(*ADD, "outputs", 0, "donor", value=-1),
    "donor is a bool": at(*ADD, "outputs", 0, "donor", value=True),
    "donor is a list": at(*ADD, "outputs", 0, "donor", value=[0]),
    "donor of another shape": at("entries", "shapes", "outputs", 0, "donor", value=1),
    "unknown dtype": at(*ADD, "inputs", 0, "dtype", value="f8"),
    "negative size": at(*ADD, "inputs", 0, "shape", value=[-1]),
    "huge size": at(*ADD, "inputs", 0, "shape", value=[1 << 62]),
    "huge product": at(*ADD, "inputs", 0, "shape", value=[1 << 40] * 3),
    "rank 17": at(*ADD, "inputs", 0, "shape", value=[1] * 17),
    "size is a bool": at(*ADD, "inputs", 0, "shape", value=[True]),
    "size of an unknown dim": at(*ADD, "inputs", 0, "shape", value=["other"]),
    "size that is code": at(*ADD, "inputs", 0, "shape", value=["__import__('os').abort()"]),
    "size that explodes": at(*ADD, "inputs", 0, "shape", value=["9" * 40 + "*9" * 1000]),
    "dim without input": at(*ADD, "dims", value={"free": [1, 2]}),
    "dim upside down": at("entries", "scale", "dims", value={"batch": [64, 1]}),
    "dim of one end": at("entries", "scale", "dims", value={"batch": [1]}),
    "dim below zero": at("entries", "scale", "dims", value={"batch": [-1, 4]}),
    "dim that is huge": at("entries", "scale", "dims", value={"batch": [1, 1 << 60]}),
    "arena too small": at("entries", "scale", "arena_bytes", value=8),
    "arena below zero": at(*ADD, "arena_bytes", value=-1),
    "arena that is huge": at(*ADD, "arena_bytes", value=1 << 62),
    "leaves that are missing": at(*ADD, "in_tree", "children", value=[]),
    "tree of unknown kind": at(*ADD, "out_tree", value={"kind": "set"}),
    "tree that is no tree": at(*ADD, "out_tree", value={}),
    "keys that are missing": at("entries", "tree", "out_tree", "keys", value=["s"]),
    "keys that are equal": at("entries", "tree", "out_tree", "keys", value=["s", "s"]),
    "keys that are lists": at("entries", "tree", "out_tree", "keys", value=[[], {}]),
    "weight behind the end": at("weights", 0, "offset", value=64),
    "weight unaligned": at("weights", 0, "offset", value=4),
    "weight before the start": at("weights", 0, "offset", value=-64),
    "name with a line break": rename("entries", "add", "a\nb"),
    "name without spelling": rename("entries", "add", LONE),
    "empty name": rename("entries", "add", ""),
    "long name": rename("entries", "add", "a" * 600),
    "input without spelling": at(*ADD, "inputs", 0, "name", value=LONE),
    "other format": at("format", "name", value="zip"),
    "format is missing": lambda m: m.pop("format"),
    "abi is a bool": at("format", "abi", value=True),
    "entries is a list": at("entries", value=[]),
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_manifests(data: bytes, no_code: type[Exception], name: str) -> None:
    manifest = manifest_of(data)
    FORGED[name](manifest)
    forged = forge(data, canonical(manifest))
    assert judge(forged, no_code) == "artifact-corrupt"
    assert judge(forged, no_code, trusted=[PUBLIC]) == "artifact-unsigned"


@pytest.mark.parametrize(
    ("key", "value"), [("major", 2), ("abi", ABI_VERSION - 1), ("abi", ABI_VERSION + 1)]
)
def test_other_versions(data: bytes, no_code: type[Exception], key: str, value: int) -> None:
    manifest = manifest_of(data)
    manifest["format"][key] = value
    assert judge(forge(data, canonical(manifest)), no_code) == "artifact-version"


def test_another_major_version_of_the_header(data: bytes, no_code: type[Exception]) -> None:
    for major in (0, 2, 65535):
        changed = data[:8] + major.to_bytes(2, "little") + data[10:]
        assert judge(changed, no_code) == "artifact-version"


def test_a_newer_minor_version_only_adds_keys(data: bytes, no_code: type[Exception]) -> None:
    manifest = manifest_of(data)
    manifest["format"]["minor"] = 7
    manifest["later"] = manifest["entries"]["add"]["later"] = [1, 2]
    text = canonical(manifest)
    forged = bytearray(forge(data, text))
    forged[10] = 7
    assert judge(bytes(forged), no_code) == "mapped"
    forged[10] = 6
    assert judge(bytes(forged), no_code) == "artifact-corrupt"


json_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**63),
        st.sampled_from([0, 1, -1, 2**31, 2**46, 2**46 + 1, 4096, 63, 64]),
        st.text(max_size=8),
        st.sampled_from(["code", "weights", "f32", "leaf", "dict", "batch", "2*batch", "", LONE]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


def mutate(node: Any, draw: Any) -> None:
    """Change one place of a JSON tree, near the root or far down."""
    while True:
        keys = sorted(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            return
        key = draw(st.sampled_from(keys))
        child = node[key]
        if isinstance(child, (dict, list)) and child and draw(st.integers(0, 9)):
            node = child
            continue
        action = draw(st.sampled_from(["replace", "remove", "repeat"]))
        if action == "replace":
            node[key] = draw(json_values)
        elif action == "remove":
            del node[key]
        elif isinstance(node, list):
            node.append(copy.deepcopy(child))
        else:
            node[draw(st.text(min_size=1, max_size=4))] = copy.deepcopy(child)
        return


@given(draw=st.data())
@settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_mutated_manifests(data: bytes, no_code: type[Exception], draw: Any) -> None:
    manifest = manifest_of(data)
    for _ in range(draw.draw(st.integers(1, 3))):
        mutate(manifest, draw.draw)
    forged = forge(data, canonical(manifest))
    found = judge(forged, no_code)
    assert found in ("mapped", "artifact-corrupt", "artifact-version", "cpu-unsupported")
    assert judge(forged, no_code, trusted=[PUBLIC]) in ("artifact-unsigned", "mapped")
    if found == "mapped":
        verify(forged)  # what could be mapped is whole


def test_an_unsigned_file_is_never_taken_for_a_signed_one(
    data: bytes, signed: bytes, no_code: type[Exception]
) -> None:
    other = public_key(bytes(32))
    assert judge(signed, no_code, trusted=[other]) == "artifact-unsigned"
    assert judge(data, no_code, trusted=[PUBLIC]) == "artifact-unsigned"
    assert judge(data, no_code, trusted=[PUBLIC], require_signature=False) == "mapped"
    assert judge(data, no_code, trusted=[], require_signature=True) == "artifact-unsigned"
    # The signature of one file does not make another one good.
    manifest = manifest_of(data)
    manifest["provenance"]["made by"] = "somebody"
    moved = forge(data, canonical(manifest)) + signed[len(data) :]
    assert judge(moved, no_code, trusted=[PUBLIC]) == "signature-invalid"
