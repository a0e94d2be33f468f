"""Command `govern catalogue`: a search over sources, datasets, versions, fields and columns."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click
from rich.markup import escape

from lakehouse.cli import terminal
from lakehouse.core.lake.parquet.files import whole
from lakehouse.core.project import Project
from lakehouse.governance.catalogue.entries import entries
from lakehouse.governance.catalogue.page import page
from lakehouse.governance.catalogue.search import search


@click.command("catalogue")
@click.argument("query", nargs=-1)
@click.option("--facet", "facets", multiple=True, metavar="NAME=VALUE", help="Only such entries: kind=dataset; repeat it for more.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many hits are printed.")
@click.option("--page", "to", type=click.Path(dir_okay=False, path_type=Path), help="Write the whole catalogue as one HTML file.")
@terminal.json_option
def catalogue_command(query: tuple[str, ...], facets: tuple[str, ...], limit: int, to: Path | None, as_json: bool) -> None:
    """Find sources, datasets, versions, standard fields and columns by words, in Chinese and English, and by facets.

    Example: lakehouse govern catalogue 评论 --facet kind=dataset
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
        terminal.dump({"hits": [asdict(hit) for hit in found.hits], "facets": found.facets})
        return
    for hit in found.hits[:limit]:
        terminal.out.print(f"[bold]{escape(hit.name)}[/] [dim]{hit.kind}[/]  {escape(hit.title)}", soft_wrap=True)
    terminal.out.print(f"{len(found.hits):,} of {len(known):,}")
    for name, counts in found.facets.items():
        terminal.out.print(escape(f"  {name}: {', '.join(f'{value} {n:,}' for value, n in counts.items())}"), soft_wrap=True)
    if to is not None:
        terminal.out.print(f"page: {to}", soft_wrap=True)
