"""The page on which a token is checked, step by step.

It says what the API says to whoever sends the token, and what stands in the token, and no more: which tenants, keys
and applications there are is nobody's business before a signature holds (contract of `invalid_signature`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from jwt_middleware.console.forms import FIELD, form_of, form_token, keep
from jwt_middleware.console.rendering import Pages
from jwt_middleware.console.work import Work
from jwt_middleware.explaining.checking import Outcome, token_in
from jwt_middleware.explaining.findings import RefusedToken, finding
from jwt_middleware.explaining.steps import STEPS
from jwt_middleware.explaining.wording import moment, shown
from jwt_middleware.grammar import is_scope
from jwt_middleware.settings import JWTSettings

State: TypeAlias = Literal["passed", "failed", "skipped", "not reached"]

_AS_ONE: Final = range(4, 7)
"""Tenant, key and signature: which of them failed tells who is a tenant here, so it is not told."""
_VALIDATORS, _REVOCATION, _NEEDED_SCOPES = 13, 14, 15
_TIMES: Final = ("iat", "exp", "nbf")


class StepShown(NamedTuple):
    """One step, and what came of it."""

    name: str
    state: State


class Claim(NamedTuple):
    """A claim as it stands in the token, and what a time means."""

    name: str
    value: str
    meaning: str


class CheckPage:
    """Shows the form (GET), and what becomes of a token (POST). The token is in the request's body and nowhere else."""

    def __init__(self, pages: Pages, work: Work) -> None:
        self._pages = pages
        self._work = work

    async def show(self, request: Request) -> Response:
        """The empty form."""
        return self._form(request, result=None, scopes="")

    async def act(self, request: Request) -> Response:
        """What becomes of the token in the form."""
        # Percent-encoding makes three bytes of one that no token has.
        fields = await form_of(request, self._pages, 3 * self._work.settings.max_token_bytes + 4096)
        scopes = fields.get("scopes", "").split()
        if not all(map(is_scope, scopes)):
            raise HTTPException(400)
        token = token_in(fields.get("token", ""))
        if not token:
            return self._form(request, result="nothing", scopes=" ".join(scopes))
        outcome = await self._work.check(token, scopes)
        values = facts(token, outcome, self._work.settings, scopes)
        return self._form(request, result=values, scopes=" ".join(scopes))

    def _form(self, request: Request, **values: Any) -> Response:
        token = form_token(request, self._pages)
        page = self._pages.page("check", field=FIELD, form_token=token, **values)
        return keep(page, request, self._pages, token)


def facts(token: str, outcome: Outcome, settings: JWTSettings, scopes: Sequence[str]) -> dict[str, Any]:
    """What the page shows of a checked token."""
    refusal = outcome.refusal
    found = ""
    if refusal is not None:
        found = finding(RefusedToken(token, outcome.header or {}, outcome.claims or {}, refusal, settings))
    return {
        "refusal": refusal,
        "finding": found,
        "steps": [*steps_shown(outcome, settings, scopes)],
        "is_verified": outcome.is_verified,
        "identity": outcome.identity,
        "fingerprint": outcome.fingerprint,
        "header": None if outcome.header is None else shown(outcome.header),
        "claims": [*_claims(outcome.claims or {})],
    }


def steps_shown(outcome: Outcome, settings: JWTSettings, scopes: Sequence[str]) -> Iterator[StepShown]:
    """Every step in its order, tenant, key and signature as one."""
    failed = len(STEPS) + 1 if outcome.step is None else outcome.step.number
    if failed in _AS_ONE:
        failed = _AS_ONE.start
    absent = {
        _VALIDATORS: not settings.validators,
        _REVOCATION: settings.revocations is None,
        _NEEDED_SCOPES: not scopes,
    }
    for number, name in STEPS:
        if number in _AS_ONE[1:]:
            continue
        name = "the tenant, its key and the signature" if number == _AS_ONE.start else name
        yield StepShown(name, _state(number, failed, absent.get(number, False)))


def _state(number: int, failed: int, is_absent: bool) -> State:
    if number == failed:
        return "failed"
    if is_absent:
        return "skipped"
    return "passed" if number < failed else "not reached"


def _claims(claims: dict[str, Any]) -> Iterator[Claim]:
    for name, value in claims.items():
        yield Claim(name, shown(value), moment(value) if name in _TIMES else "")
