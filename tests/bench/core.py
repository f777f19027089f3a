"""One token, no web app: the floor that any verifier must pay, PyJWT, and ours."""

from __future__ import annotations

import binascii
import hmac
from collections.abc import Callable
from typing import Any, NamedTuple

import jwt
import msgspec

from jwt_middleware import AuthenticationError, Authenticator, JWTSettings, Key, Tenant

from . import tokens
from .driving import finish
from .timing import Contestant

FLOOR = "floor: HMAC, three base64, one JSON, one compare"
PYJWT = "PyJWT jwt.decode, same requirements"
OURS = "ours: authenticate"
OURS_ASYNC = "ours: authenticate_async"
FORGED = "ours: forged token"
FORGED_EIGHT = "ours: forged token, eight candidate keys"
STRANGER = "ours: unknown issuer"
JUNK = "ours: 8 KiB junk, "
JUNK_BASE64 = "for comparison: base64 of 8 KiB alone"
CANDIDATES = 8

_URLSAFE = bytes.maketrans(b"-_+/=", b"+/!!!")
_PADDING = (b"", b"!", b"==", b"=")


class Claims(msgspec.Struct):
    """The registered claims, typed: what one strict decode of the payload gives."""

    iss: str
    sub: str
    aud: str | list[str]
    iat: int | float
    exp: int | float
    nbf: int | float | None = None
    jti: str | None = None
    scope: str | list[str] | None = None


_decode_claims = msgspec.json.Decoder(Claims).decode


class Parts(NamedTuple):
    """A token taken apart, so that the floor does not pay for it."""

    signed: bytes
    header: bytes
    payload: bytes
    signature: bytes


def parts(token: str) -> Parts:
    """What the floor starts from."""
    signed, _, signature = token.encode().rpartition(b".")
    header, _, payload = signed.partition(b".")
    return Parts(signed, header, payload, signature)


def floor(token: Parts) -> bool:
    """The least that a verifier can do; it checks no claim, knows no tenant and reads no header."""
    signed, header, payload, signature = token
    base64(header)
    _decode_claims(base64(payload))
    return hmac.compare_digest(hmac.digest(_SECRET, signed, "sha256"), base64(signature))


def base64(segment: bytes) -> bytes:
    """Strict: the base64url alphabet only, no padding and no spare bits."""
    padded = segment.translate(_URLSAFE) + _PADDING[len(segment) & 3]
    return binascii.a2b_base64(padded, strict_mode=True)


def jwt_decode(token: str) -> dict[str, Any]:
    """PyJWT asked for what the guide asks for, for one tenant that it need not look up."""
    return jwt.decode(
        token,
        tokens.SECRET,
        algorithms=["HS256"],
        audience=tokens.APPLICATION,
        issuer=tokens.TENANT,
        options={"require": tokens.REQUIRED},
    )


def settings(*more_keys: str) -> JWTSettings:
    """The guide's tenant and its one application, held in memory, with further secrets where wanted."""
    keys = [Key.secret(secret) for secret in (*more_keys, tokens.SECRET)]
    return JWTSettings([Tenant(tokens.TENANT, keys=keys, applications=[tokens.APPLICATION])])


def refusal(authenticate: Callable[[str], object]) -> Callable[[str], None]:
    """The same for a token that must be refused; an accepted one ends the bench."""

    def refused(token: str) -> None:
        try:
            authenticate(token)
        except AuthenticationError:
            return
        raise AssertionError("accepted")

    return refused


def contestants(pool: int) -> list[Contestant]:
    """Every row about a single token, with that many distinct tokens in turn."""
    good, authenticator = tokens.good(pool), Authenticator(settings())
    return [
        Contestant(FLOOR, floor, list(map(parts, good))),
        Contestant(PYJWT, jwt_decode, good),
        Contestant(OURS, authenticator.authenticate, good),
        Contestant(OURS_ASYNC, _by_hand(authenticator), good),
        *_refusals(authenticator, pool),
        *_junk(authenticator),
        Contestant(JUNK_BASE64, base64, [b"A" * tokens.JUNK_LENGTH]),
    ]


def _refusals(authenticator: Authenticator, pool: int) -> list[Contestant]:
    refused = refusal(authenticator.authenticate)
    retiring = [f"secret number {number} of a tenant that rotates" for number in range(CANDIDATES - 1)]
    crowded = Authenticator(settings(*retiring))
    return [
        Contestant(FORGED, refused, tokens.forged(pool)),
        Contestant(FORGED_EIGHT, refusal(crowded.authenticate), tokens.forged(pool)),
        Contestant(STRANGER, refused, tokens.strangers(pool)),
    ]


def _junk(authenticator: Authenticator) -> list[Contestant]:
    refused = refusal(authenticator.authenticate)
    return [Contestant(JUNK + kind, refused, [text]) for kind, text in tokens.junk().items()]


def _by_hand(authenticator: Authenticator) -> Callable[[str], object]:
    """The coroutine driven without an event loop; one that suspends ends the bench."""
    authenticate = authenticator.authenticate_async
    return lambda token: finish(authenticate(token))


_SECRET = tokens.SECRET.encode()
