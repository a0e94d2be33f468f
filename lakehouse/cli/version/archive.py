"""Command `version archive`: a version's rows moved to an archive, or back."""

from __future__ import annotations

import click

from lakehouse.cli import terminal
from lakehouse.cli.arguments import by_option, why_option
from lakehouse.core.project import Project
from lakehouse.core.text.numbers import counted, size
from lakehouse.operations.maintenance.archive import archive, restore


@click.command("archive")
@click.argument("dataset")
@click.argument("version")
@why_option(required=False)
@by_option
@click.option(
    "--to", "--from", "place", help="Where the archive is written, or with --restore found; default: `archive` in lakehouse.yaml."
)
@click.option("--restore", "back", is_flag=True, help="Bring an archived version's rows back into gold.")
@terminal.json_option
def archive_command(dataset: str, version: str, reason: str | None, by: str, place: str | None, back: bool, as_json: bool) -> None:
    """Seal a version's rows in an archive and give back what only they take in gold.

    It frees space and can be undone; `row recall` still answers for its rows, and
    `version retire` is what withdraws a version.

    Example: lakehouse version archive reviews 1.0.0 --to /mnt/archive
    """
    project = Project.find()
    project.dataset(dataset)
    with terminal.progress(quiet=as_json) as report:
        if back:
            done = restore(project, dataset, version, by, place=place, progress=report)
        else:
            done = archive(project, dataset, version, reason or "by hand", by, to=place, progress=report)
    if as_json:
        terminal.dump(done)
        return
    head = f"[bold]{dataset}[/] {done.label} ({done.version})"
    if done.unchanged:
        terminal.out.print(f"{head} is archived already: nothing to do")
    elif back:
        terminal.out.print(f"{head} restored and verified: {size(done.moved)} back in gold")
    else:
        terminal.out.print(f"{head} archived and verified: {counted(done.files, 'file')}, {size(done.bytes)}")
        terminal.out.print(f"  gold gave back {size(done.moved)}, what no other version needs")
    terminal.out.print(f"  {done.place}", soft_wrap=True)
