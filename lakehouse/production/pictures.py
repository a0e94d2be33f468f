"""The two pictures of every version: the fates of its rows, and their splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lakehouse.core.plotting import BLUE, GREEN, GREY, ORANGE, RED, figure, png


def balance_picture(steps: Sequence[Mapping[str, Any]], title: str) -> bytes:
    """PNG of the material balance: per step the rows that go on, were merged, dropped, quarantined.

    Args:
        steps: balances as `Balance.as_json` writes them.
    """
    made, axes = figure(7.5, 0.9 + 0.36 * len(steps))
    names = [step["step"] for step in steps]
    left = [0] * len(steps)
    for part, colour in (("out", BLUE), ("merged", GREY), ("dropped", ORANGE), ("quarantined", RED)):
        values = [int(step[part]) for step in steps]
        axes.barh(names, values, left=left, color=colour, label=part)
        left = [a + b for a, b in zip(left, values, strict=True)]
    for at, step in enumerate(steps):
        axes.text(left[at], at, f" {step['out']:,}", va="center", fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.set_title(title, loc="left", fontsize=10)
    axes.legend(loc="lower right", fontsize=8, frameon=True)
    return png(made)


def splits_picture(rows: Mapping[str, int], title: str) -> bytes:
    """PNG of the rows by split."""
    made, axes = figure(6.0, 0.8 + 0.4 * len(rows))
    bars = axes.barh(list(rows), list(rows.values()), color=GREEN)
    axes.bar_label(bars, labels=[f"{n:,}" for n in rows.values()], padding=3, fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.set_title(title, loc="left", fontsize=10)
    return png(made)
