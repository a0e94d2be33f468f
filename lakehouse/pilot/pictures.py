"""Pictures of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.core.plotting import BLUE, GREY, INK, RED, figure, plain, png
from lakehouse.pilot.metrics import confusion
from lakehouse.pilot.selftest import SelfTest


def confusion_picture(predictions: pl.DataFrame, title: str) -> bytes:
    """PNG of the confusion matrix of one set: rows are the truth, shares of each row, counts where there is room."""
    classes, counts = confusion(predictions)
    return matrix_picture(counts, classes, title, down="truth", across="predicted")


def matrix_picture(counts: NDArray[np.int64], classes: Sequence[str], title: str, *, down: str, across: str) -> bytes:
    """PNG of counts of rows by two labels, shape (classes, classes): shares of each row, the counts where there is room."""
    names = [plain(name) for name in classes]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = max(3.6, 0.42 * len(names) + 1.6)
    made, axes = figure(size + 1.2, size)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=90 if len(names) > 4 else 0)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel(across)
    axes.set_ylabel(down)
    axes.set_title(plain(title), fontsize=10)
    if len(names) <= 8:
        for (i, j), n in np.ndenumerate(counts):
            axes.text(j, i, f"{n:,}", ha="center", va="center", color="white" if shares[i, j] > 0.5 else INK, fontsize=9)
    made.colorbar(image, ax=axes, shrink=0.8, label=f"share of the {down}")
    return png(made)


def recall_picture(metrics: Mapping[str, Mapping[str, Any]], title: str) -> bytes:
    """PNG of the recall of every class with its spread over seeds, worst first."""
    recalls = sorted(
        ((name.removeprefix("recall."), m["mean"], m["std"]) for name, m in metrics.items() if name.startswith("recall.")),
        key=lambda r: r[1],
    )
    made, axes = figure(6.5, max(2.0, 0.3 * len(recalls) + 1))
    axes.barh([plain(r[0]) for r in recalls], [r[1] for r in recalls], xerr=[r[2] for r in recalls], color=BLUE, ecolor=GREY)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel("recall")
    axes.set_title(title, fontsize=10)
    return png(made)


def selftest_picture(outcomes: Sequence[SelfTest], title: str) -> bytes:
    """PNG of the difference that each control made, with its 95 % interval; red where the control failed."""
    made, axes = figure(6.5, max(2.0, 0.4 * len(outcomes) + 1))
    names = [plain(f"{t.metric} on {t.on}, {t.control}") for t in outcomes]
    at = np.arange(len(names))
    changes = np.array([t.difference for t in outcomes])
    low, high = np.array([t.low for t in outcomes]), np.array([t.high for t in outcomes])
    axes.barh(at, changes, color=[BLUE if t.passed else RED for t in outcomes])
    axes.hlines(at, low, high, color=INK)
    axes.set_yticks(at, names)
    axes.invert_yaxis()
    axes.axvline(0, color=GREY)
    axes.set_xlabel("control minus version, 95 % interval")
    axes.set_title(plain(title), fontsize=10)
    return png(made)
