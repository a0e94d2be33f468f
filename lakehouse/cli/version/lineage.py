"""Command `version lineage`: what the columns of a version are made from."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.markup import escape

from lakehouse.cli import terminal
from lakehouse.core import versions
from lakehouse.core.lake.parquet.files import whole
from lakehouse.core.project import Project
from lakehouse.operations.history import lineage


@click.command("lineage")
@click.argument("dataset")
@click.option("--version", "reference", default="latest", show_default=True, help="Label or id of the version.")
@click.option("--row", metavar="ROW", help="Add the source item of this row of the version.")
@click.option("--openlineage", "to", type=click.Path(dir_okay=False, path_type=Path), help="Write OpenLineage run events, one a line.")
@terminal.json_option
def lineage_command(dataset: str, reference: str, row: str | None, to: Path | None, as_json: bool) -> None:
    """Show what the columns of a version are made from, or write both runs of it as OpenLineage events.

    It answers for columns: which columns of a source, which steps. With --row it adds
    the source of a row that the version holds; `row trace` takes any row, and shows
    its fates and every version.

    Example: lakehouse version lineage reviews --openlineage events.jsonl
    """
    project = Project.find()
    project.dataset(dataset)
    version = versions.find(project, dataset, reference)
    origin = lineage.row(project, version, row) if row is not None else None
    found = origin.columns if origin else lineage.columns(project, version)
    events = lineage.events(project, version) if to is not None else []
    if to is not None:
        with whole(to) as part:
            part.write_text("".join(json.dumps(event, ensure_ascii=False) + "\n" for event in events), encoding="utf-8")
    if as_json:
        terminal.dump(
            origin or {"dataset": dataset, "version": version.version, "label": version.label, "columns": [asdict(c) for c in found]}
        )
        return
    rows = [(c.column, c.type, ", ".join(c.made_from) or "-", ", ".join(c.steps) or "-") for c in found]
    terminal.table(f"Lineage of {dataset} {version.label} ({version.version})", ["column", "type", "made from", "steps that name it"], rows)
    if origin is not None and origin.trace.origin is not None:
        o = origin.trace.origin
        terminal.out.print(
            f"{escape(origin.trace.row_id)} from {escape(o.uri or '-')}, collected {o.collected_at:%Y-%m-%d}", soft_wrap=True
        )
        terminal.out.print(
            f"  {escape(o.row_id)} in bronze/{o.source}, content {o.content[:12]}, licence {escape(o.license or '-')}", soft_wrap=True
        )
        for fate in origin.trace.fates:
            terminal.out.print(escape(f"  {fate.dataset}: {fate.row_id} {fate.fate} by {fate.step} ({fate.rule})"), soft_wrap=True)
    if to is not None:
        terminal.out.print(f"{len(events)} events: {to}", soft_wrap=True)
