"""Command `version downgrade`: a grade lowered by hand."""

from __future__ import annotations

import click
from rich.markup import escape

from lakehouse.cli import terminal
from lakehouse.cli.arguments import by_option, why_option
from lakehouse.core.project import Project
from lakehouse.core.versions import GRADES, Grade
from lakehouse.operations.maintenance.lifecycle import LifecycleEvent, downgrade


@click.command("downgrade")
@click.argument("dataset")
@click.argument("version")
@click.option("--to", required=True, type=click.Choice(GRADES), help="The grade from now on; the measured one takes a downgrade back.")
@why_option()
@by_option
@terminal.json_option
def downgrade_command(dataset: str, version: str, to: Grade, reason: str, by: str, as_json: bool) -> None:
    """Lower the grade of a version by hand, with the reason, until it is graded anew.

    The version may still be released where `release.grade` allows the letter;
    `version retire` withdraws it altogether.

    Example: lakehouse version downgrade reviews 1.0.0 --to D --why "half of it is spam"
    """
    project = Project.find()
    project.dataset(dataset)
    show_lifecycle_event(downgrade(project, dataset, version, to, reason, by), as_json)


def show_lifecycle_event(done: LifecycleEvent, as_json: bool) -> None:
    """Print what became of a version, and what follows."""
    if as_json:
        terminal.dump(done)
        return
    head = f"[bold]{done.dataset}[/] {done.label} ({done.version})"
    if done.unchanged:
        terminal.out.print(f"{head} is {done.event} already, for this reason: nothing to do")
        return
    grade = f" to {done.grade}" if done.event == "downgraded" else ""
    terminal.out.print(f"{head} {done.event}{grade} by {escape(done.by)}: {escape(done.reason)}")
    for sentence in done.consequences:
        terminal.out.print(f"  [yellow]note[/] {escape(sentence)}", soft_wrap=True)
