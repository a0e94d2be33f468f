"""The door: a table is read as its policy allows, and the read, or its refusal, is in the audit log before a row is handed out.

The policy is kept by whoever reads through the door. A process that has the lake's files, or the store's credentials, needs no door:
those belong to the account that the door runs as.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import polars as pl
from pydantic import ValidationError

from lakehouse.core import versions
from lakehouse.core.errors import AccessError, FactoryError, NotFoundError, SpecError
from lakehouse.core.lake.table import Table
from lakehouse.core.project import Project
from lakehouse.core.sensitivity import ColumnSensitivity, highest, levels_of_source
from lakehouse.core.spec import LEVELS
from lakehouse.core.spec.yamlfile import suggest
from lakehouse.governance import audit
from lakehouse.governance.access import policy
from lakehouse.governance.access.masks import condition, masked
from lakehouse.governance.access.policy import Allowed, Filter, Operator, Value
from lakehouse.production.column_sensitivity import levels_of_dataset, levels_of_version
from lakehouse.reserve.bronze import table as bronze
from lakehouse.reserve.bronze.values import live_rows

_TABLE = re.compile(r"^(bronze|silver|gold|system)/([a-z0-9_]+)$")
Comparison = tuple[str, Operator, Value | list[Value]]
Pick = Callable[[pl.LazyFrame], pl.LazyFrame]
"""Chooses some of the rows that may be seen; it keeps their columns."""


@dataclass(frozen=True)
class AuditedRead:
    """What the door hands out.

    Attributes:
        role: the role under which it was read.
        version: of a dataset its version, else `delta N`.
        left_out: columns that the role may see by its grant and does not, being too sensitive.
    """

    rows: pl.DataFrame
    role: str
    version: str
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class OpenTable:
    """A table of one version, with the sensitivity of its columns."""

    name: str
    version: str
    rows: pl.LazyFrame
    schema: pl.Schema
    _levels: Callable[[], dict[str, ColumnSensitivity]]

    @cached_property
    def levels(self) -> dict[str, ColumnSensitivity]:
        """How sensitive each column is; the recipe is compiled for it."""
        return self._levels()

    def level(self, column: str) -> ColumnSensitivity:
        """That of a column; one that is not of the sources may hold anything the table holds."""
        return self.levels.get(column) or highest(self.levels.values())


def read(
    table: str,
    principal: str,
    purpose: str,
    *,
    columns: Sequence[str] | None = None,
    where: Sequence[Comparison] = (),
    version: str | int | None = None,
) -> pl.DataFrame:
    """The rows of `table` that `principal` may read for `purpose`; see `reading`. The project is the one at the working folder."""
    return reading(Project.find(), table, principal, purpose, columns=columns, where=where, version=version).rows


def reading(
    project: Project,
    table: str,
    principal: str,
    purpose: str,
    *,
    columns: Sequence[str] | None = None,
    where: Sequence[Comparison] = (),
    version: str | int | None = None,
    limit: int | None = None,
    pick: Pick | None = None,
) -> AuditedRead:
    """Read a table as `assets/access.yaml` allows.

    Args:
        table: such as `gold/reviews`; of bronze, the rows that are live.
        columns: those that are wanted; all that may be seen without it.
        where: comparisons, laid over what may be seen: a masked column compares as it is shown.
        version: of gold an id, a label, `latest` or `released`; of other tables a Delta version.
        limit: at most so many rows.
        pick: laid over what is left, before `limit`; it sees all columns that may be seen, as they are shown.

    Raises:
        AccessError: the policy does not allow it.
        NotFoundError: no such table, version or column.
        SpecError: the policy, or a comparison, is wrong.
    """
    record_read = partial(audit.record, project, principal=principal, action="read", table=table, purpose=purpose)
    wanted = str(version) if version is not None else None
    try:
        found = policy.decide(policy.load(project), principal, purpose, table, columns)
        if isinstance(found, str):
            raise AccessError(f"{principal} may not read {table} for {purpose}: {found}", fix=f"ask for a grant in {policy.FILE}")
        opened = open_table(project, table, version)
        frame, left_out = _seen(opened, found, columns, where, limit, pick)
    except Exception as error:
        detail = error.what if isinstance(error, FactoryError) else type(error).__name__
        outcome: audit.Outcome = "refused" if isinstance(error, AccessError) else "failed"
        record_read(version=wanted, columns=list(columns or ()), outcome=outcome, detail=detail)
        raise
    record_read(version=opened.version, columns=frame.columns, rows=frame.height, outcome="granted", detail=f"role {found.role}")
    return AuditedRead(frame, found.role, opened.version, left_out)


def _seen(
    opened: OpenTable,
    allowed: Allowed,
    columns: Sequence[str] | None,
    where: Sequence[Comparison],
    limit: int | None,
    pick: Pick | None,
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The rows and columns of an opened table that a grant shows, and the columns left out for their sensitivity."""
    grant, schema = allowed.grant, opened.schema
    granted = [c for c in grant.columns if c in schema] if grant.columns else [c for c in schema if c[0] != "_"]
    shown = [column for column in granted if column not in grant.masks or grant.masks[column].how != "hide"]
    for column in columns or ():
        if column not in shown:  # names of hidden columns stay hidden
            raise NotFoundError(f"role {allowed.role} sees no column `{column}` in {opened.name}", fix=suggest(column, shown))
    for given in grant.rows:
        if given.column not in schema:
            raise SpecError(f"{opened.name} has no column `{given.column}`, by which its rows are filtered", where=policy.FILE)
    above = [column for column in shown if LEVELS.index(opened.level(column).level) > LEVELS.index(allowed.ceiling)]
    for column in columns or ():
        if column in above:
            level = opened.level(column)
            what = f"column `{column}` of {opened.name} is {level.level} ({level.because}), above {allowed.ceiling} of role {allowed.role}"
            raise AccessError(what, fix="take the column out of what is asked for, or ask for a role with a higher `ceiling`")
    shown = [column for column in shown if column not in above]
    if not shown:
        raise AccessError(f"role {allowed.role} shows no column of {opened.name}: {', '.join(above) or 'all'} too sensitive or hidden")
    asked = [_comparison(each) for each in where]
    for each in asked:
        if each.column not in shown:
            raise AccessError(f"`{each.column}` is not among the columns that role {allowed.role} shows, so no row is chosen by it")
    wanted = list(columns or shown)
    read = shown if pick is not None else [column for column in shown if column in {*wanted, *(each.column for each in asked)}]
    rows = opened.rows
    for own in grant.rows:
        rows = rows.filter(condition(own, schema[own.column], policy.FILE))
    rows = rows.select(read)
    if limit is not None and not asked and pick is None:
        rows = rows.head(limit)
    rows = rows.with_columns([masked(column, schema[column], mask) for column, mask in grant.masks.items() if column in read])
    seen = rows.collect_schema()
    for each in asked:
        rows = rows.filter(condition(each, seen[each.column], "where"))
    if pick is not None:
        rows = pick(rows)
    return (rows if limit is None else rows.head(limit)).select(wanted).collect(), tuple(above if columns is None else ())


