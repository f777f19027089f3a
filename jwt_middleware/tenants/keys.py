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
from typing import Any, Final, Never, TypeAlias

from jwt_middleware.errors import ConfigurationError, Problem
from jwt_middleware.grammar import MAX_NAME_LENGTH, is_name

Verifier: TypeAlias = Callable[[bytes, bytes], bool]
"""Takes signing input and signature, says whether they belong together. Holds the prepared key."""

HMAC_HASHES: Final = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}
MAX_PREPARED_KEYS: Final = 16_384
"""Keys kept prepared in a process at most; a prepared HMAC key takes about 1.6 kB."""

_HOW_TO_MAKE_ONE = "make one with: jwt-middleware secret --algorithm {algorithm}"
_SSH_PREFIXES = (b"ssh-", b"ecdsa-sha2-", b"sk-ssh-", b"sk-ecdsa-")

_prepared: deque[Key] = deque()


class Key:
    """One key of a tenant, with the algorithm it serves. Immutable; never shows or pickles its secret.

    Build it with `Key.secret`. Two keys are equal when algorithm, key id, end and secret are.
    """

    __slots__ = ("_material", "algorithm", "key_id", "not_after", "prepared")

    algorithm: Final[str]
    key_id: Final[str | None]
    not_after: Final[float | None]

    def __init__(self, algorithm: str, material: bytes, key_id: str | None, not_after: float | None) -> None:
        self.algorithm = algorithm
        self.key_id = key_id
        self.not_after = not_after
        self._material = material
        self.prepared: Verifier | None = None
        """The check with this key, once it was needed; `prepare` makes it."""

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
        end = _seconds(not_after)
        problems = [
            *_name_problems(kid),
            *_algorithm_problems(algorithm),
            *(_secret_problems(material, algorithm, allow_weak)),
            *([Problem("not_after", end, "give seconds since the Unix epoch")] if isinstance(end, str) else []),
        ]
        if problems:
            raise ConfigurationError(problems, "this key cannot be used")
        return cls(algorithm, material or b"", kid, None if isinstance(end, str) else end)

    def verifies(self, signing_input: bytes, signature: bytes) -> bool:
        """Whether this key made the signature (bytes) over header.payload (bytes). Constant time for HMAC."""
        return (self.prepared or self.prepare())(signing_input, signature)

    def is_usable(self, now: float) -> bool:
        """Whether the key has not been retired at this time (seconds since the Unix epoch)."""
        return self.not_after is None or now < self.not_after

    def sign(self, signing_input: bytes) -> bytes:
        """The signature of header.payload: for tools and tests that make tokens with the secret at hand."""
        return hmac.digest(self._material, signing_input, HMAC_HASHES[self.algorithm])

    def has_secret_of(self, other: Key) -> bool:
        """Whether both keys are the same secret, whatever their names. Constant time."""
        return hmac.compare_digest(self._material, other._material)

    def secret_digest(self) -> bytes:
        """A digest by which equal secrets can be found without keeping them."""
        return hashlib.sha256(self._material).digest()

    def prepare(self) -> Verifier:
        """Make and keep `prepared`; the key that was prepared longest ago may lose its own."""
        verifier = _hmac_verifier(self._material, HMAC_HASHES[self.algorithm])
        if len(_prepared) >= MAX_PREPARED_KEYS:
            _prepared.popleft().prepared = None
        _prepared.append(self)
        self.prepared = verifier
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
    """A key that belongs to nobody: checking with it costs what checking with a tenant's key costs."""
    return Key(algorithm if algorithm in HMAC_HASHES else "HS256", secrets.token_bytes(64), None, None)


def _hmac_verifier(secret: bytes, hash_name: str) -> Verifier:
    """HMAC (RFC 2104 section 2) from two hash states that have the padded key already: copying them is quicker."""
    digest, compare_digest = getattr(hashlib, hash_name), hmac.compare_digest
    block = digest().block_size
    key = (digest(secret).digest() if len(secret) > block else secret).ljust(block, b"\0")
    copy_inner = digest(bytes(byte ^ 0x36 for byte in key)).copy
    copy_outer = digest(bytes(byte ^ 0x5C for byte in key)).copy

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


def _seconds(value: object) -> float | str | None:
    """The time in seconds, or what is wrong with it."""
    if isinstance(value, datetime):
        return value.timestamp() if value.tzinfo else "a datetime needs a time zone"
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e11):
        return value
    return "not a time in seconds"


def _name_problems(key_id: object) -> list[Problem]:
    if key_id is None or is_name(key_id):
        return []
    return [Problem("kid", f"not text of 1 to {MAX_NAME_LENGTH} plain characters", "use a short name or leave it out")]


def _algorithm_problems(algorithm: object) -> list[Problem]:
    if isinstance(algorithm, str) and algorithm in HMAC_HASHES:
        return []
    return [Problem("algorithm", f"{algorithm!r} does not take a secret", f"use one of {', '.join(HMAC_HASHES)}")]


def _secret_problems(material: bytes | None, algorithm: object, allow_weak: bool) -> list[Problem]:
    fix = _HOW_TO_MAKE_ONE.format(algorithm=algorithm)
    if material is None:
        return [Problem("secret", "neither bytes nor text that UTF-8 can encode", fix)]
    if not material.strip():
        return [Problem("secret", "empty", fix)]
    if kind := _public_form(material):
        return [Problem("secret", f"looks like {kind}, which is no secret", fix)]
    size = hashlib.new(HMAC_HASHES.get(str(algorithm), "sha256")).digest_size
    if len(material) < size and not allow_weak:
        return [Problem("secret", f"{len(material)} bytes long; {algorithm} needs at least {size}", fix)]
    return []


def _public_form(material: bytes) -> str | None:
    """What kind of key text this is, that others may know: an HMAC made with it proves nothing (CVE-2022-29217)."""
    text = material.removeprefix(b"\xef\xbb\xbf").strip()
    if b"-----BEGIN" in text:
        return "a PEM key"
    if text.startswith(_SSH_PREFIXES):
        return "an SSH key"
    if text[:1] in (b"{", b"[") and _is_jwk(text):
        return "a JWK"
    return "the body of a PEM key" if _is_key_body(text) else None


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
