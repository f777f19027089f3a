"""A tenant's keys, prepared once: what a signature is checked with.

One key, one algorithm (RFC 8725 section 3.1): which algorithm a key serves is said when it is built and never read
from a token.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections import deque
from collections.abc import Callable
from datetime import datetime
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, Never, TypeAlias

from jwt_middleware.errors import ConfigurationError, Problem
from jwt_middleware.grammar import MAX_NAME_LENGTH, Immutable, is_name

if TYPE_CHECKING:
    from jwt_middleware.tenants.public_keys import PublicKeyText

Verifier: TypeAlias = Callable[[bytes, bytes], bool]
"""Takes signing input and signature, says whether they belong together. Holds the prepared key."""

HMAC_HASHES: Final = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}
_LEAST_BYTES: Final = {"HS256": 32, "HS384": 48, "HS512": 64}
PUBLIC_KEY_ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)
MAX_PREPARED_KEYS: Final = 16_384
"""Keys kept prepared in a process at most; a prepared HMAC key takes about 1.6 kB."""

# Each byte with ipad and opad of RFC 2104 section 2.
_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))

_HOW_TO_MAKE_ONE = "make one with: jwt-middleware secret --algorithm {algorithm}"
_SSH_PREFIXES = (b"ssh-", b"ecdsa-sha2-", b"sk-ssh-", b"sk-ecdsa-")

_prepared: deque[Key] = deque()


class Key(Immutable):
    """One key of a tenant, with the algorithm it serves. Immutable; never shows, pickles or serialises its secret.

    Build it with `Key.secret` or `Key.public`. Two keys are equal when algorithm, key id, end and secret are.
    """

    __slots__ = ("algorithm", "key_id", "material", "not_after", "prepared")

    algorithm: str
    material: bytes
    """The secret, or the public key as DER. For stores; nothing else has to look at it."""
    key_id: str | None
    not_after: float | None
    """When the key stops being accepted, in seconds since the Unix epoch; None: no end is set."""
    prepared: Verifier | None
    """The check with this key, once it was needed; `prepare` makes it."""

    def __init__(self, algorithm: str, material: bytes, key_id: str | None, not_after: float | None) -> None:
        put = object.__setattr__
        put(self, "algorithm", algorithm)
        put(self, "material", material)
        put(self, "key_id", key_id)
        put(self, "not_after", not_after)
        put(self, "prepared", None)

    @classmethod
    def secret(
        cls,
        secret: str | bytes,
        *,
        kid: str | None = None,
        algorithm: str = "HS256",
        not_after: float | datetime | None = None,
        allow_weak: bool = False,
    ) -> Key:
        """A shared API secret for HS256, HS384 or HS512.

        Text is its UTF-8 bytes: never base64-decoded, never stripped. `not_after` (seconds since the Unix epoch, or
        a datetime with a time zone) is when the key stops being accepted. `allow_weak` is the only way to use a
        secret that is shorter than the hash (RFC 7518 section 3.2); nothing makes an empty one acceptable.

        Raises ConfigurationError with every problem; the secret is not in it.
        """
        material = _secret_bytes(secret)
        problems = [
            *_name_problems(kid),
            *_algorithm_problems(algorithm),
            *_secret_problems(material, algorithm, allow_weak),
            *_end_problems(not_after),
        ]
        if problems:
            raise ConfigurationError(problems, "this key cannot be used")
        return cls(algorithm, material or b"", kid, _seconds(not_after))

    @classmethod
    def public(
        cls,
        pem_or_jwk: PublicKeyText,
        *,
        algorithm: str,
        kid: str | None = None,
        not_after: float | datetime | None = None,
    ) -> Key:
        """A public key: PEM text, or a JWK as text or mapping (whose `kid` is taken where none is given here).

        `algorithm` is the one it serves: RS, PS or ES 256, 384 or 512 on the curve of that name, or EdDSA.

        Raises ConfigurationError with the fix: for private keys, certificates, RSA keys under 2048 bits, curves and
        key types that do not match, and where the `crypto` extra is missing.
        """
        problems = [*_name_problems(kid), *_end_problems(not_after)]
        if algorithm not in PUBLIC_KEY_ALGORITHMS:
            fix = f"use one of {', '.join(PUBLIC_KEY_ALGORITHMS)}"
            problems.append(Problem("algorithm", f"{algorithm!r} does not take a public key", fix))
        if problems:
            raise ConfigurationError(problems, "this key cannot be used")
        material, own_id = _public_keys().read_public_key(pem_or_jwk, algorithm)
        return cls(algorithm, material, own_id if kid is None and is_name(own_id) else kid, _seconds(not_after))

    @staticmethod
    def check_public_keys() -> None:
        """Raises ConfigurationError, naming the `crypto` extra, where public keys cannot be checked."""
        _public_keys().check_installed()

    def verifies(self, signing_input: bytes, signature: bytes) -> bool:
        """Whether this key made the signature (bytes) over header.payload (bytes). Constant time for HMAC."""
        return (self.prepared or self.prepare())(signing_input, signature)

    def is_usable(self, now: float) -> bool:
        """Whether the key has not been retired at this time (seconds since the Unix epoch)."""
        return self.not_after is None or now < self.not_after

    def sign(self, signing_input: bytes) -> bytes:
        """The signature of header.payload: for tools and tests that make tokens with the secret at hand.

        Raises ConfigurationError for a public key, which cannot sign.
        """
        if self.algorithm not in HMAC_HASHES:
            fix = "make the token where the private key is"
            raise ConfigurationError([Problem("key", "a public key cannot sign", fix)], "no token can be made")
        return hmac.digest(self.material, signing_input, HMAC_HASHES[self.algorithm])

    def has_secret_of(self, other: Key) -> bool:
        """Whether both keys are the same secret, whatever their names. Constant time."""
        return hmac.compare_digest(self.material, other.material)

    def prepare(self) -> Verifier:
        """Make and keep `prepared`; the key that was prepared longest ago may lose its own."""
        verifier = _verifier(self.algorithm, self.material)
        if len(_prepared) >= MAX_PREPARED_KEYS:
            object.__setattr__(_prepared.popleft(), "prepared", None)
        _prepared.append(self)
        object.__setattr__(self, "prepared", verifier)
        return verifier

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Key):
            return NotImplemented
        mine, theirs = ((key.algorithm, key.key_id, key.not_after) for key in (self, other))
        return mine == theirs and self.has_secret_of(other)

    def __hash__(self) -> int:
        return hash((self.algorithm, self.key_id, self.not_after))

    def __repr__(self) -> str:
        return f"Key(algorithm={self.algorithm!r}, kid={self.key_id!r}, not_after={self.not_after!r})"

    def __copy__(self) -> Key:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Key:
        return self

    def __reduce__(self) -> Never:
        raise TypeError("a Key holds a secret and is not pickled; build it anew from where the secret is kept")


def decoy_key(algorithm: str) -> Key:
    """A key that belongs to nobody: checking with it costs what checking with a tenant's key costs.

    Where public keys cannot be checked at all, because the `crypto` extra is missing, a secret serves.
    """
    if algorithm in HMAC_HASHES:
        return Key(algorithm, secrets.token_bytes(64), None, None)
    try:
        return Key(algorithm, _public_keys().decoy_der(algorithm), None, None)
    except ConfigurationError:
        return decoy_key("HS256")


def _public_keys() -> ModuleType:
    """The module that needs cryptography, which takes longer to load than everything else here together."""
    from jwt_middleware.tenants import public_keys

    return public_keys


def _verifier(algorithm: str, material: bytes) -> Verifier:
    if algorithm in HMAC_HASHES:
        return _hmac_verifier(material, HMAC_HASHES[algorithm])
    verifier: Verifier = _public_keys().verifier(algorithm, material)
    return verifier


def _hmac_verifier(secret: bytes, hash_name: str) -> Verifier:
    """HMAC (RFC 2104 section 2) from two hash states that have the padded key already: copying them is quicker."""
    digest, compare_digest = getattr(hashlib, hash_name), hmac.compare_digest
    block = digest().block_size
    key = (digest(secret).digest() if len(secret) > block else secret).ljust(block, b"\0")
    copy_inner = digest(key.translate(_INNER)).copy
    copy_outer = digest(key.translate(_OUTER)).copy

    def verify(signing_input: bytes, signature: bytes) -> bool:
        inner, outer = copy_inner(), copy_outer()
        inner.update(signing_input)
        outer.update(inner.digest())
        return compare_digest(outer.digest(), signature)

    return verify


def _secret_bytes(secret: object) -> bytes | None:
    if isinstance(secret, bytes):
        return secret
    try:
        return secret.encode() if isinstance(secret, str) else None
    except UnicodeEncodeError:
        return None


def _seconds(time: float | datetime | None) -> float | None:
    return time.timestamp() if isinstance(time, datetime) else time


def _end_problems(time: object) -> list[Problem]:
    if isinstance(time, datetime):
        naive = Problem("not_after", "a datetime without a time zone", "datetime(2027, 1, 1, tzinfo=timezone.utc)")
        return [] if time.tzinfo else [naive]
    if time is None or (isinstance(time, int | float) and not isinstance(time, bool) and 0 <= time < 1e11):
        return []
    return [Problem("not_after", "not a time in seconds", "give seconds since the Unix epoch, or a datetime")]


def _name_problems(key_id: object) -> list[Problem]:
    if key_id is None or is_name(key_id):
        return []
    return [Problem("kid", f"not text of 1 to {MAX_NAME_LENGTH} plain characters", "use a short name or leave it out")]


def _algorithm_problems(algorithm: object) -> list[Problem]:
    if isinstance(algorithm, str) and algorithm in HMAC_HASHES:
        return []
    return [Problem("algorithm", f"{algorithm!r} does not take a secret", f"use one of {', '.join(HMAC_HASHES)}")]


def _secret_problems(material: bytes | None, algorithm: object, allow_weak: bool) -> list[Problem]:
    what = _secret_problem(material, algorithm, allow_weak)
    return [] if what is None else [Problem("secret", what, _HOW_TO_MAKE_ONE.format(algorithm=algorithm))]


def _secret_problem(material: bytes | None, algorithm: object, allow_weak: bool) -> str | None:
    if material is None:
        return "neither bytes nor text that UTF-8 can encode"
    if not material.strip():
        return "empty"
    if kind := _public_form(material):
        return f"looks like {kind}, which is no secret"
    least = _LEAST_BYTES.get(str(algorithm), 32)
    if len(material) < least and not allow_weak:
        return f"{len(material)} bytes long; {algorithm} needs at least {least}"
    return None


def _public_form(material: bytes) -> str | None:
    """What kind of key text this is, that others may know: an HMAC made with it proves nothing (CVE-2022-29217)."""
    text = material.removeprefix(b"\xef\xbb\xbf").strip()
    if b"-----BEGIN" in text:
        return "a PEM key"
    if text.startswith(_SSH_PREFIXES):
        return "an SSH key"
    if text[:1] in (b"{", b"[") and _is_jwk(text):
        return "a JWK"
    # M is base64 of what a SEQUENCE begins with.
    return "the body of a PEM key" if text.startswith(b"M") and _is_key_body(text) else None


def _is_jwk(text: bytes) -> bool:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    members = value if isinstance(value, list) else [value]
    return any(isinstance(member, dict) and ("kty" in member or "keys" in member) for member in members)


def _is_key_body(text: bytes) -> bool:
    """Whether this is base64 of DER: a SEQUENCE of just this length that starts with a SEQUENCE or an INTEGER."""
    try:
        der = base64.b64decode(b"".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return False
    if len(der) < 40 or der[0] != 0x30:
        return False
    start = 2 if der[1] < 0x80 else 2 + (der[1] & 0x7F)
    length = der[1] if der[1] < 0x80 else int.from_bytes(der[2:start], "big")
    return start + length == len(der) and der[start] in (0x02, 0x30)
