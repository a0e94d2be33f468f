"""Pictures of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from lakehouse.pilot.metrics import confusion
from lakehouse.plotting import BLUE, GREY, INK, figure, plain, png


def confusion_picture(predictions: pl.DataFrame, title: str) -> bytes:
    """PNG of the confusion matrix of one set: rows are the truth, shares of each row, counts where there is room."""
    classes, counts = confusion(predictions)
    names = [plain(name) for name in classes]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = max(3.6, 0.42 * len(names) + 1.6)
    made, axes = figure(size + 1.2, size)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=90 if len(names) > 4 else 0)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("truth")
    axes.set_title(title, fontsize=10)
    if len(names) <= 8:
        for (i, j), n in np.ndenumerate(counts):
            axes.text(j, i, f"{n:,}", ha="center", va="center", color="white" if shares[i, j] > 0.5 else INK, fontsize=9)
    made.colorbar(image, ax=axes, shrink=0.8, label="share of the truth")
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
