"""What both doors do alike: one request, one answer, whichever the door."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from jwt_middleware import Application, ConfigurationError, Identity, JWTSettings, Rule, current_identity
from jwt_middleware.admission import admission_of
from jwt_middleware.errors import InsufficientPermissions, NoCredentials

from .calling import ASGIDoor, Carrier, Door, WSGIDoor
from .making import ABSENT, NOW, OTHER_SECRET, settings, tenant, token

MakeDoor = Callable[..., Door]


@pytest.fixture(params=[WSGIDoor, ASGIDoor])
def door(request: pytest.FixtureRequest) -> MakeDoor:
    """Makes a door of either kind."""
    make: MakeDoor = request.param
    return make


PREFLIGHT = [("Origin", "https://app.example"), ("Access-Control-Request-Method", "POST")]


def nothing_passed(made: Door) -> bool:
    return made.seen == []


# Step 0 and 1


def test_a_good_token_reaches_the_app_with_its_identity(door: MakeDoor) -> None:
    made = door(settings())
    reply = made.get("/v1/events", token())
    assert (reply.status, reply.body, reply.header("content-type")) == (200, b"ok", "text/plain")
    [carrier] = made.seen
    assert carrier["jwt_middleware.identity"].subject == "user_123"
    assert admission_of(carrier).require(["read"]).tenant_id == "acme"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ([], "invalid_token"),
        ([("Authorization", "")], "invalid_token"),
        ([("Authorization", "Basic dXNlcjpwYXNz")], "invalid_token"),
        ([("Authorization", "Bearer")], "invalid_token"),
        ([("Authorization", "Bearer a.b.c")], "invalid_token"),
        ([("Authorization", f"Bearer {token(OTHER_SECRET)}")], "invalid_signature"),
        ([("Authorization", f"Bearer {token(exp=NOW)}")], "token_expired"),
        ([("Authorization", f"Bearer {token(sub=ABSENT)}")], "missing_required_claim"),
        ([("X-Authorization", f"Bearer {token()}")], "invalid_token"),
        ([("Cookie", f"access_token={token()}")], "invalid_token"),
    ],
)
def test_anything_else_is_refused_and_the_app_is_not_called(headers: Any, code: str, door: MakeDoor) -> None:
    made = door(settings())
    reply = made.get(headers=headers, query=f"access_token={token()}")
    assert (reply.status, reply.members["error"]) == (401, code)
    assert str(reply.header("www-authenticate")).startswith('Bearer realm="api"')
    assert nothing_passed(made)


@pytest.mark.parametrize(
    "headers", [[], [("Authorization", "Basic x")], [("Authorization", "")]], ids=["none", "another scheme", "empty"]
)
def test_without_credentials_the_challenge_is_bare(headers: Any, door: MakeDoor) -> None:
    assert door(settings()).get(headers=headers).header("www-authenticate") == 'Bearer realm="api"'


def test_head_gets_the_same_headers_and_no_body(door: MakeDoor) -> None:
    made = door(settings())
    head, get = made.get(method="HEAD"), made.get()
    assert head.body == b""
    assert (head.status, head.headers) == (get.status, get.headers)
    assert int(str(head.header("content-length"))) == len(get.body) > 0


def test_a_public_path_is_anonymous_and_a_token_is_not_looked_at(door: MakeDoor) -> None:
    made = door(settings(public=["/docs"]))
    for text in (None, token(), token(OTHER_SECRET), "junk", "x" * 100_000):
        assert made.get("/docs", text).status == 200
    assert [carrier["jwt_middleware.identity"] for carrier in made.seen] == [None] * 5


def test_an_optional_path_is_anonymous_without_credentials_and_refuses_a_bad_token(door: MakeDoor) -> None:
    made = door(settings(optional=["/"]))
    assert [made.get("/", text).status for text in (None, token(), token(OTHER_SECRET))] == [200, 200, 401]
    assert made.get("/", headers=[("Authorization", "Basic x")]).status == 200
    subjects = [getattr(carrier["jwt_middleware.identity"], "subject", None) for carrier in made.seen]
    assert subjects == [None, "user_123", None]


@pytest.mark.parametrize("path", ["/docs/", "/docs/x", "/Docs", "//docs", "/x/../docs", "/%2564ocs"])
def test_only_the_very_path_is_public(path: str, door: MakeDoor) -> None:
    made = door(settings(public=["/docs"]))
    assert made.get(path).status == 401
    assert nothing_passed(made)


def test_a_path_is_compared_after_the_server_has_decoded_it(door: MakeDoor) -> None:
    made = door(settings(public=["/münchen", "/a b"]))
    assert [made.get(path).status for path in ("/m%C3%BCnchen", "/a%20b", "/m%FCnchen")] == [200, 200, 401]


def test_scopes_of_a_rule_are_demanded(door: MakeDoor) -> None:
    rules = [Rule("/v1/events", methods=["POST"], scopes=["write"]), Rule("/v1/*", scopes=["read"])]
    made = door(settings(rules=rules))
    assert made.get("/v1/events", token(scope="read"), method="GET").status == 200
    reply = made.get("/v1/events", token(scope="read"), method="POST")
    assert (reply.status, reply.members["error"]) == (403, "insufficient_permissions")
    assert sorted(reply.members["required_scope"]) == ["read", "write"]
    assert 'error="insufficient_scope", scope="' in str(reply.header("www-authenticate"))
    assert made.get("/v1/events", method="POST").status == 401
    assert len(made.seen) == 1


def test_a_scope_above_the_ceiling_is_told_apart(door: MakeDoor) -> None:
    of = tenant(applications=[Application("shop", scopes=["read"])])
    made = door(settings([of], rules=[Rule("/v1/*", scopes=["write"])]))
    withheld, absent = made.get("/v1/a", token(scope="write")), made.get("/v1/a", token(scope="read"))
    assert (withheld.status, absent.status) == (403, 403)
    assert withheld.members["error_description"] != absent.members["error_description"]


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_plain_http_is_refused_where_https_is_required(scheme: str, door: MakeDoor) -> None:
    made = door(settings(require_https=True, public=["/docs"]))
    assert made.get("/a", token(), scheme=scheme).status == (200 if scheme == "https" else 401)
    assert made.get("/docs", token(), scheme=scheme).status == 200


def test_plain_http_is_accepted_where_https_is_not_required(door: MakeDoor) -> None:
    assert door(settings()).get("/a", token(), scheme="http").status == 200


def test_the_scheme_is_not_read_from_a_header(door: MakeDoor) -> None:
    headers = [("X-Forwarded-Proto", "https"), ("Forwarded", "proto=https")]
    assert door(settings(require_https=True)).get("/a", token(), scheme="http", headers=headers).status == 401


# Preflights


def test_a_preflight_passes_as_anonymous(door: MakeDoor) -> None:
    made = door(settings())
    assert made.get(method="OPTIONS", headers=PREFLIGHT).status == 200
    assert made.seen[0]["jwt_middleware.identity"] is None


@pytest.mark.parametrize(
    ("method", "headers"), [("OPTIONS", []), ("OPTIONS", PREFLIGHT[:1]), ("OPTIONS", PREFLIGHT[1:]), ("GET", PREFLIGHT)]
)
def test_what_is_no_preflight_needs_credentials(method: str, headers: Any, door: MakeDoor) -> None:
    assert door(settings()).get(method=method, headers=headers).status == 401


def test_preflights_may_need_credentials_too(door: MakeDoor) -> None:
    assert door(settings(pass_preflight=False)).get(method="OPTIONS", headers=PREFLIGHT).status == 401


def test_a_token_on_a_preflight_is_not_looked_at(door: MakeDoor) -> None:
    assert door(settings()).get(method="OPTIONS", headers=PREFLIGHT, token="junk").status == 200


# The verify endpoint


def test_the_verify_endpoint_tells_what_the_token_gives(door: MakeDoor) -> None:
    made = door(settings())
    reply = made.get("/v1/auth/verify", token(jti="t1"))
    assert reply.status == 200
    assert (reply.members["active"], reply.members["sub"], reply.members["jti"]) == (True, "user_123", "t1")
    assert reply.header("x-auth-subject") == "user_123"
    assert reply.header("cache-control") == "no-store"
    assert nothing_passed(made)


def test_the_verify_endpoint_answers_head(door: MakeDoor) -> None:
    made = door(settings())
    head, get = (made.get("/v1/auth/verify", token(jti="t1"), method=method) for method in ("HEAD", "GET"))
    assert head.body == b""
    assert (head.status, head.headers) == (get.status, get.headers)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "get"])
@pytest.mark.parametrize("text", [None, token(), "junk"], ids=["no token", "good token", "junk"])
def test_the_verify_endpoint_has_no_other_method_whoever_asks(
    method: str, text: str | None, door: MakeDoor, caplog: pytest.LogCaptureFixture
) -> None:
    made = door(settings())
    reply = made.get("/v1/auth/verify", text, method=method)
    assert (reply.status, reply.body) == (405, b"")
    assert dict(reply.headers) == {"allow": "GET, HEAD", "content-length": "0"}
    assert nothing_passed(made)
    assert caplog.records == []


def test_the_verify_endpoint_refuses_as_any_path_does(door: MakeDoor) -> None:
    made = door(settings())
    assert made.get("/v1/auth/verify").status == 401
    assert made.get("/v1/auth/verify", token(exp=NOW)).members["error"] == "token_expired"


def test_the_verify_endpoint_demands_the_scopes_of_the_query(door: MakeDoor) -> None:
    made = door(settings())
    assert made.get("/v1/auth/verify", token(), query="scope=read%20write").status == 200
    reply = made.get("/v1/auth/verify", token(), query="scope=read%20admin")
    assert (reply.status, reply.members["required_scope"]) == (403, ["read", "admin"])


@pytest.mark.parametrize("access", ["public", "optional"])
def test_the_verify_endpoint_needs_a_token_whatever_the_rules_say(access: str, door: MakeDoor) -> None:
    made = door(settings(**{access: ["/v1/auth/verify"]}))
    assert made.get("/v1/auth/verify").status == 401
    assert made.get("/v1/auth/verify", token()).status == 200


def test_the_verify_endpoint_demands_what_the_rules_demand(door: MakeDoor) -> None:
    made = door(settings(rules=[Rule("/v1/*", scopes=["admin"])]))
    assert made.get("/v1/auth/verify", token()).status == 403


def test_the_verify_endpoint_may_stand_elsewhere_or_nowhere(door: MakeDoor) -> None:
    elsewhere = door(settings(verify_path="/whoami"))
    assert elsewhere.get("/whoami", token()).members["sub"] == "user_123"
    assert elsewhere.get("/v1/auth/verify", token()).body == b"ok"
    nowhere = door(settings(verify_path=None))
    assert nowhere.get("/v1/auth/verify", token()).body == b"ok"


# Errors of stores


def test_a_store_that_cannot_tell_is_503_with_retry_after(door: MakeDoor) -> None:
    def failing(issuer: str) -> Any:
        raise OSError("connection refused")

    made = door(settings(failing))
    reply = made.get("/a", token())
    made.layer.gate.authenticator.close()
    assert (reply.status, reply.members["error"]) == (503, "temporarily_unavailable")
    assert (reply.header("retry-after"), reply.header("www-authenticate")) == ("1", None)
    assert nothing_passed(made)


def test_a_revocation_store_that_raises_lets_nobody_pass(door: MakeDoor) -> None:
    class Failing:
        def is_revoked(self, *question: Any) -> bool:
            raise OSError("connection refused")

    made = door(settings(revocations=Failing()))
    assert made.get("/a", token()).status == 503
    made.layer.gate.authenticator.close()
    assert nothing_passed(made)


def test_a_memory_of_a_resolver_that_raises_is_503_too(door: MakeDoor) -> None:
    class Remembering:
        def recall(self, issuer: str) -> Any:
            raise OSError("connection refused")

        def resolve(self, issuer: str) -> Any:
            return tenant()

    made = door(settings(Remembering()))
    assert made.get("/a", token()).status == 503
    made.layer.gate.authenticator.close()


# The refusal cell


def demand(*scopes: str) -> Callable[[Carrier], Identity]:
    return lambda carrier: admission_of(carrier).require(scopes)


def test_a_refusal_raised_in_a_view_is_the_documented_answer(door: MakeDoor) -> None:
    made = door(settings(), view=demand("admin"))
    reply = made.get("/a", token())
    assert (reply.status, reply.members["required_scope"]) == (403, ["admin"])
    assert reply.header("www-authenticate") == 'Bearer realm="api", error="insufficient_scope", scope="admin"'


def test_a_refusal_that_an_app_swallows_is_the_documented_answer_all_the_same(door: MakeDoor) -> None:
    def swallowing(carrier: Carrier) -> None:
        with pytest.raises(InsufficientPermissions):
            demand("admin")(carrier)

    made = door(settings(), view=swallowing)
    reply = made.get("/a", token())
    assert (reply.status, reply.members["error"]) == (403, "insufficient_permissions")
    assert not reply.body.endswith(b"ok")


def test_a_refusal_that_an_app_turns_into_another_error_is_the_documented_answer(door: MakeDoor) -> None:
    def wrapping(carrier: Carrier) -> None:
        try:
            demand("admin")(carrier)
        except InsufficientPermissions as refusal:
            raise LookupError("something else") from refusal

    assert door(settings(), view=wrapping).get("/a", token()).status == 403


def test_a_refusal_in_a_view_has_no_body_for_head(door: MakeDoor) -> None:
    made = door(settings(), view=demand("admin"))
    reply = made.get("/a", token(), method="HEAD")
    assert (reply.status, reply.body) == (403, b"")
    assert int(str(reply.header("content-length"))) > 0


def test_a_view_that_needs_an_identity_refuses_anonymous_requests(door: MakeDoor) -> None:
    made = door(settings(optional=["/"]), view=demand())
    reply = made.get("/")
    assert (reply.status, reply.header("www-authenticate")) == (401, 'Bearer realm="api"')
    assert made.get("/", token()).status == 200


def test_a_view_that_needs_an_identity_on_a_public_path_is_a_mistake_that_is_explained(door: MakeDoor) -> None:
    made = door(settings(public=["/docs"]), view=demand())
    with pytest.raises(RuntimeError, match=r"GET /docs asks for an identity, but its path is public.*optional="):
        made.get("/docs")


def test_a_view_that_needs_an_identity_refuses_a_preflight(door: MakeDoor) -> None:
    reply = door(settings(), view=demand()).get(method="OPTIONS", headers=PREFLIGHT)
    assert (reply.status, reply.header("www-authenticate")) == (401, 'Bearer realm="api"')


def test_a_refusal_in_a_view_is_logged_once_with_what_is_known(
    door: MakeDoor, caplog: pytest.LogCaptureFixture
) -> None:
    text = token(header={"kid": "k1"})
    door(settings(), view=demand("admin")).get("/a", text)
    [record] = caplog.records
    assert "refused 403 insufficient_permissions (scope_not_in_token): GET /a tenant=acme application=shop" in (
        record.getMessage()
    )


def test_an_error_of_the_app_that_is_no_refusal_goes_its_way(door: MakeDoor) -> None:
    def broken(carrier: Carrier) -> None:
        raise LookupError("the app's own")

    with pytest.raises(LookupError, match="the app's own"):
        door(settings(), view=broken).get("/a", token())


def test_a_refusal_of_one_request_is_not_that_of_the_next(door: MakeDoor) -> None:
    made = door(settings(rules=[Rule("/write", scopes=["write"])]), view=lambda carrier: None)
    statuses = [made.get(path, token(scope="read")).status for path in ("/write", "/read", "/write", "/read")]
    assert statuses == [403, 200, 403, 200]


# The context variable


def test_the_identity_stands_in_a_context_variable_while_the_app_runs(door: MakeDoor) -> None:
    seen: list[Identity | None] = []
    made = door(settings(optional=["/"]), view=lambda carrier: seen.append(current_identity.get()))
    made.get("/a", token())
    made.get("/")
    assert [getattr(identity, "subject", None) for identity in seen] == ["user_123", None]
    assert current_identity.get() is None


@pytest.mark.parametrize("refuse", [True, False], ids=["refusal", "error"])
def test_the_context_variable_is_as_before_after_an_exception(refuse: bool, door: MakeDoor) -> None:
    def raising(carrier: Carrier) -> None:
        if refuse:
            demand("admin")(carrier)
        raise LookupError

    made = door(settings(), view=raising)
    if refuse:
        made.get("/a", token())
    else:
        with pytest.raises(LookupError):
            made.get("/a", token())
    assert current_identity.get() is None


# Layers


@pytest.mark.parametrize("thing", [None, {}, [tenant()], "tenants.toml", JWTSettings])
def test_settings_of_another_kind_are_refused_with_the_layer(thing: Any, door: MakeDoor) -> None:
    with pytest.raises(
        ConfigurationError, match=r"jwt_middleware\.(wsgi|asgi)\.JWTMiddleware cannot be used"
    ) as caught:
        door(thing)
    assert f"{type(thing).__name__} instead of JWTSettings" in str(caught.value)


def test_two_layers_with_the_same_settings_are_refused_when_built(door: MakeDoor) -> None:
    shared = settings()
    with pytest.raises(ConfigurationError, match="the middleware is there twice"):
        door(shared, app=door(shared).layer)


def test_two_layers_with_the_same_settings_are_refused_when_called(door: MakeDoor) -> None:
    shared = settings()
    inner = door(shared).layer
    between: Any
    if door is WSGIDoor:

        def between(environ: Any, start_response: Any) -> Any:
            return inner(environ, start_response)

    else:

        async def between(scope: Any, receive: Any, send: Any) -> None:
            await inner(scope, receive, send)

    with pytest.raises(ConfigurationError, match="with the same settings object"):
        door(shared, app=between).get("/a", token())


def test_two_layers_with_settings_of_their_own_both_decide(door: MakeDoor) -> None:
    inner = door(settings(rules=[Rule("/v1/*", scopes=["read"])]))
    outer = door(settings(), app=inner.layer)
    assert outer.get("/v1/a", token(scope="read")).status == 200
    assert outer.get("/v1/a", token(scope="")).status == 403
    assert inner.seen[0]["jwt_middleware.identity"].subject == "user_123"


def test_an_app_without_middleware_is_told_how_to_get_it() -> None:
    for carrier in ({}, None, object(), {"jwt_middleware.admission": "forged"}):
        with pytest.raises(RuntimeError, match="this app is not protected: call protect"):
            admission_of(carrier)


def test_requiring_twice_gives_the_identity_twice(door: MakeDoor) -> None:
    def view(carrier: Carrier) -> None:
        admission = admission_of(carrier)
        assert admission.require() is admission.require(["read"])

    assert door(settings(), view=view).get("/a", token()).status == 200


def test_the_refusal_in_the_cell_is_the_one_that_was_raised(door: MakeDoor) -> None:
    cells: list[Any] = []

    def view(carrier: Carrier) -> None:
        admission = admission_of(carrier)
        try:
            admission.require()
        except NoCredentials as refusal:
            cells.append(admission.refusal is refusal)
            raise

    door(settings(optional=["/"]), view=view).get("/")
    assert cells == [True]


def requests() -> Iterator[dict[str, Any]]:
    yield {"path": "/a"}
    yield {"path": "/a", "token": token()}
    yield {"path": "/a", "token": token(OTHER_SECRET)}
    yield {"path": "/a", "token": token(exp=NOW), "method": "HEAD"}
    yield {"path": "/v1/auth/verify", "token": token(sub="jörg")}
    yield {"path": "/v1/auth/verify", "method": "POST"}
    yield {"path": "/a", "headers": [("Authorization", "Bearer \xff")]}
    yield {"path": "/%ff/../x"}


@pytest.mark.parametrize("asked", [*requests()])
def test_both_doors_give_the_same_answer_byte_for_byte(asked: dict[str, Any]) -> None:
    shared = settings()
    replies = [make(shared).get(**asked) for make in (WSGIDoor, ASGIDoor)]
    assert replies[0] == replies[1]


def test_answering_needs_no_running_event_loop_of_its_own() -> None:
    async def within() -> int:
        return WSGIDoor(settings()).get("/a", token()).status

    assert asyncio.run(within()) == 200


def test_each_door_sums_its_policy_up_once(door: MakeDoor, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    made = door(settings())
    made.get("/a", token())
    made.get("/a", token())
    assert len(caplog.records) == 1


@pytest.mark.parametrize("door", [WSGIDoor, ASGIDoor])
def test_what_a_debug_page_shows_of_a_request_holds_no_token(door: type[WSGIDoor | ASGIDoor]) -> None:
    text = token()
    around = door(settings())
    around.get("/v1/events", text)
    shown = repr(admission_of(around.seen[0]))
    assert shown.startswith("Admission(GET '/v1/events', ")
    assert "user_123" in shown
    assert not any(part in shown for part in text.split("."))
