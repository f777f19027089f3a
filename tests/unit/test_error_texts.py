"""What tenants read is a promise: every text, code and status is pinned here and listed in docs/errors.md."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from jwt_middleware import Application, InvalidToken, JWTSettings, Key, Rule, errors
from jwt_middleware.asgi import JWTMiddleware
from jwt_middleware.errors import AuthenticationError, LifetimeTooLong, TemporarilyUnavailable

from .calling import WSGIDoor, open_socket, socket_scope
from .making import ABSENT, NOW, OTHER_SECRET, SECRET, as_json, claims, sealed, settings, tenant, token

DOCUMENT = (Path(__file__).parents[2] / "docs" / "errors.md").read_text(encoding="utf-8")
HEADER = b'{"alg":"HS256"}'


class Told(NamedTuple):
    """What a tenant learns."""

    status: int
    code: str
    challenge: str | None
    description: str
    solution: str


TOLD = {
    "InvalidToken": Told(
        401,
        "invalid_token",
        "invalid_token",
        "The access token was refused by a rule of this API",
        "Ask the API provider which tokens it accepts",
    ),
    "NoCredentials": Told(
        401,
        "invalid_token",
        None,
        "No bearer token arrived with the request",
        "Send the header Authorization: Bearer YOUR_JWT_TOKEN. If you do send it, a proxy on the way may have "
        "removed it",
    ),
    "MalformedCredentials": Told(
        401,
        "invalid_token",
        "invalid_token",
        "The Authorization header does not hold exactly one bearer token",
        "Send the word Bearer, one blank and the token, and nothing else, in a single Authorization header",
    ),
    "TokenTooLong": Told(
        401,
        "invalid_token",
        "invalid_token",
        "The access token is too long",
        "Leave claims out of the token that the API does not need",
    ),
    "MalformedToken": Told(
        401,
        "invalid_token",
        "invalid_token",
        "The access token is malformed or cannot be parsed",
        "Check the token format and ensure that it is properly encoded: header.payload.signature, base64url",
    ),
    "UnacceptableAlgorithm": Told(
        401,
        "invalid_token",
        "invalid_token",
        "The algorithm in the header of the access token is not accepted",
        "Sign the token with the algorithm that you agreed with the API provider, usually HS256",
    ),
    "UnsupportedHeader": Told(
        401,
        "invalid_token",
        "invalid_token",
        "The header of the access token asks for an extension that is not supported",
        "Leave crit and b64 out of the token header",
    ),
    "InvalidKeyId": Told(
        401,
        "invalid_token",
        "invalid_token",
        "The key id in the header of the access token is not valid",
        "Set kid to the key id that the API provider issued with the secret, or leave it out",
    ),
    "UnacceptableTokenType": Told(
        401,
        "invalid_token",
        "invalid_token",
        "The type in the header of the access token is not accepted",
        "Set typ to JWT in the token header, or leave it out",
    ),
    "InvalidClaim": Told(
        401,
        "invalid_token",
        "invalid_token",
        "A claim of the access token has the wrong type or form",
        "Check the claim named in this answer: sub, iss and aud are non-empty strings, iat, exp and nbf are numbers of "
        "seconds, scope is an array of strings or a blank-separated string",
    ),
    "TimeInMilliseconds": Told(
        401,
        "invalid_token",
        "invalid_token",
        "A time in the access token looks like milliseconds",
        "Give iat, exp and nbf in seconds since the Unix epoch: Math.floor(Date.now() / 1000)",
    ),
    "SenderConstrained": Told(
        401,
        "invalid_token",
        "invalid_token",
        "The access token is bound to a sender and cannot be used as a bearer token",
        "Send a token without the claim cnf",
    ),
    "NotYetValid": Told(
        401,
        "invalid_token",
        "invalid_token",
        "The access token is not yet valid",
        "Check the clock of the machine that makes the token, and its iat and nbf claims",
    ),
    "LifetimeTooLong": Told(
        401,
        "invalid_token",
        "invalid_token",
        "The lifetime of the access token exceeds the limit",
        "Set exp closer to iat and make a new token before it expires",
    ),
    "UnknownApplication": Told(
        401,
        "invalid_token",
        "invalid_token",
        "The audience of the access token is not one of your applications",
        "Set aud to your application id as registered with the API provider",
    ),
    "AmbiguousApplication": Told(
        401,
        "invalid_token",
        "invalid_token",
        "The audience of the access token names more than one of your applications",
        "Set aud to exactly one application id",
    ),
    "SuspendedTenant": Told(
        401, "invalid_token", "invalid_token", "The tenant is suspended", "Contact the API provider"
    ),
    "SuspendedApplication": Told(
        401, "invalid_token", "invalid_token", "The application is suspended", "Contact the API provider"
    ),
    "Revoked": Told(401, "invalid_token", "invalid_token", "The access token was revoked", "Make a new token"),
    "InsecureTransport": Told(
        401,
        "invalid_token",
        "invalid_token",
        "Bearer tokens are accepted over https only",
        "Use https, and make a new token if this one was sent over http",
    ),
    "InvalidSignature": Told(
        401,
        "invalid_signature",
        "invalid_token",
        "The signature of the access token could not be verified",
        "Check that you sign with the current API secret (its text as it is, not base64-decoded), and that iss, alg "
        "and, if you set it, kid are those registered with the API provider",
    ),
    "MissingRequiredClaim": Told(
        401,
        "missing_required_claim",
        "invalid_token",
        "A required claim is missing from the access token",
        "Add the claim named in this answer to your token generation logic",
    ),
    "TokenExpired": Told(
        401,
        "token_expired",
        "invalid_token",
        "The access token expired",
        "Generate a new token with a future expiration time",
    ),
    "InsufficientPermissions": Told(
        403,
        "insufficient_permissions",
        "insufficient_scope",
        "The access token lacks a scope that this request needs",
        "Add the scopes named in this answer to the scope claim: an array of strings, or one string separated by "
        "blanks",
    ),
    "ScopeNotGranted": Told(
        403,
        "insufficient_permissions",
        "insufficient_scope",
        "The application is not granted a scope that this request needs",
        "Ask the API provider to grant the scopes named in this answer to your application",
    ),
    "TemporarilyUnavailable": Told(
        503,
        "temporarily_unavailable",
        None,
        "The token could not be checked at this moment",
        "Send the same request again after the time in the Retry-After header",
    ),
}


def documented() -> Iterator[type[AuthenticationError]]:
    """Every class of errors.py that a tenant can meet."""
    for value in vars(errors).values():
        if isinstance(value, type) and issubclass(value, AuthenticationError) and value is not AuthenticationError:
            yield value


def table_row(*cells: str) -> list[str]:
    """The one row of the document that has all these cells."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in DOCUMENT.splitlines() if line[:1] == "|"]
    [found] = [row for row in rows if set(cells) <= set(row)]
    return found


