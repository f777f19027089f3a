"""What only FastAPI does: dependencies, and a document of the API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Request, Security, WebSocket
from fastapi.openapi.models import OpenAPI
from fastapi.openapi.utils import get_openapi
from fastapi.security import APIKeyHeader
from starlette.testclient import TestClient

from jwt_middleware import AuthenticationError, Identity, JWTSettings, Rule
from jwt_middleware.fastapi import CurrentIdentity, OptionalIdentity, Requires, protect
from jwt_middleware.starlette import requires
from tests.frameworks import world
from tests.frameworks.starlette_api import client, denied
from tests.frameworks.world import NO_TOKEN, lacking, token

VERIFY = "/v1/auth/verify"


def nothing() -> None:
    """A view that demands nothing itself."""


def anyone(me: CurrentIdentity) -> str:
    return me.subject


def user(me: CurrentIdentity) -> str:
    """A dependency of an app's own."""
    return me.subject


def protected(app: FastAPI, **more: Any) -> FastAPI:
    protect(app, world.settings(**more))
    return app


def operation(app: FastAPI, path: str, method: str = "get") -> Any:
    return app.openapi()["paths"][path][method]


def route(app: FastAPI | APIRouter, path: str, *scopes: str) -> None:
    app.get(path, dependencies=[Requires(*scopes)] if scopes else [])(nothing)


# Dependencies


def demand_in_route(app: FastAPI) -> None:
    app.get("/v1/place", dependencies=[Requires("write")])(nothing)


def demand_in_router(app: FastAPI) -> None:
    router = APIRouter(prefix="/v1", dependencies=[Requires("write")])
    router.get("/place")(nothing)
    app.include_router(router)


def demand_where_a_router_is_included(app: FastAPI) -> None:
    router = APIRouter()
    router.get("/place")(nothing)
    app.include_router(router, prefix="/v1", dependencies=[Requires("write")])


def demand_as_annotation(app: FastAPI) -> None:
    def view(me: Annotated[Identity, Requires("write")]) -> None: ...

    app.get("/v1/place")(view)


def demand_as_default(app: FastAPI) -> None:
    def view(me: Identity = Requires("write")) -> None: ...  # noqa: B008

    app.get("/v1/place")(view)


def demand_by_security(app: FastAPI) -> None:
    """FastAPI's own way: what stands below gets the scopes from above."""

    def view(name: Annotated[str, Security(user, scopes=["write"])]) -> None: ...

    app.get("/v1/place")(view)


DEMANDS = [
    demand_in_route,
    demand_in_router,
    demand_where_a_router_is_included,
    demand_as_annotation,
    demand_as_default,
    demand_by_security,
]


@pytest.mark.parametrize("demand", DEMANDS)
def test_a_scope_can_be_demanded_wherever_fastapi_takes_a_dependency(demand: Any) -> None:
    app = protected(FastAPI())
    demand(app)
    send = client(app)
    assert send("GET", "/v1/place", token("write")).status == 200
    assert send("GET", "/v1/place", token("read")).documented() == lacking("write")
    assert operation(app, "/v1/place")["security"] == [{"bearer": ["write"]}]


def test_a_whole_app_can_demand_a_scope() -> None:
    app = protected(FastAPI(dependencies=[Requires("write")]))
    route(app, "/v1/place")
    assert client(app)("GET", "/v1/place", token("read")).documented() == lacking("write")


def test_the_decorator_of_starlette_serves_views_that_take_the_request() -> None:
    app = protected(FastAPI())

    @app.get("/v1/place/{number}")
    @requires("write")
    def place(number: int, request: Request) -> int:
        return number

    assert client(app)("GET", "/v1/place/7", token("write")).members == 7
    assert client(app)("GET", "/v1/place/7", token("read")).documented() == lacking("write")


