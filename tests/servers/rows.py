"""The table: bytes that a client sends, and the answer that contract and RFC 9112 have for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from ..conformance import answers, row
from ..conformance.answers import (
    MALFORMED,
    MALFORMED_CREDENTIALS,
    METHOD_NOT_ALLOWED,
    NO_CREDENTIALS,
    SIGNATURE,
    TOO_LONG,
    lacking,
)
from ..conformance.row import ANONYMOUS, Answer, Request, reached
from ..conformance.table import verification
from ..conformance.tenants import GLOBEX, of_globex
from ..conformance.tokens import GOOD, NOW, token
from .wire import Reply

FORGED: Final = token(b"x" * 32)
EXPIRED: Final = token(iat=NOW - 7200, exp=NOW - 3600)
READER: Final = token(sub="reader", scope=["read"])
ADMIN: Final = token(sub="root", scope=["admin"])
OF_GLOBEX: Final = of_globex(GLOBEX["a"], "a", sub="zoe")
LONG: Final = token(x="y" * 5800)
"""As long as a token may be, nearly: 8 KiB."""
TOO_MUCH: Final = token(x="y" * 6200)

GOOD_FIELD: Final = b"Bearer " + GOOD.encode()
FORGED_FIELD: Final = b"Bearer " + FORGED.encode()


_COMPARED: Final = {
    *("content-type", "content-length", "cache-control", "www-authenticate", "retry-after", "allow"),
    *("x-auth-subject", "x-auth-tenant", "x-auth-application", "x-auth-scope"),
}
"""The headers of an answer; servers add others."""


class Expected(NamedTuple):
    """What the contract has for one request."""

    answer: Answer
    path: str | None = None
    """What the app is told to be the path; None: any."""
    method: str = "GET"

    def is_met_by(self, reply: Reply) -> bool:
        """Whether this is the answer, byte for byte, and to this request."""
        handed = reply.handed
        if handed is None or handed["method"] != self.method or self.path not in (None, handed["path"]):
            return False
        wanted = row.expected(row.Row("", Request(self.method), self.answer))
        return (reply.status, _compared(reply.headers), reply.body) == (
            wanted.status,
            _compared(wanted.headers),
            wanted.body,
        )


def _compared(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in _COMPARED & headers.keys()}


class Sending(NamedTuple):
    """Bytes, sent when all that was sent before has been answered."""

    octets: bytes
    expected: tuple[Expected, ...]


class WireRow(NamedTuple):
    """One connection."""

    id: str
    sendings: tuple[Sending, ...]
    certain: int
    """How many of the answers every server has to give: there is nothing about them that a server might refuse."""
    or_else: tuple[Answer, ...] = ()
    """What RFC 9112 allows a server to make of it instead."""

    @property
    def expected(self) -> tuple[Expected, ...]:
        """The answers on this connection, in order."""
        return tuple(each for sending in self.sendings for each in sending.expected)


def request(
    target: bytes | str = b"/v1/things",
    *fields: bytes,
    method: str = "GET",
    version: bytes = b"HTTP/1.1",
    host: bytes = b"Host: api.example",
    body: bytes = b"",
    is_last: bool = True,
) -> bytes:
    """One request, with these lines as they are."""
    octets = target if isinstance(target, bytes) else target.encode()
    lines = [method.encode() + b" " + octets + b" " + version, *([host] if host else []), *fields]
    closing = [b"Connection: close"] if is_last else []
    return b"\r\n".join([*lines, *closing, b"", body])


def bearer(text: str) -> bytes:
    """The field with this token."""
    return b"Authorization: Bearer " + text.encode()


def _field(
    name: str, value: bytes, answer: Answer, *, is_plain: bool = False, or_else: Sequence[Answer] = ()
) -> WireRow:
    return _fields(name, [b"Authorization: " + value], answer, is_plain=is_plain, or_else=or_else)


def _fields(
    name: str, lines: Sequence[bytes], answer: Answer, *, is_plain: bool = False, or_else: Sequence[Answer] = ()
) -> WireRow:
    sent = Sending(request(b"/v1/things", *lines), (Expected(answer, "/v1/things"),))
    return WireRow(name, (sent,), int(is_plain), tuple(or_else))


_IN: Final = reached(GOOD)

_CREDENTIALS: Final = (
    _fields("no-field", [], NO_CREDENTIALS, is_plain=True),
    _field("good", GOOD_FIELD, _IN, is_plain=True),
    _field("forged", FORGED_FIELD, SIGNATURE, is_plain=True),
    _field("expired", b"Bearer " + EXPIRED.encode(), answers.EXPIRED, is_plain=True),
    _field("another-scheme", b"Basic dXNlcjpwYXNz", NO_CREDENTIALS, is_plain=True),
    _field("lower-case-scheme", b"bearer " + GOOD.encode(), _IN, is_plain=True),
    _field("upper-case-scheme", b"BEARER " + GOOD.encode(), _IN, is_plain=True),
    _field("several-blanks", b"Bearer    " + GOOD.encode(), _IN, is_plain=True),
    _field("blanks-around", b" \t " + GOOD_FIELD + b" \t ", _IN, is_plain=True),
    _field("tab-after-scheme", b"Bearer\t" + GOOD.encode(), NO_CREDENTIALS),
    _field("tab-before-token", b"Bearer \t" + GOOD.encode(), MALFORMED),
    _field("empty", b"", NO_CREDENTIALS, is_plain=True),
    _field("blanks-only", b" \t ", NO_CREDENTIALS, is_plain=True),
    _field("scheme-only", b"Bearer", MALFORMED_CREDENTIALS, is_plain=True),
    _field("scheme-and-blank", b"Bearer ", MALFORMED_CREDENTIALS, is_plain=True),
    _field("joined-good-forged", GOOD_FIELD + b", " + FORGED_FIELD, MALFORMED_CREDENTIALS, is_plain=True),
    _field("joined-forged-good", FORGED_FIELD + b"," + GOOD_FIELD, MALFORMED_CREDENTIALS, is_plain=True),
    _field("joined-good-good", GOOD_FIELD + b"," + GOOD_FIELD, MALFORMED_CREDENTIALS, is_plain=True),
    _field("joined-basic-good", b"Basic x, " + GOOD_FIELD, NO_CREDENTIALS, is_plain=True),
    _field("something-after-token", GOOD_FIELD + b" x", MALFORMED_CREDENTIALS, is_plain=True),
    _fields("lower-case-name", [b"authorization: " + GOOD_FIELD], _IN, is_plain=True),
    _fields("upper-case-name", [b"AUTHORIZATION: " + GOOD_FIELD], _IN, is_plain=True),
    _fields("no-blank-after-colon", [b"Authorization:" + GOOD_FIELD], _IN, is_plain=True),
)


def _doubled(name: str, first: bytes, second: bytes, answer: Answer) -> WireRow:
    return _fields(f"twice-{name}", [b"Authorization: " + first, b"Authorization: " + second], answer)


_DOUBLED: Final = (
    _doubled("good-forged", GOOD_FIELD, FORGED_FIELD, MALFORMED_CREDENTIALS),
    _doubled("forged-good", FORGED_FIELD, GOOD_FIELD, MALFORMED_CREDENTIALS),
    _doubled("good-good", GOOD_FIELD, GOOD_FIELD, MALFORMED_CREDENTIALS),
    _doubled("good-basic", GOOD_FIELD, b"Basic x", MALFORMED_CREDENTIALS),
    _doubled("basic-good", b"Basic x", GOOD_FIELD, NO_CREDENTIALS),
    _doubled("good-empty", GOOD_FIELD, b"", MALFORMED_CREDENTIALS),
    _doubled("empty-good", b"", GOOD_FIELD, NO_CREDENTIALS),
    _fields(
        "twice-in-two-cases",
        [b"Authorization: " + GOOD_FIELD, b"AUTHORIZATION: " + FORGED_FIELD],
        MALFORMED_CREDENTIALS,
    ),
    _doubled("good-latin-1", GOOD_FIELD, b"Bearer \xe9", MALFORMED_CREDENTIALS),
    _doubled("latin-1-good", b"Bearer \xe9", GOOD_FIELD, MALFORMED_CREDENTIALS),
    _doubled("utf-8-good", "Bearer é€".encode(), GOOD_FIELD, MALFORMED_CREDENTIALS),
    _fields(
        "twice-apart",
        [b"Authorization: " + FORGED_FIELD, b"X-Between: y", b"Authorization: " + GOOD_FIELD],
        MALFORMED_CREDENTIALS,
    ),
)


def _smuggled(name: str, line: bytes) -> Iterator[WireRow]:
    """A field that is not Authorization, alone and beside one that is, in both orders. It never counts."""
    yield _fields(f"{name}-alone", [line + GOOD_FIELD], NO_CREDENTIALS)
    yield _fields(f"{name}-before", [line + GOOD_FIELD, b"Authorization: " + FORGED_FIELD], SIGNATURE)
    yield _fields(f"{name}-behind", [b"Authorization: " + FORGED_FIELD, line + GOOD_FIELD], SIGNATURE)


_NAMES: Final = (
    *_smuggled("blank-before-colon", b"Authorization : "),
    *_smuggled("tab-before-colon", b"Authorization\t: "),
    *_smuggled("trailing-underscore", b"Authorization_: "),
    *_smuggled("environ-name", b"HTTP_AUTHORIZATION: "),
    *_smuggled("environ-name-with-hyphen", b"HTTP-Authorization: "),
    *_smuggled("leading-hyphen", b"-Authorization: "),
    *_smuggled("x-authorization", b"X-Authorization: "),
    *_smuggled("proxy-authorization", b"Proxy-Authorization: "),
)

_FOLDED: Final = (
    # RFC 9112 section 5.2: refuse, or take the line break for blanks.
    _field("folded-after-scheme", b"Bearer\r\n " + GOOD.encode(), _IN, or_else=[NO_CREDENTIALS]),
    _field("folded-with-tab", b"Bearer\r\n\t" + GOOD.encode(), NO_CREDENTIALS, or_else=[_IN]),
    _field("folded-before-value", b"\r\n " + GOOD_FIELD, _IN, or_else=[NO_CREDENTIALS]),
    _field("folded-inside-token", GOOD_FIELD[:50] + b"\r\n " + GOOD_FIELD[50:], MALFORMED_CREDENTIALS),
    _field("folded-second-token", GOOD_FIELD + b"\r\n ," + FORGED_FIELD, MALFORMED_CREDENTIALS),
    _field("folded-after-another-scheme", b"Basic x\r\n " + GOOD_FIELD, NO_CREDENTIALS),
    _field("folded-after-comma", b"Basic x,\r\n\t" + GOOD_FIELD, NO_CREDENTIALS),
    _fields("folded-other-field", [b"X-Other: x\r\n Authorization: " + GOOD_FIELD], NO_CREDENTIALS),
)

_OCTETS: Final = (
    _field("latin-1-behind", GOOD_FIELD + b"\xe9", MALFORMED),
    _field("latin-1-in-scheme", b"B\xe9arer " + GOOD.encode(), NO_CREDENTIALS),
    _field("no-break-space-after-scheme", b"Bearer\xa0" + GOOD.encode(), NO_CREDENTIALS),
    _field("no-break-space-behind", GOOD_FIELD + b"\xa0", MALFORMED),
    _field("no-break-space-in-front", b"\xa0" + GOOD_FIELD, NO_CREDENTIALS),
    _field("next-line-behind", GOOD_FIELD + b"\x85", MALFORMED),
    _field("utf-8-behind", GOOD_FIELD + "é€".encode(), MALFORMED),
    _field("no-utf-8", b"Bearer \xff\xfe\x80", MALFORMED),
    _field("nul-behind", GOOD_FIELD + b"\0", MALFORMED),
    _field("nul-inside", GOOD_FIELD[:50] + b"\0" + GOOD_FIELD[50:], MALFORMED),
    _field("nul-and-more", GOOD_FIELD + b"\0x", MALFORMED),
    _field("control-behind", GOOD_FIELD + b"\x1f", MALFORMED),
    _field("vertical-tab-behind", GOOD_FIELD + b"\x0b", MALFORMED),
    _field("form-feed-in-front", b"\x0c" + GOOD_FIELD, NO_CREDENTIALS),
    _field("delete-behind", GOOD_FIELD + b"\x7f", MALFORMED),
    _field("bare-cr-inside", GOOD_FIELD[:50] + b"\r" + GOOD_FIELD[50:], MALFORMED),
    _field("bare-cr-for-a-new-field", b"Basic x\rAuthorization: " + GOOD_FIELD, NO_CREDENTIALS),
    _field("bare-cr-behind", GOOD_FIELD + b"\r", MALFORMED),
    # RFC 9112 section 2.2: a bare line feed may be taken for a line end.
    _field("bare-lf-for-a-new-field", b"Basic x\nX-Other: " + GOOD_FIELD, NO_CREDENTIALS),
    _fields(
        "bare-lf-before-authorization", [b"X-Other: x\nAuthorization: " + GOOD_FIELD], _IN, or_else=[NO_CREDENTIALS]
    ),
    _field("long", b"Bearer " + LONG.encode(), reached(LONG)),
    _field("too-long", b"Bearer " + TOO_MUCH.encode(), TOO_LONG),
    _field("16-kilobytes", b"Bearer " + b"a" * 16_384, TOO_LONG),
    _field("64-kilobytes", b"Bearer " + b"a" * 65_536, TOO_LONG),
    _field("mebibyte", b"Bearer " + b"a" * 1_048_576, TOO_LONG),
)

_IDENTITY_FIELDS: Final = [
    b"X-Auth-Subject: root",
    b"X-Auth-Tenant: acme",
    b"Remote-User: acme/root",
    b"Remote_User: acme/root",
    b"X-Remote-User: acme/root",
    b"X-Forwarded-User: acme/root",
    b"Auth-Type: Bearer",
    b"Jwt_Middleware.Identity: root",
]


def _claimed(name: str, target: str, answer: Answer, *fields: bytes) -> WireRow:
    sent = Sending(request(target, *_IDENTITY_FIELDS[:3], *_IDENTITY_FIELDS[4:7], *fields), (Expected(answer, target),))
    return WireRow(name, (sent,), 1)


_FORGERIES: Final = (
    _claimed("claimed-identity", "/v1/things", NO_CREDENTIALS),
    _claimed("claimed-identity-on-public-path", "/healthz", ANONYMOUS),
    _claimed("claimed-identity-on-optional-path", "/feed", ANONYMOUS),
    _claimed("claimed-identity-with-good-token", "/v1/things", _IN, bearer(GOOD)),
    WireRow(
        "claimed-identity-with-odd-names",
        (Sending(request("/feed", *_IDENTITY_FIELDS), (Expected(ANONYMOUS, "/feed"),)),),
        0,
    ),
)


def _path(
    name: str, target: str, answer: Answer, path: str | None, *fields: bytes, is_plain: bool = False, **more: Any
) -> WireRow:
    method = more.get("method", "GET")
    return WireRow(name, (Sending(request(target, *fields, **more), (Expected(answer, path, method),)),), int(is_plain))


_LACKING: Final = lacking("admin")
_PREFLIGHT: Final = (b"Origin: https://app.example", b"Access-Control-Request-Method: POST")


def _unclean(name: str, target: str, path: str) -> WireRow:
    """Below what is public, but not in one way only: never public."""
    return _path(name, target, NO_CREDENTIALS, path)


def _demanding(name: str, target: str, path: str) -> WireRow:
    """In disguise, where a scope is demanded that the token lacks."""
    return _path(f"disguised-{name}", target, _LACKING, path, bearer(READER))


_PATHS: Final = (
    _path("public", "/healthz", ANONYMOUS, "/healthz", is_plain=True),
    _path("public-with-bad-token", "/healthz", ANONYMOUS, "/healthz", bearer(FORGED), is_plain=True),
    _path("public-with-query", "/healthz?x=/../y", ANONYMOUS, "/healthz", is_plain=True),
    _path("public-trailing-slash", "/healthz/", NO_CREDENTIALS, "/healthz/", is_plain=True),
    _path("public-in-other-case", "/HEALTHZ", NO_CREDENTIALS, "/HEALTHZ", is_plain=True),
    _path("public-below", "/static/a/b.css", ANONYMOUS, "/static/a/b.css", is_plain=True),
    _path("public-non-ascii", "/static/zo%C3%AB", ANONYMOUS, "/static/zoë", is_plain=True),
    _path("optional", "/feed", ANONYMOUS, "/feed", is_plain=True),
    _path("optional-with-token", "/feed", _IN, "/feed", bearer(GOOD), is_plain=True),
    _path("optional-with-bad-token", "/feed", SIGNATURE, "/feed", bearer(FORGED), is_plain=True),
    _path("scope-lacking", "/admin/x", _LACKING, "/admin/x", bearer(READER), is_plain=True),
    _path("scope-there", "/admin/x", reached(ADMIN), "/admin/x", bearer(ADMIN), is_plain=True),
    _path("scope-without-token", "/admin/x", NO_CREDENTIALS, "/admin/x", is_plain=True),
    _unclean("doubled-slash", "/static//x", "/static//x"),
    _unclean("doubled-slash-in-front", "//static/x", "//static/x"),
    _unclean("dot", "/static/./x", "/static/./x"),
    _unclean("dots", "/static/../v1/things", "/static/../v1/things"),
    _unclean("dots-behind", "/static/x/..", "/static/x/.."),
    _unclean("encoded-dots", "/static/%2e%2e/v1/things", "/static/../v1/things"),
    _unclean("encoded-dots-half", "/static/.%2E/v1/things", "/static/../v1/things"),
    _unclean("encoded-dots-and-slash", "/static/..%2fv1/things", "/static/../v1/things"),
    _unclean("encoded-backslash", "/static/%5cx", "/static/\\x"),
    _unclean("backslash", "/static/..\\v1", "/static/..\\v1"),
    _unclean("encoded-nul", "/static/x%00", "/static/x\0"),
    _unclean("encoded-line-feed", "/static/x%0a", "/static/x\n"),
    _unclean("encoded-c1-control", "/static/%C2%85", "/static/\x85"),
    _unclean("no-utf-8-encoded", "/static/%ff", "/static/\ufffd"),
    _unclean("twice-encoded-slash", "/static/x%252Fy", "/static/x%2Fy"),
    _unclean("twice-encoded-dots", "/static/%252e%252e/x", "/static/%2e%2e/x"),
    _unclean("percent-sign", "/static/100%25", "/static/100%"),
    _unclean("half-encoded", "/static/%zz", "/static/%zz"),
    _path("encoded-slash", "/static/x%2Fy", ANONYMOUS, "/static/x/y"),
    _path("encoded-letter", "/health%7A", ANONYMOUS, "/healthz"),
    _path("parameter", "/healthz;x", NO_CREDENTIALS, "/healthz;x"),
    _path("parameter-below", "/static/x;y=1", ANONYMOUS, "/static/x;y=1"),
    _path("fragment", "/healthz#x", NO_CREDENTIALS, "/healthz#x"),
    _path("encoded-question-mark", "/healthz%3Fx", NO_CREDENTIALS, "/healthz?x"),
    _path("absolute-form", "http://api.example/healthz", ANONYMOUS, "/healthz"),
    _path("absolute-form-closed", "http://api.example/v1/things", NO_CREDENTIALS, "/v1/things"),
    _path("absolute-form-of-another-host", "http://other.example/healthz", ANONYMOUS, "/healthz"),
    _path("absolute-form-without-path", "http://api.example?/healthz", NO_CREDENTIALS, None),
    _path("authority-form", "api.example:80", NO_CREDENTIALS, None),
    _path("asterisk-form", "*", NO_CREDENTIALS, None, method="OPTIONS"),
    _path("not-absolute", "healthz", NO_CREDENTIALS, None),
    _demanding("trailing-slash", "/admin/", "/admin/"),
    _demanding("doubled-slash", "/admin//x", "/admin//x"),
    _demanding("doubled-slash-in-front", "//admin/x", "//admin/x"),
    _demanding("tripled-slash-in-front", "///admin/x", "///admin/x"),
    _demanding("dot", "/./admin/x", "/./admin/x"),
    _demanding("dots", "/static/../admin/x", "/static/../admin/x"),
    _demanding("encoded-dots", "/static/%2e%2e/admin/x", "/static/../admin/x"),
    _demanding("encoded-slash", "/admin%2Fx", "/admin/x"),
    _demanding("encoded-backslash", "/admin%5cx", "/admin\\x"),
    _demanding("encoded-letter", "/%61dmin/x", "/admin/x"),
    _demanding("twice-encoded-letter", "/%2561dmin/x", "/%61dmin/x"),
    _demanding("nul", "/admin/%00", "/admin/\0"),
    _demanding("parameter", "/admin/x;y", "/admin/x;y"),
    _demanding("absolute-form", "http://api.example/admin/x", "/admin/x"),
)

_VERIFIED: Final = next(each.answer for each in verification.SECTION.rows if each.id == "get")

_METHODS: Final = (
    _path("head", "/v1/things", NO_CREDENTIALS, "/v1/things", method="HEAD", is_plain=True),
    _path("head-with-token", "/v1/things", _IN, "/v1/things", bearer(GOOD), method="HEAD", is_plain=True),
    _path("head-follows-get", "/catalogue", ANONYMOUS, "/catalogue", method="HEAD", is_plain=True),
    _path("get-where-get-is-public", "/catalogue", ANONYMOUS, "/catalogue", is_plain=True),
    _path("delete-where-get-is-public", "/catalogue", NO_CREDENTIALS, "/catalogue", method="DELETE", is_plain=True),
    _path(
        "post-lacks-scope",
        "/upload",
        _LACKING,
        "/upload",
        bearer(READER),
        b"Content-Length: 0",
        method="POST",
        is_plain=True,
    ),
    _path(
        "put-needs-no-scope",
        "/upload",
        reached(READER),
        "/upload",
        bearer(READER),
        b"Content-Length: 0",
        method="PUT",
        is_plain=True,
    ),
    _path("lower-case-get", "/catalogue", NO_CREDENTIALS, "/catalogue", method="get"),
    _path("lower-case-post", "/upload", _LACKING, "/upload", bearer(READER), b"Content-Length: 0", method="post"),
    _path("unknown-method", "/v1/things", NO_CREDENTIALS, "/v1/things", method="BREW"),
    _path("trace", "/v1/things", NO_CREDENTIALS, "/v1/things", method="TRACE"),
    _path("preflight", "/v1/things", ANONYMOUS, "/v1/things", *_PREFLIGHT, method="OPTIONS", is_plain=True),
    _path("options-without-origin", "/v1/things", NO_CREDENTIALS, "/v1/things", method="OPTIONS", is_plain=True),
    _path(
        "verify-wrong-method",
        "/v1/auth/verify",
        METHOD_NOT_ALLOWED,
        "/v1/auth/verify",
        b"Content-Length: 0",
        method="POST",
        is_plain=True,
    ),
    _path("verify-without-token", "/v1/auth/verify", NO_CREDENTIALS, "/v1/auth/verify", is_plain=True),
    _path("verify", "/v1/auth/verify", _VERIFIED, "/v1/auth/verify", bearer(GOOD), is_plain=True),
    _path("verify-head", "/v1/auth/verify", _VERIFIED, "/v1/auth/verify", bearer(GOOD), method="HEAD", is_plain=True),
    _path(
        "verify-scope",
        "/v1/auth/verify?scope=read%20admin",
        lacking("read", "admin"),
        "/v1/auth/verify",
        bearer(READER),
        is_plain=True,
    ),
    _path("http-1.0", "/v1/things", NO_CREDENTIALS, "/v1/things", version=b"HTTP/1.0", host=b"", is_plain=True),
    _path(
        "http-1.0-with-token",
        "/v1/things",
        _IN,
        "/v1/things",
        bearer(GOOD),
        version=b"HTTP/1.0",
        host=b"",
        is_plain=True,
    ),
    _path("http-1.1-without-host", "/v1/things", NO_CREDENTIALS, "/v1/things", host=b""),
    _path("host-that-names-a-path", "/v1/things", NO_CREDENTIALS, "/v1/things", host=b"Host: x/healthz?"),
    _path(
        "override",
        "/upload",
        _LACKING,
        "/upload",
        bearer(READER),
        b"X-HTTP-Method-Override: GET",
        b"Content-Length: 0",
        method="POST",
        is_plain=True,
    ),
    _path(
        "rewritten",
        "/v1/things",
        NO_CREDENTIALS,
        "/v1/things",
        b"X-Original-URL: /healthz",
        b"X-Rewrite-URL: /healthz",
        is_plain=True,
    ),
)

_MOUNTING: Final = ("SCRIPT_NAME", "Script-Name", "X-Script-Name", "X-Forwarded-Prefix", "Daphne-Root-Path")


def _mounted(name: str) -> Iterator[WireRow]:
    """A field by which a client moves the app elsewhere: to where a rule does not hold, or another one opens."""
    field = name.encode()
    row_id = f"mounted-by-{name.lower().replace('_', '-')}" + "-underscore" * ("_" in name)
    yield _path(f"{row_id}-lacking", "/admin/x", _LACKING, "/admin/x", bearer(READER), field + b": /admin")
    yield _path(f"{row_id}-anonymous", "/v1/healthz", NO_CREDENTIALS, "/v1/healthz", field + b": /v1")


_MOUNTS: Final = (
    *(row for name in _MOUNTING for row in _mounted(name)),
    _path("moved-by-path-info", "/v1/things", NO_CREDENTIALS, "/v1/things", b"PATH_INFO: /healthz"),
    _path("moved-by-request-method", "/catalogue", NO_CREDENTIALS, "/catalogue", b"REQUEST_METHOD: GET", method="PUT"),
)

_HIDDEN: Final = request("/static/smuggled", is_last=False)
"""A request inside a body: whoever answers it has lost count."""
_BIG: Final = (_HIDDEN * (1 << 21))[: 1 << 20]


def _posted(*fields: bytes, body: bytes = _HIDDEN, is_last: bool = False) -> bytes:
    length = f"Content-Length: {len(body)}".encode()
    return request("/v1/things", length, *fields, method="POST", body=body, is_last=is_last)


def _in_chunks(*fields: bytes, body: bytes = _HIDDEN, is_last: bool = False) -> bytes:
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    return request("/v1/things", b"Transfer-Encoding: chunked", *fields, method="POST", body=chunks, is_last=is_last)


_REFUSED: Final = Expected(NO_CREDENTIALS, "/v1/things")
_REFUSED_POST: Final = Expected(NO_CREDENTIALS, "/v1/things", "POST")
_LAST: Final = request("/feed", bearer(OF_GLOBEX))
_LAST_ANSWER: Final = Expected(reached(OF_GLOBEX, tenant="globex"), "/feed")


def _many(name: str, *sendings: tuple[bytes, tuple[Expected, ...]], certain: int = 1) -> WireRow:
    return WireRow(name, tuple(Sending(*each) for each in sendings), certain)


def _ambiguous(name: str, fields: Sequence[bytes], body: bytes, answer: Answer = NO_CREDENTIALS) -> WireRow:
    """What a server should refuse itself, or answer and then close."""
    octets = request("/v1/things", *fields, method="POST", body=body)
    return _many(name, (octets, (Expected(answer, "/v1/things", "POST"),)), certain=0)


_NO_CHUNK: Final = b"ADD /feed HTTP/1.1\r\nConnection: close\r\n\r\n"
"""It begins with hexadecimal digits, as the size of a chunk does, and is a request."""
_CHUNKED: Final = b"Transfer-Encoding: chunked"
_ENDING_WITH_GOOD: Final = b"1\r\nx\r\n0\r\n" + bearer(GOOD) + b"\r\n\r\n"

_CONNECTIONS: Final = (
    _many(
        "another-token-on-the-same-connection",
        (request("/feed", bearer(GOOD), is_last=False), (Expected(_IN, "/feed"),)),
        (request("/feed", bearer(OF_GLOBEX), is_last=False), (_LAST_ANSWER,)),
        (request("/feed", bearer(FORGED), is_last=False), (Expected(SIGNATURE, "/feed"),)),
        (request("/feed", is_last=False), (Expected(ANONYMOUS, "/feed"),)),
        (request("/v1/things", is_last=True), (_REFUSED,)),
    ),
    _many(
        "pipelined-after-a-refusal",
        (request(is_last=False) + _LAST, (_REFUSED, _LAST_ANSWER)),
    ),
    _many(
        "pipelined-identities",
        (
            request("/feed", bearer(GOOD), is_last=False)
            + request("/feed", is_last=False)
            + request("/feed", bearer(FORGED), is_last=False)
            + _LAST,
            (Expected(_IN, "/feed"), Expected(ANONYMOUS, "/feed"), Expected(SIGNATURE, "/feed"), _LAST_ANSWER),
        ),
    ),
    _many(
        "pipelined-after-head",
        (request(method="HEAD", is_last=False) + _LAST, (_REFUSED._replace(method="HEAD"), _LAST_ANSWER)),
    ),
    _many("refused-with-body", (_posted(is_last=True), (_REFUSED_POST,))),
    _many("refused-with-body-then-another", (_posted() + _LAST, (_REFUSED_POST, _LAST_ANSWER))),
    _many("refused-with-body-then-another-later", (_posted(), (_REFUSED_POST,)), (_LAST, (_LAST_ANSWER,))),
    _many("refused-with-chunked-body", (_in_chunks(is_last=True), (_REFUSED_POST,))),
    _many("refused-with-chunked-body-then-another", (_in_chunks() + _LAST, (_REFUSED_POST, _LAST_ANSWER))),
    _many("refused-with-big-body", (_posted(body=_BIG, is_last=True), (_REFUSED_POST,))),
    _many("refused-with-big-body-then-another", (_posted(body=_BIG) + _LAST, (_REFUSED_POST, _LAST_ANSWER))),
    _many("refused-with-big-chunked-body-then-another", (_in_chunks(body=_BIG) + _LAST, (_REFUSED_POST, _LAST_ANSWER))),
    _many(
        "accepted-with-body-then-another",
        (_posted(bearer(GOOD)) + _LAST, (Expected(_IN, "/v1/things", "POST"), _LAST_ANSWER)),
    ),
    _many(
        "accepted-with-chunked-body-then-another",
        (_in_chunks(bearer(GOOD)) + _LAST, (Expected(_IN, "/v1/things", "POST"), _LAST_ANSWER)),
    ),
    _many(
        "get-with-body-refused-then-another",
        (
            request("/v1/things", b"Content-Length: %d" % len(_HIDDEN), body=_HIDDEN, is_last=False) + _LAST,
            (_REFUSED, _LAST_ANSWER),
        ),
    ),
    _ambiguous("two-lengths", [b"Content-Length: 0", b"Content-Length: %d" % len(_HIDDEN)], _HIDDEN),
    _ambiguous("length-and-chunks", [b"Content-Length: 5", _CHUNKED], b"0\r\n\r\n" + _HIDDEN),
    _ambiguous("authorization-in-a-trailer", [_CHUNKED], _ENDING_WITH_GOOD),
    _ambiguous("authorization-in-a-trailer-too", [_CHUNKED, bearer(FORGED)], _ENDING_WITH_GOOD, SIGNATURE),
    _many(
        "chunk-size-that-looks-like-a-request",
        (
            request("/v1/things", _CHUNKED, method="POST", body=_NO_CHUNK, is_last=False) + _LAST,
            (_REFUSED_POST, _LAST_ANSWER),
        ),
        certain=0,
    ),
    _many("expects-continue", (_posted(b"Expect: 100-continue", is_last=True), (_REFUSED_POST,))),
)

ROWS: Final[tuple[WireRow, ...]] = (
    *_CREDENTIALS,
    *_DOUBLED,
    *_NAMES,
    *_FOLDED,
    *_OCTETS,
    *_FORGERIES,
    *_PATHS,
    *_METHODS,
    *_MOUNTS,
    *_CONNECTIONS,
)
