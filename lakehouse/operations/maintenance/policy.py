"""The maintenance policy of a dataset: retire, downgrade, archive or keep each version by its use and its worth, with the reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import polars as pl

from lakehouse.core import versions
from lakehouse.core.docs import page
from lakehouse.core.errors import MaintenanceError
from lakehouse.core.project import Project
from lakehouse.core.runs.progress import Progress, silent
from lakehouse.core.spec import Maintenance
from lakehouse.core.versions import GRADES, Version
from lakehouse.operations.maintenance.archive import archive
from lakehouse.operations.maintenance.lifecycle import downgrade, needed, retire
from lakehouse.operations.repair.tickets import Ticket, tickets
from lakehouse.pilot.diagnose import findings_table
from lakehouse.pilot.metrics import compare
from lakehouse.pilot.predictions import predictions_of, scored_as

BY = "policy"
"""The author of events that the policy records."""

USES = ("made", "described", "evaluated", "gated", "graded", "released", "restored", "reinstated")
"""Events of a version that show that someone used it."""


@dataclass(frozen=True)
class PolicyStep:
    """The policy's action for a version, or `keep`, and the reason."""

    version: str
    label: str
    action: Literal["retire", "downgrade", "archive", "keep"]
    why: str


def plan(project: Project, dataset: str, at: datetime | None = None) -> list[PolicyStep]:
    """The policy's present actions, version by version, oldest first.

    Args:
        at: the time that days are counted to; now unless given.

    Raises:
        MaintenanceError: the dataset declares no `maintenance`.
        NotFoundError: no such dataset.
    """
    spec = project.dataset(dataset)
    how = spec.maintenance
    if how is None:
        raise MaintenanceError(
            f"{dataset} declares no `maintenance`",
            where=f"assets/datasets/{dataset}.yaml",
            fix=f"declare maintenance: {{archive: {{unused_days: 180, keep_last: 3}}}}; see {page('maintenance.md')}",
        )
    known = versions.versions(project, dataset)
    newest = versions.current(project, dataset)
    reports = [t for t in tickets(project, dataset) if t.kind == "report" and t.state in ("open", "waiting", "applied")]
    found: list[PolicyStep] = []
    for place, version in enumerate(known):
        users = needed(project, version)
        steps = [
            *_retire(project, how, version, newest, users),
            *_downgrade(project, how, version, reports),
        ]
        retired = version.retired is not None or any(step.action == "retire" for step in steps)
        later, why = _archive(project, how, version, users, len(known) - place, at or datetime.now(UTC), retired=retired)
        steps += later
        found += steps or [PolicyStep(version.version, version.label, "keep", why)]
    return found


def maintain(project: Project, dataset: str, *, at: datetime | None = None, progress: Progress = silent) -> list[PolicyStep]:
    """Carry out the policy (see `plan`), one event after another; a second run finds nothing left to do.

    Raises:
        MaintenanceError, NotFoundError: as `plan` raises them.
        StorageError: a place cannot be read or written; what was done before stays done.
        LockedError: another run holds the dataset.
    """
    steps = plan(project, dataset, at)
    how = project.dataset(dataset).maintenance
    assert how is not None
    newest = versions.current(project, dataset)
    done: dict[str, Callable[[PolicyStep], object]] = {
        "retire": lambda step: retire(project, dataset, step.version, step.why, BY, newest.version if newest else None),
        "downgrade": lambda step: downgrade(project, dataset, step.version, how.downgrade.to, step.why, BY) if how.downgrade else None,
        "archive": lambda step: archive(project, dataset, step.version, step.why, BY, progress=progress),
        "keep": lambda step: None,
    }
    for step in steps:
        progress(f"{dataset} {step.label}: {step.action}", 0, None)
        done[step.action](step)
    return steps


