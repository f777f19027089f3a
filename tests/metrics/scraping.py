"""What a scrape gets, as a mapping of series to numbers."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Metric

Scraped = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scraped(registry: CollectorRegistry) -> Scraped:
    """Every series of the registry that is not at zero."""
    return series_of(registry.collect())


def series_of(metrics: Iterable[Metric]) -> Scraped:
    """Every series that is not at zero."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for metric in metrics
        for sample in metric.samples
        if sample.value and not sample.name.endswith("_created")
    }


def value(found: Scraped, name: str, **labels: str) -> float:
    """The sum of all series of this name that have these labels, perhaps among others."""
    return sum(number for (named, has), number in found.items() if named == name and has >= frozenset(labels.items()))
