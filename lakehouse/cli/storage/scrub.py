"""Command `storage scrub`: every shard of the cold packs read, and repaired."""

from __future__ import annotations

import click
from rich.markup import escape

from lakehouse.cli import terminal
from lakehouse.core.project import Project
from lakehouse.core.storage.scrub import scrub


@click.command("scrub")
@click.option("--repair", is_flag=True, help="Make missing and damaged shards again from the others.")
@terminal.json_option
def scrub_command(repair: bool, as_json: bool) -> None:
    """Read every shard of the cold packs; exit code 1 while anything is missing or damaged.

    Example: lakehouse storage scrub --repair
    """
    with terminal.progress(quiet=as_json) as report:
        done = scrub(Project.find(), repair=repair, progress=report)
    if as_json:
        terminal.dump(done)
    else:
        speed = f", {done.bytes / 1e6 / done.seconds:,.0f} MB/s" if done.bytes else ""
        terminal.out.print(
            f"{done.packs:,} pack{'s' if done.packs != 1 else ''}: {done.shards:,} shards intact, {done.bytes / 1e6:,.1f} MB read{speed}"
        )
        for fault in done.faults:
            state = f"{fault.state}, {'repaired' if fault.repaired else 'not repaired'}"
            terminal.out.print(f"  {fault.part} of {fault.pack} in {escape(fault.location)}: {state}", soft_wrap=True)
        for lost in done.lost:
            what = f"{lost.intact} shards are intact, {lost.needed} are needed" if lost.needed else "no manifest of it is left"
            terminal.out.print(f"[red]beyond repair[/] {lost.pack}: {what}; nothing of it was written", soft_wrap=True)
            for name in lost.items:
                terminal.out.print(f"  lost {escape(name)}", soft_wrap=True)
        if not done.whole and not repair and done.faults:
            terminal.out.print("lakehouse storage scrub --repair makes them again")
    if not done.whole:
        raise click.exceptions.Exit(1)
