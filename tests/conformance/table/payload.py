"""Step 3: the payload is one JSON object, and names its issuer."""

from __future__ import annotations

from ..answers import EXPIRED, MALFORMED, missing, wrong
from ..row import Row, Section, bearing, reached
from ..tokens import ABSENT, GOOD, NOW, paying, spliced, token

_HEADER, _PAYLOAD, _SIGNATURE = GOOD.split(".")


def _passes(name: str, text: str, **seen: object) -> Row:
    return Row(name, bearing(text), reached(text, **seen))


def _splice(name: str, literal: bytes) -> Row:
    return Row(name, bearing(paying(spliced(literal))), MALFORMED)


_TWINS = paying(spliced(b'"sub":"first","sub":"last"'))

SECTION = Section(
    "payload",
    (
        Row("empty", bearing(paying(b"")), MALFORMED),
        Row("array", bearing(paying(b"[]")), MALFORMED),
        Row("array-of-claims", bearing(paying(b"[" + spliced(b'"x":1') + b"]")), MALFORMED),
        Row("text", bearing(paying(b'"acme"')), MALFORMED),
        Row("number", bearing(paying(b"1")), MALFORMED),
        Row("null", bearing(paying(b"null")), MALFORMED),
        Row("blank", bearing(paying(b" ")), MALFORMED),
        Row("cut-off", bearing(paying(spliced(b'"x":1')[:-1])), MALFORMED),
        Row("junk-behind", bearing(paying(spliced(b'"x":1') + b"{}")), MALFORMED),
        Row("nul-behind", bearing(paying(spliced(b'"x":1') + b"\0")), MALFORMED),
        Row("byte-order-mark", bearing(paying(b"\xef\xbb\xbf" + spliced(b'"x":1'))), MALFORMED),
        Row("utf-16", bearing(paying(spliced(b'"x":1').decode().encode("utf-16-le"))), MALFORMED),
        _splice("single-quotes", b"'x':1"),
        _splice("comment", b'"x":1/* */'),
        _splice("trailing-comma", b'"x":1,'),
        _splice("nan", b'"x":NaN'),
        _splice("nan-as-exp", b'"exp":NaN'),
        _splice("infinity", b'"x":Infinity'),
        _splice("minus-infinity", b'"x":-Infinity'),
        _splice("infinity-by-exponent", b'"x":1e400'),
        _splice("number-with-leading-zero", b'"x":01'),
        _splice("number-of-5000-digits", b'"x":1' + b"0" * 5000),
        _splice("bad-utf-8", b'"x":"\xff"'),
        _splice("bad-utf-8-in-sub", b'"sub":"\xc3\x28"'),
        _splice("bad-utf-8-in-a-name", b'"\xff":1'),
        _splice("overlong-utf-8", b'"x":"\xc0\xaf"'),
        _splice("surrogate-in-utf-8", b'"x":"\xed\xa0\x80"'),
        _splice("lone-surrogate", b'"x":"\\ud800"'),
        _splice("lone-surrogate-in-sub", b'"sub":"\\udc00"'),
        _splice("control-character", b'"x":"\n"'),
        _splice("bad-escape", b'"x":"\\q"'),
        _splice("nested-deeply", b'"x":' + b"[" * 2500 + b"]" * 2500),
        _splice("nested-deeply-and-open", b'"x":' + b"[" * 5000),
        _splice("nested-deeply-in-objects", b'"x":' + b'{"x":' * 800 + b"1" + b"}" * 800),
        Row("padding-inside", bearing(f"{_HEADER}={GOOD.removeprefix(_HEADER)}"), MALFORMED),
        Row("line-feed-inside", bearing(f"{_HEADER}.{_PAYLOAD}\n.{_SIGNATURE}"), MALFORMED),
        _passes("nested-a-little", token(x=[[[[{"y": [[[]]]}]]]])),
        _passes("last-twin-counts", _TWINS, subject="last", user="acme/last"),
        _passes("last-twin-counts-when-escaped", paying(spliced(b'"\\u0073ub":"last"'))),
        Row("last-twin-counts-for-exp", bearing(paying(spliced(b'"exp":' + str(NOW).encode()))), EXPIRED),
        Row("last-twin-counts-for-iss", bearing(paying(spliced(b'"iss":null'))), missing("iss")),
        _passes("white-space", paying(b" \t\r\n" + spliced(b'"x" :\n1') + b"\n")),
        _passes("non-ascii", token(sub="Zoë 漢字 \U0001f600")),
        Row("iss-absent", bearing(token(iss=ABSENT)), missing("iss")),
        Row("iss-null", bearing(token(iss=None)), missing("iss")),
        Row("iss-absent-and-badly-signed", bearing(token(b"x" * 32, iss=ABSENT)), missing("iss")),
        Row("iss-empty", bearing(token(iss="")), wrong("iss")),
        Row("iss-number", bearing(token(iss=1)), wrong("iss")),
        Row("iss-boolean", bearing(token(iss=True)), wrong("iss")),
        Row("iss-list", bearing(token(iss=["acme"])), wrong("iss")),
        Row("iss-object", bearing(token(iss={"acme": 1})), wrong("iss")),
        Row("iss-too-long", bearing(token(iss="i" * 257)), wrong("iss")),
        Row("iss-with-nul", bearing(token(iss="acme\0")), wrong("iss")),
        Row("iss-with-c1-control", bearing(token(iss="acme\x9f")), wrong("iss")),
    ),
)