def test_dependencies_with_a_clean_up_are_ended_by_a_refusal() -> None:
    ended: list[str] = []

    def connection() -> Iterator[None]:
        try:
            yield
        except AuthenticationError as refusal:
            ended.append(refusal.code)
            raise

    app = protected(FastAPI())
    app.get("/v1/place", dependencies=[Depends(connection), Requires("write")])(nothing)
    assert client(app)("GET", "/v1/place", token()).documented() == lacking("write")
    assert ended == ["insufficient_permissions"]


@pytest.fixture
def sockets() -> TestClient:
    app = FastAPI()
    router = APIRouter(prefix="/in", dependencies=[Requires("write")])

    async def echo(websocket: WebSocket, me: OptionalIdentity) -> None:
        await websocket.accept()
        await websocket.send_json(None if me is None else me.subject)
        await websocket.close()

    async def mine(websocket: WebSocket, me: CurrentIdentity) -> None:
        await echo(websocket, me)

    router.websocket("/echo")(echo)
    app.include_router(router)
    app.websocket("/echo", dependencies=[Requires("write")])(echo)
    app.websocket(world.MAYBE)(echo)
    app.websocket(world.MAYBE_ME)(mine)
    return TestClient(protected(app))


@pytest.mark.parametrize(
    ("path", "given", "user"),
    [
        ("/echo", token("write"), "user_123"),
        ("/in/echo", token("write"), "user_123"),
        (world.MAYBE, None, None),
        (world.MAYBE_ME, token(), "user_123"),
    ],
)
def test_a_websocket_is_served_with_its_identity(
    sockets: TestClient, path: str, given: str | None, user: str | None
) -> None:
    with sockets.websocket_connect(path, headers=world.authorized(given, None)) as socket:
        assert socket.receive_json() == user


@pytest.mark.parametrize(
    ("path", "given", "answer"),
    [
        ("/echo", token("read"), lacking("write")),
        ("/in/echo", token("read"), lacking("write")),
        ("/in/echo", None, NO_TOKEN),
        (world.MAYBE_ME, None, NO_TOKEN),
    ],
)
def test_a_websocket_is_refused_before_it_is_accepted(
    sockets: TestClient, path: str, given: str | None, answer: object
) -> None:
    assert denied(sockets, path, given).documented() == answer


# The document


@pytest.fixture
def app() -> FastAPI:
    app = FastAPI()
    for path in (world.HEALTH, world.MAYBE, world.ME, world.RULED):
        route(app, path)
    app.get(world.MAYBE_ME)(anyone)
    app.get(world.AUDIT, dependencies=[Requires("audit", "read"), Requires("read", "export")])(nothing)
    return protected(app)


def test_the_document_is_served_and_valid(app: FastAPI) -> None:
    document = client(app)("GET", "/openapi.json", token()).members
    assert document == app.openapi()
    assert OpenAPI.model_validate(document).openapi == "3.1.0"


def test_the_document_names_the_scheme(app: FastAPI) -> None:
    scheme = app.openapi()["components"]["securitySchemes"]["bearer"]
    assert {**scheme, "description": ""} == {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "",
    }


@pytest.mark.parametrize(
    ("path", "security", "refusals"),
    [
        (world.HEALTH, None, set()),
        (world.MAYBE, [{}, {"bearer": []}], {"401", "503"}),
        (world.MAYBE_ME, [{"bearer": []}], {"401", "503"}),
        (world.ME, [{"bearer": []}], {"401", "503"}),
        (world.RULED, [{"bearer": ["write"]}], {"401", "403", "503"}),
        (world.AUDIT, [{"bearer": ["audit", "read", "export"]}], {"401", "403", "503"}),
        (VERIFY, [{"bearer": []}], {"401", "403", "503"}),
    ],
)
def test_there_is_a_padlock_exactly_where_a_token_is_needed(
    app: FastAPI, path: str, security: object, refusals: set[str]
) -> None:
    described = operation(app, path)
    assert described.get("security") == security
    assert set(described["responses"]) == {"200", *refusals}


