"""A gamification API in Django. From this folder:

    export ACME_SECRET=$(jwt-middleware secret)
    waitress-serve --listen 127.0.0.1:8000 django_api:application
README.md has a token to try it with.
"""

import json
from collections import Counter, defaultdict
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.http import require_POST

from jwt_middleware.django import IdentifiedRequest, requires

settings.configure(
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["jwt_middleware.django.JWTMiddleware"],
    JWT_MIDDLEWARE={"tenants": Path(__file__).with_name("tenants.toml"), "public": ["/healthz"]},
)
points_of: defaultdict[str, Counter[str]] = defaultdict(Counter)  # by tenant, then player


def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


@require_POST
@requires("write")
def events(request: IdentifiedRequest) -> JsonResponse:
    me, points = request.identity, points_in(request.body)
    if points is None:
        return JsonResponse({"error": "points is not a whole number"}, status=422)
    points_of[me.tenant_id][me.subject] += points
    total = points_of[me.tenant_id][me.subject]
    return JsonResponse({"tenant": me.tenant_id, "player": me.subject, "points": total}, status=201)


def points_in(body: bytes) -> int | None:
    with suppress(ValueError):
        match json.loads(body):
            case {"points": int(points)}:
                return points
    return None


@requires("read")
def leaderboard(request: IdentifiedRequest) -> JsonResponse:
    me = request.identity
    return JsonResponse({"tenant": me.tenant_id, "players": points_of[me.tenant_id].most_common()})


urlpatterns = [path("healthz", healthz), path("v1/events", events), path("v1/leaderboard", leaderboard)]
application = get_wsgi_application()
