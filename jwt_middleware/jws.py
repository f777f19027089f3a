"""Steps 2 to 6: from a bearer token to one whose signature holds (RFC 7515, RFC 7519, RFC 8725).

`read` makes an `UnverifiedToken`; with the tenant that its issuer belongs to, `verify` makes a `VerifiedToken`.
Everything after that takes a `VerifiedToken`, so it cannot run too early.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from typing import Annotated, Any, Final, NoReturn, TypeAlias

import msgspec

from jwt_middleware.errors import (
    InvalidClaim,
    InvalidKeyId,
    InvalidSignature,
    InvalidToken,
    MalformedToken,
    MissingRequiredClaim,
    TokenTooLong,
    UnacceptableAlgorithm,
    UnacceptableTokenType,
    UnsupportedHeader,
)
from jwt_middleware.grammar import is_name
from jwt_middleware.identity import Identity
from jwt_middleware.tenants.key_sources import Fetch
from jwt_middleware.tenants.keys import HMAC_HASHES, Key, decoy_key
from jwt_middleware.tenants.model import MAX_KEYS_WITHOUT_ID, Tenant, normalized_types
from jwt_middleware.verified_tokens import VerifiedTokens

MAX_NESTING: Final = 128
"""Arrays and objects within each other in header and claims, at most: far below where Python's own tools give up."""
LATEST_TIME: Final = 10**11
"""Times in seconds are below this (the year 5138); what is larger is most likely in milliseconds."""
MAX_KNOWN_HEADERS: Final = 512
"""Header segments remembered at most."""

_BASE64URL: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
# base64url to base64 (RFC 4648 section 5); every other byte becomes one that base64 does not have.
_TO_BASE64: Final = bytes(
    {0x2D: 0x2B, 0x5F: 0x2F}.get(byte, byte if byte in _BASE64URL else 0x21) for byte in range(256)
)
# What ends a JSON string of base64, by the segment's length modulo 4.
_PADDING: Final = (b'"', b'"', b'=="', b'="')
# base64url of what a JSON object may begin with: an opening brace, or SP, HTAB, LF and CR before it.
_OBJECT_STARTS: Final = frozenset(b"eICD")
# Last characters that leave no spare bits set, by the segment's length modulo 4 (RFC 4648 section 3.5).
_CANONICAL_LAST: Final[tuple[frozenset[int], ...]] = (
    frozenset(),
    frozenset(),
    frozenset(b"AQgw"),
    frozenset(b"AEIMQUYcgkosw048"),
)

_Text: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]
_Time: TypeAlias = (
    Annotated[int, msgspec.Meta(ge=0, lt=LATEST_TIME)] | Annotated[float, msgspec.Meta(ge=0, lt=LATEST_TIME)]
)
_Texts: TypeAlias = Annotated[list[_Text], msgspec.Meta(min_length=1)]


class RegisteredClaims(msgspec.Struct, frozen=True, eq=False):
    """The claims that are checked, of the types that they must have (contract section 2, step 9).

    None stands for absent or null; `nbf` and `jti` may not be null, and have a value that means nothing when absent.
    """

    iss: str | None = None
    sub: _Text | None = None
    aud: _Text | _Texts | None = None
    iat: _Time | None = None
    exp: _Time | None = None
    nbf: _Time = 0
    jti: _Text = ""
    scope: str | frozenset[_Text] | None = None
    cnf: Any = None


class _UsualClaims(RegisteredClaims, frozen=True, eq=False, forbid_unknown_fields=True):
    """The same, with no other members beside them."""


# msgspec reads base64 in a JSON string as strictly as binascii does in strict mode, in a third of the time.
_decode_base64 = msgspec.json.Decoder(bytes).decode
_decode_usual = msgspec.json.Decoder(_UsualClaims).decode
_decode_registered = msgspec.json.Decoder(RegisteredClaims).decode
_decode_all = msgspec.json.Decoder(dict[str, Any]).decode


