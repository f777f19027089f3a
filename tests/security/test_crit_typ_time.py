"""Header extensions, token types and times: crit-*, typ-*, time-*."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from .build import ABSENT, encode, json_bytes, resigned, sealed, spliced
from .catalogue import (
    ACCEPTED,
    EXPIRED,
    INVALID_SIGNATURE,
    INVALID_TOKEN,
    MISSING_CLAIM,
    Builder,
    Cases,
    Steps,
    attempt,
    put_through,
)
from .world import World

cases = Cases()


def critical(**members: Any) -> Builder:
    """Attempts with these header members: signed well, and not at all well, as the answer must be the same."""

    def build(world: World) -> Steps:
        token = world.headed(**members)
        yield attempt(token)
        yield attempt(resigned(token, secrets.token_bytes(32)))

    return build


cases("crit-01")(critical(crit=["exp"], exp=1))
cases("crit-02")(
    critical(**{"crit": ["http://example.invalid/UNDEFINED"], "http://example.invalid/UNDEFINED": True}),
)
cases("crit-03")(critical(crit=[]))
cases("crit-07")(critical(crit=["alg"]))
cases("crit-09")(critical(crit=[["b64"]]))
cases("crit-10")(critical(crit=["b64"], b64=True))


@cases("crit-11")
def unencoded_payload(world: World) -> Steps:
    claims = json_bytes(world.a.claims(world.now)).decode()
    header = encode(json_bytes(world.a.header(crit=["b64"], b64=False)))
    quiet = encode(json_bytes(world.a.header(b64=False)))
    encoded = encode(claims.encode())
    for payload in ("$.02", "plain", claims, encoded, ""):
        yield attempt(sealed(header, payload, world.a.secret))
        yield attempt(sealed(quiet, payload, world.a.secret))


@cases("crit-14")
def b64_no_boolean(world: World) -> Steps:
    no_booleans: tuple[object, ...] = (None, 0, 1, "false", "true", [], {})
    for value in no_booleans:
        yield attempt(world.headed(b64=value))
        yield attempt(world.headed(b64=value, crit=["b64"]))


@cases("typ-02")
def accepted_types(world: World) -> Steps:
    for typ in (
        "at+jwt",
        "AT+JWT",
        "application/at+jwt",
        "Application/AT+jwt",
        "JWT",
        "jwt",
        "application/jwt",
        ABSENT,
    ):
        yield attempt(world.headed(typ=typ))


@cases("typ-05")
def types_of_other_types(world: World) -> Steps:
    for typ in (None, 1, True, 1.5, ["JWT"], [], {"JWT": 1}, {}, "J" * 5000, "", " JWT", "JWT ", "logout+jwt", "JWE"):
        yield attempt(world.headed(typ=typ))
    yield attempt(world.headed(typ="application/application/jwt"))
    yield attempt(world.headed(typ="at\u200b+jwt"))
    yield attempt(world.headed(typ="J\u0130T"))


@cases("typ-07")
def selective_disclosure(world: World) -> Steps:
    yield attempt(world.good() + "~WyJzYWx0Il0~")
    yield attempt(world.good() + "~")


@cases("time-03")
def expiry_leeway(world: World) -> Steps:
    doors = world.doors(world.a, expiry_leeway=5)
    yield attempt(world.good(exp=world.now - 3), ACCEPTED, through=doors)
    yield attempt(world.good(exp=world.now - 4.5), ACCEPTED, through=doors)
    yield attempt(world.good(exp=world.now - 5), EXPIRED, through=doors)
    yield attempt(world.good(exp=world.now - 6), EXPIRED, through=doors)
    yield attempt(world.good(exp=world.now), EXPIRED)
    yield attempt(world.good(exp=world.now + 1), ACCEPTED)


@cases("time-04")
def expired_and_unsigned(world: World) -> Steps:
    yield attempt(resigned(world.good(exp=world.now - 60), secrets.token_bytes(32)))


@cases("time-05")
def expired_and_incomplete(world: World) -> Steps:
    for name in ("sub", "aud", "iat"):
        answers = yield attempt(world.good(exp=world.now - 60, **{name: ABSENT}))
        assert answers.wsgi.document["claim"] == name


@cases("time-06")
def exp_missing(world: World) -> Steps:
    absent: tuple[object, ...] = (ABSENT, None)
    for value in absent:
        answers = yield attempt(world.good(exp=value))
        assert answers.wsgi.document["claim"] == "exp"


@cases("time-08")
def exp_true(world: World) -> Steps:
    yield attempt(world.good(exp=True))


@cases("time-09")
def exp_false(world: World) -> Steps:
    yield attempt(world.good(exp=False))


@cases("time-11")
def exp_odd_string(world: World) -> Steps:
    later = str(int(world.now + 600))
    arabic = later.translate({ord(digit): 0x0660 + int(digit) for digit in "0123456789"})
    for value in (
        "9_999_999_999",
        f" {later} ",
        arabic,
        later,
        f"{later}.0",
        "1e10",
        "Infinity",
        "2099-01-01T00:00:00Z",
    ):
        yield attempt(world.good(exp=value))


@cases("time-12")
def exp_other_types(world: World) -> Steps:
    for value in ("soon", "", [], {}, [world.now + 600], {"exp": world.now + 600}):
        yield attempt(world.good(exp=value))


def literal_times(world: World, *literals: bytes) -> Steps:
    """Each JSON number as exp, iat and nbf, written as it is, in claims that are good otherwise."""
    for name in ("exp", "iat", "nbf"):
        claims = world.a.claims(world.now, **{name: ABSENT})
        for literal in literals:
            yield attempt(world.paying(spliced(claims, literal, name=name)))


@cases("time-16")
def huge_times(world: World) -> Steps:
    yield from literal_times(world, b"1" + b"0" * 400, b"1e400", b"1e308", b"1e11", b"100000000000", b"1e999999999")
    yield from literal_times(world, b"NaN", b"Infinity", b"-Infinity", b"-1", b"-1e400")
    yield from literal_times(world, b"18446744073709551615", b"18446744073709551616", b"9223372036854775808")


@cases("time-17")
def times_of_many_digits(world: World) -> Steps:
    yield from literal_times(world, b"1" * 4401, b"1" * 4300, b"1." + b"1" * 4400 + b"e400")


@cases("time-20")
def nbf_in_the_future(world: World) -> Steps:
    yield attempt(world.good(nbf=world.now + 3600, exp=world.now + 7200))
    yield attempt(world.good(nbf=world.now + 61))
    yield attempt(world.good(nbf=world.now + 60), ACCEPTED)
    yield attempt(world.good(nbf=world.now + 3600, exp=world.now - 60), INVALID_TOKEN, EXPIRED)


@cases("time-22")
def iat_in_the_future(world: World) -> Steps:
    strict = world.doors(world.a, start_leeway=0)
    yield attempt(world.good(iat=world.now + 3600, exp=world.now + 7200), through=strict)
    yield attempt(world.good(iat=world.now + 1), through=strict)
    yield attempt(world.good(iat=world.now), ACCEPTED, through=strict)
    yield attempt(world.good(iat=world.now + 3600, exp=world.now + 7200))
    yield attempt(world.good(iat=world.now + 61))
    yield attempt(world.good(iat=world.now + 60), ACCEPTED)


@cases("time-23")
def iat_other_types(world: World) -> Steps:
    wrong: tuple[object, ...] = (True, False, -1, -0.5, "123", str(int(world.now)), [], {}, [world.now])
    for value in wrong:
        yield attempt(world.good(iat=value))
        yield attempt(world.good(nbf=value))
    yield attempt(world.good(iat=None), MISSING_CLAIM)


@cases("time-24")
def huge_lifetime(world: World) -> Steps:
    century = 100 * 365 * 86_400
    yield attempt(world.good(exp=world.now + century))
    yield attempt(world.good(iat=0))
    yield attempt(world.good(iat=world.now, exp=world.now + 86_400 + 61))
    yield attempt(world.good(iat=world.now, exp=world.now + 86_400 + 60), ACCEPTED)
    milliseconds = int((world.now + 600) * 1000)
    yield attempt(world.good(exp=milliseconds))
    unlimited = world.doors(world.a, max_lifetime=None)
    yield attempt(world.good(exp=world.now + century), ACCEPTED, through=unlimited)
    yield attempt(resigned(world.good(exp=world.now + century), b"x" * 32), INVALID_SIGNATURE)


@pytest.mark.parametrize(("case_id", "builder"), cases.parameters())
def test_attack(case_id: str, builder: Builder, world: World) -> None:
    put_through(case_id, builder, world)
