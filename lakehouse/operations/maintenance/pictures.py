"""Pictures of maintenance: the indicators of one version, and versions side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lakehouse.core.plotting import BLUE, GREEN, GREY, ORANGE, RED, figure, figures, plain, png

_COLOURS = {"A": GREEN, "B": BLUE, "C": ORANGE, "D": RED, None: GREY}


def grade_picture(indicators: Sequence[Mapping[str, Any]], title: str) -> bytes:
    """PNG of the indicators with their intervals, coloured by their own grade; what was not measured has no point.

    Args:
        indicators: as the event `graded` holds them.
    """
    made, axes = figure(7.0, 0.9 + 0.32 * len(indicators))
    for at, each in enumerate(indicators):
        if each["value"] is None:
            axes.text(0.01, at, "not measured", va="center", fontsize=8, color=GREY)
            continue
        colour = _COLOURS[each["grade"]]
        axes.plot([each["low"], each["high"]], [at, at], color=colour, linewidth=3, alpha=0.5)
        axes.plot([each["value"]], [at], "o", color=colour, markersize=6)
        axes.text(1.03, at, f"{each['grade']}  {each['value']:.3f}", va="center", fontsize=8)
    names = [each["name"] + (" *" if each["essential"] else "") for each in indicators]
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_xlim(-0.02, 1.18)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1.0])
    axes.invert_yaxis()
    axes.set_xlabel("share with its 95 % interval; * essential", fontsize=8)
    axes.set_title(plain(title), loc="left", fontsize=10)
    return png(made)


def compare_picture(labels: Sequence[str], rows: Sequence[int], scores: Sequence[tuple[str, Sequence[float | None]]], title: str) -> bytes:
    """PNG of versions side by side: their rows, then one small figure a score.

    Args:
        labels, rows: of each version.
        scores: name, and the value of each version or None; the first five are drawn.
    """
    drawn = scores[:5]
    made, axes = figures(1 + len(drawn), 3)
    axes[0].bar(labels, rows, color=GREY)
    axes[0].set_title("rows", loc="left", fontsize=9)
    for one, (name, values) in zip(axes[1:], drawn, strict=True):
        known = [(label, value) for label, value in zip(labels, values, strict=True) if value is not None]
        one.plot([label for label, _ in known], [value for _, value in known], "o-", color=BLUE)
        one.set_title(plain(name), loc="left", fontsize=9)
        one.margins(x=0.2, y=0.3)
    for one in axes:
        one.tick_params(labelsize=7)
    made.suptitle(plain(title), fontsize=10)
    return png(made)
