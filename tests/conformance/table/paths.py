"""Contract section 7: which requests need credentials, and which scopes."""

from __future__ import annotations

from typing import Any

from jwt_middleware import Rule

from ..answers import NO_CREDENTIALS, SIGNATURE, lacking
from ..row import ANONYMOUS, Answer, Request, Row, Section, bearing, reached
from ..tokens import GOOD, token

_POLICY: dict[str, Any] = {
    "public": ["/", "/healthz", "/static/*", "/users/{name}/picture", "/slashed/", "/v1/catalogue/*"],
    "optional": ["/feed", "/both", "/v1/catalogue/prices"],
    "rules": [
        Rule("/both", access="public"),
        Rule("/static/private/*"),
        Rule("/catalogue", methods=["GET"], access="public"),
        Rule("/upload", methods=["POST"], scopes=["write"]),
        Rule("/v1/reports/*", scopes=["read"]),
        Rule("/v1/reports/{year}/audit", scopes=["audit"]),
        Rule("/static/admin", scopes=["admin"]),
        Rule("/office/*", scopes=["admin"]),
        Rule("/ping", methods=["OPTIONS"], scopes=["admin"]),
    ],
}
_PREFLIGHT = (("origin", b"https://app.example"), ("access-control-request-method", b"POST"))
_READER = token(scope=["read"])


def _open(name: str, path: str | bytes, method: str = "GET", **request: Any) -> Row:
    return Row(name, Request(method, path, **request), ANONYMOUS, _POLICY)


def _closed(name: str, path: str | bytes, method: str = "GET", **request: Any) -> Row:
    return Row(name, Request(method, path, **request), NO_CREDENTIALS, _POLICY)


def _demands(name: str, answer: Answer, path: str | bytes, text: str = _READER, **request: Any) -> Row:
    return Row(name, bearing(text, path=path, **request), answer, _POLICY)


def _passes(name: str, path: str | bytes, text: str = _READER, **request: Any) -> Row:
    return _demands(name, reached(text), path, text, **request)


_PATTERNS = (
    _open("root", "/"),
    _open("literal", "/healthz"),
    _closed("literal-in-other-case", "/HEALTHZ"),
    _closed("literal-with-more", "/healthzz"),
    _closed("literal-with-trailing-slash", "/healthz/"),
    _closed("literal-with-blank", "/healthz "),
    _closed("literal-with-parameter", "/healthz;v=1"),
    _closed("literal-with-fragment", "/healthz#x"),
    _closed("below-a-literal", "/healthz/live"),
    _open("query-does-not-matter", "/healthz", query="a=/x/../y"),
    _closed("path-in-the-query", "/v1/things", query="/healthz"),
    _open("literal-that-ends-in-a-slash", "/slashed/"),
    _closed("literal-that-ends-in-a-slash-without", "/slashed"),
    _open("below", "/static/css/site.css"),
    _open("below-is-a-slash", "/static/css/"),
    _open("below-nothing", "/static/"),
    _closed("not-below", "/static"),
    _closed("not-below-but-grown-together", "/staticfiles"),
    _open("one-segment", "/users/zoe/picture"),
    _open("one-segment-non-ascii", "/users/zoë/picture"),
    _closed("two-segments", "/users/zoe/old/picture"),
    _closed("no-segment", "/users//picture"),
    _closed("segment-with-more-behind", "/users/zoe/picture/large"),
    _closed("another-url-in-the-host-field", "/v1/things", fields=(("host", b"x/healthz?"),)),
    _closed(
        "another-url-in-a-header",
        "/v1/things",
        fields=(("x-original-url", b"/healthz"), ("x-rewrite-url", b"/healthz")),
    ),
    _closed("no-path", "", mount="/api"),
)

