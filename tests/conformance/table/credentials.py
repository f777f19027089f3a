"""Step 1: the Authorization field."""

from __future__ import annotations

from ..answers import MALFORMED, MALFORMED_CREDENTIALS, NO_CREDENTIALS, TOO_LONG
from ..row import Request, Row, Section, bearing, reached, sending
from ..tokens import GOOD, token

_TOKEN = GOOD.encode()
_IN = reached(GOOD)
_KILOBYTES_64 = b"a" * 65_536


def _elsewhere(*fields: tuple[str, bytes], query: str = "") -> Request:
    return Request(fields=fields, query=query)


SECTION = Section(
    "credentials",
    (
        Row("the-guides-request", bearing(GOOD, method="POST", path="/v1/events"), _IN),
        Row("no-field", Request(), NO_CREDENTIALS),
        Row("empty", sending(b""), NO_CREDENTIALS),
        Row("blanks-only", sending(b" \t "), NO_CREDENTIALS),
        Row("another-scheme", sending(b"Basic dXNlcjpwYXNz"), NO_CREDENTIALS),
        Row("token-under-another-scheme", sending(b"JWT " + _TOKEN), NO_CREDENTIALS),
        Row("token-without-scheme", sending(_TOKEN), NO_CREDENTIALS),
        Row("scheme-grown-together-with-token", sending(b"Bearer" + _TOKEN), NO_CREDENTIALS),
        Row("scheme-with-colon", sending(b"Bearer: " + _TOKEN), NO_CREDENTIALS),
        Row("lower-case-scheme", sending(b"bearer " + _TOKEN), _IN),
        Row("upper-case-scheme", sending(b"BEARER " + _TOKEN), _IN),
        Row("several-blanks", sending(b"Bearer    " + _TOKEN), _IN),
        Row("blanks-around", sending(b" \t Bearer " + _TOKEN + b"\t "), _IN),
        Row("tab-after-scheme", sending(b"Bearer\t" + _TOKEN), NO_CREDENTIALS),
        Row("no-break-space-after-scheme", sending(b"Bearer\xa0" + _TOKEN), NO_CREDENTIALS),
        Row("tab-before-token", sending(b"Bearer \t" + _TOKEN), MALFORMED),
        Row("no-break-space-after-token", sending(b"Bearer " + _TOKEN + b"\xa0"), MALFORMED),
        Row("line-separator-after-token", sending(b"Bearer " + _TOKEN + b"\xe2\x80\xa8"), MALFORMED),
        Row("scheme-only", sending(b"Bearer"), MALFORMED_CREDENTIALS),
        Row("scheme-and-blank", sending(b"Bearer "), MALFORMED_CREDENTIALS),
        Row("two-tokens", sending(b"Bearer " + _TOKEN + b" " + _TOKEN), MALFORMED_CREDENTIALS),
        Row("something-after-token", sending(b"Bearer " + _TOKEN + b" realm=x"), MALFORMED_CREDENTIALS),
        Row("comma-after-token", sending(b"Bearer " + _TOKEN + b","), MALFORMED_CREDENTIALS),
        Row("scheme-twice", sending(b"Bearer Bearer " + _TOKEN), MALFORMED_CREDENTIALS),
        Row("quoted-token", sending(b'Bearer "' + _TOKEN + b'"'), MALFORMED),
        Row("token-as-parameter", sending(b"Bearer token=" + _TOKEN), MALFORMED),
        Row("field-twice", sending(b"Bearer " + _TOKEN, b"Bearer " + _TOKEN), MALFORMED_CREDENTIALS),
        Row("field-twice-other-scheme-second", sending(b"Bearer " + _TOKEN, b"Basic x"), MALFORMED_CREDENTIALS),
        Row("field-twice-other-scheme-first", sending(b"Basic x", b"Bearer " + _TOKEN), NO_CREDENTIALS),
        Row("field-twice-empty-second", sending(b"Bearer " + _TOKEN, b""), MALFORMED_CREDENTIALS),
        Row("field-twice-empty-first", sending(b"", b"Bearer " + _TOKEN), NO_CREDENTIALS),
        Row("folded-after-scheme", sending(b"Bearer\r\n " + _TOKEN), NO_CREDENTIALS),
        Row("folded-before-token", sending(b"Bearer \r\n " + _TOKEN), MALFORMED_CREDENTIALS),
        Row("folded-after-token", sending(b"Bearer " + _TOKEN + b"\r\n x"), MALFORMED_CREDENTIALS),
        Row("line-feed-after-token", sending(b"Bearer " + _TOKEN + b"\n"), MALFORMED),
        Row("nul-after-token", sending(b"Bearer " + _TOKEN + b"\0"), MALFORMED),
        Row("non-ascii-token", sending("Bearer tökén".encode()), MALFORMED),
        Row("no-utf-8-token", sending(b"Bearer \xff\xfe\x80"), MALFORMED),
        Row("non-ascii-scheme", sending("Bëarer x".encode()), NO_CREDENTIALS),
        Row("no-utf-8-at-all", sending(b"\xff\xfe\x80"), NO_CREDENTIALS),
        Row("full-width-scheme", sending("\uff22earer ".encode() + _TOKEN), NO_CREDENTIALS),
        Row("64-kilobytes-of-token", sending(b"Bearer " + _KILOBYTES_64), TOO_LONG),
        Row("64-kilobytes-of-non-ascii", sending(b"Bearer " + b"\xff" * 65_536), TOO_LONG),
        Row("64-kilobytes-of-dots", sending(b"Bearer " + b"." * 65_536), TOO_LONG),
        Row("64-kilobytes-of-blanks", sending(b"Bearer" + b" " * 65_536), MALFORMED_CREDENTIALS),
        Row("64-kilobytes-of-blanks-before-token", sending(b"Bearer" + b" " * 65_536 + _TOKEN), _IN),
        Row("64-kilobytes-of-another-scheme", sending(b"Basic " + _KILOBYTES_64), NO_CREDENTIALS),
        Row("64-kilobytes-without-blank", sending(_KILOBYTES_64), NO_CREDENTIALS),
        Row("as-long-as-allowed", bearing(GOOD), _IN, {"max_token_bytes": len(GOOD)}),
        Row("one-byte-too-long", bearing(GOOD), TOO_LONG, {"max_token_bytes": len(GOOD) - 1}),
        Row("just-below-8-kilobytes", bearing(token(x="y" * 5800)), reached(token(x="y" * 5800))),
        Row("just-above-8-kilobytes", bearing(token(x="y" * 6000)), TOO_LONG),
        Row("in-the-query", _elsewhere(query=f"access_token={GOOD}"), NO_CREDENTIALS),
        Row("in-a-cookie", _elsewhere(("cookie", b"access_token=" + _TOKEN)), NO_CREDENTIALS),
        Row("in-x-authorization", _elsewhere(("x-authorization", b"Bearer " + _TOKEN)), NO_CREDENTIALS),
        Row("in-proxy-authorization", _elsewhere(("proxy-authorization", b"Bearer " + _TOKEN)), NO_CREDENTIALS),
        Row("in-a-subprotocol", _elsewhere(("sec-websocket-protocol", b"bearer, " + _TOKEN)), NO_CREDENTIALS),
    ),
)
