"""The profile of a discovery as one picture: how full the columns are, the label, the languages, the drift."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lakehouse.core.errors import SourceError
from lakehouse.core.plotting import BLUE, GREEN, GREY, ORANGE, RED, figures, plain, png
from lakehouse.reserve.discovery.discover import Discovery
from lakehouse.reserve.discovery.drift import LARGE, MODERATE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHOWN = 12


def profile_picture(found: Discovery) -> bytes:
    """PNG; no value of a column with private data is in it.

    Raises:
        SourceError: nothing was found that could be drawn.
    """
    if not found.columns:
        raise SourceError(f"{found.path} holds no columns: there is nothing to draw", fix="leave out --picture")
    panels: list[Callable[[Axes], None]] = [lambda place: _fullness(place, found), lambda place: _private(place, found)]
    label = next((c for c in found.columns if c.name == found.label and c.values), None)
    text = next((c for c in found.columns if c.name == found.text and c.languages), None)
    if label is not None:
        panels.append(lambda place: _bars(place, f"label {label.name}, sampled rows", dict(list(label.values.items())[:_SHOWN]), BLUE))
    if text is not None:
        shares = dict(list(text.languages.items())[:_SHOWN])
        panels.append(lambda place: _bars(place, f"languages of {text.name}, shares", shares, GREEN))
    if any(one.psi is not None for one in found.drift):
        panels.append(lambda place: _drift(place, found))
    made, axes = figures(len(panels), columns=2, width=4.2, height=2.8)
    for draw, place in zip(panels, axes, strict=True):
        draw(place)
        place.tick_params(labelsize=7)
    about = "" if found.whole else "about "
    made.suptitle(plain(f"{found.path}: {about}{found.rows:,} rows, {found.sampled:,} looked at"), fontsize=10, x=0.01, ha="left")
    return png(made)


def _bars(place: Axes, title: str, values: dict[str, float] | dict[str, int], colour: str) -> None:
    place.barh([plain(word) for word in values][::-1], list(values.values())[::-1], color=colour)
    place.set_title(plain(title), fontsize=8, loc="left")


def _fullness(place: Axes, found: Discovery) -> None:
    columns = found.columns[:_SHOWN][::-1]
    names = [plain(c.name) for c in columns]
    place.barh(names, [1 - c.nulls for c in columns], color=GREY, label="given")
    place.barh(names, [(1 - c.nulls) * c.distinct for c in columns], color=BLUE, height=0.4, label="distinct")
    place.set_xlim(0, 1)
    place.legend(fontsize=6, loc="lower right")
    place.set_title("columns: share of rows with a value, and with one of its own", fontsize=8, loc="left")


def _private(place: Axes, found: Discovery) -> None:
    counts = {f"{c.name}: {kind}": n for c in found.columns for kind, n in c.private.items()}
    counts |= {f"{c.name}: {c.named}": found.sampled for c in found.columns if c.named}
    if counts:
        _bars(place, "private data, sampled rows", dict(list(counts.items())[:_SHOWN]), RED)
        return
    place.set_axis_off()
    place.text(0, 0.5, "no private data was found in the sample", fontsize=8)


def _drift(place: Axes, found: Discovery) -> None:
    distances = {f"{one.what}: {one.measure}": one.psi for one in found.drift if one.psi is not None}
    _bars(place, "against the last collection, PSI", dict(list(distances.items())[:_SHOWN]), ORANGE)
    for limit in (MODERATE, LARGE):
        place.axvline(limit, color=GREY, linewidth=1)
