"""Steps 2 to 6: from a bearer token to one whose signature holds (RFC 7515, RFC 7519, RFC 8725).

`read` makes an `UnverifiedToken`; with the tenant that its issuer belongs to, `verify` makes a `VerifiedToken`.
Everything after that takes a `VerifiedToken`, so it cannot run too early.
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Iterable, Iterator
from typing import Any, Final, NoReturn

import msgspec

from jwt_middleware.bearer import BearerToken
from jwt_middleware.errors import (
    InvalidClaim,
    InvalidKeyId,
    InvalidSignature,
    MalformedToken,
    MissingRequiredClaim,
    UnacceptableAlgorithm,
    UnacceptableTokenType,
    UnsupportedHeader,
)
from jwt_middleware.grammar import is_name
from jwt_middleware.tenants.keys import Key, decoy_key
from jwt_middleware.tenants.model import MAX_KEYS_WITHOUT_ID, Tenant, normalized_types

MAX_NESTING: Final = 64
"""Arrays and objects within each other in the claims, at most: far below where Python's own tools give up."""
MAX_KNOWN_HEADERS: Final = 512
"""Header segments remembered at most."""

# base64url to base64 (RFC 4648 section 5); what only base64 has, and padding, becomes a character that neither has.
_TO_BASE64 = bytes.maketrans(b"-_+/=", b"+/!!!")
_PADDING = (b"", b"!", b"==", b"=")
# Last characters that leave no spare bits set, by the segment's length modulo 4 (RFC 4648 section 3.5).
_CANONICAL_LAST = (bytes(range(128)), b"", b"AQgw", b"AEIMQUYcgkosw048")

_decode_claims = msgspec.json.Decoder(dict[str, Any]).decode


class Header(msgspec.Struct, frozen=True, eq=False):
    """A header that passed step 2, but for its type: whether that is accepted depends on the tenant."""

    algorithm: str
    key_id: str | None
    token_type: str | None


class UnverifiedToken(msgspec.Struct, frozen=True, eq=False):
    """A well-formed token. Its issuer may be looked up; nothing else in it may be believed or told."""

    header: Header
    issuer: str
    signing_input: bytes
    signature: bytes
    unverified_claims: dict[str, Any]


class VerifiedToken(msgspec.Struct, frozen=True, eq=False):
    """A token that this key of this tenant signed. Only `TokenReader.verify` makes one."""

    tenant: Tenant
    key: Key
    header: Header
    issuer: str
    signing_input: bytes
    claims: dict[str, Any]


class TokenReader:
    """The first half of the checks, for one allow-list of algorithms and token types.

    Remembers the header segments of good tokens: a tenant's tokens share one or two. Safe to share between threads.
    """

    def __init__(self, algorithms: Iterable[str], token_types: Iterable[str]) -> None:
        self._algorithms = frozenset(algorithms)
        self._token_types = normalized_types(token_types)
        self._decoys = {algorithm: decoy_key(algorithm) for algorithm in self._algorithms}
        self._known_headers: dict[bytes, Header] = {}

    def read(self, token: BearerToken) -> UnverifiedToken:
        """Steps 2 and 3. Raises InvalidToken in one of its forms, or MissingRequiredClaim for `iss`."""
        signing_input, _, signature = _ascii(token).rpartition(b".")
        header_segment, _, payload = signing_input.partition(b".")
        header = self._known_headers.get(header_segment) or self._header(header_segment)
        claims = _claims(_decoded(payload))
        return UnverifiedToken(header, _issuer(claims), signing_input, _decoded(signature), claims)

    def verify(self, token: UnverifiedToken, tenant: Tenant | None, now: float) -> VerifiedToken:
        """Steps 4 to 6: one of the tenant's keys signed this, and is not retired at `now`.

        `tenant` is what the resolver answered for the issuer. Raises InvalidSignature, with the same text for every
        reason, or UnacceptableTokenType.
        """
        header = token.header
        self._check_type(header, tenant)
        if tenant is None or token.issuer not in tenant.issuers:
            self._refuse(
                token, "unknown_issuer" if tenant is None else "resolver_answered_with_another_issuer"
            )
        candidates = _candidates(tenant.keys, header, now)
        for key in candidates:
            if key.verifies(token.signing_input, token.signature):
                self._remember(token)
                claims = token.unverified_claims
                return VerifiedToken(tenant, key, header, token.issuer, token.signing_input, claims)
        if candidates:
            raise InvalidSignature
        self._refuse(token, _why_no_key(tenant.keys, header))

    def _header(self, segment: bytes) -> Header:
        members = _header_members(_decoded(segment))
        algorithm, key_id = members.get("alg"), members.get("kid")
        if not isinstance(algorithm, str) or algorithm not in self._algorithms:
            raise UnacceptableAlgorithm
        if "crit" in members or "b64" in members:
            raise UnsupportedHeader
        if "kid" in members and not is_name(key_id):
            raise InvalidKeyId
        return Header(algorithm, key_id, _token_type(members))

    def _check_type(self, header: Header, tenant: Tenant | None) -> None:
        if header.token_type is None:
            return
        own = tenant.token_types if tenant is not None else None
        if header.token_type not in (self._token_types if own is None else own):
            raise UnacceptableTokenType

    def _remember(self, token: UnverifiedToken) -> None:
        segment = token.signing_input.partition(b".")[0]
        if segment not in self._known_headers:
            if len(self._known_headers) >= MAX_KNOWN_HEADERS:
                self._known_headers.clear()
            self._known_headers[segment] = token.header

    def _refuse(self, token: UnverifiedToken, reason: str) -> NoReturn:
        """Refuse where no key could be tried, at the price of one that was: time tells nobody which issuers exist."""
        self._decoys[token.header.algorithm].verifies(token.signing_input, token.signature)
        raise InvalidSignature(reason)