_UNCLEAN = tuple(
    _closed(name, path)
    for name, path in (
        ("doubled-slash-in-front", "//healthz"),
        ("doubled-slash-inside", "/static//x"),
        ("doubled-slash-behind", "/static/x//"),
        ("dot", "/static/./x"),
        ("dot-behind", "/static/."),
        ("dots", "/static/../v1/things"),
        ("dots-that-stay-below", "/static/x/../y"),
        ("dots-behind", "/static/x/.."),
        ("dots-as-a-name", "/users/../picture"),
        ("dots-after-encoded-slash", "/static/..%2fv1/things"),
        ("encoded-slash", "/static/x%2fy"),
        ("encoded-slash-in-capitals", "/static/x%2Fy"),
        ("encoded-dots", "/static/%2e%2e/v1/things"),
        ("encoded-letter", "/static/%78"),
        ("percent-sign", "/static/100%"),
        ("backslash", "/static/x\\y"),
        ("backslash-and-dots", "/static/..\\v1\\things"),
        ("nul", "/static/x\0"),
        ("line-feed", "/static/x\ny"),
        ("line-feed-behind-a-literal", "/healthz\n"),
        ("tab", "/static/\t"),
        ("delete", "/static/\x7f"),
        ("c1-control", "/static/\x85"),
        ("no-utf-8", b"/static/\xff"),
        ("overlong-slash", b"/static/..\xc0\xafv1"),
        ("surrogate", b"/static/\xed\xa0\x80"),
    )
)

_STRICTEST = (
    _closed("required-beats-public", "/static/private/key"),
    _closed("required-beats-public-for-the-directory", "/static/private/"),
    _open("public-beside-required", "/static/privateer"),
    _open("optional-beats-public-without-token", "/both"),
    _passes("optional-beats-public-with-token", "/both"),
    _demands("optional-beats-public-with-bad-token", SIGNATURE, "/both", token(b"x" * 32)),
    _demands("optional-literal-beats-public-pattern", SIGNATURE, "/v1/catalogue/prices", token(b"x" * 32)),
    _passes("required-without-rule", "/v1/things"),
    _closed("required-without-rule-nor-token", "/v1/things"),
    _passes("scope-of-a-pattern", "/v1/reports/2026"),
    _demands("scope-of-a-pattern-lacking", lacking("read"), "/v1/reports/2026", token(scope=[])),
    _demands("scopes-add-up", lacking("read", "audit"), "/v1/reports/2026/audit"),
    _passes("scopes-add-up-and-are-there", "/v1/reports/2026/audit", token(scope=["audit", "read"])),
    _demands("scope-beats-public", lacking("admin"), "/static/admin"),
    _closed("scope-beats-public-without-token", "/static/admin"),
    _demands("scope-with-trailing-slash", lacking("admin"), "/static/admin/"),
    _demands("scope-with-doubled-slash", lacking("admin"), "/static//admin"),
    _demands("scope-with-dots", lacking("admin"), "/static/x/../admin"),
    _demands("scope-with-dot", lacking("admin"), "/static/./admin"),
    _demands("scope-with-encoded-slash", lacking("admin"), "/static%2fadmin"),
    _demands("scope-with-encoded-letter", lacking("admin"), "/static/%61dmin"),
    _demands("scope-with-backslash", lacking("admin"), "/static\\admin"),
    _open("scope-in-other-case", "/static/Admin"),
    _demands("scope-for-everything-below", lacking("admin"), "/office/desk"),
    _demands("scope-for-everything-below-a-slash", lacking("admin"), "/office/"),
    _demands("scope-for-everything-below-doubled-slash", lacking("admin"), "//office/desk"),
    _demands("scope-for-everything-below-a-slash-doubled-slash", lacking("admin"), "//office/"),
    _demands("scope-for-everything-below-a-slash-dots", lacking("admin"), "/x/../office/"),
    _passes("scope-for-everything-below-only", "/office"),
)

