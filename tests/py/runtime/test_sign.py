"""Ed25519 against the vectors of RFC 8032, key files, the trust store, and signed artifacts."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from axec import signing
from axec.container import Segment, add_signature, dumps, write
from axec.runtime import sign
from axec.runtime.errors import AxecError
from axec.runtime.format import Container
from axec.runtime.loader import load, verify
from axec.signing import public_key

Parts = tuple[dict[str, Any], list[Segment]]
Refused = Callable[..., str]

# RFC 8032, section 7.1: secret key, public key, message, signature.
VECTORS = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9"
        "b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f1"
        "1d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984d"
        "c6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize("vector", VECTORS)
def test_vectors_of_the_rfc(vector: tuple[str, ...]) -> None:
    private, public, message, signature = map(bytes.fromhex, vector)
    assert public_key(private) == public
    assert signing.sign(private, message) == signature
    assert sign.verify(public, message, signature)
    assert not sign.verify(public, message + b"x", signature)


def test_changed_signatures() -> None:
    public, message, signature = map(bytes.fromhex, VECTORS[2][1:])
    for at in range(64):
        changed = bytearray(signature)
        changed[at] ^= 1
        assert not sign.verify(public, message, bytes(changed))
    order = 2**252 + 27742317777372353535851937790883648493
    other = int.from_bytes(signature[32:], "little") + order  # same point, another spelling
    assert not sign.verify(public, message, signature[:32] + other.to_bytes(32, "little"))
    for bad in (b"", signature[:63], signature + b"\0"):
        assert not sign.verify(public, message, bad)
    for bad in (
        b"",
        public[:31],
        public + b"\0",
        b"\xff" * 32,
        (2**255 - 19).to_bytes(32, "little"),
    ):
        assert not sign.verify(bad, message, signature)


def test_keygen(tmp_path: Path, refused: Refused) -> None:
    private, public = signing.keygen(tmp_path / "me")
    assert [Path(name).name for name in (private, public)] == ["me.key", "me.pub"]
    assert stat.S_IMODE(os.stat(private).st_mode) == 0o600
    key = sign.read_key(private, "private")
    assert public_key(key) == sign.read_key(public, "public")
    assert refused(signing.keygen, tmp_path / "me") == "key-invalid"
    assert sign.read_key(private, "private") == key, "an existing key was overwritten"
    assert refused(signing.keygen, tmp_path / "no folder" / "me") == "key-invalid"


def test_bad_keys(tmp_path: Path, refused: Refused) -> None:
    private, public = signing.keygen(tmp_path / "me")
    assert refused(sign.read_key, private, "public") == "key-invalid"
    assert refused(sign.read_key, public, "private") == "key-invalid"
    assert refused(sign.read_key, tmp_path, "public") == "key-invalid"
    assert refused(sign.read_key, "missing", "public") == "key-invalid"
    head = "axec-ed25519-public "
    for text in ("", head, head + "00" * 31, head + "0g" * 32, head + "00" * 32 + " more", "\xff"):
        (tmp_path / "bad.pub").write_text(text)
        assert refused(sign.read_key, tmp_path / "bad.pub", "public") == "key-invalid"
    assert refused(signing.sign, b"short", b"") == "key-invalid"


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    """Key pairs a and b, each in a trust store of its own: paths without the ending."""
    found = []
    for name in ("a", "b"):
        (tmp_path / f"store-{name}").mkdir()
        signing.keygen(tmp_path / f"store-{name}" / name)
        found.append(tmp_path / f"store-{name}" / name)
    return found[0], found[1]


def private(key: Path) -> bytes:
    return sign.read_key(f"{key}.key", "private")


def test_signing_a_file(path: Path, keys: tuple[Path, Path]) -> None:
    a, b = keys
    unsigned = path.read_bytes()
    add_signature(path, private(a))
    add_signature(path, private(b))
    assert path.read_bytes()[: len(unsigned)] == unsigned
    trusted = sign.trusted_keys([f"{a}.pub", f"{b}.pub"])
    container = Container(path, trusted=trusted)
    assert container.signed_by == trusted
    assert len(container.signatures) == 2
    add_signature(path, private(a))  # once more changes nothing
    assert len(Container(path).signatures) == 2
    for key in keys:
        assert load(path, trusted=[f"{key}.pub"]).entries
        assert verify(path, trusted=[f"{key}.pub"])["entries"]


def test_signing_at_once(parts: Parts, keys: tuple[Path, Path], tmp_path: Path) -> None:
    a, b = map(private, keys)
    write(tmp_path / "s.axe", *parts, keys=[a, b])
    assert (tmp_path / "s.axe").read_bytes() == dumps(*parts, keys=[a, b])
    write(tmp_path / "t.axe", *parts, keys=[a])
    add_signature(tmp_path / "t.axe", b)
    assert (tmp_path / "s.axe").read_bytes() == (tmp_path / "t.axe").read_bytes()


def test_the_trust_store(
    path: Path, keys: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    a, b = keys
    assert load(path).entries
    monkeypatch.setenv(sign.TRUST, str(a.parent))
    assert refused(load, path) == "artifact-unsigned"
    assert refused(verify, path) == "artifact-unsigned"
    assert load(path, require_signature=False).entries
    add_signature(path, private(a))
    assert load(path).entries
    assert refused(load, path, trusted=[f"{b}.pub"]) == "artifact-unsigned"
    monkeypatch.setenv(sign.TRUST, str(b.parent))
    assert refused(load, path) == "artifact-unsigned"


def test_a_broken_trust_store_trusts_nobody(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for folder in (empty, tmp_path / "missing"):
        monkeypatch.setenv(sign.TRUST, str(folder))
        assert refused(load, path) == "key-invalid"
    (empty / "x.pub").write_text("nonsense")
    monkeypatch.setenv(sign.TRUST, str(empty))
    assert refused(load, path) == "key-invalid"
    monkeypatch.setenv(sign.TRUST, "")
    assert load(path).entries


def test_a_required_signature_without_keys(path: Path, refused: Refused) -> None:
    assert refused(load, path, require_signature=True) == "artifact-unsigned"
    add_signature(path, bytes(32))
    assert refused(load, path, require_signature=True) == "artifact-unsigned"
    with pytest.raises(AxecError, match="signature by a trusted key"):
        load(path, trusted=[], require_signature=True)