def test_a_public_path_with_a_parameter_shows_the_refusals_that_it_gets_in_a_disguise() -> None:
    app = protected(FastAPI(), public=["/shops/{shop}"], rules=[])
    app.get("/shops/{shop}")(nothing)
    assert client(app)("GET", "/shops/corner").status == 200
    assert client(app)("GET", "/shops/cor%5Cner").documented() == NO_TOKEN
    described = operation(app, "/shops/{shop}")
    assert "security" not in described
    assert set(described["responses"]) == {"200", "401", "503"}


@pytest.mark.parametrize(
    ("path", "rule", "call"),
    [
        ("/shops/{shop}", "/shops/own", "/shops/own"),
        ("/shops/{shop}/stock", "/shops/own/*", "/shops/own/stock"),
        ("/{kind}/own", "/shops/{shop}", "/shops/own"),
    ],
)
def test_what_a_rule_demands_for_one_value_of_a_parameter_is_documented(path: str, rule: str, call: str) -> None:
    app = protected(FastAPI(), rules=[Rule(rule, methods=["GET"], scopes=["write"])])
    for method in (app.get, app.put):
        method(path)(nothing)
    assert client(app)("GET", call, token()).documented() == lacking("write")
    described = operation(app, path)
    assert described["security"] == [{"bearer": []}]
    assert described["responses"]["403"]["content"]["application/json"]["examples"]
    assert "403" not in operation(app, path, "put")["responses"]


@pytest.mark.parametrize("rule", ["/shops", "/shops/own/stock", "/streets/own", "/shops/own/stock/*"])
def test_what_a_rule_demands_of_other_paths_is_not_documented(rule: str) -> None:
    app = protected(FastAPI(), rules=[Rule(rule, scopes=["write"])])
    app.get("/shops/{shop}")(nothing)
    assert "403" not in operation(app, "/shops/{shop}")["responses"]


def test_the_examples_are_what_the_middleware_answers(app: FastAPI) -> None:
    send = client(app)
    replies = [
        send("GET", world.RULED),
        send("GET", world.RULED, token(secret="the secret of somebody else entirely")),
        send("GET", world.RULED, token(sub=None)),
        send("GET", world.RULED, token(iat=1_000, exp=2_000)),
        send("GET", world.RULED, token("read")),
    ]
    for reply in replies:
        response = operation(app, world.RULED)["responses"][str(reply.status)]
        content = response["content"][reply.headers["content-type"]]
        assert content["examples"][reply.members["error"]] == {"value": reply.members}
        assert content["schema"] == {"$ref": "#/components/schemas/BearerAuthenticationError"}
        assert "WWW-Authenticate" in response["headers"]


def test_an_unavailable_store_is_documented_as_it_is_answered() -> None:
    def resolve(issuer: str) -> None:
        raise ConnectionError

    app = FastAPI()
    route(app, world.ME)
    protect(app, JWTSettings(resolve))
    reply = client(app)("GET", world.ME, token())
    response = operation(app, world.ME)["responses"]["503"]
    assert response["content"]["application/json"]["examples"]["temporarily_unavailable"]["value"] == reply.members
    assert set(response["headers"]) == {"Retry-After"}


def test_the_schema_of_the_error_knows_every_member_and_code(app: FastAPI) -> None:
    protected_by_name = protected(FastAPI(), error_uri="https://example.com/errors")
    schema = app.openapi()["components"]["schemas"]["BearerAuthenticationError"]
    for reply in (client(protected_by_name)("GET", "/"), client(app)("GET", world.RULED, token())):
        assert set(schema["required"]) <= set(reply.members) <= set(schema["properties"])
        assert reply.members["error"] in schema["properties"]["error"]["enum"]


def test_the_schema_of_the_verify_endpoint_knows_every_member_and_header(app: FastAPI) -> None:
    reply = client(app)("GET", VERIFY, token("read", jti="1"))
    verified = operation(app, VERIFY)["responses"]["200"]
    schema = verified["content"]["application/json"]["schema"]
    assert set(schema["required"]) <= set(reply.members) <= set(schema["properties"])
    assert {name.lower() for name in verified["headers"]} == {
        name for name in reply.headers if name.startswith("x-auth-")
    }


