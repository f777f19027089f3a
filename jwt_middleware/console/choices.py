"""What a tenant can choose for its old secret."""

from __future__ import annotations

from typing import Final, NamedTuple


class Choice(NamedTuple):
    """`grace` in seconds; None: the old secret leaked, and ends when the tenant has saved the new one."""

    value: str
    label: str
    explanation: str
    grace: float | None


class Choices(NamedTuple):
    """In the order of the page, where the one whose value is `usual` is chosen already."""

    every: tuple[Choice, ...]
    usual: str

    def with_value(self, value: str) -> Choice | None:
        """The choice with this value; None: there is none."""
        return next((choice for choice in self.every if choice.value == value), None)


CHOICES: Final = Choices(
    (
        Choice("hour", "In 1 hour", "you can change it everywhere at once", 3600),
        Choice("day", "In 24 hours", "the usual choice", 86_400),
        Choice("week", "In 7 days", "many machines, or people who have to be asked", 7 * 86_400),
        Choice(
            "leaked",
            "It leaked: as soon as possible",
            "it stops when you have said, on the next page, that the new one is saved",
            None,
        ),
    ),
    usual="day",
)
