"""`python -m tests.bench`: times everything, prints the tables, and writes them where it is told to.

The exit status is 0 whatever was measured: a busy machine is no defect of the code. A missed budget is
printed as MISS.
"""

from __future__ import annotations

import logging
from argparse import ArgumentParser, Namespace
from pathlib import Path

from .contestants import contestants
from .report import Run, as_markdown, as_text
from .stores import take_stock
from .tenants import survey
from .timing import QUICK, Pace, race

POOL = 2000
TENANTS = (1_000, 1_000_000)
REVOCATIONS = 1_000_000
QUICK_POOL = 40
QUICK_TENANTS = (20, 200)
QUICK_REVOCATIONS = 500


def measure(quick: bool = False) -> Run:
    """One run. A quick one has every row, but its numbers mean nothing."""
    pace, pool, counts = (QUICK, QUICK_POOL, QUICK_TENANTS) if quick else (Pace(), POOL, TENANTS)
    revocations = QUICK_REVOCATIONS if quick else REVOCATIONS
    return Run(race(contestants(pool), pace), survey(counts, pace), take_stock(counts, revocations, pace))


def write(run: Run, folder: Path) -> None:
    """Leaves `benchmark.md` and `benchmark.svg` in the folder."""
    from .picture import draw

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "benchmark.md").write_text(as_markdown(run, "benchmark.svg"), encoding="utf-8")
    draw(run, folder / "benchmark.svg")


def arguments() -> Namespace:
    """What the command line asks for."""
    parser = ArgumentParser(prog="python -m tests.bench", description="Times the middleware and others.")
    parser.add_argument("--quick", action="store_true", help="a smoke run: every row, meaningless numbers")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="leave the tables and a picture there")
    return parser.parse_args()


def main() -> None:
    """Runs the bench as the command line asks."""
    asked = arguments()
    # Each app is given one forged token before the race, which is logged as it should be.
    logging.getLogger("jwt_middleware").setLevel(logging.ERROR)
    run = measure(asked.quick)
    print(as_text(run))
    if asked.write is not None:
        write(run, asked.write)


if __name__ == "__main__":
    main()
