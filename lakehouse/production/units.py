"""The unit of work of silver: one Delta file of bronze, measured into staged Parquet files that a later run takes as done."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import polars as pl

from lakehouse import bronze
from lakehouse.production.measure import measure
from lakehouse.production.recipe import Recipe, compile_recipe, source_columns
from lakehouse.production.references import bind_models
from lakehouse.project import Project
from lakehouse.table import write_parquet

_SLICE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Unit:
    """One bronze file.

    Attributes:
        file: its URI.
        pending: Parquet file with `_row_id` and `_collection` of the rows to measure (in any bronze file of the source).
        stem: name of the staged results, unique in its folder.
        wanted: signal columns to measure.
        values: whether to stage the values too.
    """

    root: str
    dataset: str
    file: str
    pending: str
    folder: str
    stem: str
    wanted: tuple[str, ...]
    values: bool


@dataclass(frozen=True)
class Staged:
    """Where the results of a unit stand; `reused` when they stood there already."""

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
        Unit(str(project.root), dataset, file, str(index), str(folder), f"{source}-{Path(file).stem}", wanted, values) for file in files
    ]


def files_with(project: Project, source: str, rows: pl.DataFrame) -> list[str]:
    """Bronze files that can hold `rows`, by the range of `_collection` in Delta's statistics."""
    table = bronze.table(project, source).delta()
    actions = pl.DataFrame(table.get_add_actions(flatten=True))
    collections = rows["_collection"].unique().to_list()
    uris = {Path(uri).name: uri for uri in table.file_uris()}
    chosen = []
    for action in actions.iter_rows(named=True):  # one row per file
        low, high = action.get("min._collection"), action.get("max._collection")
        if low is None or high is None or any(low <= c <= high for c in collections):
            chosen.append(uris[Path(action["path"]).name])
    return sorted(chosen)


@lru_cache(maxsize=4)
def _recipe(root: str, dataset: str) -> tuple[Project, Recipe]:
    project = Project.open(Path(root))
    recipe = compile_recipe(project, dataset, list(source_columns(project, project.dataset(dataset))))
    bind_models(project, recipe)
    return project, recipe


def forget() -> None:
    """Drop compiled recipes, so that a changed declaration is read again."""
    _recipe.cache_clear()


def run_unit(unit: Unit) -> Staged:
    """Measure the pending rows of one bronze file. Runs in any process; results appear by rename, whole or not at all."""
    signals, values = Path(unit.folder, f"{unit.stem}.signals.parquet"), Path(unit.folder, f"{unit.stem}.values.parquet")
    if signals.exists() and (values.exists() or not unit.values):
        return Staged(signals, values, 0, reused=True)
    project, recipe = _recipe(unit.root, unit.dataset)
    pending = pl.read_parquet(unit.pending)
    # Work that holds the interpreter, and writing, of one slice goes on beside the kernels of another; a pool has a process a core already.
    threads = project.settings.workers if project.settings.runner == "in_process" else 1
    with ThreadPoolExecutor(threads) as pool:
        slices = read_rows(project, unit.dataset, unit.file, pending)
        parts = list(pool.map(lambda rows: measure(recipe, rows, unit.wanted), slices))
    signal_rows = pl.concat([p.signals for p in parts], how="diagonal_relaxed") if parts else pl.DataFrame()
    value_rows = [p.values for p in parts if p.values.width]
    if unit.values:
        staged = pl.concat(value_rows, how="diagonal_relaxed") if value_rows else pl.DataFrame()
        write_parquet(staged, values, compression_level=1)
    write_parquet(signal_rows, signals, compression_level=1)
    return Staged(signals, values, signal_rows.height, reused=False)


def read_rows(project: Project, dataset: str, file: str, pending: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """`_row_id`, `_content` and own columns of the rows of `file` that are `pending`, in slices of some megabytes of items."""
    columns = source_columns(project, project.dataset(dataset))
    frame = pl.scan_parquet(file, storage_options=project.settings.storage_options or None)
    have = frame.collect_schema().names()
    rows = (
        frame.join(pending.lazy(), on=["_row_id", "_collection"], how="semi")
        .select("_row_id", "_content", "_bytes", *(pl.col(c) if c in have else pl.lit(None, t).alias(c) for c, t in columns.items()))
        .collect()
    )
    if rows.is_empty():
        return
    ends = rows.select((pl.col("_bytes").fill_null(0).cum_sum() // min(_SLICE_BYTES, project.settings.unit_bytes)).alias("slice"))["slice"]
    start = 0
    for length in ends.rle().struct.field("len"):
        yield rows.slice(start, length).drop("_bytes")
        start += length
