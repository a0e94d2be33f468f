"""Command `storage tier`: bytes that are rarely used compressed or packed."""

from __future__ import annotations

import click
from rich.markup import escape

from lakehouse.cli import terminal
from lakehouse.core.project import Project
from lakehouse.operations.maintenance.tiers import tier


@click.command("tier")
@click.option("--dry-run", is_flag=True, help="Only list what would be moved.")
@terminal.json_option
def tier_command(dry_run: bool, as_json: bool) -> None:
    """Compress blobs that are rarely used, and put those that are not used at all, with archives, into cold packs.

    Example: lakehouse storage tier --dry-run
    """
    with terminal.progress(quiet=as_json) as report:
        done = tier(Project.find(), dry_run=dry_run, progress=report)
    if as_json:
        terminal.dump(done)
        return
    rows = [(m.place, m.to, m.files, _megabytes(m.before), _megabytes(m.after)) for m in done.moved]
    if rows:
        title = "Would be moved" if dry_run else "Moved"
        terminal.table(title, ["place", "tier", "files", "MB before", "MB after"], rows, right=["files", "MB before", "MB after"])
    else:
        terminal.out.print("nothing is due")
    for place, why in done.kept:
        terminal.out.print(f"  {escape(place)} stays hot: {escape(why)}", soft_wrap=True)
    for table in done.compacted:
        terminal.out.print(f"  {table.table}: {table.files_before:,} files joined to {table.files_after:,}")


def _megabytes(size: int | None) -> str | None:
    return None if size is None else f"{size / 1e6:,.2f}"
