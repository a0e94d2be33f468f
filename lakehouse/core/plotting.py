"""Figures that look alike and can write Chinese: one style, drawn without a display."""

from __future__ import annotations

from importlib import metadata
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, BLUE, ORANGE, GREEN, RED, GREY = "#22303c", "#2f6db5", "#e08a2e", "#3d9a63", "#c4473a", "#a9b4bf"
_FONT = "noto-cjk-sans-jp-regular"


def figure(width: float = 7.0, height: float = 4.0) -> tuple[Figure, Axes]:
    """An empty figure (inches) with one pair of axes; no display and no global state is touched."""
    made, (axes,) = figures(1, 1, width, height)
    return made, axes


def figures(number: int, columns: int, width: float = 3.4, height: float = 2.3) -> tuple[Figure, list[Axes]]:
    """An empty figure with so many small axes, row by row; width and height of each in inches."""
    from matplotlib import font_manager, rc_context
    from matplotlib.figure import Figure as NewFigure

    _register_font(font_manager)
    rows = max(1, -(-number // columns))
    with rc_context({"font.family": ["DejaVu Sans", "Noto Sans CJK JP"], "axes.edgecolor": INK, "axes.labelcolor": INK, "text.color": INK}):
        made = NewFigure(figsize=(width * columns, height * rows), dpi=110, layout="constrained")
        axes = [made.add_subplot(rows, columns, at + 1) for at in range(number)]
        for one in axes:
            one.spines[["top", "right"]].set_visible(False)
    return made, axes


def plain(text: str) -> str:
    """`text` unchanged, for a figure: between two dollar signs Matplotlib would read a formula."""
    return text.replace("$", r"\$")


def png(made: Figure) -> bytes:
    """The figure as PNG; equal figures give equal bytes (no date, no software version inside)."""
    from matplotlib import rc_context

    out = BytesIO()
    with rc_context({"font.family": ["DejaVu Sans", "Noto Sans CJK JP"]}):
        made.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def _register_font(font_manager: object) -> None:
    fonts = font_manager.fontManager  # type: ignore[attr-defined]
    if not any(font.name == "Noto Sans CJK JP" for font in fonts.ttflist):
        for file in metadata.files(_FONT) or ():
            if file.suffix in (".otf", ".ttf"):
                fonts.addfont(str(file.locate()))