def last_use(project: Project, version: Version) -> tuple[datetime, str]:
    """When a version was used last, and how, by what the lake holds: its own events, evaluations of others on it, recipes of others that
    read it, diagnoses, tickets. What others do with a release that they have pulled, the lake does not know."""
    register = project.table("system", "versions").scan()
    own = (pl.col("dataset") == version.dataset) & (pl.col("version") == version.version) & pl.col("event").is_in(USES)
    named = pl.any_horizontal(pl.col("payload").str.contains(each, literal=True) for each in (version.version, version.content_id))
    other = (pl.col("dataset") != version.dataset) & pl.col("event").is_in(["made", "evaluated"]) & named
    events = register.filter(own | other).select("at", "event", "dataset").collect()
    used = [(at, event if name == version.dataset else f"used by {name}") for at, event, name in events.iter_rows()]
    findings = findings_table(project)
    if findings.exists():
        mine = (pl.col("dataset") == version.dataset) & (pl.col("version") == version.version)
        used += [(at, "diagnosed") for at in findings.scan().filter(mine).select("at").unique().collect()["at"]]
    used += [(ticket.at, f"ticket {ticket.ticket}") for ticket in tickets(project, version.dataset) if ticket.version == version.version]
    return max(used)


def _retire(project: Project, how: Maintenance, version: Version, newest: Version | None, users: list[str]) -> list[PolicyStep]:
    """A version that was never released, no one needs, no one has reinstated, and that is surely worse than the standing one."""
    if how.retire is None or version.retired or version.released or users or newest is None or newest.retired:
        return []
    if newest.passed is False or _spoken(project, version, "reinstated"):
        return []
    for name, result in newest.evaluations.items():
        old, scoring = version.evaluations.get(name), scored_as(newest, name)
        if old is None or scoring is not scored_as(version, name):
            continue
        metric = scoring.main
        mine, theirs = (predictions_of(project, str(each["key"])).filter(pl.col("set") == "held_out") for each in (old, result))
        if mine.is_empty() or set(mine["_row_id"]) != set(theirs["_row_id"]):
            continue
        found = compare(mine, theirs, metric, how.retire.worse_by, scoring=scoring)
        if found.verdict == "worse":
            interval = f"{found.low:+.4f} to {found.high:+.4f}"
            words = f"worse than {newest.label}: {metric} on held_out {found.new:.4f} against {found.old:.4f} ({interval})"
            return [PolicyStep(version.version, version.label, "retire", words)]
    return []


def _downgrade(project: Project, how: Maintenance, version: Version, reports: list[Ticket]) -> list[PolicyStep]:
    """A graded version more of whose rows are named by open reports than declared, unless a downgrade was spoken of it since."""
    rule = how.downgrade
    if rule is None or version.grade is None or _settled(project, version) or GRADES.index(version.grade) >= GRADES.index(rule.to):
        return []
    named = pl.Series([suspect.row for ticket in reports for suspect in ticket.rows], dtype=pl.String).unique()
    if named.is_empty():
        return []
    held = versions.index(project, version).filter(pl.col("_row_id").is_in(named.implode())).select(pl.len()).collect().item()
    share = held / max(sum(version.manifest["rows"].values()), 1)
    if share <= rule.reported:
        return []
    return [
        PolicyStep(
            version.version, version.label, "downgrade", f"reports name {held:,} of its rows ({share:.2%}), {rule.reported:.2%} allowed"
        )
    ]


def _archive(
    project: Project, how: Maintenance, version: Version, users: list[str], nth_last: int, at: datetime, *, retired: bool
) -> tuple[list[PolicyStep], str]:
    """A version that no one needs or has used for so long; else why it is kept."""
    if version.archived:
        return [], "archived already"
    if users:
        return [], users[0]
    if version.released and not retired:
        return [], f"it was released as {version.released[-1]}"
    if how.archive is None:
        return [], "no rule speaks of it"
    if nth_last <= how.archive.keep_last:
        return [], f"one of the last {how.archive.keep_last}"
    when, what = last_use(project, version)
    days = (at - when).days
    if days < how.archive.unused_days:
        return [], f"used {days} days ago ({what})"
    return [PolicyStep(version.version, version.label, "archive", f"unused for {days} days (last {what})")], ""


def _settled(project: Project, version: Version) -> bool:
    """Whether a downgrade was spoken of a version, or taken back, since it was graded."""
    events = versions.events(project, version.dataset).filter(pl.col("version") == version.version)["event"]
    return bool(events.filter(events.is_in(["graded", "downgraded"]))[-1] == "downgraded")


def _spoken(project: Project, version: Version, event: str) -> bool:
    of_version = (pl.col("version") == version.version) & (pl.col("event") == event)
    return not versions.events(project, version.dataset).filter(of_version).is_empty()
