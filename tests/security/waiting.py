"""Recipes, or parts of recipes, that need what is not there yet. A case leaves when what it waits for has come."""

from __future__ import annotations

from typing import Final

WAITING: Final[dict[str, str]] = {}
"""Case id to the reason why nothing builds it."""

PARTLY: Final[dict[str, str]] = {}
"""Case id to what of a built case is still to come."""
