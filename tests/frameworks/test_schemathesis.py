"""The OpenAPI document of a protected FastAPI app against the running app: nothing that it answers is missing there.

Schemathesis reads the document and sends what a client could: good and bad parameters, bodies, methods and tokens. It
sends the same requests each time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, TypeAlias

import msgspec
import schemathesis
from fastapi import APIRouter, FastAPI, Path
from pydantic import BaseModel

from jwt_middleware import AuthenticationError, Identity, JWTSettings, Rule
from jwt_middleware.fastapi import CurrentIdentity, OptionalIdentity, Requires, protect
from tests.frameworks import world

Test: TypeAlias = Callable[[Any], None]

NOW: Final = 1_800_000_000
MAX_EXAMPLES: Final = 10
"""For each operation and test, besides those that Schemathesis makes of the limits of each parameter."""
DOCUMENT_CHECKS: Final = (
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "ignored_auth",
)
ALL_CHECKS: Final = (*DOCUMENT_CHECKS, "not_a_server_error", "unsupported_method")

PUBLIC: Final = ["/healthz", "/shops/{shop}", "/openapi.json", "/in/openapi.json"]
OPTIONAL: Final = ["/maybe", "/maybe/me", "/in/maybe", "/in/maybe/me"]
RULES: Final = [
    Rule("/v1/rewards", methods=["PUT"], scopes=["write"]),
    Rule("/in/*", methods=["PUT"], scopes=["write"]),
    Rule("/v1/auth/verify", scopes=["read"]),
]
READS_BODY: Final[dict[int | str, Any]] = {400: {"description": "The body is not UTF-8: an answer of FastAPI's own"}}
WITH_SCOPES: Final = ("/v1/players/{number}", "/v1/rewards", "/v1/audit/{name}", "/v1/auth/verify")
"""Not the operation with a body, which FastAPI reads before it calls any dependency."""


class Event(BaseModel):
    name: str
    points: int = 1


class Caller(BaseModel):
    tenant: str
    user: str


def healthz() -> dict[str, bool]:
    return {"up": True}


def shop(shop: str) -> dict[str, str]:
    return {"shop": shop}


def me(who: CurrentIdentity) -> Caller:
    return Caller(tenant=who.tenant_id, user=who.subject)


def maybe(who: OptionalIdentity) -> Caller | None:
    return None if who is None else me(who)


def event(event: Event, who: Annotated[Identity, Requires("write")]) -> Caller:
    return me(who)


def player(number: Annotated[int, Path(ge=1)], limit: int = 10) -> dict[str, int]:
    return {"number": number, "limit": limit}


def reward() -> None: ...


def audited(name: str) -> None: ...


def add_routes(app: FastAPI) -> None:
    """Every kind of view: public, optional, required; with scopes from a dependency, a router or a rule."""
    app.get("/healthz")(healthz)
    app.get("/shops/{shop}")(shop)
    app.get("/maybe")(maybe)
    for path in ("/maybe/me", "/v1/me"):
        app.get(path)(me)
    app.post("/v1/events", status_code=201, responses=READS_BODY)(event)
    app.get("/v1/players/{number}", dependencies=[Requires("read"), Requires("write")])(player)
    app.put("/v1/rewards", status_code=204)(reward)
    auditors = APIRouter(prefix="/v1/audit", dependencies=[Requires("audit")])
    auditors.delete("/{name}", status_code=204)(audited)
    app.include_router(auditors)


def protected(settings: JWTSettings) -> FastAPI:
    """The API, with the same API mounted in it."""
    app, inner = FastAPI(), FastAPI()
    add_routes(app)
    add_routes(inner)
    app.mount("/in", inner)
    protect(app, settings)
    return app


def settings(**more: Any) -> JWTSettings:
    return world.settings(clock=lambda: NOW, public=PUBLIC, optional=OPTIONAL, rules=RULES, **more)


def each_operation(
    app: FastAPI, path: str = "/openapi.json", checks: tuple[str, ...] = ALL_CHECKS, **generation: Any
) -> Callable[[Test], Test]:
    """Runs a test with many requests to each operation of the document that the app serves."""
    enabled = {name: {"enabled": True} for name in checks}
    config = {
        "seed": 1,
        "generation": {"deterministic": True, "max-examples": MAX_EXAMPLES, **generation},
        "phases": {"stateful": {"enabled": False}},
        "checks": {"enabled": False, **enabled},
    }
    schema = schemathesis.openapi.from_asgi(path, app, config=schemathesis.Config.from_dict(config))
    decorate: Callable[[Test], Test] = schema.parametrize()
    return decorate


def rendered_as_problem(refusal: AuthenticationError, members: Mapping[str, Any]) -> tuple[str, bytes]:
    return "application/problem+json", msgspec.json.encode({"title": refusal.description, "code": refusal.code})


def unreachable(issuer: str) -> None:
    raise ConnectionError


def bearer(*scopes: str) -> dict[str, str]:
    return world.authorized(world.token(*scopes, iat=NOW, exp=NOW + 600), None)


APP: Final = protected(settings())
PROBLEMS: Final = protected(settings(render_error=rendered_as_problem))
DOWN: Final = protected(JWTSettings(unreachable, public=PUBLIC, optional=OPTIONAL))
OUR_TOKEN: Final[dict[str, Any]] = {"with-security-parameters": False}
"""Schemathesis sends no tokens of its own."""


@each_operation(APP)
def test_every_answer_without_a_good_token_is_documented(case: Any) -> None:
    response = case.call_and_validate()
    assert response.status_code in (401, 405) or not case.path.startswith("/v1/")


@each_operation(APP, **OUR_TOKEN)
def test_every_answer_to_a_good_token_is_documented(case: Any) -> None:
    response = case.call_and_validate(headers=bearer("read", "write", "audit"))
    assert response.status_code != 401
    assert response.status_code != 403 or case.path in ("/v1/audit/{name}", "/v1/auth/verify")


@each_operation(APP, **OUR_TOKEN)
def test_every_answer_to_a_token_without_scopes_is_documented(case: Any) -> None:
    response = case.call_and_validate(headers=bearer())
    assert response.status_code != 401
    assert response.status_code in (403, 405) or case.path not in WITH_SCOPES


@each_operation(APP, "/in/openapi.json", **OUR_TOKEN)
def test_every_answer_of_a_mounted_app_is_in_its_own_document(case: Any) -> None:
    response = case.call_and_validate(headers=bearer("read"))
    assert response.status_code != 401


@each_operation(PROBLEMS)
def test_every_answer_in_a_form_of_the_providers_own_is_documented(case: Any) -> None:
    case.call_and_validate(headers=bearer())


# 503 is an error of the server, and comes before anybody looks whether there is such a method.
@each_operation(DOWN, checks=DOCUMENT_CHECKS, **OUR_TOKEN)
def test_every_answer_is_documented_while_tenants_cannot_be_looked_up(case: Any) -> None:
    response = case.call_and_validate(headers=bearer())
    assert response.status_code in (503, 405) or not case.path.startswith("/v1/")
