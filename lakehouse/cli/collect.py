"""Command `collect`: sources into bronze; without what makes datasets of them, half a second of imports."""

from __future__ import annotations

import click

from lakehouse.cli import terminal
from lakehouse.cli.arguments import report_broken
from lakehouse.core.project import Project
from lakehouse.core.runs.progress import Progress
from lakehouse.reserve.bronze.collect import Collection, collect


@click.command("collect")
@click.argument("sources", nargs=-1)
@terminal.json_option
def collect_command(sources: tuple[str, ...], as_json: bool) -> None:
    """Collect sources into bronze (all of them, if none is named) and screen what they declare. An unchanged source appends nothing.

    Example: lakehouse collect reviews_raw
    """
    project = Project.find()
    for name in sources:
        project.source(name)
    done = []
    screened: list[str] = []
    with terminal.progress(quiet=as_json) as report:
        for name in sources or tuple(project.sources):
            done.append(collect(project, name, progress=report))
            if project.source(name).screening:
                screened.append(_screened(project, name, report))
    if as_json:
        terminal.dump(done)
    else:
        _print(done, screened)
    if not sources:
        report_broken(project)


def _print(done: list[Collection], screened: list[str]) -> None:
    columns = ["source", "live", "added", "changed", "vanished", "findings", "data version"]
    rows = [
        (c.source, c.live, c.added, c.changed, c.vanished, ", ".join(f"{k} {v:,}" for k, v in c.findings.items()) or "-", c.content_id[:12])
        for c in done
    ]
    terminal.table("Collected", columns, rows, right=columns[1:5])
    for c in done:
        if c.erased:
            terminal.out.print(f"  {c.source}: erased: {c.erased:,}, left out for good")
        for warning in c.warnings:
            terminal.out.print(f"[yellow]warning[/] {c.source}: {warning}")
    for line in screened:
        terminal.out.print(line)


def _screened(project: Project, name: str, report: Progress) -> str:
    from lakehouse.cli.source.screen import brief  # what declares no screening does without
    from lakehouse.reserve.screening.screen import screen

    done = screen(project, name, progress=report)
    return brief(done) if done is not None else ""
