"""Commands of the loop: tickets, repair."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path

import click
from rich.markup import escape

from lakehouse.cli import show
from lakehouse.core import versions
from lakehouse.core.project import Project
from lakehouse.operations.repair import review, tickets
from lakehouse.operations.repair.loop import Repaired, repair
from lakehouse.operations.repair.reports import open_report
from lakehouse.operations.repair.tickets import Ticket
from lakehouse.pilot.diagnose import diagnose

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("repair")
@click.argument("dataset")
@click.option("--rounds", type=click.IntRange(min=1), help="At most so many rounds, in place of the declared limit.")
@show.json_option
def repair_command(dataset: str, rounds: int | None, as_json: bool) -> None:
    """Run the loop: diagnose, decide by the declared policies, make the next version, and keep the decisions if its verdict allows.

    Exit code 4 where there were rounds and none was kept.

    Example: lakehouse repair reviews --rounds 1
    """
    with show.progress(quiet=as_json) as progress:
        done = repair(Project.find(), dataset, rounds, progress=progress)
    if as_json:
        show.dump(done)
    else:
        _show(done)
    if done.rounds and not any(each.kept for each in done.rounds):
        sys.exit(4)


def _show(done: Repaired) -> None:
    for at, each in enumerate(done.rounds, start=1):
        show.out.print(f"[bold]Round {at}[/] tickets {', '.join(each.tickets)}")
        show.out.print(f"  {each.relabelled:,} rows relabelled, {each.dropped:,} dropped: {each.before} became {each.after}")
        for reason, n in each.left.items():
            show.out.print(f"  [dim]{n:,} left: {escape(reason)}[/]")
        show.out.print(f"  {escape(each.in_words())}")
    show.out.print(f"{done.dataset} stands at {done.label} ({done.version}); ended: {done.ended}")
    if done.waiting:
        show.out.print(f"waiting: {', '.join(done.waiting)}\nnext: lakehouse tickets show {done.waiting[0]}")


@click.group("tickets")
def tickets_command() -> None:
    """Findings, reports and what became of them.

    Example: lakehouse tickets list reviews
    """


@tickets_command.command("list")
@click.argument("dataset", required=False)
@click.option("--state", type=click.Choice(["open", "waiting", "applied", "closed", "reverted", "rejected"]), help="Only tickets in it.")
@show.json_option
def list_command(dataset: str | None, state: str | None, as_json: bool) -> None:
    """List tickets, oldest first.

    Example: lakehouse tickets list reviews --state open
    """
    project = Project.find()
    if dataset is not None:
        project.dataset(dataset)
    found = [each for each in tickets.tickets(project, dataset) if state in (None, each.state)]
    if as_json:
        show.dump([_brief(each) for each in found])
        return
    rows = [(t.ticket, t.dataset, t.kind, len(t.rows), t.state, t.title) for t in found]
    show.table("Tickets", ["ticket", "dataset", "kind", "rows", "state", "what"], rows, right=["rows"])
    if not found:
        show.out.print("none; lakehouse tickets open DATASET makes them of findings")


def _brief(ticket: Ticket) -> dict[str, object]:
    return {
        "ticket": ticket.ticket,
        "dataset": ticket.dataset,
        "version": ticket.version,
        "kind": ticket.kind,
        "title": ticket.title,
        "rows": len(ticket.rows),
        "state": ticket.state,
        "opened": ticket.at,
        "upstream": list(ticket.upstream),
    }


@tickets_command.command("show")
@click.argument("ticket")
@click.option("--top", default=10, show_default=True, type=click.IntRange(min=1), help="How many rows to show.")
@show.json_option
def show_command(ticket: str, top: int, as_json: bool) -> None:
    """Show a ticket: its evidence, where its rows come from, what was done.

    Example: lakehouse tickets show 1f0c --top 20
    """
    found = tickets.find(Project.find(), ticket)
    if as_json:
        show.dump({**_brief(found), "evidence": dict(found.evidence), "rows": [vars(s) for s in found.rows], "events": dict(found.last)})
        return
    show.out.print(
        f"[bold]{found.ticket}[/] {escape(found.title)}: {found.state}, {len(found.rows):,} rows of {found.dataset} {found.version}"
    )
    for each in found.upstream[:5]:
        show.out.print(f"  {each['rows']:,} rows from {each['source']}: {escape(str(each['uri']))}", soft_wrap=True)
    rows = [(s.row, s.given, s.suggested, s.p_given, s.split) for s in found.rows[:top]]
    show.table("", ["row", "given", "suggested", "p given", "split"], rows, right=["p given"])
    for event, payload in found.last.items():
        said = {k: v for k, v in payload.items() if not isinstance(v, list | dict) and v is not None}
        show.out.print(f"  {event}: {escape(', '.join(f'{k} {v}' for k, v in said.items()))}", soft_wrap=True)
        for proposal in payload.get("proposals", []):
            threshold = f"{proposal['step']}.{proposal['param']}={proposal['then']:g} (now {proposal['now']})"
            show.out.print(f"    {threshold}: {proposal['leave']:,} rows would leave, {proposal['hit']:,} of this ticket")


@tickets_command.command("open")
@click.argument("dataset")
@click.option("--version", "reference", default="latest", show_default=True, help="Label or id of the version.")
def open_command(dataset: str, reference: str) -> None:
    """Diagnose a version and open tickets for its findings.

    Example: lakehouse tickets open reviews
    """
    project = Project.find()
    version = versions.find(project, dataset, reference)
    with show.progress(quiet=False) as progress:
        found = diagnose(project, dataset, version.version, progress=progress)
    for each in (made := tickets.open_findings(project, version, found)):
        show.out.print(f"{each.ticket} {escape(each.title)}: {len(each.rows):,} rows")
    show.out.print(f"{len(made)} opened" + (f"\nnext: lakehouse repair {dataset}" if made else ""))


@tickets_command.command("report")
@click.argument("dataset")
@click.argument("file", type=FILE)
@click.option("--origin", default="user", show_default=True, help="Who reports, such as `user` or the name of a model in service.")
@click.option("--title", help="What it is about, in a few words.")
def report_command(dataset: str, file: Path, origin: str, title: str | None) -> None:
    """Open a ticket for what went wrong outside: JSON lines or CSV with `row` or `text`, and `label`, what is right.

    Example: lakehouse tickets report reviews errors.jsonl --origin classifier-7
    """
    project = Project.find()
    made, counts = open_report(project, versions.find(project, dataset, "latest"), file, origin=origin, title=title)
    said = (
        f"{counts['rows']} reports name rows, {counts['neighbours']} are near rows of another label, {counts['nothing']} point at nothing"
    )
    show.out.print(f"{said}\n{made.ticket}: {len(made.rows):,} rows" if made else f"{said}; no new ticket")


@tickets_command.command("export")
@click.argument("ticket")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def export_command(ticket: str, file: Path) -> None:
    """Write the rows of a ticket as CSV for a person to decide: keep, drop, or relabel as `label` says.

    Example: lakehouse tickets export 1f0c to-decide.csv
    """
    project = Project.find()
    rows = review.export(project, tickets.find(project, ticket), file)
    show.out.print(f"{rows:,} rows: {file}\nfill in `decision` ({', '.join(review.ANSWERS)}), then: lakehouse tickets decide {file}")


@tickets_command.command("decide")
@click.argument("file", type=FILE)
@click.option("--by", default=getpass.getuser, help="Who decided; the user of this machine unless said.")
def decide_command(file: Path, by: str) -> None:
    """Take the decisions of a person from a CSV file that `export` wrote.

    Example: lakehouse tickets decide to-decide.csv --by ana
    """
    project = Project.find()
    for ticket, (relabelled, dropped, kept) in review.decide(project, file, by).items():
        show.out.print(f"{ticket}: {relabelled:,} relabelled, {dropped:,} dropped, {kept:,} kept as they are")
        show.out.print(f"next: lakehouse repair {tickets.find(project, ticket).dataset}")
