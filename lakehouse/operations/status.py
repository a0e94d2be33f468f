"""Status of the factory: one line a source and a dataset, from registers and table logs alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lakehouse.core import versions
from lakehouse.core.errors import FactoryError
from lakehouse.core.project import Project
from lakehouse.core.runs import failures
from lakehouse.core.runs.failures import Failure
from lakehouse.production.inspection.preview import preview
from lakehouse.reserve.bronze import table as bronze
from lakehouse.reserve.bronze.collections import last_collection


@dataclass(frozen=True)
class SourceStatus:
    """A source: live items, when it was last collected, what collection found unfit."""

    source: str
    live: int | None
    collected: datetime | None
    findings: dict[str, int]
    delta_version: int | None


@dataclass(frozen=True, kw_only=True)
class DatasetStatus:
    """A dataset: the version gold holds, its gates, why it was retired if so, the last release, whether a run would change it.

    Attributes:
        failed: why the last run of it, of its pilot or of a source failed, with what to do; None where it ended well.
    """

    dataset: str
    label: str | None
    version: str | None
    rows: int | None
    gates: str
    released: str | None
    retired: str | None
    pending: tuple[str, ...]
    failed: Failure | None = None


def sources(project: Project) -> list[SourceStatus]:
    """Status of every declared source."""
    out = []
    for name in project.sources:
        last = last_collection(project, name)
        version = bronze.table(project, name).version()
        out.append(SourceStatus(name, last.live if last else None, last.at if last else None, last.findings if last else {}, version))
    return out


def datasets(project: Project) -> list[DatasetStatus]:
    """Status of every declared dataset."""
    out = []
    for name, declared in project.datasets.items():
        current, released = versions.current(project, name), versions.released(project, name)
        if current is None or not declared.spec.pilot.gates:
            gates = "-"
        else:
            gates = {None: "not evaluated", True: "passed", False: "failed"}[current.passed]
        try:
            ahead = preview(project, name)
            pending = tuple(dict.fromkeys([*ahead.silver, *ahead.gold]))
        except FactoryError as error:
            pending = (error.what,)
        rows = sum(current.manifest["rows"].values()) if current else None
        label, version = (current.label, current.version) if current else (None, None)
        retired = current.retirement if current else None
        out.append(
            DatasetStatus(
                dataset=name,
                label=label,
                version=version,
                rows=rows,
                gates=gates,
                released=released.released[-1] if released else None,
                retired=retired,
                pending=pending,
                failed=failures.last(project, name, declared.spec.sources),
            )
        )
    return out