class Header(msgspec.Struct, frozen=True, eq=False):
    """A header that passed step 2, but for its type: whether that is accepted depends on the tenant."""

    algorithm: str
    key_id: str | None
    token_type: str | None
    has_public_key: bool
    segment: bytes
    """The text it was read from."""


class Memory(msgspec.Struct, frozen=True, eq=False):
    """A verification that succeeded, and the claims that passed with this tenant from `starts_at` until `ends_at`."""

    tenant: Tenant
    key: Key
    identity: Identity
    starts_at: float
    ends_at: float


class UnverifiedToken(msgspec.Struct, frozen=True, eq=False, gc=False):
    """A well-formed token. Its issuer may be looked up; nothing else in it may be believed or told."""

    header: Header
    issuer: str
    signing_input: bytes
    signature: bytes
    payload: bytes
    unverified_claims: RegisteredClaims | None
    """None where a claim has a wrong type, which is nobody's business before the signature holds."""
    memory: Memory | None = None
    """What is known of a token with just this text, which was here before and is not decoded again: then `signature`
    is base64url still, and claims and payload are left out."""


class VerifiedToken(msgspec.Struct, frozen=True, eq=False, gc=False):
    """A token that this key of this tenant signed. Only `TokenReader.verify` makes one."""

    token: UnverifiedToken
    tenant: Tenant
    key: Key
    claims: RegisteredClaims | None
    """None where a claim has a wrong type: `all_claims` tells which."""
    is_worth_keeping: bool = False
    """Whether verifying it took long, and would again."""

    def all_claims(self) -> dict[str, Any]:
        """Every claim, by name."""
        return _all_claims(self.token.payload)