_METHODS = (
    _open("method-get", "/catalogue"),
    _open("method-head-follows-get", "/catalogue", "HEAD"),
    *(_closed(f"method-{name}", "/catalogue", name) for name in ("POST", "OPTIONS", "DELETE", "TRACE", "PROPFIND")),
    _closed("method-in-lower-case-opens-nothing", "/catalogue", "get"),
    _open("every-method-where-none-is-named", "/healthz", "DELETE"),
    _open("unknown-method-where-none-is-named", "/healthz", "BREW"),
    _closed("head-without-token", "/v1/things", "HEAD"),
    _demands("scope-for-a-method", lacking("write"), "/upload", method="POST"),
    _passes("scope-for-another-method", "/upload", method="PUT"),
    _demands("scope-for-a-method-in-lower-case", lacking("write"), "/upload", method="post"),
    _closed("overridden-method", "/catalogue", "POST", fields=(("x-http-method-override", b"GET"),)),
)

_PREFLIGHTS = (
    _open("preflight", "/v1/things", "OPTIONS", fields=_PREFLIGHT),
    _open("preflight-where-scopes-are-needed", "/ping", "OPTIONS", fields=_PREFLIGHT),
    _open("preflight-on-an-unclean-path", "/static/../x", "OPTIONS", fields=_PREFLIGHT),
    Row(
        "preflight-does-not-look-at-a-token",
        bearing(token(b"x" * 32), method="OPTIONS", fields=_PREFLIGHT),
        ANONYMOUS,
        _POLICY,
    ),
    _closed("preflight-without-origin", "/v1/things", "OPTIONS", fields=_PREFLIGHT[1:]),
    _closed("preflight-without-method", "/v1/things", "OPTIONS", fields=_PREFLIGHT[:1]),
    _closed("preflight-of-another-method", "/v1/things", "GET", fields=_PREFLIGHT),
    _closed("preflight-in-lower-case", "/v1/things", "options", fields=_PREFLIGHT),
    Row(
        "preflight-that-does-not-pass", Request("OPTIONS", fields=_PREFLIGHT), NO_CREDENTIALS, {"pass_preflight": False}
    ),
    Row(
        "preflight-that-does-not-pass-on-public-path",
        Request("OPTIONS", "/healthz", fields=_PREFLIGHT),
        ANONYMOUS,
        {**_POLICY, "pass_preflight": False},
    ),
)

_MOUNTS = (
    _open("mounted", "/healthz", mount="/api"),
    _open("mounted-twice", "/healthz", mount="/api/v2"),
    _open("mounted-non-ascii", "/healthz", mount="/büro"),
    _closed("mounted-pattern-of-the-whole-path", "/things", mount="/static"),
    _closed("mounted-where-a-rule-opens", "/x", mount="/healthz"),
    _closed("mounted-trailing-slash", "/healthz/", mount="/api"),
    _closed("mounted-dots", "/static/../x", mount="/api"),
    _open("mounted-at-its-own-name", "/healthz", mount="/healthz"),
    _demands("mounted-scope", lacking("admin"), "/static/admin", mount="/api"),
    _passes("mounted-scope-of-the-whole-path", "/reports/2026", token(scope=[]), mount="/v1"),
)

_DEFAULT = (
    Row("closed-by-default", Request(path="/"), NO_CREDENTIALS),
    Row("documentation-is-closed-by-default", Request(path="/openapi.json"), NO_CREDENTIALS),
    Row("favicon-is-closed-by-default", Request(path="/favicon.ico"), NO_CREDENTIALS),
    Row("everything-opened", Request(path="/x/y"), ANONYMOUS, {"public": ["/*"]}),
    Row("everything-opened-but-dots", Request(path="/x/../y"), NO_CREDENTIALS, {"public": ["/*"]}),
    Row("good-token-on-an-unclean-path", bearing(GOOD, path="/x//../%2e/y\\z"), reached(GOOD)),
)

SECTION = Section("paths", (*_PATTERNS, *_UNCLEAN, *_STRICTEST, *_METHODS, *_PREFLIGHTS, *_MOUNTS, *_DEFAULT))
