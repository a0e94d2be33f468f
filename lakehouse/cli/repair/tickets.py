"""Commands `repair tickets`: findings and reports, and what became of them."""

from __future__ import annotations

from pathlib import Path

import click
from rich.markup import escape

from lakehouse.cli import terminal
from lakehouse.cli.arguments import by_option
from lakehouse.core import versions
from lakehouse.core.project import Project
from lakehouse.core.text.numbers import counted
from lakehouse.operations.repair import review, tickets
from lakehouse.operations.repair.reports import open_report
from lakehouse.operations.repair.tickets import Ticket
from lakehouse.pilot.diagnose import diagnose

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("list")
@click.argument("dataset", required=False)
@click.option("--state", type=click.Choice(["open", "waiting", "applied", "closed", "reverted", "rejected"]), help="Only tickets in it.")
@terminal.json_option
def list_command(dataset: str | None, state: str | None, as_json: bool) -> None:
    """List tickets, oldest first.

    Example: lakehouse repair tickets list reviews --state open
    """
    project = Project.find()
    if dataset is not None:
        project.dataset(dataset)
    found = [each for each in tickets.tickets(project, dataset) if state in (None, each.state)]
    if as_json:
        terminal.dump([_brief(each) for each in found])
        return
    rows = [(t.ticket, t.dataset, t.kind, len(t.rows), t.state, t.title) for t in found]
    terminal.table("Tickets", ["ticket", "dataset", "kind", "rows", "state", "what"], rows, right=["rows"])
    if not found:
        terminal.out.print("none; lakehouse repair tickets open DATASET makes them of findings")


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


@click.command("show")
@click.argument("ticket")
@click.option("--top", default=10, show_default=True, type=click.IntRange(min=1), help="How many rows to show.")
@terminal.json_option
def show_command(ticket: str, top: int, as_json: bool) -> None:
    """Show a ticket: its evidence, where its rows come from, what was done.

    Example: lakehouse repair tickets show 1f0c --top 20
    """
    found = tickets.find(Project.find(), ticket)
    if as_json:
        terminal.dump(
            {**_brief(found), "evidence": dict(found.evidence), "rows": [vars(s) for s in found.rows], "events": dict(found.last)}
        )
        return
    terminal.out.print(
        f"[bold]{found.ticket}[/] {escape(found.title)}: {found.state}, {counted(len(found.rows), 'row')} of {found.dataset} "
        f"{found.version}"
    )
    for each in found.upstream[:5]:
        terminal.out.print(f"  {counted(each['rows'], 'row')} from {each['source']}: {escape(str(each['uri']))}", soft_wrap=True)
    rows = [(s.row, s.given, s.suggested, s.p_given, s.split) for s in found.rows[:top]]
    terminal.table("", ["row", "given", "suggested", "p given", "split"], rows, right=["p given"])
    for event, payload in found.last.items():
        fields = {k: v for k, v in payload.items() if not isinstance(v, list | dict) and v is not None}
        terminal.out.print(f"  {event}: {escape(', '.join(f'{k} {v}' for k, v in fields.items()))}", soft_wrap=True)
        for proposal in payload.get("proposals", []):
            threshold = f"{proposal['step']}.{proposal['param']}={proposal['then']:g} (now {proposal['now']})"
            terminal.out.print(f"    {threshold}: {counted(proposal['leave'], 'row')} would leave, {proposal['hit']:,} of this ticket")


@click.command("open")
@click.argument("dataset")
@click.option("--version", "reference", default="latest", show_default=True, help="Label or id of the version.")
@terminal.json_option
def open_command(dataset: str, reference: str, as_json: bool) -> None:
    """Diagnose a version and open tickets for its findings.

    Example: lakehouse repair tickets open reviews
    """
    project = Project.find()
    version = versions.find(project, dataset, reference)
    with terminal.progress(quiet=as_json) as progress:
        found = diagnose(project, dataset, version.version, progress=progress)
    made = tickets.open_findings(project, version, found)
    if as_json:
        terminal.dump([_brief(each) for each in made])
        return
    for each in made:
        terminal.out.print(f"{each.ticket} {escape(each.title)}: {counted(len(each.rows), 'row')}")
    terminal.out.print(f"{len(made)} opened" + (f"\nnext: lakehouse repair run {dataset}" if made else ""))


@click.command("report")
@click.argument("dataset")
@click.argument("file", type=FILE)
@click.option("--origin", default="user", show_default=True, help="Who reports, such as `user` or the name of a model in service.")
@click.option("--title", help="What it is about, in a few words.")
@terminal.json_option
def report_command(dataset: str, file: Path, origin: str, title: str | None, as_json: bool) -> None:
    """Open a ticket for what went wrong outside: JSON lines or CSV with `row` or `text`, and `label`, what is right.

    Example: lakehouse repair tickets report reviews errors.jsonl --origin classifier-7
    """
    project = Project.find()
    made, counts = open_report(project, versions.find(project, dataset, "latest"), file, origin=origin, title=title)
    if as_json:
        terminal.dump({"ticket": _brief(made) if made else None, **counts})
        return
    fields = (
        f"{counts['rows']} reports name rows, {counts['neighbours']} are near rows of another label, {counts['nothing']} point at nothing"
    )
    terminal.out.print(f"{fields}\n{made.ticket}: {counted(len(made.rows), 'row')}" if made else f"{fields}; no new ticket")


@click.command("export")
@click.argument("ticket")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@terminal.json_option
def export_command(ticket: str, file: Path, as_json: bool) -> None:
    """Write the rows of a ticket as CSV for a person to decide: keep, drop, or relabel with `label`.

    Example: lakehouse repair tickets export 1f0c to-decide.csv
    """
    project = Project.find()
    rows = review.export(project, tickets.find(project, ticket), file)
    if as_json:
        terminal.dump({"file": str(file), "rows": rows})
        return
    terminal.out.print(
        f"{counted(rows, 'row')}: {file}\nfill in `decision` ({', '.join(review.ANSWERS)}), then: lakehouse repair tickets decide {file}"
    )


@click.command("decide")
@click.argument("file", type=FILE)
@by_option
@terminal.json_option
def decide_command(file: Path, by: str, as_json: bool) -> None:
    """Take the decisions of a person from a CSV file that `export` wrote.

    Example: lakehouse repair tickets decide to-decide.csv --by ana
    """
    project = Project.find()
    decided = review.decide(project, file, by)
    if as_json:
        names = ("relabelled", "dropped", "kept")
        terminal.dump({ticket: dict(zip(names, counts, strict=True)) for ticket, counts in decided.items()})
        return
    for ticket, (relabelled, dropped, kept) in decided.items():
        terminal.out.print(f"{ticket}: {relabelled:,} relabelled, {dropped:,} dropped, {kept:,} kept as they are")
        terminal.out.print(f"next: lakehouse repair run {tickets.find(project, ticket).dataset}")