def _comparison(given: Comparison) -> Filter:
    column, op, value = given
    try:
        return Filter.model_validate({"column": column, "op": op, "value": value})
    except ValidationError as error:
        raise SpecError(
            f"no comparison: {column} {op} {value!r}: {error.errors()[0]['msg']}", fix='such as ("label", "==", "positive")'
        ) from None


def open_table(project: Project, table: str, version: str | int | None = None) -> OpenTable:
    """A table as it is, whoever asks; `reading` is the door before it.

    Args:
        version: as `reading` takes it.

    Raises:
        NotFoundError: no such table or version.
        StorageError: the rows of the version are archived.
    """
    project.whole()
    match = _TABLE.match(table)
    if match is None:
        raise NotFoundError(f"no table `{table}`", fix="a table is bronze/SOURCE, silver/DATASET, gold/DATASET or system/NAME")
    layer, name = match.groups()
    stored = project.table(layer, name)  # type: ignore[arg-type]
    if layer == "gold" and name in project.datasets:
        found = _version(project, name, version)
        if found is not None:
            rows = versions.rows(project, found)
            return OpenTable(table, found.version, rows, rows.collect_schema(), partial(levels_of_version, project, found))
    at = _delta_version(stored, table, version)
    rows = stored.scan(at)
    if layer == "bronze" and name in project.sources and bronze.is_virtual(project, name):
        if version is not None and at != stored.version():
            raise NotFoundError(f"{table} keeps no values, and is read as it is", where=f"version {version}", fix="leave the version out")
        rows = live_rows(project, name, rows.collect_schema().names())
    elif layer == "bronze":
        rows = bronze.live(rows)
    return OpenTable(table, f"delta {at}", rows, rows.collect_schema(), partial(_levels, project, layer, name))


def _version(project: Project, name: str, version: str | int | None) -> versions.Version | None:
    if version is not None:
        return versions.find(project, name, str(version))
    return versions.current(project, name)


def _delta_version(stored: Table, table: str, version: str | int | None) -> int:
    if version is None:
        newest = stored.version()
        if newest is None:
            raise NotFoundError(f"table {table} does not exist yet", fix="materialise it first: lakehouse run DATASET")
        return newest
    if not str(version).isdecimal():
        raise NotFoundError(f"`{version}` is no version of {table}", fix="give the number of a Delta version")
    return int(version)


def _levels(project: Project, layer: str, name: str) -> dict[str, ColumnSensitivity]:
    """How sensitive the columns of a table are; of tables that are none of a source or dataset, all as the most sensitive source."""
    if layer == "bronze" and name in project.sources:
        return levels_of_source(project, name)
    dataset = name.removesuffix("_quarantine") if layer == "gold" else name
    if layer in ("silver", "gold") and dataset in project.datasets:
        return levels_of_dataset(project, dataset, promised=layer == "gold")
    every = [graded for source in project.sources for graded in levels_of_source(project, source).values()]
    return {"": highest(every)}
