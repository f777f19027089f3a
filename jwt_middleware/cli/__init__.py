"""The command `jwt-middleware`: make a secret, make a token, explain one, see it all work.

Needs the extra `cli`, the demo the extra `demo`; without them it says so.
"""

from __future__ import annotations

import sys
from typing import Final, NoReturn

USAGE: Final = 2
"""Exit status when the command or a file cannot be used as it is."""


def main() -> None:
    """Run the command with the arguments of this process, and leave with its exit status."""
    try:
        from jwt_middleware.cli.app import app
    except ModuleNotFoundError as missing:
        leave_without(missing, "cli", ("dotenv", "packaging", "rich", "typer"))
    app(prog_name="jwt-middleware")


def leave_without(missing: ModuleNotFoundError, extra: str, installed_by_it: tuple[str, ...]) -> NoReturn:
    """Say which extra brings the module that is missing, and exit. Raises what no extra would mend."""
    module = (missing.name or "").partition(".")[0]
    if module not in installed_by_it:
        raise missing
    print(
        f"jwt-middleware: {module} is not installed.\n"
        f"  -> pip install 'tenant-jwt-middleware[{extra}]'   (quotes included)",
        file=sys.stderr,
    )
    raise SystemExit(USAGE)
