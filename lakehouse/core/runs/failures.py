"""The last failure of a run, kept in the project's local state until the same work ends well: what `status` and `release` name."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from lakehouse.core.errors import FactoryError
from lakehouse.core.project import Project


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A run that failed.

    Attributes:
        work: its lock, such as `dataset reviews` or `source reviews_raw`.
        what: the error's sentence; `fix`: what to do about it.
        at: when, in ISO 8601 and UTC.
    """

    work: str
    what: str
    fix: str | None
    at: str


def keep(project: Project, work: str, error: FactoryError) -> None:
    """Note that a run failed; a disk that takes no note changes nothing about the failure."""
    what = f"{error.where}: {error.what}" if error.where else error.what
    noted = Failure(work=work, what=what, fix=error.fix, at=datetime.now(UTC).isoformat(timespec="seconds"))
    file = _file(project, work)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(asdict(noted), ensure_ascii=False), encoding="utf-8")
    except OSError:
        return


def forget(project: Project, work: str) -> None:
    """Note that it ended well."""
    _file(project, work).unlink(missing_ok=True)


def last(project: Project, dataset: str, sources: Iterable[str] = ()) -> Failure | None:
    """The failure of the last run of a dataset, its pilot or one of its sources; None where it ended well."""
    works = [*(f"source {source}" for source in sources), f"dataset {dataset}", f"pilot {dataset}"]
    found = [Failure(**json.loads(file.read_text(encoding="utf-8"))) for work in works if (file := _file(project, work)).is_file()]
    return found[0] if found else None


def _file(project: Project, work: str) -> Path:
    return project.state / "failures" / f"{work.replace(' ', '-')}.json"
