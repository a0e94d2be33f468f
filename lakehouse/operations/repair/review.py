"""Rows of tickets for a person to decide: written as CSV, read back as decisions."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import polars as pl

from lakehouse.core.errors import NotFoundError, SpecError
from lakehouse.core.labels.decisions import Decision
from lakehouse.core.lake.parquet.files import whole
from lakehouse.core.project import Project
from lakehouse.core.runs.lock import locked
from lakehouse.core.versions import find
from lakehouse.core.versions import rows as rows_of
from lakehouse.governance import audit
from lakehouse.operations.repair import policies, tickets
from lakehouse.operations.repair.tickets import Ticket
from lakehouse.pilot.diagnose import params_of, view_of

COLUMNS = ("ticket", "row", "text", "given", "suggested", "p_given", "split", "decision", "label")
ANSWERS = ("keep", "drop", "relabel")


def export(project: Project, ticket: Ticket, path: Path) -> int:
    """Write the rows of a ticket as CSV (COLUMNS), `decision` empty and `label` as suggested; returns how many.

    Raises:
        StorageError: no room, no permission.
    """
    shown = view_of(project.dataset(ticket.dataset)).shown()
    version = find(project, ticket.dataset, ticket.version)
    ids = pl.Series([suspect.row for suspect in ticket.rows], dtype=pl.String)
    gold = rows_of(project, version).filter(pl.col("_row_id").is_in(ids.implode()))
    texts = gold.select("_row_id", shown.alias("text")).collect()
    rows = pl.DataFrame([asdict(suspect) for suspect in ticket.rows], infer_schema_length=None)
    rows = rows.join(texts, left_on="row", right_on="_row_id", how="left", maintain_order="left")
    none = pl.lit(None, pl.String)
    made = rows.with_columns(ticket=pl.lit(ticket.ticket), decision=none, label=pl.col("suggested")).select(COLUMNS)
    with whole(path) as part:
        made.write_csv(part, include_bom=True)  # so that spreadsheets read Chinese
    return made.height


def decide(project: Project, path: Path, by: str) -> dict[str, tuple[int, int, int]]:
    """Take a person's decisions; the tickets are judged by the next repair. What a person decides stays, whatever the verdict.

    Args:
        by: who decided.

    Returns:
        Per ticket the rows relabelled, dropped, and kept as they are.

    Raises:
        SpecError: a line that cannot be taken; then nothing of its ticket is.
        NotFoundError: an unknown ticket.
    """
    try:
        given = pl.read_csv(path, infer_schema=False).filter(pl.col("decision").str.strip_chars().str.len_chars() > 0)
    except (OSError, pl.exceptions.PolarsError) as error:
        what, fix = str(error).splitlines()[0], "give the CSV that `lakehouse repair tickets export` wrote, `decision` filled in"
        raise SpecError(f"cannot be read: {what}", where=str(path), fix=fix) from error
    if missing := [c for c in ("ticket", "row", "label") if c not in given.columns]:
        raise SpecError(f"has no column {missing[0]}", where=str(path), fix="give the CSV that `lakehouse repair tickets export` wrote")
    if given.is_empty():
        raise SpecError("decides nothing", where=str(path), fix=f"fill in `decision`: {', '.join(ANSWERS)}")
    for row in given.with_row_index("_line", 2).filter(~pl.col("decision").is_in(ANSWERS)).head(1).iter_rows(named=True):
        raise SpecError(f"row {row['row']}: no decision `{row['decision']}`", where=str(path), fix=f"write one of {', '.join(ANSWERS)}")
    for row in given.filter((pl.col("decision") == "relabel") & pl.col("label").is_null()).head(1).iter_rows(named=True):
        raise SpecError(f"row {row['row']}: `relabel` without a label", where=str(path), fix="fill in `label`")
    of = {name: tickets.find(project, name) for name in given["ticket"].unique(maintain_order=True)}
    out: dict[str, tuple[int, int, int]] = {}
    for name, ticket in of.items():
        with locked(project, f"repair {ticket.dataset}"):
            out[name] = _take(project, ticket, given.filter(pl.col("ticket") == name), by)
    return out


def _take(project: Project, ticket: Ticket, given: pl.DataFrame, by: str) -> tuple[int, int, int]:
    dataset = project.dataset(ticket.dataset)
    label = params_of(dataset)["label"]
    kind = project.table("gold", ticket.dataset).schema()[label]
    places = policies.contents(project, dataset, given["row"].to_list())
    if gone := [row for row in given["row"] if row not in places]:
        raise NotFoundError(
            f"row {gone[0]} is not in {ticket.dataset} any more", fix=f"take its line out, or see: lakehouse row trace {gone[0]}"
        )
    made: list[Decision] = []
    for row, decision, value in given.select("row", "decision", "label").iter_rows():  # as many as a person decided
        place, content = places[row]
        if decision == "drop":
            made.append(Decision(place, content, drop=f"{ticket.kind} (ticket {ticket.ticket})", ticket=ticket.ticket, by=by))
        elif decision == "relabel" and isinstance(kind, pl.List):
            raise SpecError(
                f"row {row}: `{label}` has a tag for each token, which no line sets", fix="`drop` the row, or correct its source"
            )
        elif decision == "relabel":
            new = pl.Series([value], dtype=pl.String).cast(kind, strict=False)[0]
            if new is None:
                raise SpecError(f"row {row}: the label {value!r} is no {kind}", fix=f"give `{label}` as the dataset writes it")
            made.append(Decision(place, content, set={label: new}, ticket=ticket.ticket, by=by))
    kept = given.filter(pl.col("decision") == "keep")["row"].to_list()
    if kept:
        table, why = f"gold/{ticket.dataset}", f"ticket {ticket.ticket}: {ticket.kind}, rows are right"
        audit.record(project, principal=by, action="decide", table=table, version=ticket.version, purpose=why, rows=len(kept))
        before = ticket.last.get("rejected", {}).get("rows", [])
        tickets.record(project, ticket.ticket, ticket.dataset, "rejected", {"rows": sorted({*before, *kept}), "by": by})
    if made:
        policies.apply(project, dataset, ticket, made, {}, by)
    relabelled = sum(each.set is not None for each in made)
    return relabelled, len(made) - relabelled, len(kept)
