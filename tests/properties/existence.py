"""That a strategy makes what a property needs: otherwise the property would hold for want of examples."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TypeVar

from hypothesis import Phase, find, settings
from hypothesis.strategies import SearchStrategy

Example = TypeVar("Example")


def one_of(examples: SearchStrategy[Example], is_wanted: Callable[[Example], bool]) -> Example:
    """An example of which this is true, the same one each time. Raises NoSuchExample where there is none."""
    first_found = settings(max_examples=5_000, phases=[Phase.generate], database=None)
    return find(examples, is_wanted, settings=first_found, random=Random(7))  # noqa: S311 (it is not for secrets)
