"""What is open must not open anything else: path-*."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from jwt_middleware import Rule

from .catalogue import ACCEPTED, FORBIDDEN, INVALID_TOKEN, Attempt, Builder, Cases, Steps, attempt, put_through
from .checks import check_agreement
from .doors import Doors, Request
from .world import World

cases = Cases()
OPEN = ("/health", "/public/*")


def opened(world: World, **options: Any) -> Doors:
    """Doors with the open paths of the recipes, which are open indeed."""
    doors = world.doors(world.a, public=list(OPEN), **options)
    for path in ("/health", "/public/x", "/public/x/y.html"):
        answers = doors.ask(Request(path=path))
        check_agreement(answers)
        assert answers.status == 200
        assert answers.wsgi.visits[0].identity is None
    return doors


def closed(world: World, paths: Iterable[str], **request: Any) -> Steps:
    """No token, so none of these paths may be reached."""
    doors = opened(world)
    for path in paths:
        yield Attempt(Request(path=path, **request), through=doors)


@cases("path-01")
def prefix_without_boundary(world: World) -> Steps:
    paths = ("/healthz", "/health-admin", "/publicsecret", "/public.evil", "/health/admin", "/public", "/healt", "/")
    yield from closed(world, paths)
    yield from closed(world, ("/admin", "/admin/health", "/x/public/y", "/health;x", "/public;/x"))


@cases("path-03")
def dot_segments(world: World) -> Steps:
    yield from closed(
        world,
        (
            "/public/../admin",
            "/public/..",
            "/public/./x",
            "/public/.",
            "/public/x/../../admin",
            "/./health",
            "/health/..",
            "/public/%2e%2e/admin",
            "/public/..%2fadmin",
            "/public/%2e%2e%2fadmin",
            "/public/%252e%252e/admin",
            "/public/x%2Fy",
            "/public/100%",
        ),
    )


@cases("path-05")
def double_slash(world: World) -> Steps:
    yield from closed(world, ("//admin", "//public/x", "/public//x", "///health", "//health", "/public/x//", "//"))


@cases("path-06")
def backslash(world: World) -> Steps:
    yield from closed(world, ("/public\\..\\admin", "/public/..\\admin", "/public/x\\y", "/health\\"))
    yield from closed(world, ("\\health", "\\public\\x"), lint=False)


@cases("path-07")
def trailing_slash(world: World) -> Steps:
    yield from closed(world, ("/health/", "/health//", "/health/."))


@cases("path-08")
def other_case(world: World) -> Steps:
    yield from closed(world, ("/HEALTH", "/Public/x", "/hea\u017fth", "/\uff48ealth", "/health\u0301"))


@cases("path-11")
def encoded_delimiters(world: World) -> Steps:
    yield from closed(world, ("/health\0", "/admin?/health", "/admin#/health", "/health?x", "/health#", "/public/\0x"))
    yield from closed(world, ("/public/x\r\ny", "/public/\x7f", "/public/\x85", "/health\n", "/health "))
    # Bytes that are no UTF-8: a WSGI server hands them over as they are, an ASGI server has replaced them.
    doors = opened(world)
    environ, scope = {"PATH_INFO": "/public/\xff"}, {"path": "/public/\ufffd"}
    yield Attempt(Request(environ=environ, scope=scope), through=doors)


@cases("path-13")
def no_leading_slash(world: World) -> Steps:
    yield from closed(
        world, ("", "health", "*", "public/x", "http://api.example/health", " /health", "\n/health"), lint=False
    )


@cases("path-16")
def rewritten_by_a_header(world: World) -> Steps:
    names = ("X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Uri", "X-Forwarded-Prefix", "X-Forwarded-Path")
    for name in names:
        yield from closed(world, ("/admin",), headers=((name, b"/health"),))
    yield from closed(world, ("/admin",), headers=tuple((name, b"/public/x") for name in names))
    yield from closed(world, ("/admin",), headers=(("Host", b"api.example/health?"),))
    yield from closed(
        world, ("/admin",), environ={"REQUEST_URI": "/health", "RAW_URI": "/health", "PATH_TRANSLATED": "/health"}
    )
    yield from closed(world, ("/admin",), scope={"raw_path": b"/health"})


@cases("path-18")
def mounted(world: World) -> Steps:
    doors = opened(world)
    yield Attempt(Request(mount="/health", path="/admin"), through=doors)
    yield Attempt(Request(mount="/health", path=""), through=doors)
    yield Attempt(Request(mount="/public", path="/x"), through=doors)
    yield Attempt(Request(mount="/mnt", path="/healthz"), through=doors)
    # A root path that is no whole segment of the path is not cut off it.
    for root, path in (("/v", "/v1/admin"), ("/heal", "/health/admin"), ("/v", "/v/health2"), ("/x", "/x/../health")):
        environ = {"PATH_INFO": path}
        yield Attempt(Request(environ=environ, scope={"root_path": root, "path": path}), through=doors)
    ruled = world.doors(world.a, rules=[Rule("/v1/events", scopes=["write"])])
    environ, scope = {"PATH_INFO": "/v1/events"}, {"root_path": "/v", "path": "/v1/events"}
    yield attempt(world.good(), FORBIDDEN, environ=environ, scope=scope, through=ruled)
    for path in ("/health", "/public/x"):
        # Judged on the path that the app routes on, in either mount style of ASGI servers.
        yield Attempt(Request(mount="/mnt", path=path), (ACCEPTED,), through=doors)
        excluded = {"root_path": "/mnt", "path": path}
        yield Attempt(Request(mount="/mnt", path=path, scope=excluded), (ACCEPTED,), through=doors)
    answers = yield Attempt(Request(mount="/mnt", path="/health"), (ACCEPTED,), through=doors)
    assert answers.wsgi.visits[0].identity is None


@cases("path-21")
def method_override(world: World) -> Steps:
    preflight = (("Origin", b"https://app.example"), ("Access-Control-Request-Method", b"POST"))
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        yield from closed(world, ("/admin",), method="POST", headers=((name, b"OPTIONS"), *preflight))
    yield from closed(world, ("/admin",), method="POST", query="_method=OPTIONS", headers=preflight)
    yield from closed(world, ("/admin",), method="POST", body=b"_method=OPTIONS", headers=preflight)
    # Less than a preflight is none; and one is let through without an identity only.
    yield from closed(world, ("/admin",), method="OPTIONS")
    for part in preflight:
        yield from closed(world, ("/admin",), method="OPTIONS", headers=(part,))
    yield from closed(world, ("/admin",), method="options", headers=preflight, lint=False)
    answers = yield Attempt(Request(method="OPTIONS", path="/admin", headers=preflight), (ACCEPTED,))
    assert answers.wsgi.visits[0].identity is None
    shut = world.doors(world.a, pass_preflight=False)
    yield Attempt(Request(method="OPTIONS", path="/admin", headers=preflight), through=shut)


@cases("path-23")
def every_method(world: World) -> Steps:
    doors = opened(world)
    by_get = doors.ask(Request(path="/admin"))
    for method in ("HEAD", "TRACE", "CONNECT", "PROPFIND", "get", "FOO", "POST", "PUT", "PATCH", "DELETE", "M-SEARCH"):
        answers = yield Attempt(Request(method=method, path="/admin", lint=False), through=doors)
        assert answers.wsgi.headers == by_get.wsgi.headers
        assert answers.wsgi.body == (b"" if method == "HEAD" else by_get.wsgi.body)
    rules = [Rule("/v1/events", methods=["GET"], access="public"), Rule("/v1/open", access="public")]
    by_method = world.doors(world.a, rules=rules)
    for method in ("POST", "get", "Get", "FOO", "OPTIONS", "GET "):
        yield Attempt(Request(method=method, path="/v1/events", lint=False), through=by_method)
    for method in ("GET", "HEAD"):
        yield Attempt(Request(method=method, path="/v1/events"), (ACCEPTED,), through=by_method)


@cases("path-27")
def trailing_slash_of_a_rule(world: World) -> Steps:
    doors = world.doors(world.a, rules=[Rule("/v1/events", scopes=["write"])])
    for path in ("/v1/events", "/v1/events/"):
        answers = yield attempt(world.good(), FORBIDDEN, path=path, through=doors)
        assert answers.wsgi.document["required_scope"] == ["write"]
        yield attempt(world.good(scope="write"), ACCEPTED, path=path, through=doors)
    yield attempt(world.good(), FORBIDDEN, path="/v1/events/", method="HEAD", through=doors)
    yield attempt(world.good(), ACCEPTED, path="/v1/events2", through=doors)
    slashed = world.doors(world.a, public=["/v1/*"], rules=[Rule("/v1/events", scopes=["write"])])
    yield Attempt(Request(path="/v1/events/"), (INVALID_TOKEN,), through=slashed)


@cases("path-28")
def overlapping_rules(world: World) -> Steps:
    private = Rule("/docs/private/*", scopes=["staff"])
    doors = world.doors(world.a, public=["/docs/*"], rules=[private])
    yield Attempt(Request(path="/docs/private/x"), (INVALID_TOKEN,), through=doors)
    answers = yield attempt(world.good(), FORBIDDEN, path="/docs/private/x", through=doors)
    assert answers.wsgi.document["required_scope"] == ["staff"]
    yield attempt(world.good(scope="staff"), ACCEPTED, path="/docs/private/x", through=doors)
    yield Attempt(Request(path="/docs/x"), (ACCEPTED,), through=doors)
    more = [private, Rule("/docs/{part}/x", scopes=["read"]), Rule("/docs/private/x", access="public")]
    stricter = world.doors(world.a, public=["/docs/*"], rules=more)
    yield attempt(world.good(scope="staff"), FORBIDDEN, path="/docs/private/x", through=stricter)
    yield attempt(world.good(scope="staff read"), ACCEPTED, path="/docs/private/x", through=stricter)


@pytest.mark.parametrize(("case_id", "builder"), cases.parameters())
def test_attack(case_id: str, builder: Builder, world: World) -> None:
    put_through(case_id, builder, world)
