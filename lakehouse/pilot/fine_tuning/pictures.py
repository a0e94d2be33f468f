"""Pictures of fine-tuning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lakehouse.core.plotting import BLUE, GREEN, GREY, INK, ORANGE, RED, figure, plain, png
from lakehouse.pilot.fine_tuning.effect import ScoreDifference


def loss_picture(losses: Mapping[int, Sequence[float]], title: str) -> bytes:
    """PNG of the training loss at each step, a thin line a seed, and bold its mean over a tenth of the steps."""
    made, axes = figure(6.5, 3.6)
    for (seed, values), colour in zip(losses.items(), (BLUE, ORANGE, GREEN, RED, INK) * len(losses), strict=False):
        steps = np.arange(1, len(values) + 1)
        axes.plot(steps, values, color=colour, linewidth=0.5, alpha=0.5)
        window = max(1, len(values) // 10)
        means = np.convolve(values, np.full(window, 1 / window), mode="valid")
        axes.plot(steps[window - 1 :], means, color=colour, linewidth=1.8, label=f"seed {seed}")
    axes.set_xlabel("step")
    axes.set_ylabel("cross entropy of the batch")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=8, frameon=False)
    axes.set_title(plain(title), fontsize=10)
    return png(made)


def gain_picture(gains: Mapping[str, Mapping[str, ScoreDifference]], title: str) -> bytes:
    """PNG of what fine-tuning adds, by set and metric: each seed a dot, a bar the 95 % interval."""
    named = [(f"{on}: {metric.replace('_', ' ')}", one) for on, found in gains.items() for metric, one in found.items()]
    made, axes = figure(6.5, max(1.8, 0.45 * len(named) + 1.1))
    for at, (_name, one) in enumerate(named):
        axes.plot([one.low, one.high], [at, at], color=GREY, linewidth=6, solid_capstyle="butt")
        axes.plot(one.values, [at] * len(one.values), "o", color=BLUE, markersize=4)
    axes.set_yticks(range(len(named)), [plain(name) for name, _one in named])
    axes.invert_yaxis()
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_xlabel("fine-tuned minus frozen")
    axes.set_title(plain(title), fontsize=10)
    return png(made)
