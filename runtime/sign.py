"""Ed25519 keys and signatures in pure Python (RFC 8032, section 5.1), and the trust store.

A key file is one line of text: `axec-ed25519-public HEX` or `axec-ed25519-private HEX`, 32 bytes
each. Signing is not constant-time: do it on a machine that nobody else can time.
"""

import glob
import os
from collections.abc import Iterable
from hashlib import sha256, sha512

from .errors import AxecError

# Environment variable: a folder of `*.pub` files; when set, one of them must have signed.
TRUST = "AXEC_TRUST"

Path = str | os.PathLike[str]
_Point = tuple[int, int, int, int]  # extended coordinates X, Y, Z, T of RFC 8032, 5.1.4

_P, _L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P


def public_key(private: bytes) -> bytes:
    """The 32-byte public key of a 32-byte private key."""
    return _encode(_multiply(_expand(private)[0], _BASE))


def key_id(public: bytes) -> bytes:
    """How a signature block names the key that made a signature: its SHA-256."""
    return sha256(public).digest()


def sign(private: bytes, message: bytes) -> bytes:
    """The 64-byte signature of a message (RFC 8032, 5.1.6)."""
    scalar, prefix = _expand(private)
    nonce = _hash(prefix + message)
    commitment = _encode(_multiply(nonce, _BASE))
    challenge = _hash(commitment + public_key(private) + message)
    return commitment + ((nonce + challenge * scalar) % _L).to_bytes(32, "little")


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature is the key's own over the message (RFC 8032, 5.1.7)."""
    key, commitment = _decode(public), _decode(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if key is None or commitment is None or scalar >= _L or len(signature) != 64:
        return False
    left = _multiply(scalar, _BASE)
    right = _add(commitment, _multiply(_hash(signature[:32] + public + message), key))
    return all((left[i] * right[2] - right[i] * left[2]) % _P == 0 for i in (0, 1))


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


def _expand(private: bytes) -> tuple[int, bytes]:
    if len(private) != 32:
        raise AxecError("key-invalid", f"a private key has 32 bytes, not {len(private)}")
    digest = sha512(private).digest()
    return int.from_bytes(digest[:32], "little") & ((1 << 254) - 8) | 1 << 254, digest[32:]


def _hash(data: bytes) -> int:
    return int.from_bytes(sha512(data).digest(), "little") % _L


def _add(p: _Point, q: _Point) -> _Point:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % _P, (p[1] + p[0]) * (q[1] + q[0]) % _P
    c, d = 2 * p[3] * q[3] * _D % _P, 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _multiply(scalar: int, point: _Point) -> _Point:
    if scalar == 0:
        return 0, 1, 1, 0
    doubled = _multiply(scalar >> 1, _add(point, point))
    return _add(doubled, point) if scalar & 1 else doubled


def _decode(data: bytes) -> _Point | None:
    sign_bit, y = divmod(int.from_bytes(data, "little"), 1 << 255)
    if len(data) != 32 or y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    root = pow(square, (_P + 3) // 8, _P)
    for x in (root, root * pow(2, (_P - 1) // 4, _P) % _P):
        if x * x % _P == square and (x or not sign_bit):
            x = x if x & 1 == sign_bit else _P - x
            return x, y, 1, x * y % _P
    return None


def _encode(point: _Point) -> bytes:
    x, y = (coordinate * pow(point[2], -1, _P) % _P for coordinate in point[:2])
    return (y | (x & 1) << 255).to_bytes(32, "little")


_BASE = _decode((4 * pow(5, -1, _P) % _P).to_bytes(32, "little")) or (0, 1, 1, 0)
