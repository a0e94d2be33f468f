"""Commands that say what becomes of a version: downgrade, retire, archive, maintain."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from typing import Any, TypeVar

import click
from rich.markup import escape

from lakehouse.cli import show
from lakehouse.core.project import Project
from lakehouse.core.versions import GRADES, Grade
from lakehouse.operations.maintenance.archive import archive, restore
from lakehouse.operations.maintenance.lifecycle import Said, downgrade, reinstate, retire
from lakehouse.operations.maintenance.policy import maintain, plan

F = TypeVar("F", bound=Callable[..., Any])


def _said(required: bool = True) -> Callable[[F], F]:
    """The options `--why`, as `reason`, and `--by`."""

    def with_options(function: F) -> F:
        who = click.option("--by", default=getpass.getuser, help="Who says so; the user of this machine unless said.")
        return click.option("--why", "reason", required=required, help="The reason, for the register and for readers.")(who(function))

    return with_options


@click.command("downgrade")
@click.argument("dataset")
@click.argument("version")
@click.option("--to", required=True, type=click.Choice(GRADES), help="The grade from now on; the measured one takes a downgrade back.")
@_said()
@show.json_option
def downgrade_command(dataset: str, version: str, to: Grade, reason: str, by: str, as_json: bool) -> None:
    """Lower the grade of a version by hand, with the reason, until it is graded anew.

    Example: lakehouse downgrade reviews 1.0.0 --to D --why "half of it is spam"
    """
    project = Project.find()
    project.dataset(dataset)
    _show(downgrade(project, dataset, version, to, reason, by), as_json)


@click.command("retire")
@click.argument("dataset")
@click.argument("version")
@_said()
@click.option("--superseded-by", metavar="VERSION", help="The version to take instead.")
@click.option("--undo", is_flag=True, help="Reinstate a retired version, with the reason.")
@show.json_option
def retire_command(dataset: str, version: str, reason: str, by: str, superseded_by: str | None, undo: bool, as_json: bool) -> None:
    """Withdraw a version: no release and no roll-back takes it any more. Its rows stay.

    Example: lakehouse retire reviews 1.0.0 --why "its source was withdrawn" --superseded-by 1.1.0
    """
    if undo and superseded_by:
        raise click.UsageError("--superseded-by has no meaning with --undo")
    project = Project.find()
    project.dataset(dataset)
    if undo:
        _show(reinstate(project, dataset, version, reason, by), as_json)
    else:
        _show(retire(project, dataset, version, reason, by, superseded_by), as_json)


def _show(done: Said, as_json: bool) -> None:
    if as_json:
        show.dump(done)
        return
    head = f"[bold]{done.dataset}[/] {done.label} ({done.version})"
    if done.unchanged:
        show.out.print(f"{head} is {done.event} already, for this reason: nothing to do")
        return
    grade = f" to {done.grade}" if done.event == "downgraded" else ""
    show.out.print(f"{head} {done.event}{grade} by {escape(done.by)}: {escape(done.reason)}")
    for sentence in done.consequences:
        show.out.print(f"  [yellow]note[/] {escape(sentence)}", soft_wrap=True)


@click.command("archive")
@click.argument("dataset")
@click.argument("version")
@_said(required=False)
@click.option(
    "--to", "--from", "place", help="Where the archive is written, or with --restore found; default: `archive` in lakehouse.yaml."
)
@click.option("--restore", "back", is_flag=True, help="Bring an archived version's rows back into gold.")
@show.json_option
def archive_command(dataset: str, version: str, reason: str | None, by: str, place: str | None, back: bool, as_json: bool) -> None:
    """Seal a version's rows in an archive and give back what only they take in gold; recall still answers.

    Example: lakehouse archive reviews 1.0.0 --to /mnt/archive
    """
    project = Project.find()
    project.dataset(dataset)
    with show.progress(quiet=as_json) as report:
        if back:
            done = restore(project, dataset, version, by, place=place, progress=report)
        else:
            done = archive(project, dataset, version, reason or "by hand", by, to=place, progress=report)
    if as_json:
        show.dump(done)
        return
    head = f"[bold]{dataset}[/] {done.label} ({done.version})"
    if done.unchanged:
        show.out.print(f"{head} is archived already: nothing to do")
    elif back:
        show.out.print(f"{head} restored and verified: {done.moved / 1e6:.1f} MB back in gold")
    else:
        show.out.print(f"{head} archived and verified: {done.files:,} files, {done.bytes / 1e6:.1f} MB")
        show.out.print(f"  gold gave back {done.moved / 1e6:.1f} MB, what no other version needs")
    show.out.print(f"  {done.place}", soft_wrap=True)


@click.command("maintain")
@click.argument("datasets", nargs=-1, required=True)
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@show.json_option
def maintain_command(datasets: tuple[str, ...], dry_run: bool, as_json: bool) -> None:
    """Do what `maintenance` of a dataset says about its versions: retire, downgrade, archive; and say why.

    Example: lakehouse maintain reviews --dry-run
    """
    project = Project.find()
    for name in datasets:
        project.dataset(name)
    done = {}
    for name in datasets:
        with show.progress(quiet=as_json) as report:
            done[name] = plan(project, name) if dry_run else maintain(project, name, progress=report)
    if as_json:
        show.dump({"dry_run": dry_run, "datasets": done})
        return
    for name, steps in done.items():
        title = f"{'Would be done' if dry_run else 'Done'} about the versions of {name}"
        show.table(title, ["label", "version", "action", "why"], [(s.label, s.version, s.action, s.why) for s in steps])
