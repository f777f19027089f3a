"""What the demo asks its API, and the documented answer to each: one scene per row of the table."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from jwt_middleware import errors
from jwt_middleware.cli.demo.world import APPLICATION, READ_ONLY_APPLICATION, SUBJECT, TENANT, World
from jwt_middleware.errors import AuthenticationError
from jwt_middleware.responses import RETRY_AFTER, challenge
from jwt_middleware.tenants.keys import Key
from jwt_middleware.tenants.secret import fresh_secret
from jwt_middleware.tokens import segment, signed

EVENT: Final = {"event": "level_completed", "points": 10}
HOUR: Final = 3600


class Expected(NamedTuple):
    """An answer: status, the header fields that matter (None: absent), and members that the JSON body has."""

    status: int
    headers: Mapping[str, str | None]
    members: Mapping[str, Any]


class Scene(NamedTuple):
    """One request, with the answer that is documented for it."""

    title: str
    method: str
    path: str
    authorization: str | None
    expected: Expected
    store_is_down: bool = False

    @property
    def body(self) -> dict[str, Any] | None:
        """What is sent as JSON."""
        return EVENT if self.method == "POST" else None


def scenes(world: World) -> Iterator[Scene]:
    """Every scene, in the order of the table. Tokens are made as each is reached."""
    yield from _accepted(world)
    yield from _without_token()
    yield from _unreadable(world)
    yield from _unsigned(world)
    yield from _wrong_claims(world)
    yield from _lacking_scopes(world)
    yield from _store_down(world)


def _accepted(world: World) -> Iterator[Scene]:
    bearer = f"Bearer {world.token()}"
    yield Scene("public path, no token", "GET", "/healthz", None, _fine({"status": "ok"}))
    verified = {"active": True, "sub": SUBJECT, "iss": TENANT, "aud": APPLICATION, "scope": ["read", "write"]}
    yield Scene("the guide's test", "GET", "/v1/auth/verify", bearer, _fine(verified | {"tenant": TENANT}))
    scored = {"tenant": TENANT, "player": SUBJECT, "points": EVENT["points"]}
    yield Scene("the guide's token", "POST", "/v1/events", bearer, _fine(scored, 201))
    players = [[SUBJECT, EVENT["points"]]]
    yield Scene("the guide's token", "GET", "/v1/leaderboard", bearer, _fine({"players": players}))


def _without_token() -> Iterator[Scene]:
    bare = _refused(401, "invalid_token", errors.NoCredentials())
    yield _post("no Authorization header", None, bare)
    yield _post("another scheme", "Basic dXNlcjpwYXNz", bare)


def _unreadable(world: World) -> Iterator[Scene]:
    yield _post("no token after Bearer", "Bearer", _refused(401, "invalid_token", errors.MalformedCredentials()))
    yield _token_scene("not a JWT", "not.a.jwt", 401, "invalid_token", errors.MalformedToken())
    too_long = world.token({"note": "x" * world.settings.max_token_bytes})
    yield _token_scene("longer than 8 KiB", too_long, 401, "invalid_token", errors.TokenTooLong())
    unsigned = ".".join(map(segment, (b'{"alg":"none"}', msgspec.json.encode(world.claims()), b"")))
    yield _token_scene("alg none", unsigned, 401, "invalid_token", errors.UnacceptableAlgorithm())


def _unsigned(world: World) -> Iterator[Scene]:
    wrong_secret = signed(world.claims(), Key.secret(fresh_secret("HS256")))
    yield _token_scene("wrong secret", wrong_secret, 401, "invalid_signature", errors.InvalidSignature())
    stranger = world.token({"iss": "nobody"})
    yield _token_scene("unknown issuer", stranger, 401, "invalid_signature", errors.InvalidSignature())


def _wrong_claims(world: World) -> Iterator[Scene]:
    now = int(time.time())
    for title, changes, code, refusal in (
        ("no sub", {"sub": None}, "missing_required_claim", errors.MissingRequiredClaim(claim="sub")),
        ("no exp", {"exp": None}, "missing_required_claim", errors.MissingRequiredClaim(claim="exp")),
        ("expired", {"iat": now - 2 * HOUR, "exp": now - HOUR}, "token_expired", errors.TokenExpired()),
        ("not yet valid", {"nbf": now + HOUR}, "invalid_token", errors.NotYetValid(claim="nbf")),
        ("valid for a week", {"exp": now + 168 * HOUR}, "invalid_token", errors.LifetimeTooLong(24 * HOUR)),
        ("milliseconds", {"exp": (now + HOUR) * 1000}, "invalid_token", errors.TimeInMilliseconds(claim="exp")),
        ("unknown application", {"aud": "other"}, "invalid_token", errors.UnknownApplication()),
    ):
        yield _token_scene(title, world.token(changes), 401, code, refusal)


def _lacking_scopes(world: World) -> Iterator[Scene]:
    code = "insufficient_permissions"
    read_only = world.token({"scope": ["read"]})
    yield _token_scene("scope read only", read_only, 403, code, errors.InsufficientPermissions(["write"]))
    kiosk = world.token({"aud": READ_ONLY_APPLICATION})
    yield _token_scene("scope not granted", kiosk, 403, code, errors.ScopeNotGranted(["write"]))


def _store_down(world: World) -> Iterator[Scene]:
    expected = _refused(503, "temporarily_unavailable", errors.TemporarilyUnavailable())
    # Who is known already is served all the same.
    newcomer = f"Bearer {world.token({'iss': 'newcomer'})}"
    yield _post("tenant store down", newcomer, expected)._replace(store_is_down=True)


def _post(title: str, authorization: str | None, expected: Expected) -> Scene:
    return Scene(title, "POST", "/v1/events", authorization, expected)


def _token_scene(title: str, token: str, status: int, code: str, refusal: AuthenticationError) -> Scene:
    return _post(title, f"Bearer {token}", _refused(status, code, refusal))


def _fine(members: Mapping[str, Any], status: int = 200) -> Expected:
    return Expected(status, {"www-authenticate": None}, members)


def _refused(status: int, code: str, refusal: AuthenticationError) -> Expected:
    """The documented answer: status and code as in the guide, the rest as it is written down for the cause."""
    is_down = status == 503
    headers = {
        "content-type": "application/json",
        "cache-control": "no-store",
        "www-authenticate": None if is_down else challenge(refusal, "api"),
        "retry-after": RETRY_AFTER if is_down else None,
    }
    members: dict[str, Any] = {
        "error": code,
        "error_description": refusal.description,
        "solution": refusal.solution,
    }
    if refusal.claim is not None:
        members["claim"] = refusal.claim
    if refusal.required_scopes:
        members["required_scope"] = [*refusal.required_scopes]
    return Expected(status, headers, members)
