"""Contract section 5: the verify endpoint."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from jwt_middleware import Rule

from ..answers import (
    EXPIRED,
    METHOD_NOT_ALLOWED,
    NO_CREDENTIALS,
    REVOKED,
    SIGNATURE,
    UNAVAILABLE,
    lacking,
    not_granted,
)
from ..row import ANONYMOUS, Answer, Request, Row, Section, bearing, reached
from ..tenants import BROKEN, GLOBEX, MUELLER, Answering, Failing, of_globex, of_umbrella
from ..tokens import GOOD, NOW, claims_of, token

PATH = "/v1/auth/verify"
_PREFLIGHT = (("origin", b"https://app.example"), ("access-control-request-method", b"GET"))


def _told(text: str, tenant: str = "acme", scopes: str = "read write", **changes: Any) -> Answer:
    claims = claims_of(text)
    members = {
        "active": True,
        "sub": claims["sub"],
        "iss": claims["iss"],
        "aud": claims.get("aud"),
        "scope": scopes.split(" ") if scopes else [],
        "iat": claims["iat"],
        "exp": claims["exp"],
        "expires_in": int(claims["exp"] - NOW),
        "tenant": tenant,
        **changes,
    }
    return Answer(200, members, _headers(members))


def _headers(members: dict[str, Any]) -> dict[str, str]:
    # Visible ASCII stands as it is; all of these values but one have nothing else.
    return {
        "cache-control": "no-store",
        "x-auth-subject": members["sub"],
        "x-auth-tenant": members["tenant"],
        "x-auth-application": members["aud"],
        "x-auth-scope": " ".join(members["scope"]),
    }


def _verifies(name: str, text: str, answer: Answer, settings: dict[str, Any] | None = None, **request: Any) -> Row:
    return Row(name, bearing(text, **{"path": PATH, **request}), answer, settings or {})


def _refuses(method: str) -> Row:
    return Row(f"method-{method}", bearing(GOOD, path=PATH, method=method), METHOD_NOT_ALLOWED)


_ODD = token(MUELLER, iss="Müller & Söhne", aud="Büro 1%", sub='Zoë "x" 50%,\\\u2028', scope=["löschen", "a%b", "~!"])
_SPLITTING = "read a\r\nx: y"
_AFTER_ROTATION = of_globex(GLOBEX["b"], "b")

_ANSWERS = (
    _verifies("get", GOOD, _told(GOOD)),
    _verifies("head", GOOD, _told(GOOD), method="HEAD"),
    _verifies("with-token-id", token(jti="t-1"), _told(token(jti="t-1"), jti="t-1")),
    _verifies(
        "key-is-being-rotated-out",
        _AFTER_ROTATION,
        _told(_AFTER_ROTATION, "globex", key_expires_at=NOW + 600),
    ),
    _verifies("key-stays", of_globex(GLOBEX["a"], "a"), _told(of_globex(GLOBEX["a"], "a"), "globex")),
    _verifies("scopes-below-the-ceiling", token(aud="kiosk"), _told(token(aud="kiosk"), scopes="read")),
    _verifies("no-scopes", token(scope=[]), _told(token(scope=[]), scopes="")),
    _verifies("list-of-audiences", token(aud=["x", "shop"]), _told(token(aud=["x", "shop"]), aud="shop")),
    _verifies("fractions", token(exp=NOW + 9.75), _told(token(exp=NOW + 9.75))),
    _verifies(
        "expired-within-leeway",
        token(exp=NOW - 5),
        _told(token(exp=NOW - 5), expires_in=0),
        {"expiry_leeway": 10},
    ),
    _verifies(
        "claims-named-otherwise",
        of_umbrella(),
        _told(of_umbrella(), "umbrella", "fly sting", aud="hive"),
    ),
    _verifies(
        "odd-names",
        _ODD,
        _told(_ODD, "Müller & Söhne", "a%b löschen ~!")._replace(
            headers={
                "cache-control": "no-store",
                "x-auth-subject": 'Zo%C3%AB%20"x"%2050%25,\\%E2%80%A8',
                "x-auth-tenant": "M%C3%BCller%20&%20S%C3%B6hne",
                "x-auth-application": "B%C3%BCro%201%25",
                "x-auth-scope": "a%25b l%C3%B6schen ~!",
            }
        ),
    ),
    _verifies(
        "blank-stays-out-of-headers",
        token(sub="a b"),
        _told(token(sub="a b"))._replace(headers={**_told(GOOD).headers, "x-auth-subject": "a%20b"}),
    ),
)

_SCOPES = (
    _verifies("scope", GOOD, _told(GOOD), query="scope=read"),
    _verifies("scopes", GOOD, _told(GOOD), query="scope=read%20write"),
    _verifies("scopes-with-plus", GOOD, _told(GOOD), query="scope=write+read"),
    _verifies("scopes-in-two-parameters", GOOD, lacking("read", "admin"), query="scope=read&scope=admin"),
    _verifies("scope-empty", GOOD, _told(GOOD), query="scope="),
    _verifies("scope-among-others", GOOD, _told(GOOD), query="a=b&scope=read&c"),
    _verifies("scope-lacking", GOOD, lacking("admin"), query="scope=admin"),
    _verifies("scopes-lacking-one", GOOD, lacking("read", "admin"), query="scope=read%20admin"),
    _verifies("scopes-lacking-and-head", GOOD, lacking("admin"), query="scope=admin", method="HEAD"),
    _verifies("scope-above-the-ceiling", token(aud="kiosk"), not_granted("write"), query="scope=write"),
    _verifies("scope-in-other-case", GOOD, lacking("Read"), query="scope=Read"),
    _verifies("scope-that-is-non-ascii", _ODD, _ANSWERS[-2].answer, query=f"scope={quote('löschen')}"),
    _verifies("scope-that-would-split-headers", GOOD, lacking("read", "y"), query=f"scope={quote(_SPLITTING)}"),
    _verifies("scope-that-no-challenge-can-hold", GOOD, lacking(), query="scope=%22"),
    _verifies("scope-of-the-path", GOOD, lacking("admin"), {"rules": [Rule(PATH, scopes=["admin"])]}),
)

_METHODS = (
    *map(_refuses, ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get")),
    Row("method-before-credentials", Request("POST", PATH), METHOD_NOT_ALLOWED),
    Row("preflight", Request("OPTIONS", PATH, fields=_PREFLIGHT), ANONYMOUS),
    Row(
        "preflight-that-does-not-pass",
        Request("OPTIONS", PATH, fields=_PREFLIGHT),
        METHOD_NOT_ALLOWED,
        {"pass_preflight": False},
    ),
)

_REFUSALS = (
    Row("no-credentials", Request(path=PATH), NO_CREDENTIALS),
    Row("no-credentials-and-head", Request("HEAD", PATH), NO_CREDENTIALS),
    Row("no-credentials-though-public", Request(path=PATH), NO_CREDENTIALS, {"public": [PATH, "/v1/*"]}),
    Row("no-credentials-though-optional", Request(path=PATH), NO_CREDENTIALS, {"optional": [PATH]}),
    _verifies("expired", token(exp=NOW), EXPIRED),
    _verifies("badly-signed", token(b"x" * 32), SIGNATURE),
    _verifies("revoked", GOOD, REVOKED, {"revocations": Answering(True)}),
    _verifies("store-down", GOOD, UNAVAILABLE, {"tenants": Failing(BROKEN)}),
)

_PLACES = (
    _verifies("elsewhere", GOOD, _told(GOOD), {"verify_path": "/whoami"}, path="/whoami"),
    _verifies("not-where-it-was", GOOD, reached(GOOD), {"verify_path": "/whoami"}),
    _verifies("switched-off", GOOD, reached(GOOD), {"verify_path": None}),
    _verifies("with-trailing-slash", GOOD, reached(GOOD), path=f"{PATH}/"),
    _verifies("in-other-case", GOOD, reached(GOOD), path="/V1/auth/verify"),
    _verifies("below-a-mount", GOOD, _told(GOOD), mount="/api"),
    _verifies("as-the-mount", GOOD, reached(GOOD), mount=PATH, path=""),
)

SECTION = Section("verify", (*_ANSWERS, *_SCOPES, *_METHODS, *_REFUSALS, *_PLACES))