def _ascii(token: str) -> bytes:
    try:
        return token.encode("ascii")
    except UnicodeEncodeError:
        raise MalformedToken("not_ascii") from None


def _decoded(segment: bytes) -> bytes:
    """The bytes of a canonical base64url segment: no padding, no spare bits, no other character."""
    length = len(segment) & 3
    try:
        decoded = binascii.a2b_base64(segment.translate(_TO_BASE64) + _PADDING[length], strict_mode=True)
    except ValueError:
        raise MalformedToken("not_base64url") from None
    if segment[-1:] not in _CANONICAL_LAST[length]:
        raise MalformedToken("not_canonical_base64url")
    return decoded


def _claims(payload: bytes) -> dict[str, Any]:
    try:
        claims = _decode_claims(payload)
    # msgspec lets UnicodeDecodeError (a ValueError) and RecursionError through as they are.
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise MalformedToken("payload_is_no_json_object") from None
    if payload.count(b"[") + payload.count(b"{") > MAX_NESTING and _nesting(claims) > MAX_NESTING:
        raise MalformedToken("payload_too_deeply_nested")
    return claims


def _nesting(value: object) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [inner for outer in level for inner in _members(outer) if isinstance(inner, dict | list)]
    return depth


def _members(value: object) -> Iterable[object]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _issuer(claims: dict[str, Any]) -> str:
    issuer = claims.get("iss")
    if issuer is None:
        raise MissingRequiredClaim(claim="iss")
    if not is_name(issuer):
        raise InvalidClaim(claim="iss")
    return issuer


def _header_members(header: bytes) -> dict[str, Any]:
    """The members of a header: a JSON object whose names are unique at every level (RFC 7515 section 4)."""
    try:
        members = json.loads(header.decode(), object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise MalformedToken("header_is_no_json_object") from None
    if not isinstance(members, dict):
        raise MalformedToken("header_is_no_json_object")
    return members


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _token_type(members: dict[str, Any]) -> str | None:
    if "typ" not in members:
        return None
    token_type = members["typ"]
    if not isinstance(token_type, str):
        raise UnacceptableTokenType
    return token_type.lower().removeprefix("application/")


def _candidates(keys: Iterable[Key], header: Header, now: float) -> list[Key]:
    """Keys of the header's algorithm and, where both sides name one, key id; usable; a bounded number without `kid`."""
    algorithm, key_id = header.algorithm, header.key_id
    candidates = [
        key
        for key in keys
        if key.algorithm == algorithm
        and (key_id is None or key.key_id is None or key.key_id == key_id)
        and (key.not_after is None or now < key.not_after)
    ]
    return candidates if len(candidates) <= MAX_KEYS_WITHOUT_ID else [*_bounded(candidates, key_id)]


def _bounded(candidates: list[Key], key_id: str | None) -> Iterator[Key]:
    named = [key for key in candidates if key_id is not None and key.key_id == key_id]
    others = [key for key in candidates if key not in named]
    yield from named
    yield from others[:MAX_KEYS_WITHOUT_ID]


def _why_no_key(keys: Iterable[Key], header: Header) -> str:
    """For the operator's log: what kept every key of the tenant from being tried."""
    of_algorithm = [key for key in keys if key.algorithm == header.algorithm]
    if not of_algorithm:
        return "no_key_for_algorithm"
    named = [key for key in of_algorithm if header.key_id is None or key.key_id in (None, header.key_id)]
    return "retired_key" if named else "unknown_key_id"
