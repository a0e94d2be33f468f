"""Datasets made one after the other, where the failure of one stops only itself and what refers to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lakehouse.core.errors import FactoryError
from lakehouse.core.lake.store import storage_error
from lakehouse.core.project import Project
from lakehouse.core.runs.progress import Progress, silent
from lakehouse.operations import line
from lakehouse.operations.line import DatasetRun, Line, Stage


@dataclass(frozen=True)
class NotMade:
    """A dataset that could not be made."""

    dataset: str
    error: FactoryError


@dataclass(frozen=True)
class NotTried:
    """A dataset that was not begun, since what it refers to was not made."""

    dataset: str
    because_of: str


def attempts(
    project: Project, names: list[str], to: Stage = "pilot", *, progress: Progress = silent
) -> Iterator[DatasetRun | NotMade | NotTried]:
    """Make `names` and what they refer to as `line.run` does; one outcome a dataset, as soon as it is there."""
    going = Line(project, names, to, progress)
    seen: dict[str, DatasetRun | NotMade | NotTried] = {}
    for wanted in names:
        try:
            ordered = line.order(project, [wanted])
        except FactoryError as error:
            ordered = []
            if wanted not in seen:
                seen[wanted] = NotMade(wanted, error)
                yield seen[wanted]
        for name in ordered:
            if name not in seen:
                seen[name] = _attempt(going, name, seen)
                yield seen[name]


def _attempt(going: Line, name: str, seen: dict[str, DatasetRun | NotMade | NotTried]) -> DatasetRun | NotMade | NotTried:
    try:
        for other in line.references(going.project.dataset(name)):
            if isinstance(seen.get(other), NotMade | NotTried):
                return NotTried(name, other)
        return going.make(name)
    except FactoryError as error:
        return NotMade(name, error)
    except OSError as error:
        return NotMade(name, storage_error(error, str(error.filename or "the lake")))