def test_a_verify_endpoint_that_is_switched_off_is_not_documented() -> None:
    app = protected(FastAPI(), verify_path=None)
    assert app.openapi()["paths"] == {}


def test_a_verify_endpoint_with_a_rule_shows_its_scopes_and_hides_a_route_that_is_never_reached() -> None:
    app = FastAPI()
    app.post("/check")(nothing)
    protect(app, world.settings(verify_path="/check", rules=[Rule("/check", scopes=["read"])]))
    assert [*app.openapi()["paths"]["/check"]] == ["get"]
    assert operation(app, "/check")["security"] == [{"bearer": ["read"]}]


def test_what_a_route_says_about_refusals_itself_is_kept() -> None:
    app = protected(FastAPI())
    app.get(world.ME, responses={401: {"description": "Sign in"}})(nothing)
    responses = operation(app, world.ME)["responses"]
    assert responses["401"] == {"description": "Sign in"}
    assert "503" in responses


API_KEY = Depends(APIKeyHeader(name="X-Key"))


@pytest.mark.parametrize(
    ("path", "dependencies", "security"),
    [
        (world.HEALTH, [API_KEY], [{"APIKeyHeader": []}]),
        (world.MAYBE, [API_KEY], [{"APIKeyHeader": []}, {"APIKeyHeader": [], "bearer": []}]),
        (world.MAYBE, [API_KEY, Requires("read")], [{"APIKeyHeader": [], "bearer": ["read"]}]),
        (world.ME, [API_KEY], [{"APIKeyHeader": [], "bearer": []}]),
        (world.ME, [Requires("read"), API_KEY], [{"APIKeyHeader": [], "bearer": ["read"]}]),
    ],
)
def test_another_security_scheme_is_needed_together_with_the_token(
    path: str, dependencies: list[Any], security: object
) -> None:
    app = protected(FastAPI())
    app.get(path, dependencies=dependencies)(nothing)
    assert operation(app, path)["security"] == security
    assert operation(app, path)["security"] == security


def test_describing_a_document_twice_changes_nothing_more(app: FastAPI) -> None:
    once = deepcopy(app.openapi())
    assert app.openapi() == once


def test_changing_a_document_changes_no_other(app: FastAPI) -> None:
    document = app.openapi()
    document["components"]["securitySchemes"]["bearer"]["description"] = "ours"
    document["components"]["schemas"]["BearerAuthenticationError"]["properties"].clear()
    document["paths"][VERIFY]["get"]["parameters"][0].clear()
    document["paths"][world.ME]["get"]["responses"]["401"]["headers"]["WWW-Authenticate"].clear()
    other = protected(FastAPI())
    route(other, world.ME)
    assert other.openapi()["components"]["securitySchemes"]["bearer"]["description"] != "ours"
    assert other.openapi()["components"]["schemas"]["BearerAuthenticationError"]["properties"]
    assert operation(other, VERIFY)["parameters"][0]["name"] == "scope"
    assert operation(other, world.ME)["responses"]["401"]["headers"]["WWW-Authenticate"]


def test_routes_that_are_added_later_are_documented(app: FastAPI) -> None:
    app.openapi()
    app.openapi_schema = None
    router = APIRouter()
    route(router, "/late", "write")
    app.include_router(router, prefix="/v2")
    assert operation(app, "/v2/late")["security"] == [{"bearer": ["write"]}]


def served(app: FastAPI) -> Any:
    return client(app)("GET", "/openapi.json", token()).members