def test_there_is_no_error_beside_the_pinned_ones() -> None:
    assert sorted(kind.__name__ for kind in documented()) == sorted(TOLD)


@pytest.mark.parametrize("kind", [*documented()], ids=lambda kind: str(kind.__name__))
def test_what_an_error_tells_is_pinned(kind: type[AuthenticationError]) -> None:
    assert Told(kind.status, kind.code, kind.challenge, kind.description, kind.solution) == TOLD[kind.__name__]


@pytest.mark.parametrize("name", TOLD)
def test_an_error_has_a_description_of_its_own(name: str) -> None:
    assert [other for other, told in TOLD.items() if told.description == TOLD[name].description] == [name]


@pytest.mark.parametrize("name", TOLD)
def test_the_document_lists_what_an_error_tells_and_when(name: str) -> None:
    told = TOLD[name]
    description = LifetimeTooLong(86_400).description if name == "LifetimeTooLong" else told.description
    shown = "none" if told.status == 503 else "bare" if told.challenge is None else f"`{told.challenge}`"
    status, code, challenge, _, _, _, when = table_row(description, told.solution)
    assert (status, code, challenge) == (str(told.status), f"`{told.code}`", shown)
    assert when.endswith(".")


def test_the_document_lists_no_error_beside_them() -> None:
    assert len(re.findall(r"^\| (?:401|403|503) \|", DOCUMENT, re.MULTILINE)) == len(TOLD)


