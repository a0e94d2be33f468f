"""Command `status`: every source and dataset."""

from __future__ import annotations

import click
from rich.markup import escape

from lakehouse.cli import terminal
from lakehouse.cli.arguments import report_broken
from lakehouse.core.project import Project
from lakehouse.operations import status


@click.command("status")
@terminal.json_option
def status_command(as_json: bool) -> None:
    """Show every source and dataset: what is there, and what a run would change.

    Example: lakehouse status
    """
    project = Project.find()
    sources, datasets = status.sources(project), status.datasets(project)
    if as_json:
        terminal.dump({"sources": sources, "datasets": datasets})
    else:
        _print(sources, datasets)
    report_broken(project)


def _print(sources: list[status.SourceStatus], datasets: list[status.DatasetStatus]) -> None:
    rows: list[tuple[object, ...]] = []
    for s in sources:
        when = f"{s.collected:%Y-%m-%d %H:%M}" if s.collected else "never"
        rows.append((s.source, s.live, when, ", ".join(f"{k} {v:,}" for k, v in s.findings.items()) or "-"))
    terminal.table("Sources", ["source", "live", "collected (UTC)", "findings"], rows, right=["live"])
    rows = [
        (d.dataset, f"{d.label}, retired" if d.retired else d.label, d.rows, d.gates, d.released, "; ".join(d.pending) or "up to date")
        for d in datasets
    ]
    terminal.table("\nDatasets", ["dataset", "label", "rows", "gates", "released", "a run would change"], rows, right=["rows"])
    for d in datasets:
        if d.failed:
            what = (
                f"[red]failed[/] the last run of [bold]{d.dataset}[/] ({d.failed.at[:16].replace('T', ' ')} UTC): {escape(d.failed.what)}"
            )
            terminal.out.print("\n" + what, soft_wrap=True)
            if d.failed.fix:
                terminal.out.print(f"  fix: {escape(d.failed.fix)}", soft_wrap=True)
