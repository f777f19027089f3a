"""The operator's log: precise, escaped, bounded, and without anything that is secret."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from jwt_middleware.errors import (
    AuthenticationError,
    InvalidClaim,
    InvalidSignature,
    NoCredentials,
    TokenExpired,
)
from jwt_middleware.log import MAX_HINTED_PATHS, RefusalLog, report_policy

from .calling import WSGIDoor
from .making import OTHER_SECRET, SECRET, Clock, fingerprint, settings, token

PLENTY = 10_000


@pytest.fixture(autouse=True)
def all_levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


def refused(kind: Callable[..., AuthenticationError] = TokenExpired, **known: Any) -> AuthenticationError:
    refusal = kind()
    for name, value in known.items():
        setattr(refusal, name, value)
    return refusal


def written(refusal: AuthenticationError, *request: Any, caplog: pytest.LogCaptureFixture) -> logging.LogRecord:
    """The one record of one refusal."""
    RefusalLog(PLENTY).write(refusal, *request)
    [record] = caplog.records
    return record


def test_a_refusal_is_one_warning_with_everything_in_the_message(caplog: pytest.LogCaptureFixture) -> None:
    refusal = refused(tenant_id="acme", application_id="shop", key_id="k1")
    record = written(refusal, "GET", "/v1/events", "a.b.c", caplog=caplog)
    assert (record.name, record.levelno) == ("jwt_middleware", logging.WARNING)
    assert record.getMessage() == (
        "refused 401 token_expired (token_expired claim=exp): GET /v1/events "
        f"tenant=acme application=shop kid=k1 fingerprint={fingerprint('a.b.c')}"
    )


def test_a_refusal_has_the_same_as_fields(caplog: pytest.LogCaptureFixture) -> None:
    refusal = refused(tenant_id="acme", application_id="shop", key_id="k1")
    fields = vars(written(refusal, "GET", "/v1/events", "a.b.c", caplog=caplog))
    names = ("reason", "method", "path", "tenant", "application", "kid", "fingerprint")
    assert {name: fields[name] for name in names} == {
        "reason": "token_expired",
        "method": "GET",
        "path": "/v1/events",
        "tenant": "acme",
        "application": "shop",
        "kid": "k1",
        "fingerprint": fingerprint("a.b.c"),
    }


def test_what_is_not_known_is_left_out_of_the_message(caplog: pytest.LogCaptureFixture) -> None:
    record = written(InvalidSignature("unknown_issuer"), "GET", "/a", None, caplog=caplog)
    assert record.getMessage() == "refused 401 invalid_signature (unknown_issuer): GET /a"
    assert vars(record)["tenant"] is None
    assert vars(record)["fingerprint"] is None


def test_a_token_is_named_by_its_fingerprint_and_nothing_of_it_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    text = token()
    record = written(refused(), "GET", "/a", text, caplog=caplog)
    assert vars(record)["fingerprint"] == fingerprint(text)
    assert not any(part in record.getMessage() for part in text.split("."))


@pytest.mark.parametrize("text", ["", "no dots", "ü.ü.ü", "\ud800.x"], ids=ascii)
def test_anything_in_the_place_of_a_token_has_a_fingerprint(text: str, caplog: pytest.LogCaptureFixture) -> None:
    assert len(vars(written(refused(), "GET", "/a", text, caplog=caplog))["fingerprint"]) == 64


@pytest.mark.parametrize(
    ("place", "member"),
    [
        ("path", "path"),
        ("method", "method"),
        ("key_id", "kid"),
        ("tenant_id", "tenant"),
        ("application_id", "application"),
    ],
)
def test_foreign_text_cannot_forge_a_line(place: str, member: str, caplog: pytest.LogCaptureFixture) -> None:
    forged = "a\r\nrefused\x1b[2K\u2028"
    request = {"method": "GET", "path": "/a"}
    refusal = refused()
    setattr(refusal, place, forged)
    request |= {place: forged} if place in request else {}
    record = written(refusal, request["method"], request["path"], None, caplog=caplog)
    assert record.getMessage().isprintable()
    assert "\\r\\nrefused" in record.getMessage()
    assert str(vars(record)[member]).isprintable()


def test_a_long_path_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    record = written(refused(), "G" * 100, "/" + "a" * 5000, None, caplog=caplog)
    assert len(record.getMessage()) < 400


def test_a_percent_sign_is_no_format(caplog: pytest.LogCaptureFixture) -> None:
    assert "/100%s%d" in written(refused(), "GET", "/100%s%d", None, caplog=caplog).getMessage()


def test_a_claim_is_named_and_its_value_is_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    door = WSGIDoor(settings())
    door.get("/a", token(sub="\x07hush-hush"))
    [record] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "(invalid_claim claim=sub)" in record.getMessage()
    assert "hush-hush" not in record.getMessage()


def test_only_so_many_refusals_are_written_in_a_second_and_the_rest_is_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock(100.5)
    log = RefusalLog(2, clock)
    for _ in range(5):
        log.write(refused(), "GET", "/a", None)
    assert len(caplog.records) == 2
    assert not any("were not logged" in message for message in caplog.messages)
    clock.now = 101.0
    log.write(refused(), "GET", "/a", None)
    log.write(refused(), "GET", "/a", None)
    assert caplog.messages[2].endswith("; 3 refusals before this one were not logged")
    assert "were not logged" not in caplog.messages[3]
    assert len(caplog.records) == 4


def test_a_limit_of_zero_writes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    RefusalLog(0).write(refused(), "GET", "/a", None)
    assert caplog.records == []


def test_the_limit_is_that_of_the_settings(caplog: pytest.LogCaptureFixture) -> None:
    door = WSGIDoor(settings(max_logged_refusals=1))
    for _ in range(50):
        door.get("/a")
    refusals = [message for message in caplog.messages if message.startswith("refused")]
    assert 1 <= len(refusals) < 10


HINT = '; if this path needs no token: JWTSettings(public=["{}"])'


def test_the_first_refusal_of_a_path_without_credentials_says_how_to_open_it(caplog: pytest.LogCaptureFixture) -> None:
    log = RefusalLog(PLENTY)
    for path in ("/healthz", "/healthz", "/docs"):
        log.write(NoCredentials(), "GET", path, None)
    first, second, third = caplog.messages
    assert first.endswith(HINT.format("/healthz"))
    assert "public" not in second
    assert third.endswith(HINT.format("/docs"))


def test_a_refusal_with_credentials_gives_no_such_hint(caplog: pytest.LogCaptureFixture) -> None:
    assert "public" not in written(refused(), "GET", "/a", token(), caplog=caplog).getMessage()


@pytest.mark.parametrize("path", ["/a/../b", "//a", "/a%2fb", "/a\nb", "", "a"], ids=ascii)
def test_a_path_that_cannot_be_opened_gets_no_hint(path: str, caplog: pytest.LogCaptureFixture) -> None:
    assert "public" not in written(NoCredentials(), "GET", path, None, caplog=caplog).getMessage()


def test_the_verify_endpoint_which_cannot_be_opened_gets_no_hint(caplog: pytest.LogCaptureFixture) -> None:
    WSGIDoor(settings(verify_path="/check")).get("/check")
    [refusal] = [message for message in caplog.messages if message.startswith("refused")]
    assert "public" not in refusal


def test_only_so_many_paths_get_a_hint(caplog: pytest.LogCaptureFixture) -> None:
    log = RefusalLog(PLENTY)
    for number in range(MAX_HINTED_PATHS + 5):
        log.write(NoCredentials(), "GET", f"/{number}", None)
    assert sum("public" in message for message in caplog.messages) == MAX_HINTED_PATHS


def test_one_line_at_start_up_sums_the_policy_up(caplog: pytest.LogCaptureFixture) -> None:
    WSGIDoor(settings(public=["/docs"], optional=["/"], algorithms=["HS256", "HS512"], max_lifetime=3600))
    [record] = caplog.records
    assert (record.name, record.levelno) == ("jwt_middleware", logging.INFO)
    message = record.getMessage()
    for fact in (
        "jwt_middleware.wsgi.JWTMiddleware",
        "public ['/docs']",
        "optional ['/']",
        "HS256,HS512",
        "3600 s",
        "/v1/auth/verify",
        "StaticTenants(1 tenants)",
    ):
        assert fact in message
    assert SECRET.decode() not in message


def test_the_line_names_the_layer(caplog: pytest.LogCaptureFixture) -> None:
    report_policy(settings(), "my.Layer")
    assert caplog.messages[0].startswith("my.Layer: ")


def test_no_secret_token_or_signature_reaches_the_log(caplog: pytest.LogCaptureFixture) -> None:
    door = WSGIDoor(settings())
    texts = [token(OTHER_SECRET), token(exp=1), token(header={"alg": "none"}), token(sub=7), token() + "x"]
    for text in texts:
        door.get("/a", text)
    everything = "\n".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)
    assert len(caplog.records) == 1 + len(texts)
    assert SECRET.decode() not in everything
    assert not any(part in everything for text in texts for part in text.split(".")[1:])


def test_a_claims_name_from_the_settings_is_told(caplog: pytest.LogCaptureFixture) -> None:
    record = written(InvalidClaim(claim="level"), "GET", "/a", None, caplog=caplog)
    assert "claim=level" in record.getMessage()
