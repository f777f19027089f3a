"""Claims of the wrong type or form: claim-*."""

from __future__ import annotations

from typing import Any

import pytest

from jwt_middleware import ConfigurationError, Tenant

from .build import ABSENT, Party, raw
from .catalogue import (
    ACCEPTED,
    INVALID_SIGNATURE,
    INVALID_TOKEN,
    Builder,
    Cases,
    Steps,
    attempt,
    put_through,
)
from .naughty import NAUGHTY, may_not_be_a_key_id
from .outside import nothing_opened
from .world import Directory, World

cases = Cases()


def with_claims(*variants: dict[str, Any]) -> Builder:
    """One attempt for each set of changed claims."""

    def build(world: World) -> Steps:
        for changes in variants:
            yield attempt(world.good(**changes))

    return build


@cases("claim-02")
def iss_null(world: World) -> Steps:
    for value in (None, ABSENT):
        answers = yield attempt(world.good(iss=value))
        assert answers.wsgi.document["claim"] == "iss"


@cases("claim-03")
def aud_missing(world: World) -> Steps:
    for value in (ABSENT, None):
        answers = yield attempt(world.good(aud=value))
        assert answers.wsgi.document["claim"] == "aud"


@cases("claim-06")
def sub_null(world: World) -> Steps:
    for value in (None, ABSENT):
        answers = yield attempt(world.good(sub=value))
        assert answers.wsgi.document["claim"] == "sub"


cases("claim-07")(
    with_claims(*({"iss": value} for value in (True, False, 1, 1.5, ["https://a.example"], {"a": 1}, [])))
)


class Table:
    """A resolver that looks issuers up in a dict, as a provider might write it."""

    in_memory = True

    def __init__(self, tenants: dict[Any, Tenant]) -> None:
        self.tenants = tenants

    def resolve(self, issuer: str) -> Tenant | None:
        return self.tenants.get(issuer)


@cases("claim-12")
def iss_that_hashes_alike(world: World) -> Steps:
    one = world.party("One").having(issuer="1")
    for key, text_outcome in (("1", ACCEPTED), (1, INVALID_SIGNATURE), (True, INVALID_SIGNATURE)):
        table: dict[Any, Tenant] = {key: one.tenant(), world.a.issuer: world.a.tenant()}
        doors = world.doors(resolver=Table(table))
        for value in (True, 1, 1.0):
            yield attempt(world.good(one, iss=value), INVALID_TOKEN, through=doors)
        yield attempt(world.good(one), text_outcome, through=doors)


@cases("claim-13")
def iss_empty(world: World) -> Steps:
    yield attempt(world.good(iss=""))


@cases("claim-15")
def iss_prefix(world: World) -> Steps:
    short, long = (world.party(name).having(issuer=name) for name in ("acme", "acme-prod"))
    doors = world.doors(short, long, world.a)
    for claimed, signing in ((short, long), (long, short)):
        yield attempt(raw(claimed.header(), claimed.claims(world.now), signing.secret), through=doors)
        for issuer in (f"{claimed.issuer}-", claimed.issuer[:-1], claimed.issuer.upper(), f"{claimed.issuer} "):
            yield attempt(world.good(claimed, iss=issuer), through=doors)
    assert doors.accepts(world.good(short))
    assert doors.accepts(world.good(long))


@cases("claim-17")
def iss_that_means_something_elsewhere(world: World) -> Steps:
    directory = Directory(world.a.tenant())
    doors = world.doors(resolver=directory)
    yield attempt(world.good(iss="unknown"), through=doors)  # warms up what is imported on first use
    hostile = ("../../etc/passwd", f"{world.listener.url}/", "a' OR 1=1--", "*)(uid=*", "{{7*7}}")
    harmless = tuple(text for text in NAUGHTY if not may_not_be_a_key_id(text))
    for issuer in (*hostile, *harmless):
        directory.asked.clear()
        with nothing_opened():
            yield attempt(world.good(iss=issuer), through=doors, persists=False)
        assert directory.asked == [issuer, issuer]  # once for each door
    for issuer in (text for text in NAUGHTY if may_not_be_a_key_id(text)):
        directory.asked.clear()
        yield attempt(world.good(iss=issuer), INVALID_TOKEN, through=doors, persists=False)
        assert directory.asked == []
    assert doors.accepts(world.good())
    assert not world.listener.was_called()


