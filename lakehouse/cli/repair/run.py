"""Command `repair run`: the loop from tickets to a version that its verdict keeps, or not."""

from __future__ import annotations

import sys

import click
from rich.markup import escape

from lakehouse.cli import terminal
from lakehouse.core.project import Project
from lakehouse.operations.repair.loop import RepairResult, repair


@click.command("run")
@click.argument("dataset")
@click.option("--rounds", type=click.IntRange(min=1), help="At most so many rounds, in place of the declared limit.")
@terminal.json_option
def run_command(dataset: str, rounds: int | None, as_json: bool) -> None:
    """Run the loop: diagnose, decide by the declared policies, make the next version, and keep the decisions if its verdict allows.

    Exit code 4 where there were rounds and none was kept.

    Example: lakehouse repair run reviews --rounds 1
    """
    with terminal.progress(quiet=as_json) as progress:
        done = repair(Project.find(), dataset, rounds, progress=progress)
    if as_json:
        terminal.dump(done)
    else:
        _show(done)
    if done.rounds and not any(each.kept for each in done.rounds):
        sys.exit(4)


def _show(done: RepairResult) -> None:
    for at, each in enumerate(done.rounds, start=1):
        terminal.out.print(f"[bold]Round {at}[/] tickets {', '.join(each.tickets)}")
        terminal.out.print(f"  {each.relabelled:,} rows relabelled, {each.dropped:,} dropped: {each.before} became {each.after}")
        for reason, n in each.left.items():
            terminal.out.print(f"  [dim]{n:,} left: {escape(reason)}[/]")
        terminal.out.print(f"  {escape(each.in_words())}")
    terminal.out.print(f"{done.dataset} is at {done.label} ({done.version}); ended: {done.ended}")
    if done.waiting:
        terminal.out.print(f"waiting: {', '.join(done.waiting)}\nnext: lakehouse repair tickets show {done.waiting[0]}")
