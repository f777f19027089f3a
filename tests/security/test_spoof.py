"""Identities that a client or an outer layer slips in: spoof-*."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from urllib.parse import quote, unquote

import pytest

from jwt_middleware import ConfigurationError, Identity, Key, Tenant

from .build import Party
from .catalogue import ACCEPTED, Attempt, Builder, Cases, Steps, attempt, put_through
from .doors import Request, Visit, bearer, converse, http_request, scope_of
from .world import World

cases = Cases()
ADMIN = SimpleNamespace(is_authenticated=True, display_name="admin", identity="b/admin", subject="admin")


@cases("spoof-05")
def preset_keys(world: World) -> Steps:
    doors = world.doors(world.a, public=["/open"], optional=["/maybe"])
    state = {"user": ADMIN, "identity": ADMIN}
    extensions = {"jwt_middleware.identity": ADMIN, "websocket.http.response": {}}
    scope = {
        "jwt_middleware.identity": ADMIN,
        "user": ADMIN,
        "auth": SimpleNamespace(scopes=["authenticated", "admin"]),
        "state": state,
        "extensions": extensions,
    }
    environ = {"jwt_middleware.identity": ADMIN, "REMOTE_USER": "b/admin", "AUTH_TYPE": "Basic"}
    before = copy.deepcopy((state, extensions))
    answers = yield attempt(world.good(), ACCEPTED, through=doors, scope=scope, environ=environ)
    assert answers.identity.subject == "u1"
    assert answers.wsgi.visits[0].surroundings["REMOTE_USER"] == "a/u1"
    assert answers.wsgi.visits[0].surroundings["AUTH_TYPE"] == "Bearer"
    inside = answers.asgi.visits[0].surroundings
    assert inside["user"].identity == "a/u1"
    assert {*inside["auth"].scopes} == {"authenticated", "read"}
    for path in ("/open", "/maybe"):
        answers = yield Attempt(Request(path=path, scope=scope, environ=environ), (ACCEPTED,), through=doors)
        check_anonymous(answers.wsgi.visits[0], answers.asgi.visits[0])
    outer = scope_of(bearer(world.good(), scope=scope))
    given = dict(outer)
    world.loop.run(converse(doors.asgi, outer, [http_request()]))
    assert outer == given
    assert (state, extensions) == before


def check_anonymous(wsgi: Visit, asgi: Visit) -> None:
    """Nothing that was slipped in is left; nobody is known."""
    assert wsgi.identity is None
    assert "REMOTE_USER" not in wsgi.surroundings
    assert "AUTH_TYPE" not in wsgi.surroundings
    assert asgi.identity is None
    assert not asgi.surroundings["user"].is_authenticated
    assert not asgi.surroundings["auth"].scopes


@cases("spoof-06")
def prefixed_headers(world: World) -> Steps:
    forged = (
        ("HTTP_X_USER", b"admin"),
        ("Remote-User", b"admin"),
        ("REMOTE_USER", b"admin"),
        ("Auth-Type", b"Basic"),
        ("jwt_middleware.identity", b"admin"),
        ("X-Remote-User", b"admin"),
    )
    doors = world.doors(world.a, public=["/open"])
    answers = yield attempt(world.good(), ACCEPTED, through=doors, headers=forged)
    check_is_u1(answers.identity)
    assert answers.wsgi.visits[0].surroundings["REMOTE_USER"] == "a/u1"
    answers = yield Attempt(Request(path="/open", headers=forged), (ACCEPTED,), through=doors)
    check_anonymous(answers.wsgi.visits[0], answers.asgi.visits[0])


def check_is_u1(identity: Identity) -> None:
    assert (identity.tenant_id, identity.subject, identity.principal) == ("a", "u1", "a/u1")


@cases("spoof-07")
def duplicate_headers(world: World) -> Steps:
    """The contract reads identity from no header, so none is special: they are neither used nor removed."""
    forged = tuple((name, value) for name in ("X-User", "X-Auth-Subject") for value in (b"admin", b"root"))
    answers = yield attempt(world.good(), headers=forged)
    check_is_u1(answers.identity)
    doors = world.doors(world.a, public=["/open"])
    answers = yield Attempt(Request(path="/open", headers=forged), through=doors)
    check_anonymous(answers.wsgi.visits[0], answers.asgi.visits[0])


@cases("spoof-10")
def ambiguous_principals(world: World) -> Steps:
    pairs = [(tenant, subject) for tenant in tenant_ids() for subject in SUBJECTS]
    principals: dict[str, tuple[str, str]] = {}
    for tenant_id, subject in pairs:
        one = Party(tenant_id, {"k1": world.a.secret}, f"https://{tenant_id}.example", "api-a")
        doors = world.doors(one)
        answers = yield attempt(world.good(one, sub=subject), through=doors)
        principal = answers.wsgi.visits[0].surroundings["REMOTE_USER"]
        assert principal == answers.identity.principal == answers.asgi.visits[0].surroundings["user"].identity
        assert principal == f"{quote(tenant_id, safe='')}/{quote(subject, safe='')}"
        assert principal.isascii()
        assert principals.setdefault(principal, (tenant_id, subject)) == (tenant_id, subject)
        tenant_part, _, subject_part = principal.partition("/")
        assert (unquote(tenant_part), unquote(subject_part)) == (tenant_id, subject)
    assert len(principals) == len(pairs)


SUBJECTS = (
    "b/c",
    "b%2Fc",
    "b%252Fc",
    "b",
    "/",
    "%",
    "%2F",
    "c",
    "\u00e9",
    "%C3%A9",
    "a b",
    "a+b",
    "..",
    "\U0001f600",
    '"',
    ",",
)


def tenant_ids() -> list[str]:
    """Tenant ids that might run into a subject. A slash is refused when built; a percent sign may be."""
    with pytest.raises(ConfigurationError):
        tenant("a/b")
    ids = ["a", "a.b"]
    for doubtful in ("a%2Fb", "a%"):
        try:
            tenant(doubtful)
        except ConfigurationError:
            continue
        ids.append(doubtful)
    return ids


def tenant(tenant_id: str) -> Tenant:
    return Tenant(tenant_id, keys=[Key.secret(b"s" * 32)], applications=["api-a"])


@pytest.mark.parametrize(("case_id", "builder"), cases.parameters())
def test_attack(case_id: str, builder: Builder, world: World) -> None:
    put_through(case_id, builder, world)
