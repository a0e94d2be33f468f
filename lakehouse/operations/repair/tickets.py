"""Tickets: append-only events in `system/tickets`, folded into one state a ticket.

Events: `opened` (its rows and evidence), `waiting` (a person, the source, or a change of the recipe has to come first), `applied`
(decisions were written, on top of which version), `closed` and `reverted` (the verdict of the version made with them), `rejected` (a
person confirms that rows are right).
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import polars as pl

from lakehouse.core.errors import NotFoundError
from lakehouse.core.hashing import digest
from lakehouse.core.journal import Journal
from lakehouse.core.project import Project
from lakehouse.core.spec.yamlfile import suggest
from lakehouse.core.versions import Version, index
from lakehouse.pilot.diagnose import Diagnosis
from lakehouse.reserve.bronze import table as bronze

Event = Literal["opened", "waiting", "applied", "closed", "reverted", "rejected"]
State = Literal["open", "waiting", "applied", "closed", "reverted", "rejected"]

JOURNAL = Journal("tickets", pl.Schema(dict.fromkeys(("ticket", "dataset", "event", "payload"), pl.String())))


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """A row that a ticket names.

    Attributes:
        given: its label.
        suggested: the label that it should have; None where nothing suggests one.
        p_given: probability of the given label by models that have not seen the row, or, of a number, of one so far off; None where the
            finding has none.
        kinds: how many kinds of finding name the row.
    """

    row: str
    given: str | float | None = None
    suggested: str | float | None = None
    p_given: float | None = None
    split: str | None = None
    kinds: int = 1


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """A ticket as its events leave it.

    Attributes:
        version: the one it was opened on.
        evidence: the evidence of the finding beside its rows, such as the conditions of a slice, or the content of a report.
        upstream: the origin of its rows, `source`, `uri`, `rows`, most rows first.
        last: payload of the newest event of each kind.
        at: when it was opened.
    """

    ticket: str
    dataset: str
    version: str
    kind: str
    title: str
    rows: tuple[Suspect, ...]
    evidence: Mapping[str, Any]
    upstream: tuple[Mapping[str, Any], ...]
    at: datetime
    state: State = "open"
    last: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def record(project: Project, ticket: str, dataset: str, event: Event, payload: Mapping[str, Any]) -> datetime:
    """Append one event; returns its time."""
    return JOURNAL.append(project, ticket=ticket, dataset=dataset, event=event, payload=payload)


def tickets(project: Project, dataset: str | None = None) -> list[Ticket]:
    """All tickets, of one dataset or of all, oldest first."""
    events = JOURNAL.read(project, None if dataset is None else pl.col("dataset") == dataset)
    opened: dict[str, dict[str, Any]] = {}
    for row in events.iter_rows(named=True):
        payload = json.loads(row["payload"])
        if row["event"] == "opened":
            suspects = tuple(Suspect(**each) for each in payload.pop("rows"))
            opened.setdefault(row["ticket"], {"payload": payload, "rows": suspects, "head": row, "state": "open", "last": {}})
            continue
        state = opened[row["ticket"]]
        state["state"], state["last"][row["event"]] = row["event"], payload
    return [
        Ticket(
            ticket=ticket,
            dataset=one["head"]["dataset"],
            version=one["payload"]["version"],
            kind=one["payload"]["kind"],
            title=one["payload"]["title"],
            rows=one["rows"],
            evidence=one["payload"]["evidence"],
            upstream=tuple(one["payload"]["upstream"]),
            at=one["head"]["at"],
            state=one["state"],
            last=one["last"],
        )
        for ticket, one in opened.items()
    ]


def find(project: Project, ticket: str) -> Ticket:
    """A ticket by its id or the beginning of it.

    Raises:
        NotFoundError: there is none, or several begin so.
    """
    known = {each.ticket: each for each in tickets(project)}
    found = [each for name, each in known.items() if name.startswith(ticket)]
    if len(found) != 1:
        what = f"no ticket `{ticket}`" if not found else f"{len(found)} tickets begin with `{ticket}`"
        raise NotFoundError(
            what, fix=suggest(ticket, known) if known else "lakehouse repair tickets open DATASET makes tickets of findings"
        )
    return found[0]


def open_ticket(
    project: Project,
    version: Version,
    kind: str,
    title: str,
    rows: Iterable[Suspect],
    evidence: Mapping[str, Any],
    known: Container[str],
) -> Ticket | None:
    """Open a ticket on rows of a version; None without rows, or where one of the `known` was opened for the same rows."""
    suspects = tuple(rows)
    identity = digest([version.dataset, kind, title, sorted(suspect.row for suspect in suspects)])[:10]
    if not suspects or identity in known:
        return None
    come_from = upstream(project, [suspect.row for suspect in suspects])
    payload: dict[str, Any] = {
        "version": version.version,
        "kind": kind,
        "title": title,
        "rows": [vars(suspect) for suspect in suspects],
        "evidence": dict(evidence),
        "upstream": come_from,
    }
    at = record(project, identity, version.dataset, "opened", payload)
    return Ticket(
        ticket=identity,
        dataset=version.dataset,
        version=version.version,
        kind=kind,
        title=title,
        rows=suspects,
        evidence=payload["evidence"],
        upstream=tuple(come_from),
        at=at,
    )


def open_findings(project: Project, version: Version, found: Diagnosis) -> list[Ticket]:
    """Open tickets for the findings of a diagnosis: one for each that is about several rows, one for all rows of each other kind.

    Rows that a person has rejected in a ticket of that kind, or that an open ticket of that kind names, are left out.
    """
    known = tickets(project, version.dataset)
    opened = {each.ticket for each in known}
    several = found.findings.filter(pl.col("_row_id").is_not_null()).group_by("_row_id").agg(pl.col("kind").n_unique().alias("n"))
    kinds = dict(several.iter_rows())
    splits = dict(index(project, version).select("_row_id", "_split").collect().iter_rows())
    made: list[Ticket | None] = []
    for kind, of in found.kinds.items():
        settled = {row for each in known if each.kind == kind for row in _settled(each)}
        listed = found.top(kind, found.findings.height)
        if of.several:
            for each in listed:
                evidence = dict(each["evidence"])
                ids = evidence.pop("rows")
                beside = [evidence.pop(name, [None] * len(ids)) for name in ("given", "suggested", "p_given")]
                rows = [
                    Suspect(row=row, given=given, suggested=suggested, p_given=p, split=splits.get(row), kinds=kinds.get(row, 0) + 1)
                    for row, given, suggested, p in zip(ids, *beside, strict=True)
                    if row not in settled
                ]
                title = of.ticket.format_map({**evidence, "terms": ", ".join(evidence.get("terms", []))})
                made.append(open_ticket(project, version, kind, title, rows, evidence, opened))
            continue
        rows = [
            Suspect(
                row=each["_row_id"],
                given=each["evidence"].get("given"),
                suggested=each["evidence"].get("suggested"),
                p_given=each["evidence"].get("p_given"),
                split=splits.get(each["_row_id"]),
                kinds=kinds[each["_row_id"]],
            )
            for each in listed
            if each["_row_id"] not in settled
        ]
        made.append(open_ticket(project, version, kind, of.ticket, rows, {"findings": len(rows)}, opened))
    return [each for each in made if each is not None]


def _settled(ticket: Ticket) -> set[str]:
    """Rows that need no new ticket when they are found again."""
    if ticket.state in ("open", "waiting", "applied"):
        return {suspect.row for suspect in ticket.rows}
    return {str(row) for row in ticket.last.get("rejected", {}).get("rows", [])}


def upstream(project: Project, rows: list[str]) -> list[dict[str, Any]]:
    """The files that rows were collected from, with the number of rows, most first."""
    roots = pl.DataFrame({"_row_id": [row.partition("#")[0] for row in rows]}, schema={"_row_id": pl.String})
    roots = roots.with_columns(source=pl.col("_row_id").str.split("/").list.first())
    found = []
    for (source,), of in roots.group_by("source", maintain_order=True):
        table = bronze.table(project, str(source))
        if not table.exists():
            continue
        wanted = pl.col("_row_id").is_in(of["_row_id"].unique().implode())
        places = table.scan().filter(wanted).select("_row_id", "_uri", "_collection").collect()
        newest = places.sort("_collection").unique("_row_id", keep="last").select("_row_id", "_uri")
        counted = of.join(newest, on="_row_id", how="left").group_by("_uri").len().sort("len", "_uri", descending=[True, False])
        found += [{"source": str(source), "uri": uri, "rows": n} for uri, n in counted.head(20).iter_rows()]
    return sorted(found, key=lambda each: -each["rows"])
