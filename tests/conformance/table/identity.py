"""Contract section 4: whom the app sees, and that nobody else can tell it."""

from __future__ import annotations

from ..answers import NO_CREDENTIALS, SIGNATURE, lacking
from ..row import ANONYMOUS, Request, Row, Section, bearing, reached
from ..tenants import MUELLER
from ..tokens import GOOD, token

_OPEN = {"public": ["/public"], "optional": ["/optional"]}
_BAD = token(b"x" * 32)
_MUELLER = token(MUELLER, iss="Müller & Söhne", aud="Büro 1%", sub="a/b%2f\u2028", scope=[])
_POSING = (
    ("remote-user", b"acme/root"),
    ("auth-type", b"Bearer"),
    ("x-remote-user", b"acme/root"),
    ("x-auth-subject", b"root"),
    ("x-auth-tenant", b"acme"),
    ("jwt-middleware.identity", b"root"),
)

SECTION = Section(
    "identity",
    (
        Row("identity", bearing(GOOD), reached(GOOD)),
        Row("token-id-is-jti", bearing(token(jti="t-1")), reached(token(jti="t-1"), token_id="t-1")),
        Row(
            "principal-is-quoted",
            bearing(_MUELLER),
            reached(
                _MUELLER,
                tenant="Müller & Söhne",
                user="M%C3%BCller%20%26%20S%C3%B6hne/a%2Fb%252f%E2%80%A8",
            ),
        ),
        Row("public-is-anonymous", Request(path="/public"), ANONYMOUS),
        Row("public-does-not-look-at-a-good-token", bearing(GOOD, path="/public"), ANONYMOUS),
        Row("public-does-not-look-at-a-bad-token", bearing(_BAD, path="/public"), ANONYMOUS),
        Row("optional-without-token", Request(path="/optional"), ANONYMOUS),
        Row(
            "optional-with-another-scheme",
            Request(path="/optional", fields=(("authorization", b"Basic x"),)),
            ANONYMOUS,
        ),
        Row("optional-with-token", bearing(GOOD, path="/optional"), reached(GOOD)),
        Row("optional-with-bad-token", bearing(_BAD, path="/optional"), SIGNATURE),
        Row("forged-in-front-of-a-token", bearing(GOOD, is_forged=True), reached(GOOD)),
        Row("forged-without-token", Request(is_forged=True), NO_CREDENTIALS),
        Row("forged-on-public-path", Request(path="/public", is_forged=True), ANONYMOUS),
        Row("forged-on-optional-path", Request(path="/optional", is_forged=True), ANONYMOUS),
        Row("headers-are-no-identity", Request(fields=_POSING), NO_CREDENTIALS),
        Row("headers-are-no-identity-on-public-path", Request(path="/public", fields=_POSING), ANONYMOUS),
        Row("headers-are-no-identity-beside-a-token", bearing(GOOD, fields=_POSING), reached(GOOD)),
        Row("view-demands-scope", bearing(GOOD, path="/view/write"), reached(GOOD)),
        Row("view-demands-scope-that-is-lacking", bearing(token(scope=["read"]), path="/view/write"), lacking("write")),
        Row("view-demands-scopes", bearing(GOOD, path="/view/admin"), lacking("read", "admin")),
        Row("view-on-optional-path-with-token", bearing(GOOD, path="/view/optional"), reached(GOOD)),
        Row("view-on-optional-path-without-token", Request(path="/view/optional"), NO_CREDENTIALS),
    ),
)
SECTION = Section(
    SECTION.name,
    tuple(row._replace(settings={**_OPEN, "optional": ["/optional", "/view/optional"]}) for row in SECTION.rows),
)
