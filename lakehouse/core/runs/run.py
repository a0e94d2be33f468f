"""A run: one writer of what it makes, visible to `lakehouse watch`, its time recorded if it made anything."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from lakehouse.core.errors import FactoryError
from lakehouse.core.project import Project
from lakehouse.core.runs import failures, timings
from lakehouse.core.runs.lock import locked
from lakehouse.core.runs.progress import Progress
from lakehouse.core.runs.timings import Stage
from lakehouse.core.runs.watch import noted


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run while it goes on.

    Attributes:
        progress: shows how far it is, here and to other processes.
        began: of a clock that only runs forward.
    """

    project: Project
    progress: Progress
    began: float = field(default_factory=time.perf_counter)

    @property
    def seconds(self) -> float:
        """Wall time since it began."""
        return time.perf_counter() - self.began

    def record(self, stage: Stage, name: str, rows: int) -> None:
        """Record what the run took for so many rows; a run that found nothing to do is not recorded."""
        if rows:
            timings.record(self.project, stage, name, rows, self.seconds)


@contextmanager
def run(project: Project, name: str, progress: Progress) -> Iterator[Run]:
    """Hold the lock `name`, such as `source reviews_raw`, and note how far the run is for the block, and whether it failed.

    Raises:
        LockedError: another process holds it.
    """
    with locked(project, name), noted(project, name, progress) as noting:
        try:
            yield Run(project=project, progress=noting)
        except FactoryError as error:
            failures.keep(project, name, error)
            raise
        failures.forget(project, name)
