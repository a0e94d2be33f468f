"""Command `source screen`: what detectors find in a source."""

from __future__ import annotations

from dataclasses import asdict

import click
import polars as pl
from rich.markup import escape

from lakehouse.cli import terminal
from lakehouse.core.errors import SpecError
from lakehouse.core.project import Project
from lakehouse.core.text.numbers import counted
from lakehouse.reserve.screening import verdicts
from lakehouse.reserve.screening.screen import Screening, screen


@click.command("screen")
@click.argument("source")
@click.option("--rows", type=click.IntRange(min=0), default=5, show_default=True, help="Findings to list of each detector.")
@terminal.json_option
def screen_command(source: str, rows: int, as_json: bool) -> None:
    """Screen a collected source as it declares and show what is flagged: counts, rates, places; never what was found.

    Example: lakehouse source screen reviews_raw --rows 20
    """
    project = Project.find()
    with terminal.progress(quiet=as_json) as report:
        done = screen(project, source, progress=report)
    if done is None:
        where = project.sources[source].document.where()
        raise SpecError(f"source {source} declares no screening", where=where, fix="add `screening: [privacy, hidden_text]`")
    found = _findings(project, source, rows)
    if as_json:
        terminal.dump({**asdict(done), "findings": found.to_dicts()})
        return
    terminal.out.print(brief(done))
    columns = ["detector", "action", "rows", "rate", "allowed", "", "kinds"]
    listed = [
        (
            d.name,
            d.action,
            d.rows,
            f"{d.rate:.2%}",
            f"{d.max_rate:.2%}",
            "" if d.passed else "refused" if d.blocking else "over",
            ", ".join(f"{kind} {n:,}" for kind, n in d.kinds.items()) or "-",
        )
        for d in done.detections
    ]
    terminal.table(f"Screening of {source}", columns, listed, right=["rows", "rate", "allowed"])
    for (detector,), part in found.group_by(["detector"], maintain_order=True):
        terminal.out.print(f"\n[bold]{escape(str(detector))}[/]")
        for row in part.iter_rows(named=True):
            place = "" if row["start"] is None else f" {row['start']}-{row['end']}"
            detail = f": {row['detail']}" if row["detail"] else ""
            what = f"{row['kind']} {row['column'] or ''}{place} score {row['score']:.2f}{detail}"
            terminal.out.print(
                f"  {escape(row['_row_id'] or 'collection ' + str(row['collection']))}  [dim]{escape(what)}[/]", soft_wrap=True
            )
    first = found["_row_id"].drop_nulls()
    if len(first):
        terminal.out.print(f"\nnext: lakehouse row trace {first[0]}")


def brief(done: Screening) -> str:
    """One line: what a screening did."""
    looked = "unchanged" if done.unchanged else f"{done.looked:,} looked at"
    over = [f"{d.name} {d.rate:.2%}" for d in done.detections if d.blocking and not d.passed]
    refused = f"; [red]refused[/]: {', '.join(over)}" if over else ""
    return f"screened {done.source}: {looked}, {counted(done.flagged, 'row')} flagged, {done.quarantined:,} kept out of datasets{refused}"


def _findings(project: Project, source: str, rows: int) -> pl.DataFrame:
    """The findings that flag, of each detector those with the highest scores."""
    flagged = verdicts.table(project, source).scan().filter(pl.col("action").is_not_null()).drop("hash")
    ordered = flagged.collect().sort("detector", "score", "_row_id", "start", descending=[False, True, False, False], nulls_last=True)
    return ordered.group_by("detector", maintain_order=True).head(rows)
