"""Erase what is older than its source allows (`retention`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lakehouse.core.project import Project
from lakehouse.core.runs.progress import Progress, silent
from lakehouse.operations.erasure import rows
from lakehouse.operations.erasure.erase import Erasure, erase, plan


@dataclass(frozen=True)
class DueRows:
    """The rows of a source that are due; `undated` rows have no readable date in the declared column, and stay."""

    source: str
    rule: str
    undated: int
    erasure: Erasure


def with_retention(project: Project) -> list[str]:
    """The sources that declare `retention`."""
    project.whole()
    return sorted(name for name, declared in project.sources.items() if declared.spec.retention)


def erase_due(
    project: Project, by: str, *, dry_run: bool = False, now: datetime | None = None, progress: Progress = silent
) -> list[DueRows]:
    """Erase the rows of every source that are due, or only list them; raises as `erase` does, and finished sources stay erased."""
    done = []
    for name in with_retention(project):
        source = project.source(name)
        assert source.retention is not None
        rule = f"{source.retention.days} days from {source.retention.column or 'collection'}"
        ids, undated = rows.due(project, source, now)
        reason = f"older than {rule}"
        if dry_run or not ids:
            found = plan(project, name, ids, reason, "retention")
        else:
            found = erase(project, name, ids, reason, "retention", by, progress=progress)
        done.append(DueRows(name, rule, undated, found))
    return done
