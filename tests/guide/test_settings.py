"""The guide is true: what a provider sets, it says; and it says nothing of what does not concern tenants."""

from __future__ import annotations

import time
from typing import Any

import pytest

from jwt_middleware import Identity, InvalidToken, JWTSettings, Key, MemoryRevocations, Rule, Tenant, TokenExpired
from jwt_middleware.errors import AuthenticationError, LifetimeTooLong
from jwt_middleware.guide.facts import in_words
from jwt_middleware.loading import SETTING_NAMES
from jwt_middleware.responses import error_members, refusal_answer

from .reading import guide


def refuse(identity: Identity) -> None:
    raise InvalidToken("no")


def problem(refusal: AuthenticationError, members: Any) -> tuple[str, bytes]:
    return "application/problem+json", b'{"title":"' + refusal.description.encode() + b'"}'


SAID: dict[str, list[tuple[Any, str]]] = {
    "algorithms": [
        (["HS384"], "The algorithm: HS384."),
        (["HS512", "HS256"], "the one that the secret was given to you for: HS512 or HS256, and usually HS256."),
        (["HS512", "HS384"], "the one that the secret was given to you for: HS512 or HS384."),
        (["RS256", "EdDSA"], "one of RS256 or EdDSA; here it is RS256."),
    ],
    "required_claims": [(["email"], "emailyesThis API asks for it"), (["jti"], "jtiyesToken id")],
    "expiry_leeway": [(90, "a token is accepted until 1 minute 30 seconds after exp")],
    "start_leeway": [(0, "may not be ahead of the API's clock at all"), (5, "may be up to 5 seconds ahead")],
    "max_lifetime": [
        (5400, "Lifetime, exp less iat: 1 hour 30 minutes at most."),
        (300, "prints a token that is good for 5 minutes"),
        (None, "no limit for all, though your account may have one"),
    ],
    "max_token_bytes": [(4096, "4096 bytes for the whole token")],
    "token_types": [(["at+jwt"], "typnoat+jwt, or nothing at all."), ([], "Leave it out.")],
    "realm": [("shop", 'WWW-Authenticate: Bearer realm="shop", error="invalid_token"')],
    "rules": [
        ([Rule("/v1/events", methods=["POST", "PUT"], scopes=["write"])], "POST or PUT /v1/eventswrite"),
        ([Rule("/v1/*", scopes=["a", "b"])], "any method /v1/*a and b"),
    ],
    "verify_path": [("/check", "GET /check changes nothing")],
    "require_https": [
        (True, "Over https only: a token that comes over plain http is refused."),
        (True, "Bearer tokens are accepted over https only."),
    ],
    "error_uri": [("https://docs.example/x", "the address where this is documented: https://docs.example/x.")],
    "render_error": [(problem, "The body is in this API's own form.")],
    "validators": [([refuse], "The access token was refused by a rule of this API.")],
    "revocations": [
        (MemoryRevocations(), "The access token was revoked."),
        ("memory:", "Give every token a jti of its own"),
    ],
    "websocket_subprotocol": [(True, 'new WebSocket(address, ["bearer", token])')],
}
"""What each setting makes the guide say, which it does not say otherwise."""

NO_CONCERN: dict[str, Any] = {
    "tenants": [Tenant("acme", keys=[Key.secret("x" * 32)], applications=["shop"])],
    "public": ["/healthz"],
    "optional": ["/menu"],
    "pass_preflight": False,
    "store_timeout": 1,
    "max_verified_tokens": 0,
    "recheck_interval": 1,
    "max_logged_refusals": 1,
    "observers": [],
    "clock": time.time,
}


@pytest.mark.parametrize(
    ("name", "value", "said"), [(name, *pair) for name, pairs in SAID.items() for pair in pairs], ids=str
)
def test_what_is_set_is_said(name: str, value: Any, said: str) -> None:
    changed, default = guide(JWTSettings([], **{name: value})), guide()
    assert said in changed.text
    assert said not in default.text
    assert changed.prose != default.prose


@pytest.mark.parametrize(("name", "value"), NO_CONCERN.items(), ids=str)
def test_what_does_not_concern_tenants_is_not_said(name: str, value: Any) -> None:
    assert guide(JWTSettings(**{"tenants": [], name: value})) == guide()


def test_every_setting_is_one_or_the_other() -> None:
    assert sorted([*SAID, *NO_CONCERN]) == sorted(SETTING_NAMES)


def test_the_defaults_are_said() -> None:
    text = guide().text
    for said in ("24 hours at most", "1 minute ahead", "8192 bytes", "JWT or at+jwt, or nothing", "to the second"):
        assert said in text


def test_where_no_secret_can_sign_there_is_no_word_of_one() -> None:
    made = guide(JWTSettings([], algorithms=["ES256"]))
    assert "API_SECRET" not in made.markdown
    titles = [text for _, text in made.headings]
    assert "Make a token" not in titles
    assert "Refresh your secret" not in titles
    assert "Make a token with a key pair" in titles


def test_where_no_key_pair_can_sign_there_is_no_word_of_one() -> None:
    made = guide(JWTSettings([], algorithms=["HS256"]))
    assert "private" not in made.markdown
    assert "key pair" not in made.markdown


def test_without_a_verify_endpoint_there_is_no_word_of_one() -> None:
    made = guide(JWTSettings([], verify_path=None))
    assert "verify" not in made.prose.replace("could not be verified", "")
    assert "Test your token" not in [text for _, text in made.headings]


def test_the_example_of_an_answer_is_the_answer() -> None:
    settings = JWTSettings([], realm="shop", error_uri="https://docs.example/x")
    answer = guide(settings).program("http")
    head, _, body = answer.partition("\n\n")
    sent = refusal_answer(TokenExpired(), settings)
    assert head.startswith("HTTP/1.1 401 Unauthorized\n")
    fields = dict(line.split(": ", 1) for line in head.splitlines()[1:])
    expected = {name: value for name, value in sent.headers if name != "content-length"}
    assert {name.lower(): value for name, value in fields.items()} == expected
    assert body.replace("\n", "").replace("  ", "").replace('": ', '":') == sent.body.decode()


def test_the_example_is_in_the_providers_own_form_where_it_has_one() -> None:
    answer = guide(JWTSettings([], render_error=problem)).program("http")
    assert "Content-Type: application/problem+json" in answer
    assert '"title": "The access token expired"' in answer


@pytest.mark.parametrize("body", [b"\xff\x00<oops>", b"<error/>", b"", b'"\xff"'])
def test_whatever_that_form_is(body: bytes) -> None:
    made = guide(JWTSettings([], render_error=lambda refusal, members: ("text/plain", body)))
    assert "Content-Type: text/plain" in made.program("http")


def test_the_address_in_an_answer_is_the_one_in_the_guide() -> None:
    settings = JWTSettings([], error_uri="https://docs.example/guide")
    sent = error_members(TokenExpired(), settings.error_uri)["error_uri"]
    assert sent in [address for _, address in guide(settings).links]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (0.25, "0.25 seconds"),
        (60, "1 minute"),
        (3600, "1 hour"),
        (86_400, "24 hours"),
        (90_061, "25 hours 1 minute 1 second"),
    ],
)
def test_durations_are_exact(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


@pytest.mark.parametrize("limit", [86_400, 3600, 600, 45, 604_800])
def test_the_limit_is_said_as_the_answer_says_it(limit: int) -> None:
    assert LifetimeTooLong(limit).description.endswith(in_words(limit))
