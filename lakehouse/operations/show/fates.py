"""Rows that the recipe or the contract took out: dropped, set aside, or merged into another, with the values they were collected with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from lakehouse.core.errors import NotFoundError
from lakehouse.core.spec.yamlfile import suggest
from lakehouse.operations.history.rows_of_versions import PARENT
from lakehouse.operations.show.choice import Choice
from lakehouse.operations.show.reader import TableReader
from lakehouse.operations.show.rows import FIRST_BYTES
from lakehouse.reserve.bronze import table as bronze
from lakehouse.reserve.bronze.values import live_rows

Kind = Literal["quarantined", "merged", "dropped"]
_RULES = pl.col("_rules").list.join(", ")
_QUARANTINE = "the contract"
"""Beside the names of sources, which have no space."""
_ABOUT = ["_row_id", "step", "rule", "evidence", "other"]


@dataclass(frozen=True, kw_only=True)
class FateShown:
    """A row that left, and why.

    Attributes:
        values: own columns of the row as it was collected, or of one that broke the contract as it came before it; None where its source
            holds it no more.
        other: the row it was merged into, or that speaks against it.
        other_values: of that row, as it was collected.
    """

    row: str
    step: str
    rule: str
    evidence: str | None
    values: dict[str, Any] | None
    other: str | None
    other_values: dict[str, Any] | None


def fates(reader: TableReader, dataset: str, kind: Kind, choice: Choice) -> list[FateShown]:
    """Rows of one fate, as silver and the contract decided last.

    Args:
        choice: its condition is one over `_row_id`, `step`, `rule`, `evidence` and `other`.

    Raises:
        NotFoundError: no such dataset, or not made yet.
        SpecError: the condition does not hold for these columns.
        AccessError: the policy does not allow to read the fates, or the rows of a source.
    """
    project = reader.project
    project.dataset(dataset)
    if not project.table("silver", f"{dataset}_fates").exists():
        raise NotFoundError(f"{dataset} was not made yet", fix=f"lakehouse run {dataset}")
    own = _own(reader, dataset, choice.columns)
    found = reader.read(f"silver/{dataset}_fates", columns=_ABOUT, equal={"fate": kind}, pick=choice.of).rows
    broken: dict[str, dict[str, Any]] = {}
    if kind == "quarantined" and _QUARANTINE in own:
        against = _against_contract(reader, dataset, own[_QUARANTINE], choice)
        broken = {row["_row_id"]: {name: row[name] for name in own[_QUARANTINE]} for row in against.iter_rows(named=True)}
        none = pl.lit(None, pl.String)
        rules = against.select("_row_id", step=pl.lit("contract"), rule=_RULES, evidence=none, other=none)
        found = pl.concat([found, rules])
        found = found if choice.limit is None else found.head(choice.limit)
    ids = [row for row in found["_row_id"] if row not in broken]
    values = {**_values(reader, [*ids, *found["other"].drop_nulls()], own), **broken}
    return [
        FateShown(
            row=row["_row_id"],
            step=row["step"],
            rule=row["rule"],
            evidence=row["evidence"],
            values=values.get(row["_row_id"]),
            other=row["other"],
            other_values=values.get(row["other"]),
        )
        for row in found.iter_rows(named=True)
    ]


def _own(reader: TableReader, dataset: str, columns: tuple[str, ...] | None) -> dict[str, list[str]]:
    """The own columns that are shown of each source, and of the quarantine, where there are such tables.

    Raises:
        NotFoundError: a column is in none of them.
    """
    project = reader.project
    tables = {source: bronze.table(project, source) for source in project.dataset(dataset).sources}
    tables[_QUARANTINE] = project.table("gold", f"{dataset}_quarantine")
    schemas = {name: [c for c in table.schema() if c[0] != "_"] for name, table in tables.items() if table.exists()}
    known = list(dict.fromkeys(column for schema in schemas.values() for column in schema))
    for column in columns or ():
        if column not in known:
            raise NotFoundError(f"no row of {dataset} has a column `{column}`", fix=suggest(column, known))
    return {name: schema if columns is None else [c for c in columns if c in schema] for name, schema in schemas.items()}


def _against_contract(reader: TableReader, dataset: str, own: list[str], choice: Choice) -> pl.DataFrame:
    """The chosen rows that break the contract, with all rules that each breaks."""
    none = pl.lit(None, pl.String)

    def pick(rows: pl.LazyFrame) -> pl.LazyFrame:
        about = rows.select("_row_id", step=pl.lit("contract"), rule=_RULES, evidence=none, other=none)
        return rows.join(choice.of(about).select("_row_id"), on="_row_id", how="semi", maintain_order="left")

    return reader.read(f"gold/{dataset}_quarantine", columns=["_row_id", "_rules", *own], pick=pick).rows


def _values(reader: TableReader, rows: Sequence[str], own: Mapping[str, list[str]]) -> dict[str, dict[str, Any]]:
    """Own columns of rows by id, as their sources hold them; those of a child are its parent's. Of an unreadable item, how it begins."""
    found: dict[str, dict[str, Any]] = {}
    wanted = pl.DataFrame({"_row_id": list(dict.fromkeys(rows))}, schema={"_row_id": pl.String}).with_columns(_root=PARENT)
    for source, columns in own.items():
        of = wanted.filter(pl.col("_root").str.starts_with(f"{source}/"))
        if of.is_empty():
            continue
        roots = of["_root"].unique()
        if reader.governed:
            read = reader.read(f"bronze/{source}", columns=["_row_id", *columns], equal={"_row_id": roots.to_list()}).rows
        else:
            live = live_rows(reader.project, source, [*columns, "_raw"], of=roots)
            read = live.with_columns(pl.col("_raw").bin.slice(0, FIRST_BYTES)).collect()
        by_root = {row["_row_id"]: _shown(row, columns) for row in read.iter_rows(named=True)}
        found |= {row: by_root[root] for row, root in of.iter_rows() if root in by_root}
    return found


def _shown(row: Mapping[str, Any], columns: Sequence[str]) -> dict[str, Any]:
    return {"_raw": row["_raw"]} if row.get("_raw") is not None else {name: row[name] for name in columns}
