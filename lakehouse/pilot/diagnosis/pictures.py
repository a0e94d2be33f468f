"""Pictures of a diagnosis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lakehouse.core.plotting import BLUE, GREY, INK, ORANGE, RED, figure, figures, plain, png
from lakehouse.pilot.scoring.pictures import matrix_picture


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


def slices_picture(found: Sequence[tuple[str, float, int]], overall: float, title: str, axis: str) -> bytes:
    """PNG of slices (words, mean error, rows) as bars, best score on top, beside the error of all rows; `axis` says what the error is."""
    made, axes = figure(8.0, max(2.0, 0.36 * len(found) + 1.2))
    at = range(len(found))
    axes.barh(at, [rate for _, rate, _ in found], color=RED)
    axes.set_yticks(at, [plain(f"{words} ({size:,})") for words, _, size in found], fontsize=8)
    axes.invert_yaxis()
    axes.axvline(overall, color=GREY, linestyle="--", label=f"all rows: {overall:.3g}")
    axes.set_xlabel(axis)
    axes.set_title(plain(title), fontsize=10)
    axes.legend(fontsize=8, frameon=False)
    return png(made)


def drift_picture(results: Mapping[str, Mapping[str, Any]], title: str) -> bytes:
    """PNG of the PSI of every column, a bar a set, beside where little ends and much begins; the sets' AUC in the legend."""
    sets = list(results)
    columns = sorted({c["column"] for each in results.values() for c in each["columns"]})
    made, axes = figure(7.0, max(2.0, 0.22 * len(columns) * len(sets) + 1.4))
    high = 0.8 / max(len(sets), 1)
    for at, (name, colour) in enumerate(zip(sets, (BLUE, ORANGE), strict=False)):
        psi = {c["column"]: c["psi"] for c in results[name]["columns"]}
        auc = f": told apart with AUC {results[name]['auc']:.3f}" if "auc" in results[name] else ""
        places = [i + (at - (len(sets) - 1) / 2) * high for i in range(len(columns))]
        axes.barh(places, [psi.get(c, 0.0) for c in columns], high, color=colour, label=f"{name}{auc}")
    axes.axvline(0.1, color=GREY, linestyle="--")
    axes.axvline(0.25, color=RED, linestyle="--")
    axes.set_yticks(range(len(columns)), [plain(c) for c in columns], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("population stability index; little below 0.1, much above 0.25")
    axes.set_title(plain(title), fontsize=10)
    axes.legend(fontsize=8, frameon=False)
    return png(made)


def terms_picture(top: Mapping[str, Sequence[tuple[str, float]]], title: str) -> bytes:
    """PNG of the terms of most weight, small axes a class, 20 classes at most; spaces of a term are shown."""
    shown = list(top.items())[:20]
    made, axes = figures(len(shown), min(4, len(shown)))
    for one, (name, terms) in zip(axes, shown, strict=True):
        one.barh(range(len(terms)), [weight for _, weight in terms], color=BLUE)
        one.set_yticks(range(len(terms)), [plain(term.replace(" ", "␣")) for term, _ in terms], fontsize=7)
        one.invert_yaxis()
        one.tick_params(axis="x", labelsize=7)
        one.set_title(plain(name), fontsize=8)
    made.suptitle(plain(title), fontsize=10)
    return png(made)
