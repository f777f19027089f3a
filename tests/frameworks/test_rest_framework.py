"""What only Django REST framework does: authenticators, permissions, renderers that ask what else is allowed."""

from __future__ import annotations

from typing import Any, cast

import pytest
from django.core.cache import cache
from django.urls import path
from rest_framework.authentication import BaseAuthentication
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.schemas.generators import BaseSchemaGenerator
from rest_framework.test import APIClient, APIRequestFactory
from rest_framework.throttling import UserRateThrottle
from rest_framework.views import APIView, exception_handler

from jwt_middleware import ConfigurationError, Identity, TemporarilyUnavailable
from jwt_middleware.django import requires
from jwt_middleware.django.rest_framework import HasScopes, TenantAuthentication, TenantUser
from tests.frameworks import world
from tests.frameworks.django_api import async_client, client, configured, reply_of
from tests.frameworks.world import NO_TOKEN, Client, Reply, lacking, token
from tests.unit.making import identity

HTML = {"Accept": "text/html"}


def told(request: Request) -> Response:
    """Who is calling."""
    user, auth = request.user, cast("Identity", request.auth)
    return Response({"user": user.pk, "tenant": auth.tenant_id, "known": user.is_authenticated})


class Events(APIView):
    permission_classes = (HasScopes("read"),)

    def get(self, request: Request) -> Response:
        return told(request)

    def get_permissions(self) -> list[Any]:
        more = [HasScopes("write")()] if self.request.method in ("POST", "PUT") else []
        return [*super().get_permissions(), *more]

    def post(self, request: Request) -> Response:
        return told(request)

    def put(self, request: Request) -> Response:
        return told(request)


class Audit(APIView):
    permission_classes = (HasScopes("audit"),)

    def get(self, request: Request) -> Response:
        return told(request)

    def head(self, request: Request) -> Response:
        return told(request)


class Decorated(APIView):
    @requires("audit")
    def get(self, request: Request) -> Response:
        return told(request)


@api_view(["GET"])
@permission_classes([HasScopes("audit")])
def function(request: Request) -> Response:
    return told(request)


@api_view(["GET"])
@permission_classes([IsAuthenticated])
def someone(request: Request) -> Response:
    return told(request)


@api_view(["GET"])
def anyone(request: Request) -> Response:
    return Response({"user": str(request.user), "auth": request.auth is not None})


class Broken(BaseAuthentication):
    """Refuses everybody."""

    def authenticate(self, request: Request) -> None:
        raise AuthenticationFailed


@api_view(["GET"])
@authentication_classes([TenantAuthentication, Broken])
@permission_classes([IsAuthenticated])
def with_others(request: Request) -> Response:
    return told(request)


@api_view(["GET"])
@permission_classes([HasScopes("audit") | HasScopes("read")])
def either(request: Request) -> Response:
    return told(request)


@api_view(["GET"])
def unavailable(request: Request) -> Response:
    raise TemporarilyUnavailable("the_view_said_so")


class ByUser(UserRateThrottle):
    rate = "2/day"


class Throttled(APIView):
    throttle_classes = (ByUser,)

    def get(self, request: Request) -> Response:
        return told(request)


URLS = [
    path("api/events", Events.as_view()),
    path("api/audit", Audit.as_view()),
    path("api/decorated", Decorated.as_view()),
    path("api/function", function),
    path("api/someone", someone),
    path("api/anyone", anyone),
    path("api/others", with_others),
    path("api/either", either),
    path("api/unavailable", unavailable),
    path("api/throttled", Throttled.as_view()),
    path("maybe/someone", someone),
    path("maybe/anyone", anyone),
    path("maybe/scopes", Audit.as_view()),
    path("maybe/others", with_others),
    path("open/someone", someone),
    path("open/scopes", Audit.as_view()),
    path("open/others", with_others),
]


def api_client(**options: Any) -> Client:
    """The same requests by Django REST framework's own test client."""
    test_client = APIClient(**options)

    def send(method: str, path: str, token: str | None = None, headers: Any = None) -> Reply:
        sent: Any = {"headers": world.authorized(token, headers)}
        return reply_of(test_client.generic(method, path, **sent))

    return send


@pytest.fixture(params=[client, async_client, api_client])
def send(request: pytest.FixtureRequest) -> Any:
    """Sends requests to the API, in either colour."""
    settings = world.settings(optional=["/maybe/*"], public=["/open/*"])
    with configured(settings, URLS):
        yield request.param()


ME = {"user": "acme/user_123", "tenant": "acme", "known": True}


@pytest.mark.parametrize("place", ["/api/events", "/api/someone", "/maybe/someone", "/api/others", "/api/either"])
def test_a_view_learns_who_is_calling(send: Client, place: str) -> None:
    reply = send("GET", place, token("read"))
    assert (reply.status, reply.members) == (200, ME)


def test_an_optional_path_serves_callers_with_and_without_a_token(send: Client) -> None:
    assert send("GET", "/maybe/anyone").members == {"user": "AnonymousUser", "auth": False}
    assert send("GET", "/maybe/anyone", token()).members == {"user": "acme/user_123", "auth": True}


@pytest.mark.parametrize("place", ["/api/audit", "/api/decorated", "/api/function"])
@pytest.mark.parametrize("accept", [{}, HTML, {"Accept": "image/png"}])
def test_a_refusal_in_a_view_is_answered_as_documented_whatever_the_caller_accepts(
    send: Client, place: str, accept: dict[str, str]
) -> None:
    reply = send("GET", place, token("read"), accept)
    if "image/png" in accept.values():
        assert reply.status == 406
    else:
        assert reply.documented() == lacking("audit")


