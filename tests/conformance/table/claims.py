"""Steps 8 to 12: required claims, types, times, application and scopes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from ..answers import (
    AMBIGUOUS_APPLICATION,
    EXPIRED,
    SENDER_CONSTRAINED,
    SUSPENDED_APPLICATION,
    UNKNOWN_APPLICATION,
    milliseconds,
    missing,
    not_yet,
    too_long_lived,
    wrong,
)
from ..row import Answer, Row, Section, bearing, reached
from ..tenants import of_umbrella
from ..tokens import ABSENT, NOW, token

_DAY: Final = 86_400
_Values: TypeAlias = Mapping[str, Any]
_NONE: Final[_Values] = {}


def _says(name: str, answer: Answer, settings: _Values = _NONE, /, **claims: Any) -> Row:
    return Row(name, bearing(token(**claims)), answer, settings)


def _passes(name: str, seen: _Values = _NONE, settings: _Values = _NONE, /, **claims: Any) -> Row:
    return Row(name, bearing(token(**claims)), reached(token(**claims), **seen), settings)


def _scoped(name: str, scope: Any, *granted: str, **claims: Any) -> Row:
    return _passes(f"scope-{name}", {"scopes": [*granted]}, scope=scope, **claims)


_PRESENCE = (
    *(_says(f"{name}-absent", missing(name), **{name: ABSENT}) for name in ("sub", "aud", "iat", "exp")),
    *(_says(f"{name}-null", missing(name), **{name: None}) for name in ("sub", "aud", "iat", "exp")),
    _says("all-absent", missing("sub"), sub=ABSENT, aud=ABSENT, iat=ABSENT, exp=ABSENT),
    _says("missing-before-wrong", missing("exp"), sub=1, exp=ABSENT),
    _says("missing-before-expired", missing("sub"), sub=None, exp=NOW - 1),
    _says("more-required-absent", missing("jti"), {"required_claims": ["jti"]}),
    _says("more-required-null", missing("plan"), {"required_claims": ["plan"]}, plan=None),
    _passes("more-required-present", {}, {"required_claims": ["jti", "plan"]}, jti="t-1", plan=""),
)

_TYPES = (
    *(
        _says(f"sub-{name}", wrong("sub"), sub=value)
        for name, value in {
            "empty": "",
            "number": 1,
            "boolean": True,
            "list": ["user_123"],
            "object": {"id": 1},
            "with-line-feed": "user\n",
            "with-nul": "\0",
            "with-c1-control": "user\x80",
        }.items()
    ),
    *(
        _says(f"aud-{name}", wrong("aud"), aud=value)
        for name, value in {
            "empty": "",
            "number": 1,
            "boolean": False,
            "object": {"shop": 1},
            "empty-list": [],
            "list-with-empty": ["shop", ""],
            "list-with-number": ["shop", 1],
            "list-with-null": ["shop", None],
            "list-of-lists": [["shop"]],
        }.items()
    ),
    *(
        _says(f"{claim}-{name}", wrong(claim), **{claim: value})
        for claim in ("iat", "exp", "nbf")
        for name, value in {
            "text": str(NOW),
            "boolean": True,
            "list": [NOW],
            "negative": -1,
            "slightly-negative": -0.5,
            "enormous": 10**30,
            "enormous-float": 1e300,
        }.items()
    ),
    *(_says(f"{claim}-in-milliseconds", milliseconds(claim), **{claim: NOW * 1000}) for claim in ("iat", "exp", "nbf")),
    *(
        _says(f"{claim}-in-milliseconds-with-a-fraction", milliseconds(claim), **{claim: NOW * 1000 + 0.5})
        for claim in ("iat", "exp", "nbf")
    ),
    _says("iat-just-too-large", milliseconds("iat"), iat=10**11),
    _says("nbf-null", wrong("nbf"), nbf=None),
    *(
        _says(f"jti-{name}", wrong("jti"), jti=value)
        for name, value in {"empty": "", "number": 7, "null": None, "list": ["t"], "with-line-feed": "t\n"}.items()
    ),
    *(
        _says(f"scope-{name}", wrong("scope"), scope=value)
        for name, value in {
            "number": 1,
            "boolean": True,
            "object": {"read": True},
            "list-with-empty": ["read", ""],
            "list-with-blank": ["read write"],
            "list-with-number": ["read", 1],
            "list-with-null": [None],
            "list-of-lists": [["read"]],
            "with-tab": "read\twrite",
            "with-line-feed": "read\nwrite",
            "list-with-c1-control": ["read\x85"],
        }.items()
    ),
    _says("cnf", SENDER_CONSTRAINED, cnf={"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}),
    _says("cnf-empty", SENDER_CONSTRAINED, cnf={}),
    _passes("cnf-null", cnf=None),
    _passes("jti", jti="t-1"),
    _passes("fractions", iat=NOW - 60.5, exp=NOW + 60.25, nbf=NOW - 0.75),
    _passes("sub-with-blanks", sub="  user 123 "),
    _passes("other-claims", email="a@b.example", nested={"plan": ["gold", None, 1.5]}),
)

_TIMES = (
    _says("expired-now", EXPIRED, exp=NOW),
    _says("expired-long-ago", EXPIRED, iat=0, exp=1),
    _passes("expires-in-a-moment", exp=NOW + 0.5),
    _passes("expired-within-leeway", {}, {"expiry_leeway": 10}, exp=NOW - 9),
    _says("expired-beyond-leeway", EXPIRED, {"expiry_leeway": 10}, exp=NOW - 10),
    _says("start-leeway-does-not-help-the-expired", EXPIRED, {"start_leeway": 600}, exp=NOW - 1),
    _passes("iat-within-leeway", iat=NOW + 60),
    _says("iat-beyond-leeway", not_yet("iat"), iat=NOW + 61),
    _passes("nbf-within-leeway", nbf=NOW + 60),
    _says("nbf-beyond-leeway", not_yet("nbf"), nbf=NOW + 61),
    _says("iat-without-leeway", not_yet("iat"), {"start_leeway": 0}, iat=NOW + 1),
    _passes("iat-now-without-leeway", {}, {"start_leeway": 0}, iat=NOW),
    _says("iat-before-nbf", not_yet("iat"), iat=NOW + 61, nbf=NOW + 61),
    _says("expired-before-not-yet-valid", EXPIRED, nbf=NOW + 61, exp=NOW),
    _passes("lives-a-day", iat=NOW, exp=NOW + _DAY),
    _passes("lives-a-day-and-the-leeway", iat=NOW, exp=NOW + _DAY + 60),
    _says("lives-too-long", too_long_lived("24 hours"), iat=NOW, exp=NOW + _DAY + 61),
    _says("issued-at-the-epoch", too_long_lived("24 hours"), iat=0),
    _says("lives-longer-than-an-hour", too_long_lived("1 hour"), {"max_lifetime": 3600}, iat=NOW, exp=NOW + 3661),
    _says("lives-longer-than-minutes", too_long_lived("5 minutes"), {"max_lifetime": 300}),
    _says("lives-longer-than-seconds", too_long_lived("90 seconds"), {"max_lifetime": 90}),
    _passes("lives-as-long-as-it-likes", {}, {"max_lifetime": None}, iat=0, exp=10**11 - 1),
    Row(
        "lives-longer-than-its-tenant-allows",
        bearing(of_umbrella(exp=NOW + 601)),
        too_long_lived("10 minutes"),
    ),
)

_APPLICATION = (
    _says("aud-unknown", UNKNOWN_APPLICATION, aud="crm"),
    _says("aud-in-other-case", UNKNOWN_APPLICATION, aud="Shop"),
    _says("aud-with-blank", UNKNOWN_APPLICATION, aud="shop "),
    _says("aud-list-of-unknown", UNKNOWN_APPLICATION, aud=["crm", "https://api.example"]),
    _says("aud-suspended", SUSPENDED_APPLICATION, aud="closed"),
    _says("aud-list-with-suspended", SUSPENDED_APPLICATION, aud=["closed", "crm"]),
    _says("aud-list-with-two", AMBIGUOUS_APPLICATION, aud=["shop", "blog"]),
    _passes("aud-list-with-one", {"application": "shop"}, aud=["shop"]),
    _passes("aud-list-with-one-known", {"application": "shop"}, aud=["https://api.example", "shop"]),
    _passes("aud-list-with-one-twice", {"application": "shop"}, aud=["shop", "shop"]),
    _passes("aud-list-with-one-active", {"application": "shop"}, aud=["closed", "shop"]),
)

_SCOPES = (
    _scoped("absent", ABSENT),
    _scoped("null", None),
    _scoped("empty", ""),
    _scoped("empty-list", []),
    _scoped("blanks", "  "),
    _scoped("text", "write read", "read", "write"),
    _scoped("text-with-blanks", "  read   write ", "read", "write"),
    _scoped("text-with-no-break-space", "read\xa0write", "read\xa0write"),
    _scoped("twice", ["read", "read"], "read"),
    _scoped("non-ascii", ["read", "löschen"], "löschen", "read"),
    _scoped("above-the-ceiling", ["read", "write"], "read", aud="kiosk"),
    _scoped("none-below-the-ceiling", ["write"], aud="kiosk"),
)

_ORDER = (
    _says("wrong-scope-before-expired", wrong("scope"), scope=1, exp=NOW),
    _says("wrong-nbf-before-expired", wrong("nbf"), nbf="x", exp=NOW),
    _says("cnf-before-expired", SENDER_CONSTRAINED, cnf={}, exp=NOW),
    _says("expired-before-unknown-application", EXPIRED, aud="crm", exp=NOW),
    _says("not-yet-valid-before-unknown-application", not_yet("nbf"), aud="crm", nbf=NOW + 61),
    _says("lives-too-long-before-suspended-application", too_long_lived("24 hours"), aud="closed", iat=0),
)

SECTION = Section("claims", (*_PRESENCE, *_TYPES, *_TIMES, *_APPLICATION, *_SCOPES, *_ORDER))
