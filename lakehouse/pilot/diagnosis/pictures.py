"""Pictures of a diagnosis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lakehouse.pilot.pictures import matrix_picture
from lakehouse.plotting import BLUE, GREY, INK, RED, figure, plain, png


def joint_picture(joint: NDArray[np.int64], classes: Sequence[str], title: str) -> bytes:
    """PNG of the confident joint, shape (classes, classes): rows are the given label, columns the likely one."""
    return matrix_picture(joint, classes, title, down="given label", across="likely label")


def values_picture(values: NDArray[np.float64], title: str) -> bytes:
    """PNG of how the values of rows are distributed; the negative ones in red."""
    made, axes = figure(6.5, 3.4)
    counts, edges = np.histogram(values, bins=60)
    axes.bar(edges[:-1], counts, np.diff(edges), align="edge", color=[RED if edge <= 0 else BLUE for edge in edges[1:]])
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yscale("symlog")
    axes.set_xlabel("Shapley value of the row")
    axes.set_ylabel("rows")
    axes.set_title(plain(title), fontsize=10)
    return png(made)


def slices_picture(found: Sequence[tuple[str, float, int]], overall: float, title: str) -> bytes:
    """PNG of slices (words, error rate, rows) as bars, best score on top, beside the overall error rate."""
    made, axes = figure(8.0, max(2.0, 0.36 * len(found) + 1.2))
    at = range(len(found))
    axes.barh(at, [rate for _, rate, _ in found], color=RED)
    axes.set_yticks(at, [plain(f"{words} ({size:,})") for words, _, size in found], fontsize=8)
    axes.invert_yaxis()
    axes.axvline(overall, color=GREY, linestyle="--", label=f"all rows: {overall:.3f}")
    axes.set_xlabel("share of rows that the model gets wrong")
    axes.set_title(plain(title), fontsize=10)
    axes.legend(fontsize=8, frameon=False)
    return png(made)