def test_head_gets_the_headers_of_get_and_no_body(send: Client) -> None:
    assert send("HEAD", "/api/audit", token("read")).documented() == {**lacking("audit"), "body": b""}


@pytest.mark.parametrize("place", ["/api/events", "/api/nowhere", "/maybe/someone", "/maybe/scopes", "/maybe/others"])
def test_without_a_token_the_answer_is_the_documented_one(send: Client, place: str) -> None:
    assert send("GET", place).documented() == NO_TOKEN


def test_a_view_that_cannot_tell_is_answered_as_documented(send: Client) -> None:
    reply = send("GET", "/api/unavailable", token())
    assert (reply.status, reply.headers["retry-after"]) == (503, "1")
    assert reply.members["error"] == "temporarily_unavailable"


@pytest.mark.parametrize("place", ["/open/someone", "/open/scopes"])
def test_asking_for_an_identity_on_a_public_path_is_named_as_a_mistake(send: Client, place: str) -> None:
    with pytest.raises(RuntimeError, match="its path is public"):
        send("GET", place, token("audit"))


def test_on_a_public_path_another_authenticator_may_refuse(send: Client) -> None:
    reply = send("GET", "/open/others", token())
    assert (reply.status, reply.headers["www-authenticate"]) == (401, 'Bearer realm="api"')
    assert "error" not in reply.members


def test_permissions_may_be_combined(send: Client) -> None:
    assert send("GET", "/api/either", token("read")).status == 200
    assert send("GET", "/api/either", token("write")).status == 403


def swallowing(exception: Exception, context: dict[str, Any]) -> Response:
    """An exception handler that answers everything by itself."""
    return exception_handler(exception, context) or Response({"swallowed": True}, 200)


@pytest.mark.parametrize("place", ["/api/audit", "/api/decorated", "/api/function"])
def test_an_exception_handler_of_the_project_changes_no_refusal(
    send: Client, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(APIView.settings, "EXCEPTION_HANDLER", swallowing)
    assert send("GET", place, token("read")).documented() == lacking("audit")


# -- what asks about other requests than the one that came ----------------------------------------------------------


def test_the_browsable_api_shows_what_the_token_allows_and_refuses_nobody_for_the_rest(send: Client) -> None:
    for scopes, has_form in ((["read"], False), (["read", "write"], True)):
        reply = send("GET", "/api/events", token(*scopes), HTML)
        assert reply.status == 200
        assert b"acme/user_123" in reply.body
        assert (b' method="POST"' in reply.body) == has_form


def test_options_tell_what_is_there_and_refuse_nobody_for_the_rest(send: Client) -> None:
    assert send("OPTIONS", "/api/events", token("read")).status == 200


def test_a_schema_holds_what_the_caller_may_use_and_refuses_nobody_for_the_rest() -> None:
    @api_view(["GET"])
    def schema(request: Request) -> Response:
        generator: Any = BaseSchemaGenerator(patterns=URLS)
        generator._initialise_endpoints()
        _, endpoints = generator._get_paths_and_endpoints(request)
        return Response([endpoint[0] for endpoint in endpoints if generator.has_view_permissions(*endpoint)])

    with configured(world.settings(), [path("api/schema", schema), *URLS]):
        reply = client()("GET", "/api/schema", token("read"))
    assert reply.status == 200
    assert "/api/events" in reply.members
    assert "/api/audit" not in reply.members


# -- users -----------------------------------------------------------------------------------------------------------


def test_throttling_counts_for_each_user_of_each_tenant(send: Client) -> None:
    cache.clear()
    for user, statuses in (("ann", [200, 200, 429]), ("bob", [200])):
        assert [send("GET", "/api/throttled", token(sub=user)).status for _ in statuses] == statuses


def test_a_user_is_different_for_every_pair_of_tenant_and_subject_and_fits_into_a_cache_key() -> None:
    users = [
        TenantUser(identity(tenant_id=tenant, subject=subject))
        for tenant in ("acme", "acme/a")
        for subject in ("a", "b", "x" * 5_000, "x" * 5_001, "\u00e9" * 100)
    ]
    assert len({user.pk for user in users}) == len(users)
    assert all(len(user.pk) <= 150 and user.pk.isascii() and user.pk.isprintable() for user in users)


def test_a_user_has_what_django_asks_users_for_and_no_permission_of_djangos() -> None:
    user = TenantUser(identity())
    assert (user.id, user.username, user.get_username(), str(user)) == ("acme/user_123",) * 4
    assert (user.is_authenticated, user.is_active) == (True, True)
    assert not any((user.is_anonymous, user.is_staff, user.is_superuser))
    assert not any((user.has_perm("a.b"), user.has_perms(["a.b"]), user.has_module_perms("a")))
    assert isinstance(user.identity, Identity)


@pytest.mark.parametrize("scope", ["read write", ""])
def test_what_is_no_scope_name_is_refused_where_it_is_written(scope: str) -> None:
    with pytest.raises(ConfigurationError, match="is not a scope name"):
        HasScopes(scope)


def test_views_of_a_project_that_is_not_protected_let_nobody_in() -> None:
    for view in (Audit.as_view(), someone):
        with pytest.raises(RuntimeError, match="not protected"):
            view(APIRequestFactory().get("/"))
