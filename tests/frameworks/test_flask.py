"""What only Flask does: one response pipeline, error handlers of many kinds, extensions that take over."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from flask import Blueprint, Flask, Response, after_this_request, g, request, request_finished, session
from flask.views import MethodView
from flask_cors import CORS
from flask_restful import Api, Resource
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from jwt_middleware import ConfigurationError, Identity, InsufficientPermissions, JWTSettings
from jwt_middleware.flask import current_identity, optional_identity, protect, requires
from tests.frameworks import world
from tests.frameworks.flask_api import build, client
from tests.frameworks.world import NO_TOKEN, Reply, lacking, token

ORIGIN = {"Origin": "https://example.com"}
REFUSED = [("GET", "/nowhere", None), ("GET", world.AUDIT, token()), ("HEAD", world.AUDIT, token())]
"""Refused by the door; refused by a view."""


def protected(**more: Any) -> Flask:
    """The API, protected, whose errors are not propagated."""
    app = build()
    app.testing = False
    app.secret_key = "for sessions"
    protect(app, world.settings(**more))
    return app


@pytest.fixture
def app() -> Flask:
    return protected()


def handling(error: Any) -> Callable[[Flask], object]:
    """The app answers this error by itself."""
    return lambda app: app.register_error_handler(error, lambda exception: ("handled", 200, {"X-Handled": "yes"}))


def configured(**values: object) -> Callable[[Flask], object]:
    return lambda app: app.config.update(values)


INTERFERENCE: dict[str, Callable[[Flask], object]] = {
    "errorhandler(Exception)": handling(Exception),
    "errorhandler(HTTPException)": handling(HTTPException),
    "errorhandler(InsufficientPermissions)": handling(InsufficientPermissions),
    "errorhandler(401)": handling(401),
    "errorhandler(403)": handling(403),
    "errorhandler(404)": handling(404),
    "errorhandler(500)": handling(500),
    "TRAP_HTTP_EXCEPTIONS": configured(TRAP_HTTP_EXCEPTIONS=True),
    "TRAP_HTTP_EXCEPTIONS, TESTING": configured(TRAP_HTTP_EXCEPTIONS=True, TESTING=True),
    "PROPAGATE_EXCEPTIONS": configured(PROPAGATE_EXCEPTIONS=True),
    "TESTING": configured(TESTING=True),
    "DEBUG": configured(DEBUG=True),
    "flask-restful": lambda app: Api(app, catch_all_404s=True),
    "flask-cors": lambda app: CORS(app),
}


@pytest.fixture(params=INTERFERENCE)
def hostile(app: Flask, request: pytest.FixtureRequest) -> Flask:
    INTERFERENCE[request.param](app)
    return app


@pytest.mark.parametrize("path", [world.AUDIT, world.SWALLOWED])
def test_a_refusal_in_a_view_is_answered_as_documented_whatever_the_app_does_with_errors(
    hostile: Flask, path: str
) -> None:
    reply = client(hostile)("GET", path, token())
    assert reply.documented() == lacking("audit")
    assert "x-handled" not in reply.headers


def test_a_refused_request_is_answered_as_documented_whatever_the_app_does_with_errors(hostile: Flask) -> None:
    reply = client(hostile)("GET", "/nowhere")
    assert reply.documented() == NO_TOKEN
    assert "x-handled" not in reply.headers


def test_a_refusal_in_a_blueprint_with_its_own_error_handler_is_answered_as_documented(app: Flask) -> None:
    blueprint = Blueprint("errors", __name__, url_prefix="/in")
    blueprint.register_error_handler(Exception, lambda exception: ("handled", 200))
    blueprint.add_url_rule(world.AUDIT, view_func=app.view_functions["audit"])
    app.register_blueprint(blueprint)
    assert client(app)("GET", f"/in{world.AUDIT}", token()).documented() == lacking("audit")


@requires("audit")
def for_auditors() -> Response:
    raise AssertionError("let in")


class Audit(Resource):  # type: ignore[misc]
    @requires("audit")
    def get(self) -> dict[str, bool]:
        raise AssertionError("let in")


class AuditAll(Resource):  # type: ignore[misc]
    method_decorators = (requires("audit"),)

    def get(self) -> dict[str, bool]:
        raise AssertionError("let in")


@pytest.mark.parametrize("propagates", [False, True])
@pytest.mark.parametrize("resource", [Audit, AuditAll])
def test_a_refusal_in_a_resource_of_flask_restful_is_answered_as_documented_and_no_crash_is_reported(
    app: Flask, propagates: bool, resource: type[Resource], caplog: pytest.LogCaptureFixture
) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = propagates
    Api(app).add_resource(resource, "/v1/resource", endpoint="resource")
    assert client(app)("GET", "/v1/resource", token()).documented() == lacking("audit")
    assert [(record.name, record.levelname) for record in caplog.records] == [("jwt_middleware", "WARNING")]


@pytest.mark.parametrize("register", ["before_request", "after_request"])
def test_a_refusal_may_come_from_any_function_of_the_app(app: Flask, register: str) -> None:
    getattr(app, register)(requires()(lambda *response: None))
    assert client(app)("GET", world.MAYBE).documented() == NO_TOKEN


@pytest.mark.parametrize(("method", "path", "given"), REFUSED)
def test_a_refusal_passes_through_the_functions_of_the_app_once(
    app: Flask, method: str, path: str, given: str | None
) -> None:
    seen: list[str] = []

    @app.after_request
    def count(response: Response) -> Response:
        seen.append(f"after {response.status_code}")
        response.headers["X-Count"] = str(len(seen))
        return response

    @app.teardown_request
    def close(error: BaseException | None) -> None:
        seen.append(f"teardown {error}")

    reply = client(app)(method, path, given)
    assert reply.headers["x-count"] == "1"
    assert seen == [f"after {reply.status}", "teardown None"]


def test_no_code_of_the_app_runs_before_a_request_is_refused(app: Flask) -> None:
    @app.before_request
    def before() -> None:
        raise AssertionError("a refused request reached the app")

    assert client(app)("GET", world.ME).documented() == NO_TOKEN


@pytest.mark.parametrize(("method", "path", "given"), [*REFUSED, ("GET", "/v1/auth/verify", token())])
def test_flask_cors_adds_its_headers_to_what_the_middleware_answers(
    app: Flask, method: str, path: str, given: str | None
) -> None:
    CORS(app, origins=["https://example.com"], supports_credentials=True)
    reply = client(app)(method, path, given, ORIGIN)
    assert reply.headers["access-control-allow-origin"] == "https://example.com"
    assert reply.headers["access-control-allow-credentials"] == "true"


def test_a_preflight_is_answered_by_flask_cors(app: Flask) -> None:
    CORS(app)
    reply = client(app)("OPTIONS", world.EVENTS, None, {**ORIGIN, "Access-Control-Request-Method": "POST"})
    assert (reply.status, reply.headers["access-control-allow-origin"]) == (200, ORIGIN["Origin"])


@pytest.mark.parametrize(("method", "path", "given"), REFUSED)
def test_the_functions_of_the_app_change_nothing_of_a_documented_answer(
    app: Flask, method: str, path: str, given: str | None
) -> None:
    before = client(app)(method, path, given).documented()
    app = protected()

    @app.after_request
    def change(response: Response) -> Response:
        response = Response("changed", 200, response.headers, content_type="text/html")
        response.headers["WWW-Authenticate"] = "Basic"
        response.headers["Cache-Control"] = "public"
        response.headers["Content-Encoding"] = "gzip"
        response.headers["X-Added"] = "yes"
        return response

    reply = client(app)(method, path, given)
    assert reply.documented() == before
    assert reply.headers["x-added"] == "yes"
    assert "content-encoding" not in reply.headers


@pytest.mark.parametrize(("method", "path", "given"), REFUSED)
def test_a_function_that_fails_is_logged_and_the_answer_keeps_what_others_added(
    app: Flask, caplog: pytest.LogCaptureFixture, method: str, path: str, given: str | None
) -> None:
    app.after_request(lambda response: g.set_by_before_request)
    app.after_request(adding("X-Added", "yes"))
    before = client(protected())(method, path, given).documented()
    caplog.clear()
    reply = client(app)(method, path, given)
    assert reply.documented() == before
    assert reply.headers["x-added"] == "yes"
    assert [record.levelname for record in caplog.records] in (["ERROR", "WARNING"], ["WARNING", "ERROR"])


def adding(name: str, value: str) -> Callable[[Response], Response]:
    def add(response: Response) -> Response:
        response.headers[name] = value
        return response

    return add


def test_a_failing_teardown_function_leaves_the_answer_bare(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    app.after_request(adding("X-Added", "yes"))
    app.teardown_request(lambda error: [].pop())
    reply = client(app)("GET", "/nowhere")
    assert reply.documented() == NO_TOKEN
    assert "x-added" not in reply.headers
    assert "could not pass through the app" in caplog.text


def test_a_listener_that_fails_after_the_functions_of_the_app_does_not_make_them_run_again(app: Flask) -> None:
    seen: list[int] = []

    def fail(sender: Flask, response: Response) -> None:
        seen.append(response.status_code)
        raise LookupError("metrics are down")

    def count(response: Response) -> Response:
        seen.append(0)
        return adding("X-Added", "yes")(response)

    app.after_request(count)
    with request_finished.connected_to(fail, app):
        reply = client(app)("GET", world.AUDIT, token())
    assert reply.documented() == lacking("audit")
    assert reply.headers["x-added"] == "yes"
    assert seen == [0, 403, 403]


@pytest.mark.parametrize("path", ["/nowhere", "/v1/file"])
def test_what_responses_hold_open_is_closed(app: Flask, path: str) -> None:
    file, closed = io.BytesIO(b"content"), []

    @app.get("/v1/file")
    def send() -> Response:
        try:
            return for_auditors()
        except HTTPException:
            return Response(file)

    @app.after_request
    def watch(response: Response) -> Response:
        response.call_on_close(lambda: closed.append("ours"))
        return response

    assert client(app)("GET", path, token() if path == "/v1/file" else None).status in (401, 403)
    assert closed == ["ours"]
    assert file.closed == (path == "/v1/file")


def test_a_session_that_was_changed_is_saved_with_a_refusal(app: Flask) -> None:
    @app.get("/v1/session")
    def count() -> Response:
        session["count"] = 1

        @after_this_request
        def mark(response: Response) -> Response:
            return adding("X-Marked", "yes")(response)

        return for_auditors()

    reply = client(app)("GET", "/v1/session", token())
    assert reply.documented() == lacking("audit")
    assert reply.headers["set-cookie"].startswith("session=")
    assert reply.headers["x-marked"] == "yes"


class Report(MethodView):
    @requires("write")
    def get(self) -> dict[str, str]:
        return {"user": current_identity.subject}

    @requires("write")
    async def post(self) -> dict[str, str]:
        return {"user": current_identity.subject}


class Reports(MethodView):
    decorators = [requires("write")]  # noqa: RUF012

    def get(self) -> dict[str, str]:
        return {"user": current_identity.subject}


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/report"), ("POST", "/v1/report"), ("GET", "/v1/reports")])
@pytest.mark.parametrize(("scope", "status"), [("write", 200), ("read", 403)])
def test_methods_of_a_view_class_demand_scopes(app: Flask, method: str, path: str, scope: str, status: int) -> None:
    app.add_url_rule("/v1/report", view_func=Report.as_view("report"))
    app.add_url_rule("/v1/reports", view_func=Reports.as_view("reports"))
    assert client(app)(method, path, token(scope)).status == status


def test_a_decorated_view_keeps_its_name() -> None:
    @requires()
    def view(number: int) -> int:
        """Doubles."""
        return number * 2

    assert (view.__name__, view.__doc__) == ("view", "Doubles.")


def test_current_identity_stands_for_the_identity_itself(app: Flask) -> None:
    with app.test_request_context(), pytest.raises(RuntimeError, match="this app is not protected"):
        current_identity.subject  # noqa: B018

    @app.get("/v1/same")
    def same() -> dict[str, bool]:
        return {"is": isinstance(current_identity, Identity), "equals": optional_identity() == current_identity}

    assert client(app)("GET", "/v1/same", token()).members == {"is": True, "equals": True}


def test_outside_a_request_there_is_no_identity() -> None:
    with pytest.raises(RuntimeError, match="Working outside of request context"):
        current_identity.subject  # noqa: B018


CONFIGURED = {"TENANTS": world.settings().tenants, "PUBLIC": [world.HEALTH], "realm": "from configuration"}


def test_settings_come_from_the_configuration_of_the_app_where_none_are_passed() -> None:
    app = build()
    app.config["JWT_MIDDLEWARE"] = CONFIGURED
    protect(app)
    assert client(app)("GET", world.ME).headers["www-authenticate"] == 'Bearer realm="from configuration"'
    with pytest.raises(ConfigurationError, match="the middleware is there twice"):
        protect(app)


@pytest.mark.parametrize(
    ("value", "problem"), [(None, "missing"), ("tenants.toml", "str instead of a mapping"), ({}, "tenants: missing")]
)
def test_a_configuration_that_cannot_be_used_is_named(value: object, problem: str) -> None:
    app = build()
    app.config["JWT_MIDDLEWARE"] = value
    with pytest.raises(ConfigurationError, match=problem):
        protect(app)
    assert client(app)("GET", world.HEALTH).status == 200


def test_an_app_that_has_served_requests_cannot_be_protected_any_more() -> None:
    app = build()
    client(app)("GET", world.HEALTH)
    with pytest.raises(AssertionError, match="can no longer be called"):
        protect(app, world.settings())
    assert "jwt_middleware" not in app.extensions or not app.extensions["jwt_middleware"]


def test_what_a_proxy_says_is_known_where_it_is_read_further_out() -> None:
    app = protected(require_https=True)
    app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
    assert client(app)("GET", world.ME, token()).status == 401
    assert client(app)("GET", world.ME, token(), {"X-Forwarded-Proto": "https"}).status == 200


def test_the_doors_around_an_app_can_be_closed() -> None:
    closed: list[str] = []

    class Tenants:
        in_memory = True

        def resolve(self, issuer: str) -> None:
            return None

        def close(self) -> None:
            closed.append("tenants")

    app = build()
    protect(app, JWTSettings(Tenants()))
    for door in app.extensions["jwt_middleware"]:
        door.close()
    assert closed == ["tenants"]


@pytest.mark.parametrize(("method", "path", "given"), [*REFUSED, ("POST", "/v1/auth/verify", None)])
def test_the_functions_of_the_app_see_the_request_and_the_documented_answer(
    app: Flask, method: str, path: str, given: str | None
) -> None:
    seen: list[Reply] = []

    @app.after_request
    def see(response: Response) -> Response:
        assert request.path == path
        seen.append(Reply(response.status_code, dict(response.headers.to_wsgi_list()), response.get_data()))
        return response

    reply = client(app)(method, path, given)
    assert [saw._replace(body=reply.body) for saw in seen] == [reply]
    assert len(seen[0].body) == int(reply.headers["content-length"])


def test_two_policies_around_one_app_call_its_functions_once(app: Flask) -> None:
    protect(app, world.settings(realm="outer"))
    seen: list[int] = []

    @app.after_request
    def count(response: Response) -> Response:
        seen.append(response.status_code)
        return response

    assert client(app)("GET", world.AUDIT, token()).documented() == lacking("audit")
    assert seen == [403]


def test_a_view_that_streams_is_served_with_its_identity(app: Flask) -> None:
    @app.get("/v1/stream")
    def stream() -> Response:
        return Response(part for part in (current_identity.subject, "!"))

    assert client(app)("GET", "/v1/stream", token()).body == b"user_123!"
