"""Lifecycle of a version: downgraded, retired, reinstated, each an event with its reason and author; and the users of a version."""

from __future__ import annotations

from dataclasses import dataclass

from lakehouse.core import versions
from lakehouse.core.errors import MaintenanceError
from lakehouse.core.project import Project
from lakehouse.core.runs.lock import locked
from lakehouse.core.versions import GRADES, Event, Grade, Version
from lakehouse.governance import audit
from lakehouse.operations.maintenance.grade_tracking import track_grade
from lakehouse.operations.repair.tickets import tickets


@dataclass(frozen=True, kw_only=True)
class LifecycleEvent:
    """One event in the lifecycle of a version.

    Attributes:
        event: `downgraded`, `retired` or `reinstated`.
        consequences: what follows for whom, a sentence each.
        unchanged: the register held this event already; nothing was written.
    """

    dataset: str
    version: str
    label: str
    event: str
    reason: str
    by: str
    grade: Grade | None
    consequences: tuple[str, ...]
    unchanged: bool


def downgrade(project: Project, dataset: str, reference: str, to: Grade, reason: str, by: str) -> LifecycleEvent:
    """Lower the grade of a version by hand. The letter that was measured takes a downgrade back; a better one is refused.

    Raises:
        MaintenanceError: no reason, the version has no grade, or `to` is better than what was measured.
        NotFoundError: no such dataset or version.
        LockedError: another run holds the dataset.
    """
    _reasoned(reason)
    with locked(project, f"dataset {dataset}"):
        version = versions.find(project, dataset, reference)
        if version.graded is None:
            raise MaintenanceError(
                f"{dataset} {version.label} ({version.version}) has no grade that could be lowered",
                fix=f"lakehouse version grade {dataset} --version {version.label}",
            )
        measured: Grade = version.graded["grade"]
        if GRADES.index(to) < GRADES.index(measured):
            raise MaintenanceError(
                f"{dataset} {version.label} ({version.version}) was measured {measured}, which a downgrade cannot raise to {to}",
                fix=f"mend what the grade names, then: lakehouse version grade {dataset} --version {version.label}",
            )
        known = version.downgraded
        if known is None and to == measured:
            raise MaintenanceError(
                f"{dataset} {version.label} ({version.version}) was measured {measured} already", fix="name a lower grade"
            )
        same = known is not None and (known["grade"], known["reason"]) == (to, reason)
        return _record(project, version, "downgraded", {"grade": to, "reason": reason}, by, unchanged=same)


def retire(project: Project, dataset: str, reference: str, reason: str, by: str, superseded_by: str | None = None) -> LifecycleEvent:
    """Withdraw a version for good: no release and no roll-back takes it, until it is reinstated.

    Args:
        superseded_by: the version to take instead, as `versions.find` takes it.

    Raises:
        MaintenanceError: no reason, or it is superseded by itself or by a version that is retired.
        NotFoundError: no such dataset or version.
        LockedError: another run holds the dataset.
    """
    _reasoned(reason)
    with locked(project, f"dataset {dataset}"):
        version = versions.find(project, dataset, reference)
        payload: dict[str, object] = {"reason": reason, "superseded_by": None}
        if superseded_by is not None:
            other = versions.find(project, dataset, superseded_by)
            if other.version == version.version or other.retired:
                what = "the same version" if other.version == version.version else "retired as well"
                raise MaintenanceError(
                    f"{other.label} ({other.version}) cannot supersede {dataset} {version.label}: it is {what}",
                    fix=f"name another: lakehouse version list {dataset}",
                )
            payload["superseded_by"] = {"version": other.version, "label": other.label}
        same = version.retired is not None and {k: version.retired.get(k) for k in payload} == payload
        return _record(project, version, "retired", payload, by, unchanged=same, consequences=_consequences(project, version))


