"""Command `check`: every declaration and contract validated."""

from __future__ import annotations

import click
from rich.markup import escape

from lakehouse.cli import terminal
from lakehouse.core.project import Project
from lakehouse.operations import promises
from lakehouse.operations.check import check


@click.command("check")
@terminal.json_option
def check_command(as_json: bool) -> None:
    """Validate every declaration and contract; each mistake is named with file, line and what was meant.

    Example: lakehouse check
    """
    project = Project.find()
    problems = check(project)
    found = [] if problems else [note for name in project.datasets for note in promises.notes(project, name)]
    if as_json:
        terminal.dump([{"kind": type(p).__name__, "where": p.where, "what": p.what, "fix": p.fix} for p in problems])
    else:
        for problem in problems:
            terminal.complain(problem)
        for note in found:
            terminal.out.print(f"[yellow]note[/] {escape(note)}")
        if not problems:
            terminal.out.print(f"{len(project.sources)} sources and {len(project.datasets)} datasets: all in order")
    if problems:
        raise click.exceptions.Exit(2)
