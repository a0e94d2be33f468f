"""Rows of versions: the state of a table when a version was made, and the versions that hold a row; for diff, trace and recall."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from lakehouse.core import versions
from lakehouse.core.errors import StorageError
from lakehouse.core.lake.table import Table
from lakehouse.core.project import Project
from lakehouse.core.row_model import FATES
from lakehouse.core.versions import Version

PARENT = pl.col("_row_id").str.replace(r"(#([a-z0-9_+]+\.)?\d+)+$", "")
"""The row that a child `<id>#<n>` or a variant `<id>#<augmentation>.<n>` came from, and theirs; a row that is neither is its own."""

AUGMENTATION = pl.col("_row_id").str.extract(r"#([a-z0-9_+]+)\.\d+$")
"""The augmentation that made a variant; null for any other row."""


@dataclass(frozen=True, kw_only=True)
class Holding:
    """A version that holds a row.

    Attributes:
        row_id: the row as the version holds it.
        how: `itself`, `child` (cut out of it) or `merged` (it was merged into `row_id`, a duplicate of it).
        released: labels under which the version was released; empty if never.
        tags: git tags of those releases.
    """

    dataset: str
    version: str
    label: str
    row_id: str
    split: str
    how: str
    released: tuple[str, ...]
    tags: tuple[str, ...]


def known_datasets(project: Project) -> list[str]:
    """All datasets that are declared or ever had a version, sorted."""
    register = project.table("system", "versions")
    recorded = register.scan().select("dataset").unique().collect()["dataset"].to_list() if register.exists() else []
    return sorted({*project.datasets, *recorded})


def as_of(table: Table, at: datetime) -> int | None:
    """The Delta version that was the newest at `at`, or None if the table did not exist then."""
    moment = at.timestamp() * 1000
    # Commits are stamped in whole milliseconds, rounded down.
    return max((int(commit["version"]) for commit in table.history() if commit["timestamp"] <= moment), default=None)


def fates(project: Project, version: Version) -> pl.LazyFrame:
    """`silver/<dataset>_fates` as it was when `version` was made."""
    table = project.table("silver", f"{version.dataset}_fates")
    return _then(table, version, {name: dtype for name, dtype in FATES.items() if name != "_content"})


def quarantine(project: Project, version: Version) -> pl.LazyFrame:
    """`_row_id`, `_rules` of the rows that stood in quarantine when `version` was made."""
    table = project.table("gold", f"{version.dataset}_quarantine")
    return _then(table, version, {"_row_id": pl.String(), "_rules": pl.List(pl.String)})


def _then(table: Table, version: Version, schema: dict[str, Any]) -> pl.LazyFrame:
    found = as_of(table, datetime.fromisoformat(version.manifest["made_at"])) if table.exists() else None
    return pl.LazyFrame(schema=schema) if found is None else table.scan(found).select(list(schema))


def collect(rows: pl.LazyFrame, what: str) -> pl.DataFrame:
    """Run a query over an older state of a table.

    Raises:
        StorageError: files of that state were vacuumed.
    """
    try:
        return rows.collect()
    except (OSError, pl.exceptions.PolarsError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise StorageError(
            f"{what} cannot be read any more: {first}", fix="its files were cleaned up; later versions can still be asked"
        ) from error


def holdings(project: Project, ids: set[str]) -> list[Holding]:
    """Every version of every dataset that holds one of the rows `ids`, a child of one, or a row that one was merged into."""
    return [
        holding
        for dataset in known_datasets(project)
        for version in versions.versions(project, dataset)
        for holding in held(project, version, ids)
    ]


def held(project: Project, version: Version, ids: set[str]) -> list[Holding]:
    """How `version` holds the rows `ids`. Only the files whose row-id range fits are read."""
    merged = _merged_into(project, version, ids)
    wanted = sorted(ids | merged)
    match = pl.col("_row_id").is_in(wanted) | pl.col("_root").is_in(sorted(ids))
    for child in (given for given in ids if "#" in given):
        match |= pl.col("_row_id").str.starts_with(f"{child}#")
    index = versions.index(project, version)
    rows = collect(index.filter(match).select("_row_id", "_split").sort("_row_id"), f"version {version.label} of {version.dataset}")
    tags = tuple(f"{version.dataset}@v{label}" for label in version.released)
    return [
        Holding(
            dataset=version.dataset,
            version=version.version,
            label=version.label,
            row_id=row_id,
            split=split,
            how=_how(row_id, ids, merged),
            released=version.released,
            tags=tags,
        )
        for row_id, split in rows.iter_rows()
    ]


def _how(row_id: str, ids: set[str], merged: set[str]) -> str:
    return "itself" if row_id in ids else "merged" if row_id in merged else "child"


def _merged_into(project: Project, version: Version, ids: set[str]) -> set[str]:
    """The rows that `ids` or their children were merged into, over as many merges as it took."""
    found: set[str] = set()
    merges = fates(project, version).filter(pl.col("fate") == "merged", pl.col("other").is_not_null()).select("_row_id", "other")
    frontier = ids
    while frontier:
        match = pl.col("_row_id").is_in(sorted(frontier))
        if not found:
            match |= PARENT.is_in(sorted(frontier))
        step = collect(merges.filter(match), f"the fates of version {version.label} of {version.dataset}")
        frontier = set(step["other"]) - found - ids
        found |= frontier
    return found