@pytest.mark.parametrize("moment", ["before protect", "after protect"])
@pytest.mark.parametrize("wraps", [False, True])
def test_an_app_may_make_its_document_itself(moment: str, wraps: bool) -> None:
    app = FastAPI()
    route(app, world.ME)
    if moment == "after protect":
        protected(app)
    original = app.openapi

    def own() -> dict[str, Any]:
        document = original() if wraps else get_openapi(title="Own", version="7", routes=app.routes)
        document["info"]["x-logo"] = "logo.png"
        return document

    app.openapi = own  # type: ignore[method-assign]
    if moment == "before protect":
        protected(app)
    document = served(app)
    assert document["info"]["x-logo"] == "logo.png"
    assert document["paths"][world.ME]["get"]["security"] == [{"bearer": []}]


def test_what_else_stands_beside_the_operations_of_a_path_is_left_alone() -> None:
    app = FastAPI()
    item = {"parameters": [], "summary": "a path", "post": {"responses": {}}}
    app.openapi = lambda: {"openapi": "3.1.0", "paths": {world.ME: item}}  # type: ignore[method-assign]
    described = protected(app).openapi()["paths"][world.ME]
    assert (described["parameters"], described["summary"]) == ([], "a path")
    assert described["post"]["security"] == [{"bearer": []}]


def test_a_mounted_app_has_a_document_of_its_own_with_the_policy_of_the_app_around_it() -> None:
    app, inner, innermost = FastAPI(), FastAPI(), FastAPI()
    for api in (inner, innermost):
        route(api, "/open")
        route(api, "/closed", "write")
    protected(app, public=["/in/open", "/in/most/open"], optional=[], rules=[Rule("/in/most/*", scopes=["read"])])
    app.mount("/in", inner)
    inner.mount("/most", innermost)
    client(app)("GET", "/")
    assert set(inner.openapi()["paths"]) == {"/open", "/closed"}
    assert "security" not in operation(inner, "/open")
    assert operation(inner, "/closed")["security"] == [{"bearer": ["write"]}]
    assert operation(innermost, "/open")["security"] == [{"bearer": ["read"]}]
    assert operation(innermost, "/closed")["security"] == [{"bearer": ["read", "write"]}]


def test_a_verify_endpoint_inside_a_mounted_app_is_described_there_too() -> None:
    app, inner = FastAPI(), FastAPI()
    route(inner, "/verify")
    app.mount("/in", inner)
    protected(app, verify_path="/in/verify", public=["/in/*"], optional=[])
    assert operation(inner, "/verify")["security"] == [{"bearer": []}]


def test_two_policies_are_both_documented() -> None:
    app = FastAPI()
    route(app, world.ME)
    protected(app, rules=[Rule(world.ME, scopes=["read"])], optional=[], public=[])
    protected(app, rules=[Rule(world.ME, scopes=["write"])], optional=[], public=[])
    client(app)("GET", "/")
    assert set(operation(app, world.ME)["security"][0]["bearer"]) == {"read", "write"}


def rendered_as_problem(refusal: AuthenticationError, members: Mapping[str, Any]) -> tuple[str, bytes]:
    return "application/problem+json", b'{"title":"' + refusal.code.encode() + b'"}'


def rendered_as_text(refusal: AuthenticationError, members: Mapping[str, Any]) -> tuple[str, bytes]:
    return "text/plain", refusal.code.encode()


@pytest.mark.parametrize(
    ("render", "media_type", "example"),
    [
        (rendered_as_problem, "application/problem+json", {"title": "token_expired"}),
        (rendered_as_text, "text/plain", "token_expired"),
    ],
)
def test_a_body_of_the_providers_own_is_shown_as_it_is_answered(render: Any, media_type: str, example: object) -> None:
    app = FastAPI()
    route(app, world.ME)
    protected(app, render_error=render)
    content = operation(app, world.ME)["responses"]["401"]["content"]
    assert content[media_type]["examples"]["token_expired"] == {"value": example}
    assert [*content[media_type]] == ["examples"]


def test_an_app_without_a_document_is_protected() -> None:
    app = FastAPI(openapi_url=None)
    route(app, world.ME)
    assert client(protected(app))("GET", world.ME, token()).status == 200
