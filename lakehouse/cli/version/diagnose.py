"""Command `version diagnose`: which rows of a version are likely wrong, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import polars as pl
from rich.markup import escape

from lakehouse.cli import terminal
from lakehouse.core import versions
from lakehouse.core.lake.parquet.files import whole
from lakehouse.core.project import Project
from lakehouse.pilot.diagnose import Diagnosis, diagnose, page_of, view_of
from lakehouse.pilot.diagnosis.kinds import KINDS, Kind

_MEMBERS = 3
"""Rows shown of a finding about several."""


_SLICE = {"slice": "slice", "size": "rows", "errors": "wrong", "rate": "rate", "error": "off by"}
"""Columns of a table of slices by what the evidence calls them; `errors` and `rate` are of classes, `error` of numbers."""


_SHOWN = 60
"""Characters of a row's text in a table."""


@click.command("diagnose")
@click.argument("dataset")
@click.option("--version", "reference", default="latest", show_default=True, help="Label or id of the version.")
@click.option(
    "--kind",
    "kinds",
    type=click.Choice(list(KINDS)),
    multiple=True,
    metavar="KIND",
    help=f"Only this kind; may be given again. One of {', '.join(KINDS)}.",
)
@click.option(
    "--page", type=click.Path(path_type=Path, dir_okay=False), help="Write the page of the diagnosis, one HTML file, here as well."
)
@click.option("--top", default=10, show_default=True, type=click.IntRange(min=1), help="How many findings of a kind to show.")
@terminal.json_option
def diagnose_command(dataset: str, reference: str, kinds: tuple[Kind, ...], page: Path | None, top: int, as_json: bool) -> None:
    """Find the rows of a version that are likely wrong, with the evidence.

    Example: lakehouse version diagnose reviews --kind label_error --top 20
    """
    project = Project.find()
    with terminal.progress(quiet=as_json) as progress:
        found = diagnose(project, dataset, reference, progress=progress)
    if page is not None:
        with whole(page) as part:
            part.write_bytes(page_of(project, found))
    wanted = kinds or tuple(KINDS)
    listed = {kind: found.top(kind, top) for kind in wanted}
    if as_json:
        head = {"dataset": dataset, "version": found.version, "label": found.label, "unchanged": found.unchanged}
        terminal.dump({**head, "counts": dict(found.counts), "summary": dict(found.summary), "findings": listed})
        return
    summaries, of = found.summary, found.kinds
    before = "; diagnosed before" if found.unchanged else ""
    terminal.out.print(f"[bold]{dataset}[/] {found.label} ({found.version}): {found.headline()}{before}")
    texts, several = _texts(project, found, listed), _kinds_of(found)
    for kind, rows in listed.items():
        title = f"\n{of[kind].title}: {found.counts[kind]:,}"
        if kind == "slice" and rows:
            shown = {name: column for name, column in _SLICE.items() if name in rows[0]["evidence"]}
            cells = [(r["rank"], *(r["evidence"][name] for name in shown), f"{r['evidence']['p']:.1g}") for r in rows]
            terminal.table(title, ["#", *shown.values(), "p"], cells, right=["#", *[*shown.values()][1:], "p"])
        else:
            terminal.out.print(f"[bold]{title}[/]")
            for sentence in of[kind].sentences(summaries.get(kind, {})):
                terminal.out.print(f"  [dim]{escape(sentence)}[/]", soft_wrap=True)
        if of[kind].several and kind != "slice":
            for r in rows:
                terminal.out.print(f"{r['rank']:>3} {escape(of[kind].words(r['evidence']))}", soft_wrap=True)
                for row in r["evidence"]["rows"][:_MEMBERS]:
                    terminal.out.print(f"    {escape(row)}", soft_wrap=True)
        elif kind != "slice":
            for r in rows:
                also = several[r["_row_id"]] - 1
                more = f", {also} other finding{'s' if also > 1 else ''}" if also else ""
                terminal.out.print(f"{r['rank']:>3} {escape(r['_row_id'])}", soft_wrap=True)
                terminal.out.print(f"    {escape(of[kind].words(r['evidence']))}{more}", soft_wrap=True)
                terminal.out.print(f"    [dim]{escape(texts.get(r['_row_id']) or '')}[/]", soft_wrap=True)
    first = next((r["_row_id"] for rows in listed.values() for r in rows if r["_row_id"]), None)
    if page is not None:
        terminal.out.print(f"\npage: {page}", soft_wrap=True)
    if first:
        terminal.out.print(f"\nnext: lakehouse row trace {first}")


def _texts(project: Project, found: Diagnosis, listed: dict[Kind, list[dict[str, Any]]]) -> dict[str, str]:
    """How the text of each shown row begins."""
    ids = {r["_row_id"] for rows in listed.values() for r in rows if r["_row_id"]}
    version = versions.find(project, found.dataset, found.version)
    begin = view_of(project.dataset(found.dataset)).shown().str.replace_all(r"\s+", " ").str.slice(0, _SHOWN)
    gold = versions.rows(project, version)
    return dict(gold.filter(pl.col("_row_id").is_in(sorted(ids))).select("_row_id", begin).collect().iter_rows())


def _kinds_of(found: Diagnosis) -> dict[str, int]:
    """How many kinds of finding name each row."""
    rows = found.findings.filter(pl.col("_row_id").is_not_null())
    return dict(rows.group_by("_row_id").agg(pl.col("kind").n_unique()).iter_rows())
