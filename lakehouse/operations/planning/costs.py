"""Costs of a row so far: seconds by stage, bytes, and the share of collected rows that become rows of the dataset."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from lakehouse.core import versions
from lakehouse.core.project import Project
from lakehouse.core.runs import timings
from lakehouse.core.spec import Dataset
from lakehouse.operations.maintenance.intervals import wilson
from lakehouse.reserve.bronze import table as bronze
from lakehouse.reserve.bronze.collections import collections

_LAST = 5
"""Pieces of work of a stage from which the next is estimated."""
_MARGIN = 100
"""Fewest rows by which two versions differ for the yield of the last rows to be counted."""


@dataclass(frozen=True, kw_only=True)
class Yield:
    """Rows of the dataset by row collected.

    Attributes:
        low: lower limit of the 95 % interval (Wilson 1927).
        high: its upper limit.
        collected: rows collected.
        kept: those of them that became rows of the dataset.
        of: `all` rows, the `last` ones (those that came between two versions), or `declared`.
    """

    value: float
    low: float
    high: float
    collected: int
    kept: int
    of: str


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Measured costs of a dataset.

    Attributes:
        live: rows that the sources hold now.
        seconds: by stage, of a row; a stage that has not worked yet is missing.
        bytes: mean size of an item as collected.
        stored: bytes that the lake holds for a live row, all layers together.
        per_day: rows that came a day between the first and the last collection; None where these are less than an hour apart.
    """

    live: int
    yields: Yield | None
    seconds: dict[str, float]
    bytes: float
    stored: float
    per_day: float | None


def costs(project: Project, dataset: Dataset) -> Costs:
    """Measured costs of a dataset, from registers and table logs; no text is read."""
    names = [s for s in dataset.sources if bronze.table(project, s).exists()]
    index = [bronze.live_index(project, s, version=bronze.table(project, s).version()) for s in names]
    live = sum(frame.height for frame in index)
    size = sum(int(frame["_bytes"].sum() or 0) for frame in index)
    tables = [bronze.table(project, s) for s in names] + [project.table(layer, dataset.dataset) for layer in ("silver", "gold")]
    stored = sum(table.size() for table in tables)
    made = {s: collections(project, s) for s in names}
    rates = [_per_day([(one.at, one.added) for one in of]) for of in made.values() if len(of) > 1]
    known = [rate for rate in rates if rate is not None]
    return Costs(
        live=live,
        yields=_yield(project, dataset),
        seconds=_seconds(project, dataset),
        bytes=size / live if live else 0.0,
        stored=stored / live if live else 0.0,
        per_day=sum(known) if known else None,
    )


def _per_day(came: list[tuple[datetime, int]]) -> float | None:
    """Rows a day after the first collection, which brought what had come before."""
    hours = (came[-1][0] - came[0][0]).total_seconds() / 3600
    return 24 * sum(n for _, n in came[1:]) / hours if hours >= 1 else None


def _seconds(project: Project, dataset: Dataset) -> dict[str, float]:
    done = timings.spent(project)
    out: dict[str, float] = {}
    for stage, names in (("collect", dataset.sources), *((s, [dataset.dataset]) for s in ("silver", "gold", "pilot"))):
        mine = done.filter((pl.col("stage") == stage) & pl.col("name").is_in(names) & (pl.col("rows") > 0)).tail(_LAST)
        if mine.height:
            out[stage] = float(mine["seconds"].sum()) / float(mine["rows"].sum())
    return out


def _yield(project: Project, dataset: Dataset) -> Yield | None:
    """By the rows that came between the two newest versions of different sources, where these are enough; else by all of the newest."""
    known = versions.versions(project, dataset.dataset)
    points = [(sum(i["rows"] for i in v.manifest["inputs"]), sum(v.manifest["rows"].values())) for v in known]
    if not points:
        declared = dataset.demand.expected_yield if dataset.demand else None
        return None if declared is None else Yield(value=declared, low=declared, high=declared, collected=0, kept=0, of="declared")
    collected, kept = points[-1]
    of = "all"
    before = next(((n, k) for n, k in reversed(points[:-1]) if n != collected), None)
    if before is not None and collected - before[0] >= _MARGIN and kept - before[1] > 0:
        collected, kept, of = collected - before[0], kept - before[1], "last"
    if not collected:
        return None
    if kept > collected:  # rows that were cut, or variants
        return Yield(value=kept / collected, low=kept / collected, high=kept / collected, collected=collected, kept=kept, of=of)
    low, high = wilson(kept, collected)
    return Yield(value=kept / collected, low=low, high=high, collected=collected, kept=kept, of=of)
