"""The picture of a run: what each guard adds to a request, ours beside the others."""

from __future__ import annotations

from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from . import core
from .contestants import Added, added
from .report import Run
from .timing import Timing

OURS_COLOUR = "#1b6ca8"
OTHER_COLOUR = "#b8bec6"
TOKEN_ROWS = (core.FLOOR, core.OURS, core.PYJWT)


def draw(run: Run, path: Path) -> None:
    """Writes the picture; the kind of file follows from the path's ending."""
    guards = added(run.timings)
    # Text stays text: small and searchable. With the salt, the same run gives the same file.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "bench", "font.size": 9}):
        figure = Figure(figsize=(9, 7.5), layout="constrained")
        above, below = figure.subplots(2, 1, height_ratios=(len(TOKEN_ROWS), len(guards)))
        _bars(above, {name: run.timings[name] for name in TOKEN_ROWS}, "Verifying one HS256 token")
        _bars(below, _rows(guards), "Added to a request, in process")
        below.set_xlabel("microseconds, best round; less is better")
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _rows(guards: Added) -> dict[str, Timing]:
    return {f"{stack} | {guard}": timing for (stack, guard), timing in guards.items()}


def _bars(axes: Axes, rows: dict[str, Timing], title: str) -> None:
    """One horizontal bar for each row, first row on top, its value written at its end."""
    values = [row.best for row in rows.values()]
    colours = [OURS_COLOUR if "ours" in name else OTHER_COLOUR for name in rows]
    bars = axes.barh(list(rows), values, color=colours)
    axes.bar_label(bars, fmt="%.1f", padding=3)
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.set_title(title, loc="left", fontweight="bold")
    axes.spines[["top", "right"]].set_visible(False)
