"""Django: one middleware, sync and async, closes the project to everyone without a tenant's token.

    # settings.py
    MIDDLEWARE = ["jwt_middleware.django.JWTMiddleware", ...]
    JWT_MIDDLEWARE = {"tenants": BASE_DIR / "tenants.toml", "public": ["/healthz"]}

    # views.py
    from jwt_middleware.django import requires

    @requires("write")
    def events(request):
        return JsonResponse({"tenant": request.identity.tenant_id, "user": request.identity.subject})

`request.identity` is the `Identity`. On an optional path, using it refuses an anonymous request with 401: ask
`optional_identity(request)` where both are served. On a public path, where tokens are not looked at, using it raises
RuntimeError. `jwt_middleware.django` in INSTALLED_APPS adds system checks; `jwt_middleware.django.rest_framework` has
what Django REST framework needs. docs/django.md tells the rest.
"""

from jwt_middleware.django.configuration import Door, door
from jwt_middleware.django.middleware import JWTMiddleware
from jwt_middleware.django.views import IdentifiedRequest, optional_identity, requires

__all__ = ["Door", "IdentifiedRequest", "JWTMiddleware", "door", "optional_identity", "requires"]
