"""An OpenAPI document says what the middleware does: where a token is needed, which scopes, which refusals.

Plain functions of the document as JSON objects; no framework. Describing a document twice changes nothing more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from typing import Any, Final, TypeAlias

import msgspec

from jwt_middleware.errors import (
    AuthenticationError,
    InsufficientPermissions,
    InvalidSignature,
    MissingRequiredClaim,
    NoCredentials,
    TemporarilyUnavailable,
    TokenExpired,
)
from jwt_middleware.paths import CREDENTIALS, Demand, Rule
from jwt_middleware.responses import refusal_answer
from jwt_middleware.settings import JWTSettings

Object: TypeAlias = dict[str, Any]
"""A JSON object, as OpenAPI calls it."""

SCHEME: Final = "bearer"
"""The name of the security scheme in the document."""
SCHEME_OBJECT: Final[Object] = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "A JSON Web Token that you sign with your API secret",
}
ERROR_SCHEMA: Final = "BearerAuthenticationError"
"""The name of the schema of the error body in the document."""

_METHODS: Final = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
_TEXT: Final[Object] = {"type": "string"}
_TEXTS: Final[Object] = {"type": "array", "items": _TEXT}
_SECONDS: Final[Object] = {"type": "number", "description": "Seconds since the Unix epoch"}
_ERROR_OBJECT: Final[Object] = {
    "title": ERROR_SCHEMA,
    "type": "object",
    "required": ["error", "error_description", "solution"],
    "properties": {
        "error": {
            "type": "string",
            "enum": [
                *("invalid_token", "invalid_signature", "missing_required_claim", "token_expired"),
                *("insufficient_permissions", "temporarily_unavailable"),
            ],
        },
        "error_description": _TEXT,
        "solution": {"type": "string", "description": "What to change"},
        "claim": {"type": "string", "description": "The claim that is missing or wrong"},
        "required_scope": {**_TEXTS, "description": "All scopes that the request needs"},
        "error_uri": {"type": "string", "format": "uri"},
    },
}
_IDENTITY_OBJECT: Final[Object] = {
    "type": "object",
    "required": ["active", "sub", "iss", "aud", "scope", "iat", "exp", "expires_in", "tenant"],
    "properties": {
        "active": {"type": "boolean", "const": True},
        "sub": {"type": "string", "description": "The user"},
        "iss": _TEXT,
        "aud": {"type": "string", "description": "The application"},
        "scope": {**_TEXTS, "description": "The scopes that are granted"},
        "iat": _SECONDS,
        "exp": _SECONDS,
        "expires_in": {"type": "integer", "description": "Seconds left"},
        "tenant": _TEXT,
        "jti": _TEXT,
        "key_expires_at": {**_SECONDS, "description": "When the key that signed this token is retired"},
    },
}
_CHALLENGE: Final[Object] = {
    "WWW-Authenticate": {"description": "The challenge of RFC 6750", "required": True, "schema": _TEXT}
}
_RETRY_AFTER: Final[Object] = {
    "Retry-After": {"description": "Seconds to wait", "required": True, "schema": {"type": "integer"}}
}
_DEMANDED: Final[Object] = {
    "name": "scope",
    "in": "query",
    "required": False,
    "description": "Scopes that the token has to have, separated by blanks: 403 without",
    "schema": _TEXT,
}
_FORWARDED: Final = ("Subject", "Tenant", "Application", "Scope")


def describe(document: Object, settings: JWTSettings, prefix: str = "") -> None:
    """Add to this document what the settings demand on its paths, which stand below `prefix`. Changes the document.

    What the document says itself about 401, 403 and 503 is left as it is.
    """
    components = document.setdefault("components", {})
    components.setdefault("securitySchemes", {})[SCHEME] = deepcopy(SCHEME_OBJECT)
    components.setdefault("schemas", {})[ERROR_SCHEMA] = deepcopy(_ERROR_OBJECT)
    paths = document.setdefault("paths", {})
    if settings.verify_path is not None and not prefix:
        paths[settings.verify_path] = {"get": _verification(settings)}
    for path, method, operation in _operations(paths):
        demand = settings.path_policy.decide(prefix + path, method)
        if prefix + path == settings.verify_path:
            demand = demand._replace(access="required")
        _describe_operation(operation, demand, _needed_sometimes(prefix + path, method, settings), settings)


def _operations(paths: Object) -> Iterator[tuple[str, str, Object]]:
    for path, item in paths.items():
        for method in _METHODS.intersection(item):
            yield path, method.upper(), item[method]


def _needed_sometimes(path: str, method: str, settings: JWTSettings) -> list[Demand]:
    """What some of the paths need that a path with parameters stands for."""
    if "{" not in path:
        return []
    named = (settings.path_policy.decide(one, method) for one in _named_paths(path, settings.rules))
    # A public path is not open with, say, a backslash in it.
    return [CREDENTIALS, *named]


def _named_paths(path: str, rules: Iterable[Rule]) -> Iterator[str]:
    """Paths that a path with parameters stands for, with the values that rules have in their place."""
    segments = path.split("/")
    for rule in rules:
        named = rule.path.split("/")
        if named[-1] == "*":
            named[-1:] = segments[len(named) - 1 :]
        if len(named) == len(segments):
            yield "/".join(name if "{" in segment else segment for segment, name in zip(segments, named, strict=True))


def _describe_operation(operation: Object, demand: Demand, sometimes: Sequence[Demand], settings: JWTSettings) -> None:
    security = operation.get("security", [])
    scopes = [*demand.scopes, *_scopes(security)]
    if demand.access != "public" or _demands_token(security):
        _describe_security(operation, demand, scopes)
    elif not sometimes:
        return
    scopes += [scope for each in sometimes for scope in each.scopes]
    operation["responses"] = {**_refusals([*dict.fromkeys(scopes)], settings), **operation.get("responses", {})}


def _describe_security(operation: Object, demand: Demand, scopes: Iterable[str]) -> None:
    security = operation.get("security", [])
    others = _others(security)
    with_token = [{**other, SCHEME: [*dict.fromkeys(scopes)]} for other in others]
    needs_token = demand.access == "required" or _demands_token(security)
    operation["security"] = with_token if needs_token else [*others, *with_token]


def _demands_token(security: list[Object]) -> bool:
    """Whether the view itself needs a token: one of the alternatives has it, and is not there without it too."""
    return any(SCHEME in alternative and _without_token(alternative) not in security for alternative in security)


def _scopes(security: list[Object]) -> Iterator[str]:
    for alternative in security:
        yield from alternative.get(SCHEME, ())


def _others(security: list[Object]) -> list[Object]:
    """The alternatives of what else the operation needs. FastAPI lists what is needed together one by one."""
    others: list[Object] = []
    for alternative in security:
        other = _without_token(alternative)
        if other not in others and (other or SCHEME not in alternative):
            others.append(other)
    return others or [{}]


def _without_token(alternative: Object) -> Object:
    return {name: scopes for name, scopes in alternative.items() if name != SCHEME}


def _refusals(scopes: Sequence[str], settings: JWTSettings) -> Object:
    """The Responses Object of what may be refused where these scopes are needed."""
    bad_tokens = (NoCredentials(), InvalidSignature(), MissingRequiredClaim(claim="sub"), TokenExpired())
    responses = {
        "401": _response("The token is missing or not valid", bad_tokens, _CHALLENGE, settings),
        "503": _response("The token could not be checked", [TemporarilyUnavailable()], _RETRY_AFTER, settings),
    }
    if scopes:
        lacking = [InsufficientPermissions(scopes)]
        responses["403"] = _response("The token lacks a scope", lacking, _CHALLENGE, settings)
    return responses


def _response(
    description: str, refusals: Iterable[AuthenticationError], headers: Object, settings: JWTSettings
) -> Object:
    """The Response Object, with the very bodies that the middleware answers as examples."""
    content: Object = {}
    for refusal in refusals:
        answer = refusal_answer(refusal, settings)
        media_type = content.setdefault(dict(answer.headers)["content-type"], {"examples": {}})
        media_type["examples"][refusal.code] = {"value": _value(answer.body)}
        if settings.render_error is None:
            media_type["schema"] = {"$ref": f"#/components/schemas/{ERROR_SCHEMA}"}
    return {"description": description, "headers": deepcopy(headers), "content": content}


def _value(body: bytes) -> object:
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        return body.decode("utf-8", "replace")


def _verification(settings: JWTSettings) -> Object:
    """The Operation Object of the verify endpoint."""
    verified = {
        "description": "The token is valid",
        "headers": {f"X-Auth-{name}": {"required": True, "schema": deepcopy(_TEXT)} for name in _FORWARDED},
        "content": {"application/json": {"schema": deepcopy(_IDENTITY_OBJECT)}},
    }
    return {
        "tags": ["authentication"],
        "summary": "Verify a token",
        "description": "Tells whom the token authenticates.",
        "operationId": "verify_token",
        "parameters": [deepcopy(_DEMANDED)],
        "responses": {**_refusals(["read", "write"], settings), "200": verified},
    }
