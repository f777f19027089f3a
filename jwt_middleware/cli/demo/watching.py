"""What becomes of the tenant's secrets while the demo serves on, second by second."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from rich.console import Console
from rich.text import Text

from jwt_middleware.cli.demo.world import TENANT, World
from jwt_middleware.errors import TemporarilyUnavailable
from jwt_middleware.guide.facts import in_words

SECONDS_BETWEEN_LOOKS: Final = 0.25


class Watch:
    """Says when a secret is going to end, counts down on a terminal, and says when it has ended.

    It looks into the store, so that it sees what the console does, and what a command in another terminal does.
    """

    def __init__(self, text: Console, world: World, new_link: Callable[[], str]) -> None:
        self._text = text
        self._world = world
        self._new_link = new_link
        self._ending: set[float] = set()
        self._ended: set[float] = set()
        self._countdown = text.status("")

    def look(self) -> None:
        """Say what is new. A store that cannot be asked just now is asked the next time."""
        with suppress(TemporarilyUnavailable):
            now, ends = self._world.settings.clock(), self._ends()
            for end in ends - self._ending - self._ended:
                self._say_new_secret(end, now)
            self._ending = {end for end in ends if end > now}
            self._count_down(now)
            for end in ends - self._ending - self._ended:
                self._ended.add(end)
                self._say_ended()

    def close(self) -> None:
        """End the countdown, if there is one."""
        self._countdown.stop()

    def _ends(self) -> set[float]:
        tenant = self._world.store.tenant(TENANT)
        return {key.not_after for key in tenant.keys if key.not_after is not None} if tenant is not None else set()

    def _count_down(self, now: float) -> None:
        if self._ending:
            left = math.ceil(min(self._ending) - now)
            self._countdown.update(Text(f"The old secret is accepted for {left} s more."))
            self._countdown.start()
        else:
            self._countdown.stop()

    def _say_new_secret(self, end: float, now: float) -> None:
        when = f"ends in {in_words(math.ceil(end - now))}" if end > now else "ends now"
        self._say(f"{TENANT} has a new secret. The old one, and all that it has signed, {when}.")

    def _say_ended(self) -> None:
        self._say("The old secret has ended: what it has signed is refused. Send TOKEN again to see it.")
        self._say(f"To do it once more: {self._new_link()}")

    def _say(self, line: str) -> None:
        self._text.print(Text(line, style="bold"), soft_wrap=True)