class TokenReader:
    """The first half of the checks, for one allow-list of algorithms and token types.

    Remembers the header segments of good tokens: a tenant's tokens share one or two. Safe to share between threads.
    """

    def __init__(
        self, algorithms: Iterable[str], token_types: Iterable[str], max_bytes: int, max_verified_tokens: int
    ) -> None:
        self._algorithms = frozenset(algorithms)
        self._token_types = frozenset({None, *normalized_types(token_types)})
        self._max_bytes = max_bytes
        self._decoys: dict[str, Key] = {}
        self._verified: VerifiedTokens[Memory] = VerifiedTokens(max_verified_tokens)
        self._known_headers: dict[bytes, Header] = {}

    def read(self, token: str) -> UnverifiedToken:
        """Steps 2 and 3. Raises InvalidToken in one of its forms, or MissingRequiredClaim for `iss`."""
        # Characters are counted; what passes the next line is ASCII, so they are bytes.
        if len(token) > self._max_bytes:
            raise TokenTooLong
        try:
            text = token.encode("ascii")
        except UnicodeEncodeError:
            raise MalformedToken("not_ascii") from None
        signing_input, _, signature_segment = text.rpartition(b".")
        header_segment, _, payload_segment = signing_input.partition(b".")
        header = self._known_headers.get(header_segment) or self._header(header_segment)
        if header.has_public_key and (memory := self._verified.find(text)) is not None:
            issuer = memory.identity.issuer
            return UnverifiedToken(header, issuer, signing_input, signature_segment, b"", None, memory)
        return _decoded_token(header, signing_input, payload_segment, signature_segment)

    def verify(self, token: UnverifiedToken, tenant: Tenant | None, now: float) -> VerifiedToken:
        """Steps 4 to 6: one of the tenant's keys signed this, and is not retired at `now`.

        `tenant` is what the resolver answered for the issuer. Raises InvalidSignature, with the same text for every
        reason, UnacceptableTokenType, or TemporarilyUnavailable where its keys could not be fetched.
        """
        memory, header = token.memory, token.header
        if memory is not None:
            if memory.tenant is tenant and memory.starts_at <= now < memory.ends_at and _is_usable(memory, header, now):
                return VerifiedToken(token, tenant, memory.key, None)
            # Something changed, or time is up: the token is read as if it had never been here.
            payload = token.signing_input.partition(b".")[2]
            token = _decoded_token(header, token.signing_input, payload, token.signature)
        if tenant is None or not tenant.has_issuer(token.issuer):
            self._refuse_stranger(token, tenant)
        if tenant.token_types is None and header.token_type not in self._token_types:
            raise UnacceptableTokenType
        source = tenant.key_source
        keys = tenant.keys if source is None else source.candidates(header.algorithm, header.key_id)
        key = _signing_key(token, keys, now)
        if key is None:
            self._refuse_signature(token, keys, now)
        if tenant.token_types is not None and header.token_type not in (None, *tenant.token_types):
            raise UnacceptableTokenType
        if header.segment not in self._known_headers:
            self._remember(header)
        return VerifiedToken(token, tenant, key, token.unverified_claims, header.has_public_key)

    def remember(self, token: UnverifiedToken, memory: Memory) -> None:
        """Keep a token that passed every check but revocation, so that its signature need not be verified again."""
        text = token.signing_input + b"." + urlsafe_b64encode(token.signature).rstrip(b"=")
        self._verified.keep(text, memory, memory.tenant.id)

    def _header(self, segment: bytes) -> Header:
        members = _header_members(_decoded_object(segment))
        algorithm, key_id = members.get("alg"), members.get("kid")
        if not isinstance(algorithm, str) or algorithm not in self._algorithms:
            raise UnacceptableAlgorithm
        if "crit" in members or "b64" in members:
            raise UnsupportedHeader
        if "kid" in members and not is_name(key_id):
            raise InvalidKeyId
        return Header(algorithm, key_id, _token_type(members), algorithm not in HMAC_HASHES, segment)

    def _remember(self, header: Header) -> None:
        if len(self._known_headers) >= MAX_KNOWN_HEADERS:
            self._known_headers.clear()
        self._known_headers[header.segment] = header

    def _refuse_stranger(self, token: UnverifiedToken, tenant: Tenant | None) -> NoReturn:
        if token.header.token_type not in self._token_types:
            raise UnacceptableTokenType
        self._check_with_decoy(token)
        raise InvalidSignature("unknown_issuer" if tenant is None else "resolver_answered_with_another_issuer")

    def _refuse_signature(self, token: UnverifiedToken, keys: Iterable[Key], now: float) -> NoReturn:
        # A tenant with token types of its own answers as others do: typ tells nobody which issuers exist.
        if token.header.token_type not in self._token_types:
            raise UnacceptableTokenType
        reason = _why_not_signed(keys, token.header, now)
        if reason != InvalidSignature.reason:
            self._check_with_decoy(token)
        raise InvalidSignature(reason)

    def _check_with_decoy(self, token: UnverifiedToken) -> None:
        """Where no key could be tried, pay for one that was, so that time tells nobody which issuers exist."""
        algorithm = token.header.algorithm
        if algorithm not in self._decoys:
            self._decoys[algorithm] = decoy_key(algorithm)
        self._decoys[algorithm].verifies(token.signing_input, token.signature)


def awaited_keys(token: UnverifiedToken, tenant: Tenant | None) -> Fetch | None:
    """What has to be fetched before `verify` can tell; None for tenants whose keys are at hand."""
    if tenant is None or tenant.key_source is None or not tenant.has_issuer(token.issuer):
        return None
    return tenant.key_source.awaited(token.header.algorithm, token.header.key_id)


def _decoded_token(header: Header, signing_input: bytes, payload: bytes, signature: bytes) -> UnverifiedToken:
    octets, signature_octets = _decoded_object(payload), _decoded(signature)
    claims = _registered(octets)
    issuer = _all_claims(octets).get("iss") if claims is None else claims.iss
    if not is_name(issuer):
        raise _unusable_issuer(issuer)
    return UnverifiedToken(header, issuer, signing_input, signature_octets, octets, claims)


