"""Ed25519 signatures in pure Python (RFC 8032, section 5.1): keys, checks, and the trust store.

A key file is one line of text: `axec-ed25519-public HEX` or `axec-ed25519-private HEX`, 32 bytes
each.
"""

import glob
import os
from collections.abc import Iterable
from hashlib import sha256, sha512

from .errors import AxecError

# Environment variable: a folder of `*.pub` files; when set, one of them must have signed.
TRUST = "AXEC_TRUST"

Path = str | os.PathLike[str]
Point = tuple[int, int, int, int]  # extended coordinates X, Y, Z, T of RFC 8032, 5.1.4

PRIME, ORDER = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, PRIME) % PRIME


def key_id(public: bytes) -> bytes:
    """How a signature block names the key that made a signature: its SHA-256."""
    return sha256(public).digest()


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature is the key's own over the message (RFC 8032, 5.1.7)."""
    key, commitment = _decode(public), _decode(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if key is None or commitment is None or scalar >= ORDER or len(signature) != 64:
        return False
    left = multiply(scalar, BASE)
    right = _add(commitment, multiply(hash_scalar(signature[:32] + public + message), key))
    return all((left[i] * right[2] - right[i] * left[2]) % PRIME == 0 for i in (0, 1))


def read_key(path: Path, kind: str) -> bytes:
    """The 32 bytes of a key file; `kind` is "public" or "private"; AxecError `key-invalid`."""
    try:
        with open(path, "rb") as file:
            head, digits = file.read(256).decode("ascii").split()
        if head != f"axec-ed25519-{kind}" or len(digits) != 64:
            raise ValueError(f"it holds no {kind} key")
        return bytes.fromhex(digits)
    except (OSError, ValueError) as e:
        raise AxecError("key-invalid", f"cannot use key file {path}: {e}") from None


def trusted_keys(trusted: Iterable[bytes | Path] | None) -> list[bytes]:
    """Public keys given as raw bytes or `.pub` paths; None: the folder that AXEC_TRUST names."""
    folder = os.environ.get(TRUST)
    if trusted is None and folder:
        trusted = sorted(glob.glob(os.path.join(glob.escape(folder), "*.pub")))
        if not trusted:  # it must never mean "trust everybody"
            raise AxecError("key-invalid", f"{TRUST}={folder} holds no *.pub file")
    return [k if isinstance(k, bytes) else read_key(k, "public") for k in trusted or ()]


def hash_scalar(data: bytes) -> int:
    """SHA-512 as a number modulo the order of the group."""
    return int.from_bytes(sha512(data).digest(), "little") % ORDER


def _add(p: Point, q: Point) -> Point:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % PRIME, (p[1] + p[0]) * (q[1] + q[0]) % PRIME
    c, d = 2 * p[3] * q[3] * _D % PRIME, 2 * p[2] * q[2] % PRIME
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % PRIME, g * h % PRIME, f * g % PRIME, e * h % PRIME


def multiply(scalar: int, point: Point) -> Point:
    """The point, added to itself `scalar` times."""
    if scalar == 0:
        return 0, 1, 1, 0
    doubled = multiply(scalar >> 1, _add(point, point))
    return _add(doubled, point) if scalar & 1 else doubled


def _decode(data: bytes) -> Point | None:
    sign_bit, y = divmod(int.from_bytes(data, "little"), 1 << 255)
    if len(data) != 32 or y >= PRIME:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, -1, PRIME) % PRIME
    root = pow(square, (PRIME + 3) // 8, PRIME)
    for x in (root, root * pow(2, (PRIME - 1) // 4, PRIME) % PRIME):
        if x * x % PRIME == square and (x or not sign_bit):
            x = x if x & 1 == sign_bit else PRIME - x
            return x, y, 1, x * y % PRIME
    return None


BASE = _decode((4 * pow(5, -1, PRIME) % PRIME).to_bytes(32, "little")) or (0, 1, 1, 0)
