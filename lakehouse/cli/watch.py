"""Command `watch`: what runs now."""

from __future__ import annotations

import time
from dataclasses import asdict

import click
from rich.live import Live
from rich.table import Table

from lakehouse.cli import terminal
from lakehouse.core.project import Project
from lakehouse.core.runs.watch import Running, running


@click.command("watch")
@click.option("--once", is_flag=True, help="Print what runs now, and end.")
@click.option("--every", type=click.FloatRange(min=0.2), default=1.0, show_default=True, metavar="SECONDS", help="Between two looks.")
@terminal.json_option
def watch_command(once: bool, every: float, as_json: bool) -> None:
    """Watch collections and datasets that run now, in other terminals or under Dagster on this machine; ends when none does.

    Example: lakehouse watch
    """
    project = Project.find()
    if as_json:
        terminal.dump([asdict(each) for each in running(project)])
        return
    found = running(project)
    if once or all(each.killed for each in found):
        terminal.out.print(_table(found) if found else "Nothing runs.")
        return
    with Live(_table(found), console=terminal.out, refresh_per_second=4) as live:
        while not all(each.killed for each in found):
            time.sleep(every)
            found = running(project)
            live.update(_table(found))


def _table(found: list[Running]) -> Table:
    table = Table("run", "doing", title="Running", box=None, title_justify="left")
    for column in ("done", "of", "a second", "seconds"):
        table.add_column(column, justify="right")
    for each in found:
        rate = each.done / each.seconds if each.seconds > 0 else 0.0
        what = f"[red]killed while:[/] {each.what}" if each.killed else each.what
        numbers = (f"{each.done:,}", "" if each.total is None else f"{each.total:,}", f"{rate:,.0f}", f"{each.seconds:,.0f}")
        table.add_row(each.name, what, *numbers)
    return table
