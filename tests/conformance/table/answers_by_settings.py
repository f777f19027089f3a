"""What settings change in an answer: realm, documentation address, renderer, https."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jwt_middleware import AuthenticationError, Rule

from ..answers import EXPIRED, INSECURE, NO_CREDENTIALS, REALM, UNAVAILABLE, lacking, with_members
from ..row import ANONYMOUS, Answer, Request, Row, Section, bearing, reached
from ..tenants import BROKEN, Failing
from ..tokens import GOOD, NOW, token

_MANUAL = "https://docs.example.com/errors"
_EXPIRED = bearing(token(exp=NOW))


def _in_realm(answer: Answer) -> Answer:
    challenge = answer.headers["www-authenticate"].replace(REALM, 'Bearer realm="Acme\'s API, v1"')
    return answer._replace(headers={**answer.headers, "www-authenticate": challenge})


def _as_problem(refusal: AuthenticationError, members: Mapping[str, Any]) -> tuple[str, bytes]:
    return "application/problem+json", f"{refusal.status} {refusal.code} {'/'.join(members)}".encode()


def _fail(refusal: AuthenticationError, members: Mapping[str, Any]) -> tuple[str, bytes]:
    raise RuntimeError("no template")


def _split(refusal: AuthenticationError, members: Mapping[str, Any]) -> tuple[str, bytes]:
    return "text/plain\r\nset-cookie: a=b", b"x"


def _rendered(answer: Answer, body: bytes) -> Answer:
    return answer._replace(body=body, content_type="application/problem+json")


SECTION = Section(
    "settings",
    (
        Row("realm", _EXPIRED, _in_realm(EXPIRED), {"realm": "Acme's API, v1"}),
        Row("realm-without-credentials", Request(), _in_realm(NO_CREDENTIALS), {"realm": "Acme's API, v1"}),
        Row("error-uri", _EXPIRED, with_members(EXPIRED, error_uri=_MANUAL), {"error_uri": _MANUAL}),
        Row(
            "error-uri-on-403",
            bearing(GOOD),
            with_members(lacking("admin"), error_uri=_MANUAL),
            {"error_uri": _MANUAL, "rules": [Rule("/v1/*", scopes=["admin"])]},
        ),
        Row(
            "error-uri-on-503",
            bearing(GOOD),
            with_members(UNAVAILABLE, error_uri=_MANUAL),
            {"error_uri": _MANUAL, "tenants": Failing(BROKEN)},
        ),
        Row(
            "renderer",
            _EXPIRED,
            _rendered(EXPIRED, b"401 token_expired error/error_description/solution/claim"),
            {"render_error": _as_problem},
        ),
        Row(
            "renderer-and-head",
            bearing(token(exp=NOW), method="HEAD"),
            _rendered(EXPIRED, b"401 token_expired error/error_description/solution/claim"),
            {"render_error": _as_problem},
        ),
        Row("renderer-that-fails", _EXPIRED, EXPIRED, {"render_error": _fail}),
        Row("renderer-that-splits-headers", _EXPIRED, EXPIRED, {"render_error": _split}),
        Row("https-required", bearing(GOOD), INSECURE, {"require_https": True}),
        Row("https-required-without-token", Request(), INSECURE, {"require_https": True}),
        Row("https-required-and-used", bearing(GOOD, scheme="https"), reached(GOOD), {"require_https": True}),
        Row(
            "https-required-on-public-path",
            Request(path="/healthz"),
            ANONYMOUS,
            {"require_https": True, "public": ["/healthz"]},
        ),
        Row(
            "https-required-and-promised-by-a-header",
            bearing(GOOD, fields=(("x-forwarded-proto", b"https"),)),
            INSECURE,
            {"require_https": True},
        ),
    ),
)
