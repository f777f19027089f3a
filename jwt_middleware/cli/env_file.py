"""Adding variables to a `.env` file, which holds secrets from then on."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from jwt_middleware.cli.terminal import fail
from jwt_middleware.grammar import is_clean

PRIVATE: Final = 0o600
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_NEEDS_NO_QUOTES: Final = re.compile(r"[A-Za-z0-9_./:@%+,=-]+").fullmatch
"""Read alike by every program that reads such files, also those that know no quotes."""


def add_variables(file: Path, variables: Mapping[str, str]) -> None:
    """Append the variables, and keep what is there. The file is its owner's only from before they are written.

    Raises ConfigurationError where it cannot be made so, or cannot be written; nothing is in it then.
    """
    if not all(map(is_clean, variables.values())):
        fail(str(file), "cannot hold control characters", "leave them out of the URL")
    lines = "".join(f"{name}={_quoted(value)}\n" for name, value in variables.items())
    try:
        _append_privately(file, lines)
    except OSError as error:
        fail(str(file), f"cannot be written: {error.strerror}", f"it has to be yours: chmod 600 {file}")


def is_open_to_others(file: Path) -> bool:
    """Whether anybody but its owner may do anything with it."""
    return file.exists() and bool(file.stat().st_mode & _OTHERS)


def ignore_in_git(folder: Path, name: str) -> bool:
    """Have git ignore the file of this name; whether that had to be written down.

    Also where there is no repository: one may be made later, and what was committed once stays in its history.
    """
    file = folder / ".gitignore"
    text = file.read_text() if file.exists() else ""
    if {name, f"/{name}"} & {line.strip() for line in text.splitlines()}:
        return False
    with file.open("a") as ignored:
        ignored.write(_after(text) + f"{name}\n")
    return True


def _append_privately(file: Path, lines: str) -> None:
    if file.exists() and not file.is_file():
        fail(str(file), "is no file that could be added to", "move it away, or set the variables where it comes from")
    descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, PRIVATE)
    with os.fdopen(descriptor, "r+", encoding="utf-8", newline="") as opened:
        os.fchmod(descriptor, stat.S_IMODE(os.fstat(descriptor).st_mode) & ~_OTHERS)
        opened.write(_after(opened.read()) + lines)


def _after(text: str) -> str:
    """What has to stand between a text and further lines."""
    return "" if text == "" or text.endswith("\n") else "\n"


def _quoted(value: str) -> str:
    if _NEEDS_NO_QUOTES(value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
