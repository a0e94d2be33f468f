"""Command `govern audit`: who read what, and whether the log is as it was written."""

from __future__ import annotations

import click
from rich.markup import escape

from lakehouse.cli import terminal
from lakehouse.core.errors import FactoryError
from lakehouse.core.project import Project
from lakehouse.governance import audit


@click.command("audit")
@click.option("--verify", is_flag=True, help="Check the chain: whether an entry was changed, taken out, moved or cut off.")
@click.option("--who", metavar="WHO", help="Only entries of this principal.")
@click.option("--last", type=click.IntRange(min=1), default=20, show_default=True, help="So many of the newest entries.")
@terminal.json_option
def audit_command(verify: bool, who: str | None, last: int, as_json: bool) -> None:
    """List reads, refusals, releases, downgrades, retirements and decisions, newest last.

    Example: lakehouse govern audit --verify
    """
    project = Project.find()
    if verify:
        problems = audit.verify(project)
        n = audit.entries(project).height
        if as_json:
            terminal.dump({"entries": n, "problems": problems})
        elif not problems:
            terminal.out.print(f"{n:,} entries, each as it was written")
        if problems:
            if not as_json:
                listed = "".join(f"\n  - {problem}" for problem in problems[:20])
                raise FactoryError(f"the audit log is not as it was written:{listed}", where="system/audit", fix="compare it with a backup")
            raise click.exceptions.Exit(1)
        return
    found = audit.entries(project, who).tail(last)
    if as_json:
        terminal.dump(found)
        return
    for e in found.iter_rows(named=True):
        counted = f" {e['rows']:,} rows" if e["rows"] is not None else ""
        what = f"{e['principal']} {e['action']} {e['table']}" + (f" {e['version']}" if e["version"] else "") + counted
        why = "".join(f"; {each}" for each in (e["purpose"], e["detail"]) if each)
        terminal.out.print(f"{e['seq']:>5} {e['at'][:19]} [bold]{e['outcome']}[/] {escape(what + why)}", soft_wrap=True)
