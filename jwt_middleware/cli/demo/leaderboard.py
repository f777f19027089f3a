"""What the demo's API keeps: points, by tenant and player."""

from __future__ import annotations

from collections import Counter, defaultdict


class Leaderboard:
    """Points in memory. One tenant never sees another's players, even where they have the same subject."""

    def __init__(self) -> None:
        self._points: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def add(self, tenant_id: str, player: str, points: int) -> int:
        """The player's points, with these."""
        self._points[tenant_id][player] += points
        return self._points[tenant_id][player]

    def ranking(self, tenant_id: str) -> list[tuple[str, int]]:
        """The tenant's players with their points, best first."""
        return self._points[tenant_id].most_common()
