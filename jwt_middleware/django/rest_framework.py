"""Django REST framework: whom a token authenticates, and scopes as permissions.

    # settings.py
    REST_FRAMEWORK = {
        "DEFAULT_AUTHENTICATION_CLASSES": ["jwt_middleware.django.rest_framework.TenantAuthentication"],
    }

    # views.py
    class Events(APIView):
        permission_classes = [HasScopes("write")]

        def post(self, request):
            return Response({"tenant": request.auth.tenant_id, "user": request.auth.subject})

The token was checked by `jwt_middleware.django.JWTMiddleware`, which has to be in MIDDLEWARE. `request.user` is a
`TenantUser`, `request.auth` the `Identity`; a refusal is the documented answer, whatever the renderer.
"""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, ClassVar, Final

import msgspec
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from jwt_middleware.admission import Admission
from jwt_middleware.django.views import admission_in
from jwt_middleware.errors import AuthenticationError
from jwt_middleware.frameworks import scope_names
from jwt_middleware.identity import Identity

if TYPE_CHECKING:
    # Importing this imports what DEFAULT_AUTHENTICATION_CLASSES names: this module.
    from rest_framework.views import APIView

__all__ = ["HasScopes", "TenantAuthentication", "TenantUser"]

MAX_KEY: Final = 150
"""Characters of a principal that serves as `pk`: some caches take no longer key than 250."""


class TenantUser(msgspec.Struct, frozen=True):
    """What `request.user` promises, for a tenant's user, who is in no table. Has none of Django's permissions."""

    identity: Identity

    is_authenticated: ClassVar[bool] = True
    is_anonymous: ClassVar[bool] = False
    is_active: ClassVar[bool] = True
    is_staff: ClassVar[bool] = False
    is_superuser: ClassVar[bool] = False

    @property
    def pk(self) -> str:
        """Different for every pair of tenant and subject: the principal, or a digest of one that is long."""
        principal = self.identity.principal
        return principal if len(principal) <= MAX_KEY else f"sha256:{sha256(principal.encode()).hexdigest()}"

    @property
    def id(self) -> str:
        """The same as `pk`."""
        return self.pk

    @property
    def username(self) -> str:
        """The principal."""
        return self.identity.principal

    def get_username(self) -> str:
        """The principal."""
        return self.identity.principal

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Never: what a token grants are scopes."""
        return False

    def has_perms(self, perm_list: object, obj: object = None) -> bool:
        """Never."""
        return False

    def has_module_perms(self, app_label: str) -> bool:
        """Never."""
        return False

    def __str__(self) -> str:
        return self.identity.principal


class TenantAuthentication(BaseAuthentication):
    """`request.user` and `request.auth` are whom the token authenticates, which the middleware has checked."""

    def authenticate(self, request: Request) -> tuple[TenantUser, Identity] | None:
        """The user and the identity, None for an anonymous request."""
        identity = admission_in(request.META).identity
        return None if identity is None else (TenantUser(identity), identity)

    def authenticate_header(self, request: Request) -> str:
        """The challenge. Django REST framework asks for it when it answers 401; the documented answer is sent then.

        Raises RuntimeError on a public path, where tokens are not looked at and nobody else authenticates.
        """
        admission = admission_in(request.META)
        if admission.demand.access != "public" or len(request.authenticators or ()) == 1:
            with suppress(AuthenticationError):
                admission.require()
        return f'Bearer realm="{admission.gate.settings.realm}"'


def HasScopes(*scopes: str) -> type[BasePermission]:
    """A permission class: the identity has all these scopes. May be combined with `&`, `|` and `~`.

    A refusal is the documented answer; one of a combination is Django REST framework's own, since no single scope may
    be what is missing. Raises ConfigurationError where a scope is not the name of one.
    """
    return type("HasScopes", (_HasScopes,), {"scopes": scope_names(scopes)})


class _HasScopes(BasePermission):
    scopes: ClassVar[tuple[str, ...]] = ()
    _refused: Admission | None = None

    def has_permission(self, request: Request, view: APIView) -> bool:
        """See BasePermission."""
        admission = admission_in(request.META)
        identity = admission.identity
        if identity is not None and identity.has_scopes(*self.scopes):
            return True
        # The browsable API and OPTIONS ask about clones of the request, which have a method of their own, to find
        # out what else they could offer: there, nobody is refused.
        self._refused = None if "method" in vars(request) else admission
        return False

    @property
    def message(self) -> None:
        """Asked for where the view refuses: leaves the refusal in the cell, and the view by raising it."""
        if self._refused is not None:
            self._refused.require(self.scopes)
