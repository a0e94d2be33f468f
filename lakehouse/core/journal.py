"""Journals: append-only tables of the lake's own (`system/<name>`), an event a row, in the order in which they were appended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl
from deltalake import DeltaTable

from lakehouse.core.hashing import canonical
from lakehouse.core.lake.table import Table
from lakehouse.core.project import Project


@dataclass(frozen=True)
class Journal:
    """A journal by its name and its own columns.

    Each event also has `at`, the time of this machine's clock, for people; and `seq`, one more than the highest before it, which orders
    events: a clock that was set back changes no order. Events of one commit keep theirs; events that two processes append at the same
    moment may share a number and are then ordered by `at`. Events of a journal that was begun without `seq` come first, by `at`.
    """

    name: str
    own: pl.Schema

    @property
    def schema(self) -> pl.Schema:
        """All columns."""
        return pl.Schema({**self.own, "at": pl.Datetime("us", "UTC"), "seq": pl.Int64()})

    def table(self, project: Project) -> Table:
        """Its Delta table."""
        return project.table("system", self.name)

    def append(self, project: Project, **event: Any) -> datetime:
        """Append one event; a mapping becomes canonical JSON text, a column that is not given null. Returns its time."""
        row = {name: canonical(value) if isinstance(value, Mapping) else value for name, value in event.items()}
        unknown = row.keys() - self.own.keys()
        if unknown:
            raise ValueError(f"journal {self.name} has no column {', '.join(sorted(unknown))}")
        return self.append_rows(project, pl.DataFrame([{**dict.fromkeys(self.own), **row}], schema=self.own))

    def append_rows(self, project: Project, events: pl.DataFrame) -> datetime:
        """Append events in one commit; they share a time, which is returned."""
        table, at = self.table(project), datetime.now(UTC)
        begun = table.delta() if table.exists() else None
        last = _last(begun) if begun is not None else None
        stamped = events.with_columns(at=pl.lit(at, self.schema["at"]), seq=pl.lit(-1 if last is None else last, pl.Int64) + 1)
        rows = stamped.select(pl.col(name).cast(dtype) for name, dtype in self.schema.items())
        known = {field.name for field in begun.schema().fields} if begun is not None else set(self.schema)
        table.write(rows, "append", evolve=not known >= set(self.schema))
        return at

    def read(self, project: Project, where: pl.Expr | None = None, *, version: int | None = None) -> pl.DataFrame:
        """Its events that meet a condition as of a Delta version (None: the newest), oldest first; none if there is no table yet."""
        table = self.table(project)
        if not table.exists():
            return pl.DataFrame(schema=self.schema)
        events = table.scan(version)
        known = events.collect_schema()
        events = events.with_columns(pl.lit(None, dtype).alias(name) for name, dtype in self.schema.items() if name not in known)
        if where is not None:
            events = events.filter(where)
        return events.select(self.schema.names()).sort("seq", "at", nulls_last=False, maintain_order=True).collect()


def _last(journal: DeltaTable) -> int | None:
    """The highest sequence number, by the bounds in Delta's log, so that an append opens no data file; None where no event has one."""
    bounds = pl.DataFrame(journal.get_add_actions(flatten=True))
    if "max.seq" not in bounds.columns:
        return None
    highest = bounds["max.seq"].max()
    return None if highest is None else int(highest)  # type: ignore[arg-type]
