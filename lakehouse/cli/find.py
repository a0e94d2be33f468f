"""Commands that find: catalogue, lineage."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.markup import escape

from lakehouse.cli import show
from lakehouse.core import versions
from lakehouse.core.lake.parquet.files import whole
from lakehouse.core.project import Project
from lakehouse.governance.catalogue.entries import entries
from lakehouse.governance.catalogue.page import page
from lakehouse.governance.catalogue.search import search
from lakehouse.operations.history import lineage


@click.command("catalogue")
@click.argument("query", nargs=-1)
@click.option("--facet", "facets", multiple=True, metavar="NAME=VALUE", help="Only such entries: kind=dataset; repeat it for more.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many hits are printed.")
@click.option("--page", "to", type=click.Path(dir_okay=False, path_type=Path), help="Write the whole catalogue as one HTML file.")
@show.json_option
def catalogue_command(query: tuple[str, ...], facets: tuple[str, ...], limit: int, to: Path | None, as_json: bool) -> None:
    """Find sources, datasets, versions, standard fields and columns by words, in Chinese and English, and by facets.

    Example: lakehouse catalogue 评论 --facet kind=dataset
    """
    wanted: dict[str, list[str]] = {}
    for facet in facets:
        name, sign, value = facet.partition("=")
        if not sign:
            raise click.UsageError(f"--facet {facet}: write NAME=VALUE")
        wanted.setdefault(name, []).append(value)
    known = entries(Project.find())
    found = search(known, " ".join(query), wanted)
    if to is not None:
        with whole(to) as part:
            part.write_text(page(known), encoding="utf-8")
    if as_json:
        show.dump({"hits": [asdict(hit) for hit in found.hits], "facets": found.facets})
        return
    for hit in found.hits[:limit]:
        show.out.print(f"[bold]{escape(hit.name)}[/] [dim]{hit.kind}[/]  {escape(hit.title)}", soft_wrap=True)
    show.out.print(f"{len(found.hits):,} of {len(known):,}")
    for name, counts in found.facets.items():
        show.out.print(escape(f"  {name}: {', '.join(f'{value} {n:,}' for value, n in counts.items())}"), soft_wrap=True)
    if to is not None:
        show.out.print(f"page: {to}", soft_wrap=True)


@click.command("lineage")
@click.argument("dataset")
@click.option("--version", "reference", default="latest", show_default=True, help="Label or id of the version.")
@click.option("--row", metavar="ROW", help="Also where this row of the version comes from.")
@click.option("--openlineage", "to", type=click.Path(dir_okay=False, path_type=Path), help="Write OpenLineage run events, one a line.")
@show.json_option
def lineage_command(dataset: str, reference: str, row: str | None, to: Path | None, as_json: bool) -> None:
    """Show what the columns of a version are made from, where a row comes from, or write both runs of it as OpenLineage events.

    Example: lakehouse lineage reviews --openlineage events.jsonl
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
        show.dump(origin or {"dataset": dataset, "version": version.version, "label": version.label, "columns": [asdict(c) for c in found]})
        return
    rows = [(c.column, c.type, ", ".join(c.made_from) or "-", ", ".join(c.steps) or "-") for c in found]
    show.table(f"Lineage of {dataset} {version.label} ({version.version})", ["column", "type", "made from", "steps that name it"], rows)
    if origin is not None and origin.trace.origin is not None:
        o = origin.trace.origin
        show.out.print(f"{escape(origin.trace.row_id)} from {escape(o.uri or '-')}, collected {o.collected_at:%Y-%m-%d}", soft_wrap=True)
        show.out.print(
            f"  {escape(o.row_id)} in bronze/{o.source}, content {o.content[:12]}, licence {escape(o.license or '-')}", soft_wrap=True
        )
        for fate in origin.trace.fates:
            show.out.print(escape(f"  {fate.dataset}: {fate.row_id} {fate.fate} by {fate.step} ({fate.rule})"), soft_wrap=True)
    if to is not None:
        show.out.print(f"{len(events)} events: {to}", soft_wrap=True)
