"""For tests: of an API that this middleware protects, and of what is plugged into it.

    from jwt_middleware.testing import acme, auth_headers, make_token, override, signed_in

    with override(app, tenants=[acme()]):
        assert client.get("/v1/events", headers=auth_headers(make_token())).status_code == 200
    with signed_in(app, subject="user_7", scopes=["read"]):
        assert client.post("/v1/events").status_code == 403

With pytest the same is there as fixtures: `jwt_tokens`, `jwt_auth_headers`, `jwt_clock`, `jwt_override`,
`jwt_signed_in`. The suites for whoever writes a resolver or a revocation store are in `resolvers` and `revocations`,
which need pytest. Nothing here is for production: no request can bring any of it about.
"""

from jwt_middleware.testing.clock import Clock
from jwt_middleware.testing.overriding import override
from jwt_middleware.testing.signing_in import signed_in
from jwt_middleware.testing.states import EverythingRevoked, Unavailable, acme, suspended
from jwt_middleware.testing.tokens import TokenFactory, auth_headers, make_token

__all__ = [
    "Clock",
    "EverythingRevoked",
    "TokenFactory",
    "Unavailable",
    "acme",
    "auth_headers",
    "make_token",
    "override",
    "signed_in",
    "suspended",
]