def _decoded_object(segment: bytes) -> bytes:
    """The bytes of a segment that may hold a JSON object. Junk is told by its first character, at the price of one."""
    if not segment or segment[0] not in _OBJECT_STARTS:
        raise MalformedToken("no_json_object")
    return _decoded(segment)


def _decoded(segment: bytes) -> bytes:
    """The bytes of a canonical base64url segment: no padding, no spare bits, no other character."""
    remainder = len(segment) & 3
    if remainder and segment[-1] not in _CANONICAL_LAST[remainder]:
        raise MalformedToken("not_canonical_base64url")
    try:
        return _decode_base64(b'"' + segment.translate(_TO_BASE64) + _PADDING[remainder])
    except msgspec.DecodeError:
        raise MalformedToken("not_base64url") from None


def _registered(payload: bytes) -> RegisteredClaims | None:
    """The registered claims, or None where one has a wrong type. Raises MalformedToken where this is no JSON object.

    Other members are skipped by the typed decoder with less care than decoding them takes, so they are decoded once.
    """
    try:
        return _decode_usual(payload)
    except (msgspec.DecodeError, ValueError, RecursionError):
        _all_claims(payload)
    try:
        return _decode_registered(payload)
    except msgspec.ValidationError:
        return None


def _all_claims(payload: bytes) -> dict[str, Any]:
    try:
        claims = _decode_all(payload)
    # msgspec lets UnicodeDecodeError (a ValueError) and RecursionError through as they are.
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise MalformedToken("payload_is_no_json_object") from None
    # Every level takes two bytes, so that a short payload cannot be deep.
    if len(payload) > 2 * MAX_NESTING and _nesting(claims) > MAX_NESTING:
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


def _unusable_issuer(issuer: object) -> InvalidToken:
    return MissingRequiredClaim(claim="iss") if issuer is None else InvalidClaim(claim="iss")


def _header_members(header: bytes) -> dict[str, Any]:
    """The members of a header: a JSON object whose names are unique at every level (RFC 7515 section 4)."""
    try:
        members = json.loads(header.decode(), object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise MalformedToken("header_is_no_json_object") from None
    if not isinstance(members, dict) or (len(header) > 2 * MAX_NESTING and _nesting(members) > MAX_NESTING):
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


def _signing_key(token: UnverifiedToken, keys: Iterable[Key], now: float) -> Key | None:
    """The key that signed: one of the header's algorithm and, where both sides name one, key id; not retired.

    A tenant has few keys without id, and a token without `kid` is tried against no more of the others.
    """
    algorithm, key_id = token.header.algorithm, token.header.key_id
    tried = 0
    for key in keys:
        if (
            key.algorithm == algorithm
            and (key_id is None or key.key_id is None or key.key_id == key_id)
            and (key.not_after is None or now < key.not_after)
        ):
            if (key.prepared or key.prepare())(token.signing_input, token.signature):
                return key
            tried += 1
            if tried == MAX_KEYS_WITHOUT_ID and key_id is None:
                return None
    return None


def _is_usable(memory: Memory, header: Header, now: float) -> bool:
    """Whether the key that verified a token before would be tried again. The keys of a tenant object do not change."""
    key, source = memory.key, memory.tenant.key_source
    if key.not_after is not None and now >= key.not_after:
        return False
    return source is None or any(known is key for known in source.candidates(header.algorithm, header.key_id))


def _why_not_signed(keys: Iterable[Key], header: Header, now: float) -> str:
    """For the operator's log: what kept every key of the tenant from being tried, or that one was."""
    of_algorithm = [key for key in keys if key.algorithm == header.algorithm]
    if not of_algorithm:
        return "no_key_for_algorithm"
    named = [key for key in of_algorithm if header.key_id is None or key.key_id in (None, header.key_id)]
    if not named:
        return "unknown_key_id"
    return InvalidSignature.reason if any(key.is_usable(now) for key in named) else "retired_key"
