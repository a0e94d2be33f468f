"""The picture of a plan: rows there and rows wanted."""

from __future__ import annotations

from collections.abc import Sequence

from lakehouse.core.plotting import BLUE, GREEN, GREY, figures, plain, png
from lakehouse.operations.planning.plan import Plan


def volumes_picture(plans: Sequence[Plan]) -> bytes:
    """PNG with axes a dataset: of each line wanted, the share that is there."""
    most = max(len(plan.lines) for plan in plans)
    made, axes = figures(len(plans), 1, 6.5, max(1.6, 0.45 * most + 0.9))
    for one, plan in zip(axes, plans, strict=True):
        names = [f"{line.what}: {line.have:,} of {line.wanted:,}" for line in plan.lines]
        shares = [min(1.0, line.have / line.wanted) for line in plan.lines]
        one.barh(range(len(names)), [1.0] * len(names), color=GREY, alpha=0.35)
        one.barh(range(len(names)), shares, color=[GREEN if share == 1 else BLUE for share in shares])
        one.set_yticks(range(len(names)), [plain(name) for name in names], fontsize=8)
        one.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"], fontsize=8)
        one.set_xlim(0, 1)
        one.invert_yaxis()
        one.set_title(plain(f"{plan.dataset}: what is there of what is wanted"), fontsize=10)
    return png(made)
