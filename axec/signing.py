"""Signing with Ed25519 in pure Python (RFC 8032, section 5.1); runtime/sign.py checks.

Signing is not constant-time: do it on a machine that nobody else can time.
"""

from __future__ import annotations

import os
from hashlib import sha512

from axec.diag import AxecError
from axec.runtime.sign import BASE, ORDER, PRIME, Path, Point, hash_scalar, multiply


def public_key(private: bytes) -> bytes:
    """The 32-byte public key of a 32-byte private key."""
    return _encode(multiply(_expand(private)[0], BASE))


def sign(private: bytes, message: bytes) -> bytes:
    """The 64-byte signature of a message (RFC 8032, 5.1.6)."""
    scalar, prefix = _expand(private)
    nonce = hash_scalar(prefix + message)
    commitment = _encode(multiply(nonce, BASE))
    challenge = hash_scalar(commitment + public_key(private) + message)
    return commitment + ((nonce + challenge * scalar) % ORDER).to_bytes(32, "little")


def keygen(path: Path) -> tuple[str, str]:
    """Write a fresh pair `PATH.key` (mode 0600) and `PATH.pub`, neither over an existing file."""
    private, files = os.urandom(32), (f"{path}.key", f"{path}.pub")
    texts = f"private {private.hex()}", f"public {public_key(private).hex()}"
    try:
        for name, text, mode in zip(files, texts, (0o600, 0o644), strict=True):
            with open(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
                file.write(f"axec-ed25519-{text}\n")
        return files
    except OSError as e:
        raise AxecError("key-invalid", f"cannot write the keys: {e}") from None


def _expand(private: bytes) -> tuple[int, bytes]:
    if len(private) != 32:
        raise AxecError("key-invalid", f"a private key has 32 bytes, not {len(private)}")
    digest = sha512(private).digest()
    return int.from_bytes(digest[:32], "little") & ((1 << 254) - 8) | 1 << 254, digest[32:]


def _encode(point: Point) -> bytes:
    x, y = (coordinate * pow(point[2], -1, PRIME) % PRIME for coordinate in point[:2])
    return (y | (x & 1) << 255).to_bytes(32, "little")