cases("claim-18")(with_claims({"aud": True}, {"aud": False}))
cases("claim-19")(with_claims({"aud": 1}, {"aud": 0}, {"aud": 1.5}))
cases("claim-20")(with_claims({"aud": {"api-a": 1}}, {"aud": {}}))
cases("claim-21")(with_claims({"aud": ["api-a", 1]}, {"aud": [True, "api-a"]}, {"aud": [["api-a"]]}))
cases("claim-22")(with_claims({"aud": ["api-a", None]}, {"aud": [None]}))
cases("claim-24")(with_claims({"aud": []}, {"aud": ""}, {"aud": [""]}, {"aud": ["api-a", ""]}))
cases("claim-26")(
    with_claims(
        *(
            {"aud": value}
            for value in (
                "API-A",
                "api-a ",
                " api-a",
                "api-a/",
                "http://api-a",
                "api",
                "api-a,api-b",
                "api-a api-b",
                "api-a\0",
                "api-a\u200b",
                "api-b",
                ["API-A"],
            )
        )
    )
)
cases("claim-31")(with_claims({"sub": True}, {"sub": False}, {"sub": 1}, {"sub": 0}, {"sub": 1.5}))
cases("claim-32")(with_claims({"sub": ["u1"]}, {"sub": []}, {"sub": {"id": "u1"}}))
cases("claim-34")(with_claims({"sub": ""}))


@cases("claim-27")
def aud_list_with_ours(world: World) -> Steps:
    for audience in (["other", "api-a"], ["api-a"], ["api-a", "api-a"], ["api-b", "api-a"]):
        answers = yield attempt(world.good(aud=audience))
        assert answers.identity.application_id == "api-a"


@cases("claim-29")
def tenant_without_audience(world: World) -> Steps:
    lonely = world.party("Lonely")
    for audience in ("x", "", "api-lonely"):
        yield attempt(world.good(aud="x"))
        try:
            doors = world.doors(lonely.tenant(applications=[]), world.a)
        except ConfigurationError:
            continue  # refused when built, which is safer still
        yield attempt(world.good(lonely, aud=audience), through=doors)


@cases("claim-35")
def sub_that_breaks_what_carries_it(world: World) -> Steps:
    for subject in ("u1\r\nX-Forged: 1", "u1\n", "\r", "u1\0", "\x1b[31m", "u1\x7f", "u1\x85", "\ud800", "u1\udfff"):
        yield attempt(world.good(sub=subject))
    yield attempt(world.good(sub="u" * 65_536))
    for subject in ("\u00fcser", "u1\u2028", "\U0001f600", "a/b", "a%2Fb", "*", '"', "\\"):
        answers = yield attempt(world.good(sub=subject), ACCEPTED)
        assert answers.identity.subject == subject
        assert answers.identity.principal.isascii()
        assert answers.wsgi.visits[0].surroundings["REMOTE_USER"] == answers.identity.principal


@cases("claim-38")
def tenant_claim_that_contradicts(world: World) -> Steps:
    for changes in ({"tenant": "B"}, {"tid": "B"}, {"tenant_id": "b", "org": "b"}, {"issuer": world.b.issuer}):
        answers = yield attempt(world.good(**changes))
        assert answers.identity.tenant_id == "a"


@cases("claim-39")
def aud_that_names_two_applications(world: World) -> Steps:
    a: Party = world.a.having(audience="app-1")
    doors = world.doors(a.tenant(applications=["app-1", "app-2"]))
    for audience in (["app-1", "app-2"], ["app-2", "other", "app-1"]):
        yield attempt(world.good(aud=audience), through=doors, persists=False)
    yield attempt(world.good(aud="app-1"), ACCEPTED, through=doors)
    yield attempt(world.good(aud=["app-2", "app-2"]), ACCEPTED, through=doors)


@pytest.mark.parametrize(("case_id", "builder"), cases.parameters())
def test_attack(case_id: str, builder: Builder, world: World) -> None:
    put_through(case_id, builder, world)