def reinstate(project: Project, dataset: str, reference: str, reason: str, by: str) -> LifecycleEvent:
    """Take a retirement back, with the reason; what was released before counts as released again.

    Raises:
        MaintenanceError: no reason, or the version is not retired.
        NotFoundError: no such dataset or version.
        LockedError: another run holds the dataset.
    """
    _reasoned(reason)
    with locked(project, f"dataset {dataset}"):
        version = versions.find(project, dataset, reference)
        if version.retired is None:
            raise MaintenanceError(f"{dataset} {version.label} ({version.version}) is not retired", fix=f"lakehouse version list {dataset}")
        return _record(project, version, "reinstated", {"reason": reason}, by, unchanged=False)


def needed(project: Project, version: Version) -> list[str]:
    """Who needs the rows of a version, a sentence each: gold, the current release, held-out sets, recipes, tickets; empty if no one."""
    project.whole()
    newest, released = versions.current(project, version.dataset), versions.released(project, version.dataset)
    found = []
    if newest is not None and newest.version == version.version:
        found.append("it is the version that gold holds")
    if released is not None and released.version == version.version:
        found.append(f"it is the current release, {version.dataset}@v{released.released[-1]}")
    for name, declared in project.datasets.items():
        pinned = declared.spec.pilot.held_out
        if pinned is not None and pinned.dataset == version.dataset and pinned.content and version.content_id.startswith(pinned.content):
            found.append(f"{name} pins it as its held-out set")
        users = {v.version: v for v in (versions.current(project, name), versions.released(project, name)) if v}
        for other in users.values():
            if (other.manifest.get("references") or {}).get(version.dataset) == version.content_id:
                found.append(f"{name} {other.label} was made with it")
            if any((each.get("held_out") or {}).get("version") == version.version for each in other.evaluations.values()):
                found.append(f"{name} {other.label} was evaluated on it")
    for ticket in tickets(project, version.dataset):
        of = {ticket.version, ticket.last.get("applied", {}).get("version")}
        if ticket.state in ("open", "waiting", "applied") and version.version in of:
            found.append(f"ticket {ticket.ticket} on its rows is {ticket.state}")
    return found


def _consequences(project: Project, version: Version) -> tuple[str, ...]:
    """The consequences of a version's retirement for those that need it."""
    name = version.dataset
    found = [f"still used: {each}" for each in needed(project, version) if not each.startswith("it is ")]
    newest, released = versions.current(project, name), versions.released(project, name)
    if newest is not None and newest.version == version.version:
        found.append(f"gold/{name} holds it until a run makes another: change its sources or its recipe, then lakehouse run {name}")
    if released is not None and released.version == version.version:
        older = [v for v in versions.versions(project, name) if v.released_at and not v.retired and v.version != version.version]
        back = max(older, key=lambda v: v.released_at, default=None)  # type: ignore[arg-type,return-value]
        how = f"lakehouse rollback {name} {back.released[-1]}" if back else f"release another version of {name}"
        found.append(f"releases/{name}, its tag and what was pushed still hold it: {how}")
    return tuple(found)


def _reasoned(reason: str) -> None:
    if not reason.strip():
        raise MaintenanceError("a reason is needed: it is what others will read", fix='--why "..."')


def _record(
    project: Project,
    version: Version,
    event: Event,
    payload: dict[str, object],
    by: str,
    *,
    unchanged: bool,
    consequences: tuple[str, ...] = (),
) -> LifecycleEvent:
    if not unchanged:
        action = {"downgraded": "downgrade", "retired": "retire"}.get(event, "reinstate")
        table, why = f"gold/{version.dataset}", str(payload["reason"])
        audit.record(project, principal=by, action=action, table=table, version=version.version, purpose=why)
        versions.record(project, version.dataset, version.version, event, {**payload, "by": by})
        version = versions.find(project, version.dataset, version.version)
    if problem := track_grade(project, version):
        consequences = (*consequences, problem)
    reason = str(payload["reason"])
    return LifecycleEvent(
        dataset=version.dataset,
        version=version.version,
        label=version.label,
        event=event,
        reason=reason,
        by=by,
        grade=version.grade,
        consequences=consequences,
        unchanged=unchanged,
    )
