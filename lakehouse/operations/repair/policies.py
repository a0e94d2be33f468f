"""Declared policies for the rows of a ticket: decisions, or a wait for a person, the source or the recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from lakehouse.core import versions
from lakehouse.core.labels import decisions
from lakehouse.core.labels.decisions import Decision
from lakehouse.core.project import Project
from lakehouse.core.spec import Dataset, RepairPolicy
from lakehouse.governance import audit
from lakehouse.operations.repair import tickets
from lakehouse.operations.repair.tickets import Suspect, Ticket
from lakehouse.reserve.bronze import table as bronze

BY = "repair"
"""Who made a decision that no person made."""


@dataclass(frozen=True)
class Chosen:
    """The outcome of a policy for a ticket.

    Attributes:
        decisions: on rows of the train split only: what a version is scored on is changed by a person alone.
        left: rows that the policy does not touch, by the reason.
    """

    decisions: tuple[Decision, ...]
    left: dict[str, int]


def choose(project: Project, dataset: Dataset, ticket: Ticket, policy: RepairPolicy, label: str, decided: Set[str], budget: int) -> Chosen:
    """The decisions of a policy that relabels or drops, surest rows first, at most `budget`.

    Args:
        decided: the content digests of rows with decisions: a row is not decided about twice, so that no two rounds undo each other.
    """
    left: dict[str, int] = {}
    able: list[Suspect] = []
    for suspect in ticket.rows:
        reason = _unable(suspect, policy)
        if reason:
            left[reason] = left.get(reason, 0) + 1
        else:
            able.append(suspect)
    able.sort(key=lambda suspect: (1.0 if suspect.p_given is None else suspect.p_given, suspect.row))
    if len(able) > budget:
        left["over the limit of rows"] = len(able) - budget
    # A row that has gone, or whose content has changed since the finding, is no longer the row that was found.
    places = contents(project, dataset, [suspect.row for suspect in able])
    made = []
    for suspect in able[:budget]:
        if suspect.row not in places:
            left["not in the dataset any more"] = left.get("not in the dataset any more", 0) + 1
            continue
        row, content = places[suspect.row]
        if content in decided:
            left["decided before"] = left.get("decided before", 0) + 1
            continue
        if policy.action == "relabel":
            made.append(relabelling(ticket, row, content, {label: suspect.suggested}, suspect))
        else:
            made.append(Decision(row, content, drop=f"{ticket.kind} (ticket {ticket.ticket})", ticket=ticket.ticket, by=BY))
    return Chosen(tuple({each.content: each for each in made}.values()), left)


def relabelling(ticket: Ticket, row: str, content: str, values: dict[str, Any], suspect: Suspect) -> Decision:
    """A relabelling with its reason in words."""
    why = f"{ticket.kind}: {suspect.given} had probability {suspect.p_given}" if suspect.p_given is not None else ticket.kind
    return Decision(row, content, set=values, ticket=ticket.ticket, by=BY, why=why)


def apply(project: Project, dataset: Dataset, ticket: Ticket, made: Sequence[Decision], left: Mapping[str, int], by: str) -> None:
    """Record a ticket as applied on top of the current version, then write its decisions.

    In this order, so that a killed run leaves a ticket whose decisions the next one writes, never decisions without a ticket.

    Args:
        left: rows that are not decided about, by reason.
    """
    file = project.root / dataset.decisions
    before = decisions.read(file)
    version = versions.current(project, dataset.dataset)
    changed = {each.content for each in made}
    payload = {
        "version": version.version if version else ticket.version,
        "by": by,
        "relabelled": sum(each.set is not None for each in made),
        "dropped": sum(each.drop is not None for each in made),
        "left": dict(left),
        "decisions": [asdict(each) for each in made],
        "replaced": [asdict(each) for each in before if each.content in changed],
    }
    table, why = f"gold/{dataset.dataset}", f"ticket {ticket.ticket}: {ticket.kind}"
    audit.record(project, principal=by, action="decide", table=table, version=ticket.version, purpose=why, rows=len(made))
    tickets.record(project, ticket.ticket, dataset.dataset, "applied", payload)
    decisions.write(file, [*before, *made])


def _unable(suspect: Suspect, policy: RepairPolicy) -> str | None:
    if suspect.split not in (None, "train"):
        return "not of the train split: for a person"
    if suspect.p_given is not None and suspect.p_given > policy.p_given_at_most:
        return f"label more likely than {policy.p_given_at_most:g}"
    if suspect.kinds < policy.agree:
        return f"named by fewer than {policy.agree} kinds of finding"
    if policy.action == "relabel" and suspect.suggested in (None, suspect.given):
        return "no other label suggested"
    return None


def contents(project: Project, dataset: Dataset, rows: Sequence[str]) -> dict[str, tuple[str, str]]:
    """The silver row behind each gold row, and the digest by which decisions find it; a variant counts as the row it was made from.

    Rows that are not there any more are missing.
    """
    silver = project.table("silver", dataset.dataset).scan().select("_row_id", "_root").collect()
    gold = project.table("gold", dataset.dataset).scan().filter(pl.col("_row_id").is_in(pl.Series(rows, dtype=pl.String).implode()))
    found = gold.select(pl.col("_row_id").alias("asked"), "_parent").collect()
    silver_row = pl.when(pl.col("asked").is_in(silver["_row_id"].implode())).then("asked").otherwise("_parent")
    found = found.with_columns(_row_id=silver_row).join(silver, on="_row_id", how="inner")
    digests = [
        bronze.live_index(project, source, version=bronze.table(project, source).version()).select("_row_id", "_content")
        for source in dataset.sources
    ]
    found = found.join(pl.concat(digests), left_on="_root", right_on="_row_id", how="inner")
    key = pl.concat_str("_content", pl.col("_row_id").str.strip_prefix(pl.col("_root")))
    return {asked: (row, content) for asked, row, content in found.select("asked", "_row_id", key).iter_rows()}
