"""Trace a row to its origin and its fate; recall an item: every version that holds it or rows made from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from lakehouse.core.errors import NotFoundError
from lakehouse.core.project import Project
from lakehouse.core.row_model import FATES
from lakehouse.operations.history.rows_of_versions import PARENT, Holding, holdings, known_datasets
from lakehouse.reserve.bronze import table as bronze


@dataclass(frozen=True)
class CollectionStep:
    """One collection of an item; `deleted`: the item had vanished."""

    collection: int
    at: datetime
    content: str
    deleted: bool


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The bronze row, as of its newest collection.

    Attributes:
        uri: file (and member) it came from.
        content: hex SHA-256 of its columns.
        findings: why it is unfit; empty if it is fit.
        history: every collection that saw it change, oldest first.
    """

    source: str
    row_id: str
    uri: str | None
    license: str | None
    collected_at: datetime
    content: str
    deleted: bool
    findings: tuple[str, ...]
    history: tuple[CollectionStep, ...]


@dataclass(frozen=True, kw_only=True)
class Fate:
    """The present decision of a dataset's recipe or contract about a row that did not just pass."""

    dataset: str
    row_id: str
    fate: str
    step: str
    rule: str
    evidence: str | None
    other: str | None


@dataclass(frozen=True)
class Trace:
    """A row's whole way.

    Attributes:
        root: the collected row it came from; the row itself unless it is a child.
        origin: None if no source holds it.
        fates: of the row, its parents and its children, in every dataset; quarantine by contract is `step` contract.
        held: every version that holds it, a child, or a row it was merged into.
    """

    row_id: str
    root: str
    origin: Origin | None
    fates: tuple[Fate, ...]
    held: tuple[Holding, ...]


@dataclass(frozen=True)
class Recall:
    """Who holds an item.

    Attributes:
        row_ids: the collected rows of the item.
        held: versions that hold them, their children, or rows they were merged into.
    """

    item: str
    row_ids: tuple[str, ...]
    held: tuple[Holding, ...]

    @property
    def released(self) -> tuple[Holding, ...]:
        """Those that left the house: the versions to withdraw or to supersede."""
        return tuple(holding for holding in self.held if holding.released)


def trace(project: Project, row_id: str) -> Trace:
    """Trace a row of bronze, silver, gold or a bundle.

    Raises:
        NotFoundError: no table and no version knows the row.
    """
    root = row_id
    origin = _origin(project, row_id)
    if origin is None:
        root = str(pl.select(pl.lit(row_id).alias("_row_id")).select(PARENT).item())
        origin = _origin(project, root) if root != row_id else None
    found = Trace(row_id, root, origin, tuple(_fates(project, row_id, root)), tuple(holdings(project, {row_id})))
    if origin is None and not found.fates and not found.held:
        raise NotFoundError(
            f"no row `{row_id}`", fix="a row id looks like SOURCE/KEY, a child like SOURCE/KEY#0; a bundle has it in column row_id"
        )
    return found


def recall(project: Project, item: str) -> Recall:
    """Find every dataset version that holds an item.

    Args:
        item: a row id, or a source item: its URI as collected, or the hex SHA-256 of its content (also of an earlier
            collection, so that what has been replaced at its source since is found).

    Raises:
        NotFoundError: no source and no version knows the item.
    """
    ids = _items(project, item)
    held = tuple(holdings(project, ids or {item}))
    if not ids and not held:
        raise NotFoundError(
            f"no collected item `{item}`", fix="give a row id (SOURCE/KEY), a file's URI as collected, or the SHA-256 of its content"
        )
    return Recall(item, tuple(sorted(ids or {item})), held)


def _items(project: Project, item: str) -> set[str]:
    found: set[str] = set()
    match = (pl.col("_row_id") == item) | (pl.col("_uri") == item) | (pl.col("_content") == item)
    for source in project.sources:
        table = bronze.table(project, source)
        if table.exists():
            found |= set(table.scan().filter(match).select("_row_id").unique().collect()["_row_id"])
    return found


def _origin(project: Project, row_id: str) -> Origin | None:
    source = row_id.partition("/")[0]
    table = bronze.table(project, source)
    if source not in project.sources or not table.exists():
        return None
    columns = ["_collection", "_collected_at", "_content", "_deleted", "_uri", "_license", "_findings"]
    rows = table.scan().filter(pl.col("_row_id") == row_id).select(columns).sort("_collection").collect()
    if rows.is_empty():
        return None
    history = tuple(CollectionStep(*row) for row in rows.select(columns[:4]).iter_rows())
    last = rows.row(-1, named=True)
    return Origin(
        source=source,
        row_id=row_id,
        uri=last["_uri"],
        license=last["_license"],
        collected_at=last["_collected_at"],
        content=last["_content"],
        deleted=last["_deleted"],
        findings=tuple(last["_findings"] or ()),
        history=history,
    )


def _fates(project: Project, row_id: str, root: str) -> list[Fate]:
    found = []
    for dataset in known_datasets(project):
        # Of the row, of what was cut out of it, and of the rows it was cut out of.
        match = (pl.col("_row_id") == row_id) | (pl.col("_row_id") == root) | pl.col("_row_id").str.starts_with(f"{row_id}#")
        table = project.table("silver", f"{dataset}_fates")
        if table.exists():
            rows = (
                table.scan()
                .filter(match)
                .select([name for name in FATES if name != "_content"])
                .sort("_row_id", maintain_order=True)
                .collect()
            )
            found += [Fate(dataset=dataset, row_id=row.pop("_row_id"), **row) for row in rows.iter_rows(named=True)]
        table = project.table("gold", f"{dataset}_quarantine")
        if table.exists():
            rows = table.scan().filter(match).select("_row_id", "_rules").sort("_row_id").collect()
            found += [
                Fate(dataset=dataset, row_id=row, fate="quarantined", step="contract", rule=rule, evidence=None, other=None)
                for row, rules in rows.iter_rows()
                for rule in rules
            ]
    return found
