"""Pictures of numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lakehouse.core.plotting import BLUE, GREY, RED, figure, plain, png

_POINTS = 5_000


def residual_picture(given: NDArray[np.float64], predicted: NDArray[np.float64], found: NDArray[np.int64], title: str) -> bytes:
    """PNG of labels against predictions, findings in red; of the others at most 5,000, evenly drawn in their order."""
    made, axes = figure(5.2, 5.0)
    step = max(1, -(-len(given) // _POINTS))
    axes.scatter(predicted[::step], given[::step], s=6, color=BLUE, alpha=0.4, linewidths=0)
    axes.scatter(predicted[found], given[found], s=12, color=RED, linewidths=0, label=f"likely wrong: {len(found):,}")
    ends = [float(min(given.min(), predicted.min())), float(max(given.max(), predicted.max()))]
    axes.plot(ends, ends, color=GREY, linestyle="--", linewidth=0.8)
    axes.set_xlabel("predicted by models that have not seen the row")
    axes.set_ylabel("given")
    axes.set_title(plain(title), fontsize=10)
    axes.legend(fontsize=8, frameon=False)
    return png(made)