def test_the_codes_of_the_authentication_guide_are_all_there() -> None:
    assert {told.code for told in TOLD.values()} == {
        *("invalid_token", "token_expired", "invalid_signature", "missing_required_claim", "insufficient_permissions"),
        "temporarily_unavailable",
    }


def test_the_document_lists_every_member_of_a_body() -> None:
    reply = WSGIDoor(settings(error_uri="https://docs.example/", rules=[Rule("/a", scopes=["admin"])])).get(
        "/a", token()
    )
    members = {*reply.members, *WSGIDoor(settings()).get("/a", token(exp=NOW)).members}
    assert members == {"error", "error_description", "solution", "claim", "required_scope", "error_uri"}
    table = DOCUMENT.partition("| member of the body |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == members


def test_the_example_in_the_document_is_what_is_sent() -> None:
    reply = WSGIDoor(settings()).get("/a", token(exp=NOW))
    assert reply.body.decode() in DOCUMENT
    assert f"WWW-Authenticate: {reply.header('www-authenticate')}" in DOCUMENT


# Reasons in the log. Each is provoked once, through a door.


def through(text: str | None = None, *, path: str = "/a", scheme: str = "https", **options: Any) -> Callable[[], None]:
    """A request with this token to an app with these settings."""

    def request() -> None:
        door = WSGIDoor(settings(options.pop("tenants", None), **options))
        door.get(path, text, scheme=scheme)
        door.layer.close()

    return request


def field(value: str) -> Callable[[], None]:
    def request() -> None:
        WSGIDoor(settings()).get(headers=[("Authorization", value)])

    return request


def socket(text: str | None, *subprotocols: str) -> Callable[[], None]:
    async def never(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("the app was called")

    def request() -> None:
        layer = JWTMiddleware(never, settings(websocket_subprotocol=True))
        asyncio.run(open_socket(layer, socket_scope("/", text, subprotocols=list(subprotocols))))

    return request


def raising(error: Exception) -> Callable[..., Any]:
    def fail(*_: Any) -> Any:
        raise error

    return fail


async def hanging(*_: Any) -> Any:
    await asyncio.sleep(60)


class Store:
    """A revocation store that does as it is told."""

    def __init__(self, answer: Callable[..., Any]) -> None:
        self.is_revoked = answer


APPLICATIONS = [Application("shop"), Application("admin", scopes=["read"]), Application("old", active=False)]
ACME = tenant(applications=APPLICATIONS)
DEEP = b'"x":' + b"[" * 200 + b"]" * 200

PROVOKED: list[tuple[str, Callable[[], None]]] = [
    ("no_credentials", through()),
    ("malformed_credentials", field("Bearer a, b")),
    ("token_in_two_places", socket(token(), "bearer", token())),
    ("no_token_after_subprotocol", socket(None, "bearer")),
    ("insecure_transport", through(token(), scheme="http", require_https=True)),
    ("token_too_long", through(token(), max_token_bytes=64)),
    ("not_ascii", field("Bearer a.b.\xff")),
    ("no_json_object", through("a.b.c")),
    ("not_base64url", through("e30=.e30.AAAA")),
    ("not_base64url", through("e+JhbGciOiJIUzI1NiJ9.e30.AAAA")),
    ("not_canonical_base64url", through("e31.e30.AAAA")),
    ("header_is_no_json_object", through(sealed(b"{", b"{}"))),
    ("payload_is_no_json_object", through(sealed(HEADER, b"{"))),
    ("payload_too_deeply_nested", through(sealed(HEADER, as_json(claims())[:-1] + b"," + DEEP + b"}"))),
    ("unacceptable_algorithm", through(token(header={"alg": "none"}))),
    ("unsupported_header", through(token(header={"crit": []}))),
    ("invalid_key_id", through(token(header={"kid": ""}))),
    ("unacceptable_token_type", through(token(header={"typ": "x"}))),
    ("unknown_issuer", through(token(iss="globex"))),
    ("resolver_answered_with_another_issuer", through(token(iss="globex"), tenants=lambda issuer: ACME)),
    ("no_key_for_algorithm", through(token(), tenants=[tenant(keys=[])])),
    ("unknown_key_id", through(token(header={"kid": "k2"}), tenants=[tenant(keys=[Key.secret(SECRET, kid="k1")])])),
    ("retired_key", through(token(), tenants=[tenant(keys=[Key.secret(SECRET, not_after=NOW)])])),
    ("bad_signature", through(token(OTHER_SECRET))),
    ("suspended_tenant", through(token(), tenants=[tenant(active=False)])),
    ("missing_required_claim", through(token(sub=ABSENT))),
    ("invalid_claim", through(token(sub=7))),
    ("time_in_milliseconds", through(token(exp=NOW * 1000))),
    ("sender_constrained", through(token(cnf={}))),
    ("token_expired", through(token(exp=NOW))),
    ("not_yet_valid", through(token(nbf=NOW + 100))),
    ("lifetime_too_long", through(token(exp=NOW + 10**6))),
    ("unknown_application", through(token(aud="x"))),
    ("ambiguous_application", through(token(aud=["shop", "admin"]), tenants=[ACME])),
    ("suspended_application", through(token(aud="old"), tenants=[ACME])),
    ("refused_by_validator", through(token(), validators=[raising(InvalidToken())])),
    ("validator_failed_with_…", through(token(), validators=[raising(LookupError())])),
    ("validator_answered_with_…", through(token(), validators=[lambda me: False])),
    ("revoked", through(token(), revocations=Store(lambda *_: True))),
    ("scope_not_in_token", through(token(), rules=[Rule("/a", scopes=["admin"])])),
    (
        "scope_not_granted",
        through(token(aud="admin"), tenants=[ACME], rules=[Rule("/a", scopes=["write"])]),
    ),
    ("tenant_store_timed_out", through(token(), tenants=hanging, store_timeout=0.01)),
    ("tenant_store_failed_with_…_at_…", through(token(), tenants=raising(LookupError()))),
    ("tenant_store_answered_with_…", through(token(), tenants=lambda issuer: "acme")),
    ("revocation_store_timed_out", through(token(), revocations=Store(hanging), store_timeout=0.01)),
    ("revocation_store_failed_with_…_at_…", through(token(), revocations=Store(raising(LookupError())))),
    ("revocation_store_answered_with_…", through(token(), revocations=Store(lambda *_: None))),
    ("store_unavailable", through(token(), tenants=raising(TemporarilyUnavailable()))),
]
ELSEWHERE = {
    "tenant_store_has_too_many_waiting",
    "revocation_store_has_too_many_waiting",
    "revocation_store_does_not_answer",
    "revocation_store_failed_with_…",
    "revocation_store_holds_something_else",
    "revocations_not_confirmed",
    "tenant_store_failed_with_…",
    "tenant_store_has_too_many_look_ups",
    "tenant_store_holds_what_cannot_be_used",
    "tenant_store_key_cannot_be_decrypted",
    "tenant_store_look_up_ended",
    "key_set_cannot_be_fetched",
}
"""Reasons that take more than one request: provoked in the tests of stores and of key sets."""


@pytest.mark.parametrize(("reason", "request_it"), PROVOKED, ids=[reason for reason, _ in PROVOKED])
def test_the_log_has_the_documented_reason(
    reason: str, request_it: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    request_it()
    [record] = caplog.records
    assert re.fullmatch(re.escape(reason).replace("…", r"[\w.:]+"), vars(record)["reason"])


def test_the_document_lists_these_reasons_and_no_others() -> None:
    table = DOCUMENT.partition("| reason | when |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)) == {reason for reason, _ in PROVOKED} | ELSEWHERE


def test_a_reason_that_a_validator_gives_is_the_reason(caplog: pytest.LogCaptureFixture) -> None:
    through(token(), validators=[raising(InvalidToken("banned since Monday"))])()
    assert [vars(record)["reason"] for record in caplog.records] == ["banned since Monday"]


def test_the_settings_of_this_test_are_those_of_the_document() -> None:
    usual = JWTSettings([])
    assert (usual.max_token_bytes, usual.max_lifetime, usual.start_leeway) == (8192, 86_400, 60)
    assert usual.token_types == ("JWT", "at+jwt")
