"""The unit of work of silver: one Delta file of bronze, measured into staged Parquet files that a later run takes as done."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import polars as pl

from lakehouse.core.lake.parquet.files import parquet_writer, write_parquet
from lakehouse.core.project import Project
from lakehouse.production.engine.measure import measure, types_of
from lakehouse.production.engine.recipe import Recipe, compile_recipe, source_columns
from lakehouse.production.engine.references import bind_models
from lakehouse.reserve.bronze import table as bronze
from lakehouse.reserve.bronze.values import values

T = TypeVar("T")
R = TypeVar("R")
_SLICE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One bronze file.

    Attributes:
        file: its name.
        pending: Parquet file with `_row_id` and `_collection` of the rows to measure (in any bronze file of the source).
        stem: name of the staged results, unique in its folder.
        wanted: signal columns to measure.
        values: whether to stage the values too.
    """

    root: str
    dataset: str
    source: str
    file: str
    pending: str
    folder: str
    stem: str
    wanted: tuple[str, ...]
    values: bool

    def __str__(self) -> str:
        return f"{self.dataset}: file {self.file} of bronze/{self.source}"


@dataclass(frozen=True)
class StagedUnit:
    """The files with the results of a unit; `reused` where an earlier run made them."""

    signals: Path
    values: Path
    rows: int
    reused: bool


def units_of(
    project: Project, dataset: str, source: str, pending: pl.DataFrame, folder: Path, wanted: tuple[str, ...], *, values: bool
) -> list[Unit]:
    """The units that hold the `pending` rows (`_row_id`, `_collection`) of a source; none where nothing is pending."""
    if pending.is_empty():
        return []
    folder.mkdir(parents=True, exist_ok=True)
    index = folder / f"{source}.pending.parquet"
    write_parquet(pending.select("_row_id", "_collection"), index)
    files = files_with(project, source, pending)
    return [
        Unit(
            root=str(project.root),
            dataset=dataset,
            source=source,
            file=file,
            pending=str(index),
            folder=str(folder),
            stem=f"{source}-{Path(file).stem}",
            wanted=wanted,
            values=values,
        )
        for file in files
    ]


def files_with(project: Project, source: str, rows: pl.DataFrame) -> list[str]:
    """Names of bronze files that can hold `rows`, by the range of `_collection` in Delta's statistics."""
    table = bronze.table(project, source).delta()
    actions = pl.DataFrame(table.get_add_actions(flatten=True))
    collections = rows["_collection"].unique().to_list()
    chosen = []
    for action in actions.iter_rows(named=True):  # one row per file
        low, high = action.get("min._collection"), action.get("max._collection")
        if low is None or high is None or any(low <= c <= high for c in collections):
            chosen.append(Path(action["path"]).name)
    return sorted(chosen)


@lru_cache(maxsize=4)
def _recipe(root: str, dataset: str) -> tuple[Project, Recipe]:
    project = Project.open(Path(root))
    recipe = compile_recipe(project, dataset, source_columns(project, project.dataset(dataset)))
    bind_models(project, recipe)
    return project, recipe


def forget() -> None:
    """Drop compiled recipes, so that a changed declaration is read again."""
    _recipe.cache_clear()


def run_unit(unit: Unit) -> StagedUnit:
    """Measure the pending rows of one bronze file. Runs in any process; results appear by rename, whole or not at all."""
    signals, values = Path(unit.folder, f"{unit.stem}.signals.parquet"), Path(unit.folder, f"{unit.stem}.values.parquet")
    if signals.exists() and (values.exists() or not unit.values):
        return StagedUnit(signals, values, 0, reused=True)
    project, recipe = _recipe(unit.root, unit.dataset)
    pending = pl.read_parquet(unit.pending)
    types = types_of(recipe, source_columns(project, project.dataset(unit.dataset)))
    schema = pl.Schema([*((name, pl.String()) for name in ("_row_id", "_content", "_parent", "_root")), *types.values.items()])
    # Work that holds the interpreter, and writing, of one slice goes on beside the kernels of another; a pool has a process a core already.
    threads = project.settings.workers if project.settings.runner == "in_process" else 1
    measured = ahead(
        lambda rows: measure(recipe, rows, unit.wanted), read_rows(project, unit.dataset, unit.source, [unit.file], pending), threads
    )
    parts: list[pl.DataFrame] = []
    with parquet_writer(values, schema) if unit.values else nullcontext(lambda _: None) as write:
        for part in measured:
            parts.append(part.signals)
            if part.values.width:
                write(part.values.with_columns(pl.col(c).cast(t) for c, t in types.values.items()))
    signal_rows = pl.concat(parts, how="diagonal_relaxed") if parts else pl.DataFrame()
    write_parquet(signal_rows, signals, compression_level=1)
    return StagedUnit(signals, values, signal_rows.height, reused=False)


def read_rows(project: Project, dataset: str, source: str, files: list[str], pending: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """`_row_id`, `_content` and own columns of the `pending` rows in these bronze files, in slices of some megabytes of items."""
    columns = source_columns(project, project.dataset(dataset))
    stored = bronze.table(project, source).schema()
    have = [c for c in columns if c in stored]
    missing = [pl.lit(None, t).alias(c) for c, t in columns.items() if c not in have]
    limit = min(_SLICE_BYTES, project.settings.unit_bytes)
    gathered: list[pl.DataFrame] = []
    size = 0
    for rows in values(project, source, ["_content", "_bytes", *have], pending.select("_row_id", "_collection"), files):
        ends = rows.select(((pl.col("_bytes").fill_null(0).cum_sum() + size) // limit).alias("slice"))["slice"]
        own = rows.with_columns(missing).select("_row_id", "_content", *columns)
        start = 0
        for length in ends.rle().struct.field("len"):
            if start and gathered:
                yield pl.concat(gathered)
                gathered = []
            gathered.append(own.slice(start, length))
            start += length
        size = (size + int(rows["_bytes"].fill_null(0).sum())) % limit
    if gathered:
        yield pl.concat(gathered)


def ahead(work: Callable[[T], R], items: Iterable[T], threads: int) -> Iterator[R]:
    """`work` of every item, in order, on so many threads; at most one item more than there are threads is in memory."""
    if threads == 1:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(threads) as pool:
        running: deque[Future[R]] = deque()
        for item in items:
            running.append(pool.submit(work, item))
            if len(running) > threads:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
