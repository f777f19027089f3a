"""Whether the package that is imported is the one that was installed, with what it needs."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator
from importlib import metadata
from typing import Final

from packaging.requirements import Requirement

from jwt_middleware.cli.checkup.findings import Finding, failure, fine, warning
from jwt_middleware.explaining.wording import listed

DISTRIBUTION: Final = "tenant-jwt-middleware"
_CHECK: Final = "installation"


def findings() -> Iterator[Finding]:
    """The package itself, others of the same import name, and the versions of what it uses."""
    try:
        version = metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        fix = f"pip install '{DISTRIBUTION}[cli]'"
        yield warning(_CHECK, f"{DISTRIBUTION} runs from its source: versions are not checked", fix)
    else:
        yield fine(_CHECK, f"{DISTRIBUTION} {version}, Python {platform.python_version()}")
        yield from _versions(metadata.requires(DISTRIBUTION) or (), metadata.metadata(DISTRIBUTION))
    yield from _others(metadata.packages_distributions().get("jwt_middleware", ()))


def _others(providers: Iterable[str]) -> Iterator[Finding]:
    others = {name for name in providers if name.lower().replace("_", "-") != DISTRIBUTION}
    if others:
        what = f"{listed(others)} has a package jwt_middleware too: parts of both may be imported"
        fix = f"pip uninstall {' '.join(sorted(others))}; then: pip install --force-reinstall {DISTRIBUTION}"
        yield failure(_CHECK, what, fix)


def _versions(requirements: Iterable[str], about: metadata.PackageMetadata) -> Iterator[Finding]:
    extras: dict[str, bool] = dict.fromkeys(sorted(about.get_all("Provides-Extra") or ()), True)
    for requirement in map(Requirement, requirements):
        # What is needed by no extra is needed always; no extra is called "".
        needed_by = [extra for extra in ("", *extras) if _is_needed(requirement, extra)]
        found = _installed(requirement.name)
        if found is None:
            extras.update(dict.fromkeys((extra for extra in needed_by if extra), False))
        elif needed_by and not requirement.specifier.contains(found, prereleases=True):
            what = f"{requirement.name} {found} is installed, {requirement.name}{requirement.specifier} is needed"
            yield failure(_CHECK, what, f"pip install '{requirement.name}{requirement.specifier}'")
    yield fine(_CHECK, f"complete extras: {', '.join(extra for extra, whole in extras.items() if whole) or 'none'}")


def _is_needed(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
