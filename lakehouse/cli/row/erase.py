"""Command `row erase`: rows taken out of every version and every byte of the lake."""

from __future__ import annotations

import click
from rich.markup import escape

from lakehouse.cli import terminal
from lakehouse.cli.arguments import by_option
from lakehouse.core.errors import MaintenanceError
from lakehouse.core.project import Project
from lakehouse.core.text.numbers import counted
from lakehouse.operations.erasure import rows
from lakehouse.operations.erasure.erase import Erasure, erase, plan, resume
from lakehouse.operations.erasure.requests import BASES
from lakehouse.operations.erasure.retention import DueRows, erase_due


@click.command("erase")
@click.argument("source", required=False)
@click.argument("row_ids", nargs=-1, metavar="[ROW_ID]...")
@click.option("--where", help="Also rows that meet this condition in SQL over the source's columns, in any collection.")
@click.option("--reason", help="Why, for the register and for auditors.")
@click.option("--basis", type=click.Choice(BASES), default="other", show_default=True, help="What obliges to it.")
@by_option
@click.option("--due", is_flag=True, help="Instead: rows of all sources that are older than `retention` allows.")
@click.option("--resume", "again", is_flag=True, help="Instead: finish what a kill has interrupted.")
@click.option("--dry-run", is_flag=True, help="Only list what would be erased, and what is out of reach.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@terminal.json_option
def erase_command(
    source: str | None,
    row_ids: tuple[str, ...],
    where: str | None,
    reason: str | None,
    basis: str,
    by: str,
    due: bool,
    again: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Erase rows of a source, and all that was made of them, from every version and every byte of the lake.

    It cannot be undone. ROW_ID is SOURCE/KEY, as `lakehouse row recall` finds it, or the key alone.

    Example: lakehouse row erase reviews_raw pos.txt:000000012 --reason "asked for by mail" --basis gdpr-17
    """
    project = Project.find()
    if again or due:
        if source or where or (again and (due or dry_run)):
            raise click.UsageError("--due and --resume take no other arguments")
        with terminal.progress(quiet=as_json) as report:
            if again:
                finished = resume(project, progress=report)
                return terminal.dump({"finished": list(finished)}) if as_json else _finished(finished)
            if not dry_run:
                _ask(yes, as_json, "erase what is due")
            done = erase_due(project, by, dry_run=dry_run, progress=report)
        return terminal.dump(done) if as_json else _due(done)
    if source is None or not (row_ids or where):
        raise click.UsageError("name a source and rows of it, or --where, --due or --resume")
    project.source(source)
    ids = sorted({*rows.named(project, source, row_ids), *(rows.matching(project, source, where) if where else ())})
    if dry_run:
        found = plan(project, source, ids, reason or "", basis)
        return terminal.dump(found) if as_json else _show(found)
    if reason is None:
        raise MaintenanceError("a reason is needed: it is what an auditor reads", fix='--reason "..."')
    if ids and not yes:
        if not as_json:
            _show(plan(project, source, ids, reason, basis))
        _ask(yes, as_json, f"erase {counted(len(ids), 'row')} for good")
    with terminal.progress(quiet=as_json) as report:
        done_now = erase(project, source, ids, reason, basis, by, progress=report)
    return terminal.dump(done_now) if as_json else _show(done_now)


def _ask(yes: bool, as_json: bool, what: str) -> None:
    if yes:
        return
    if as_json:
        raise click.UsageError("with --json, give --yes or --dry-run")
    click.confirm(f"{what}?", abort=True)


def _show(found: Erasure) -> None:
    _finished(found.finished)
    if found.state == "nothing":
        terminal.out.print(f"[bold]{found.source}[/]: no such row is left, nothing to do")
        return
    did = "erased" if found.state == "done" else "would be erased"
    head = f"[bold]{found.source}[/]: {found.rows:,} {'row' if found.rows == 1 else 'rows'} {did}, {found.files:,} data files written anew"
    terminal.out.print(head + (f" (request {found.request}, {found.seconds:.1f} s)" if found.request else ""))
    terminal.table("From tables", ["table", "rows of its newest version"], found.tables.items(), right=["rows of its newest version"])
    if found.versions:
        lines = [(v.dataset, v.label, v.version, v.rows, ", ".join(v.released) or "-") for v in found.versions]
        terminal.table("Versions that lose rows", ["dataset", "label", "version", "rows", "released as"], lines, right=["rows"])
    if found.alike:
        terminal.out.print(f"  [yellow]note[/] rows that stay have the same content: {escape(', '.join(found.alike[:5]))}", soft_wrap=True)
    for each in found.outside:
        terminal.out.print(f"  [yellow]out of reach[/] {each.kind}: {escape(each.what)}", soft_wrap=True)
        terminal.out.print(f"      {escape('; '.join(each.where))}", soft_wrap=True)
        terminal.out.print(f"      [dim]{escape(each.do)}[/]", soft_wrap=True)
    if found.state == "done" and found.versions:
        for name in dict.fromkeys(v.dataset for v in found.versions):
            terminal.out.print(f"  next: lakehouse run {name}")


def _finished(ids: tuple[str, ...]) -> None:
    for request in ids:
        terminal.out.print(f"request {request}, which was interrupted, is finished")


def _due(done: list[DueRows]) -> None:
    if not done:
        terminal.out.print("no source declares `retention`")
    for one in done:
        terminal.out.print(f"{one.source}: {one.rule}" + (f"; {one.undated:,} rows without a readable date stay" if one.undated else ""))
        _show(one.erasure)
