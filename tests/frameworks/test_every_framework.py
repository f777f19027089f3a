"""What `protect` and the demands of views do in every framework."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from flask import Flask
from starlette.applications import Starlette

import jwt_middleware.fastapi
import jwt_middleware.flask
import jwt_middleware.starlette
from jwt_middleware import ConfigurationError
from jwt_middleware.wsgi import JWTMiddleware
from tests.frameworks import django_api, fastapi_api, flask_api, starlette_api, world
from tests.frameworks.world import EXPIRED, NO_TOKEN, Client, Reply, Serve, lacking, token

FRAMEWORKS = {
    "flask": flask_api.serve,
    "starlette": starlette_api.serve,
    "fastapi": fastapi_api.serve,
    "django": django_api.serve,
    "django-async": django_api.serve_async,
}
PROTECT: dict[str, Callable[..., None]] = {
    "flask": jwt_middleware.flask.protect,
    "starlette": jwt_middleware.starlette.protect,
    "fastapi": jwt_middleware.fastapi.protect,
}
BUILD: dict[str, Callable[[], Any]] = {
    "flask": flask_api.build,
    "starlette": starlette_api.build,
    "fastapi": fastapi_api.build,
}


@pytest.fixture(params=FRAMEWORKS)
def serve(request: pytest.FixtureRequest) -> Serve:
    return FRAMEWORKS[request.param]


@pytest.fixture
def client(serve: Serve) -> Client:
    return serve(world.settings())


def answered(reply: Reply) -> tuple[int, object]:
    return reply.status, reply.members


ME = {"tenant": "acme", "user": "user_123"}


@pytest.mark.parametrize(
    ("method", "path", "scopes"),
    [("GET", world.ME, ()), ("POST", world.EVENTS, ["write"]), ("GET", world.RULED, ["write"])],
)
def test_a_view_learns_who_is_calling(client: Client, method: str, path: str, scopes: list[str]) -> None:
    assert answered(client(method, path, token(*scopes))) == (200, ME)


@pytest.mark.parametrize("path", [world.ME, world.EVENTS, "/nowhere"])
def test_without_a_token_no_path_tells_anything_but_that_one_is_needed(client: Client, path: str) -> None:
    assert client("GET", path).documented() == NO_TOKEN


def test_an_expired_token_gets_the_documented_answer(client: Client) -> None:
    assert client("GET", world.ME, token(iat=1_000, exp=2_000)).documented() == EXPIRED


def test_a_public_path_needs_no_token(client: Client) -> None:
    assert answered(client("GET", world.HEALTH, "not even a token")) == (200, {"up": True})


@pytest.mark.parametrize(("given", "user"), [(None, None), (token(), "user_123")])
def test_an_optional_path_serves_callers_with_and_without_a_token(
    client: Client, given: str | None, user: str | None
) -> None:
    assert answered(client("GET", world.MAYBE, given)) == (200, {"user": user})


def test_a_view_on_an_optional_path_refuses_anonymous_callers_by_asking_for_the_identity(client: Client) -> None:
    assert client("GET", world.MAYBE_ME).documented() == NO_TOKEN


def test_asking_for_an_identity_on_a_public_path_is_named_as_a_mistake(client: Client) -> None:
    with pytest.raises(RuntimeError, match="its path is public"):
        client("GET", world.OPEN_ME, token())


@pytest.mark.parametrize("path", [world.AUDIT, world.RAISED, world.SWALLOWED])
def test_a_refusal_in_a_view_gets_the_documented_answer(client: Client, path: str) -> None:
    assert client("GET", path, token("read")).documented() == lacking("audit")


@pytest.mark.parametrize(("method", "path"), [("POST", world.EVENTS), ("GET", world.RULED)])
def test_a_demand_of_a_view_and_one_of_a_rule_get_the_same_answer(client: Client, method: str, path: str) -> None:
    assert client(method, path, token("read")).documented() == lacking("write")


def test_a_scope_above_the_ceiling_of_the_application_is_named_as_not_granted(client: Client) -> None:
    reply = client("GET", world.AUDIT, token("audit"))
    assert (reply.status, reply.members["error_description"]) == (
        403,
        "The application is not granted a scope that this request needs",
    )


@pytest.mark.parametrize(
    ("path", "given"), [(world.ME, None), (world.AUDIT, token()), ("/v1/auth/verify", token("read"))]
)
def test_head_gets_the_headers_of_get_and_no_body(client: Client, path: str, given: str | None) -> None:
    got, headed = client("GET", path, given), client("HEAD", path, given)
    assert headed == got._replace(body=b"")


def test_a_request_that_looks_like_a_preflight_is_refused_by_a_view_that_needs_an_identity(client: Client) -> None:
    headers = {"Origin": "https://example.com", "Access-Control-Request-Method": "GET"}
    assert client("OPTIONS", world.PREFLIGHT, None, headers).documented() == NO_TOKEN


def test_the_verify_endpoint_tells_whom_a_token_authenticates(client: Client) -> None:
    reply = client("GET", "/v1/auth/verify", token("read"))
    assert reply.status == 200
    assert reply.members["sub"] == "user_123"
    assert reply.headers["x-auth-tenant"] == "acme"


def test_the_verify_endpoint_has_no_other_method(client: Client) -> None:
    reply = client("POST", "/v1/auth/verify")
    assert reply.documented() == {"status": 405, "body": b"", "content-length": "0", "allow": "GET, HEAD"}
    assert "content-type" not in reply.headers


@pytest.mark.parametrize("path", [world.AUDIT, world.RAISED, world.SWALLOWED, world.RULED])
def test_a_refusal_is_logged_once_and_nothing_else_is(
    client: Client, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    caplog.set_level(logging.INFO)
    client("GET", world.HEALTH)
    caplog.clear()
    client("GET", path, token("read"))
    logged = [record for record in caplog.records if not record.name.startswith("httpx")]
    named = [(record.name, record.levelname, getattr(record, "path", None)) for record in logged]
    assert named == [("jwt_middleware", "WARNING", path)]


def test_the_policy_is_summed_up_once_at_start_up(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "jwt_middleware")
    client = serve(world.settings())
    client("GET", world.HEALTH)
    client("GET", world.HEALTH)
    assert [record.message.split(":")[1][:19] for record in caplog.records] == [" credentials needed"]


FLASK, FASTAPI, STARLETTE = Flask("wrong"), FastAPI(), Starlette()
WRAPPED = JWTMiddleware(FLASK, world.settings())


@pytest.mark.parametrize(
    ("framework", "app", "right"),
    [
        ("flask", FASTAPI, "from jwt_middleware.fastapi import protect"),
        ("flask", STARLETTE, "from jwt_middleware.starlette import protect"),
        ("flask", WRAPPED, "from jwt_middleware.wsgi or jwt_middleware.asgi"),
        ("starlette", FLASK, "from jwt_middleware.flask import protect"),
        ("starlette", WRAPPED, "from jwt_middleware.wsgi or jwt_middleware.asgi"),
        ("fastapi", FLASK, "from jwt_middleware.flask import protect"),
        ("fastapi", STARLETTE, "from jwt_middleware.starlette import protect"),
        ("fastapi", FASTAPI.router, "from jwt_middleware.wsgi or jwt_middleware.asgi"),
    ],
)
def test_protecting_an_app_of_another_framework_names_the_right_import(framework: str, app: object, right: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        PROTECT[framework](app, world.settings())
    assert right in str(raised.value)
    assert f"{type(app).__name__} instead of " in str(raised.value)


@pytest.mark.parametrize("framework", PROTECT)
def test_protecting_twice_with_the_same_settings_is_refused_at_once(framework: str) -> None:
    app, settings = BUILD[framework](), world.settings()
    PROTECT[framework](app, settings)
    with pytest.raises(ConfigurationError, match="the middleware is there twice"):
        PROTECT[framework](app, settings)


@pytest.mark.parametrize("framework", PROTECT)
def test_two_protections_with_different_settings_both_hold(framework: str) -> None:
    app = BUILD[framework]()
    PROTECT[framework](app, world.settings(realm="inner"))
    PROTECT[framework](app, world.settings(public=[], optional=[], rules=[], realm="outer"))
    client = {"flask": flask_api.client}.get(framework, starlette_api.client)(app)
    assert client("GET", world.HEALTH).headers["www-authenticate"] == 'Bearer realm="outer"'
    assert client("GET", world.RULED, token()).headers["www-authenticate"].startswith('Bearer realm="inner"')
    assert client("GET", world.AUDIT, token()).headers["www-authenticate"].startswith('Bearer realm="inner"')
    assert client("GET", world.ME, token()).status == 200


@pytest.mark.parametrize("framework", PROTECT)
def test_settings_of_another_type_are_refused_at_once(framework: str) -> None:
    with pytest.raises(ConfigurationError, match="dict instead of JWTSettings"):
        PROTECT[framework](BUILD[framework](), {"tenants": []})


DEMANDS: dict[str, Callable[..., Any]] = {
    "flask": jwt_middleware.flask.requires,
    "starlette": jwt_middleware.starlette.requires,
    "fastapi": jwt_middleware.fastapi.Requires,
}


@pytest.mark.parametrize("framework", DEMANDS)
@pytest.mark.parametrize("scope", ["read write", "", 'a"b', lambda request: None], ids=repr)
def test_what_is_no_scope_name_is_refused_where_it_stands(framework: str, scope: Any) -> None:
    with pytest.raises(ConfigurationError, match="is not a scope name"):
        DEMANDS[framework](scope)


@pytest.mark.parametrize("framework", ["flask", "starlette"])
def test_a_demand_on_a_class_says_that_its_methods_can_have_one(framework: str) -> None:
    with pytest.raises(ConfigurationError, match="decorate its methods"):
        DEMANDS[framework]("write")(type("View", (), {}))


@pytest.mark.parametrize("framework", BUILD)
def test_views_of_an_app_that_is_not_protected_let_nobody_in(framework: str) -> None:
    client = {"flask": flask_api.client}.get(framework, starlette_api.client)(BUILD[framework]())
    with pytest.raises(RuntimeError, match="this app is not protected"):
        client("GET", world.ME, token())
