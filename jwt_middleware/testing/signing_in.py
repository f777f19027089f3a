"""Requests that need no token, while a test lasts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from secrets import token_bytes
from typing import Final

from jwt_middleware.admission import Gate
from jwt_middleware.authenticator import Authenticator
from jwt_middleware.bearer import BearerToken, from_field
from jwt_middleware.identity import Identity
from jwt_middleware.settings import JWTSettings
from jwt_middleware.tenants.keys import Key
from jwt_middleware.tenants.model import Tenant
from jwt_middleware.testing.doors import doors_around, replaced
from jwt_middleware.testing.tokens import SCOPES, SUBJECT, TokenFactory


@contextmanager
def signed_in(
    app: object,
    *,
    tenant: str = "acme",
    subject: str = SUBJECT,
    scopes: Iterable[str] = SCOPES,
    application: str = "shop",
    claims: Mapping[str, object] | None = None,
) -> Iterator[None]:
    """Each request without a token comes from this identity while it lasts.

        with signed_in(app, subject="user_7", scopes=["read"]):
            client.get("/v1/events")

    No secret and no store is needed: whether the API knows such a tenant is not asked. Whatever else the settings
    say holds: public paths stay anonymous, lacking scopes are answered with 403, validators are called (`claims` are
    what they find beside the usual ones), and `require_https` wants the client to use https. A request that does
    carry a token is checked as always. May be nested. For the whole process, like `override`.

    Raises ConfigurationError for an app that is not protected, and names that cannot be used.
    """
    guest = Tenant(tenant, keys=[Key.secret(token_bytes(32))], applications=[application])
    named = {"sub": subject, "scope": scopes if isinstance(scopes, str) else [*scopes], **(claims or {})}
    with replaced({door: _open_gate(door.gate, guest, named) for door in doors_around(app)}):
        yield


def _open_gate(gate: Gate, guest: Tenant, claims: Mapping[str, object]) -> Gate:
    """A gate that decides as this one does, and gives the guest's token to whoever brings none."""
    # Its constructor would open the stores a second time.
    twin: Gate = object.__new__(type(gate))
    vars(twin).update(vars(gate))
    tokens = TokenFactory(guest, clock=gate.settings.clock, claims=claims)
    twin.read_field = lambda value: from_field(value) or BearerToken(_GuestToken(tokens.make_token()))
    twin.authenticator = _GuestAuthenticator(gate, guest)
    return twin


class _GuestToken(str):
    """A token that was made here, not one that a request brought."""

    __slots__ = ()


class _GuestAuthenticator(Authenticator):
    """Knows the guest; whatever a request brought is for the authenticator that was there before, as the stores are."""

    def __init__(self, gate: Gate, guest: Tenant) -> None:
        settings = gate.settings
        vars(self).update(vars(gate.authenticator))
        self._others: Final = gate.authenticator
        self._guests: Final = Authenticator(
            JWTSettings([guest], validators=settings.validators, clock=settings.clock, max_lifetime=None)
        )

    def authenticate(self, token: str) -> Identity:
        """The guest, or what the others say."""
        return self._for(token).authenticate(token)

    async def authenticate_async(self, token: str) -> Identity:
        """The same on an event loop."""
        return await self._for(token).authenticate_async(token)

    def _for(self, token: str) -> Authenticator:
        return self._guests if isinstance(token, _GuestToken) else self._others
