"""Two pictures for the card: rows left after each step, and rows by split. The same manifest gives the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_COLOUR = "#3b6ea5"


def draw(manifest: Mapping[str, Any], folder: Path) -> list[str]:
    """Draw into `folder` (made if missing); paths relative to its parent. No balance, no balance picture."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    steps = [step for step in manifest.get("balance") or [] if isinstance(step.get("out"), int)]
    if steps:
        names = [f"{number}. {step.get('operator') or step.get('step')}" for number, step in enumerate(steps, 1)]
        _bars(names, [step["out"] for step in steps], "rows after each step", folder / "balance.png")
        drawn.append("images/balance.png")
    files = manifest["files"]
    _bars([file["split"] for file in files], [file["rows"] for file in files], "rows by split", folder / "splits.png")
    return [*drawn, "images/splits.png"]


def _bars(names: Sequence[str], counts: Sequence[int], title: str, path: Path) -> None:
    # The figure is used without pyplot: no global state, no display, safe in any thread.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 0.7 + 0.35 * len(names)), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    bars = axes.barh(range(len(names)), counts, color=_COLOUR)
    axes.bar_label(bars, labels=[f"{count:,}" for count in counts], padding=3)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.set_title(title, loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    FigureCanvasAgg(figure).print_png(path, metadata={"Software": None})
