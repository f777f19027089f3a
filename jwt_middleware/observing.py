"""What is noted about a request where somebody wants to know: how long its token took, and what was remembered.

Used with `JWTSettings(observers=[...])` only. Without observers nothing here runs.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Final

import msgspec

from jwt_middleware.authenticator import Authenticator
from jwt_middleware.claims import CheckedToken
from jwt_middleware.jws import UnverifiedToken, VerifiedToken
from jwt_middleware.log import logger
from jwt_middleware.observation import Observation, Observer
from jwt_middleware.settings import JWTSettings
from jwt_middleware.tenants.model import Tenant


class Notes(msgspec.Struct, eq=False, gc=False):
    """What the authenticator notes about one token, where it was out of the ordinary."""

    store_was_asked: bool = False
    was_remembered: bool = False
    """Whether the signature had been verified before."""
    key_id: str | None = None
    key_ends_at: float | None = None


noted: Final[ContextVar[Notes | None]] = ContextVar("jwt_middleware.notes", default=None)
"""What was noted about the token that this context (a thread, a task) verified last; None where it was ordinary.

Who reads notes sets None again.
"""


def _notes() -> Notes:
    notes = noted.get()
    if notes is None:
        noted.set(notes := Notes())
    return notes


class ObservedAuthenticator(Authenticator):
    """Notes whether tenant and signature were remembered. Checks nothing itself."""

    def __init__(self, settings: JWTSettings) -> None:
        super().__init__(settings)
        self._verify_unnoted, self._ask_unnoted, self._ask_unnoted_async = self._verify, self._ask, self._ask_async
        self._ask, self._ask_async = self._ask_noting, self._ask_noting_async

    def _ask_noting(self, issuer: str) -> Tenant | None:
        _notes().store_was_asked = True
        return self._ask_unnoted(issuer)

    async def _ask_noting_async(self, issuer: str) -> Tenant | None:
        _notes().store_was_asked = True
        return await self._ask_unnoted_async(issuer)

    def _verify_noting(self, token: UnverifiedToken, tenant: Tenant | None, now: float) -> VerifiedToken:
        verified = self._verify_unnoted(token, tenant, now)
        if verified.token.memory is not None:
            _notes().was_remembered = True
        return verified

    def _take_note(self, verified: VerifiedToken, checked: CheckedToken, now: float) -> None:
        super()._take_note(verified, checked, now)
        if verified.is_worth_keeping:
            # There is something to remember from now on, which for shared secrets there never is.
            self._verify = self._verify_noting
        if verified.key.not_after is not None:
            notes = _notes()
            notes.key_id, notes.key_ends_at = verified.key.key_id, verified.key.not_after


class Audience:
    """All observers of one door. None of them can harm a request, or keep the others from being told."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observe = tuple(observer.observe for observer in observers)
        self._failing: set[object] = set()
        self.wants_fingerprint = any(getattr(observer, "wants_fingerprint", False) for observer in observers)
        """Whether one of them says so."""

    def tell(self, observation: Observation) -> None:
        """Tell each observer. One that raises is logged, once."""
        for observe in self._observe:
            try:
                observe(observation)
            except Exception as error:
                if observe not in self._failing:
                    self._failing.add(observe)
                    _report(observe, error)


def _report(observe: Callable[[Observation], None], error: Exception) -> None:
    """Where it failed, and not the text of the error, in which a path may stand as a client sent it."""
    *_, (frame, line) = traceback.walk_tb(error.__traceback__)
    place = f"{os.path.basename(frame.f_code.co_filename)}:{line}"
    name = getattr(observe, "__qualname__", type(observe).__qualname__)
    kind = type(error).__name__
    logger.error("observer %s failed with %s at %s; no request is harmed, and this is said once", name, kind, place)
