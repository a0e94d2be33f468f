"""The line: a dataset from its sources to an evaluated and graded version. The same code serves the command line and Dagster."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lakehouse.core import versions
from lakehouse.core.errors import FactoryError, SpecError
from lakehouse.core.project import Project
from lakehouse.core.runs.progress import Progress, silent
from lakehouse.core.spec import Dataset
from lakehouse.pilot.evaluation import EVALUATIONS
from lakehouse.pilot.pilot import PilotResult, pilot
from lakehouse.production.engine.operator import OPERATORS
from lakehouse.production.gold import Gold, make_gold
from lakehouse.production.inspection.preview import Preview, preview
from lakehouse.production.silver import Silver, make_silver
from lakehouse.reserve.bronze.collect import Collection, collect
from lakehouse.reserve.screening.screen import Screening, screen

if TYPE_CHECKING:
    from lakehouse.operations.maintenance.grade import VersionGrade

Stage = Literal["bronze", "silver", "gold", "pilot"]
STAGES: tuple[Stage, ...] = ("bronze", "silver", "gold", "pilot")


@dataclass(frozen=True, kw_only=True)
class DatasetRun:
    """The results of a run for one dataset; stages that were not requested are None, and so is a grade that the pilot left unchanged."""

    dataset: str
    collections: tuple[Collection, ...]
    screenings: tuple[Screening, ...] = ()
    silver: Silver | None = None
    gold: Gold | None = None
    pilot: PilotResult | None = None
    graded: VersionGrade | None = None

    @property
    def unchanged(self) -> bool:
        """Whether nothing was left to do."""
        steps = [s for s in (self.silver, self.gold, self.pilot) if s is not None]
        return all(c.unchanged for c in self.collections) and all(s.unchanged for s in self.screenings) and all(s.unchanged for s in steps)


def references(dataset: Dataset) -> list[str]:
    """Datasets that must have a version before this one: those its recipe and its evaluations read, and its held-out set."""
    names = []
    evaluations = dataset.pilot.evaluations
    for registry, call in [*((OPERATORS, c) for c in dataset.recipe), *((EVALUATIONS, c) for c in evaluations)]:
        entry = registry.entries().get(call.name)
        other = call.params.get(entry.info.get("reads", "")) if entry else None
        names += [other] if isinstance(other, str) else []
    return list(dict.fromkeys([*names, *([dataset.pilot.held_out.dataset] if dataset.pilot.held_out else [])]))


def order(project: Project, names: list[str]) -> list[str]:
    """`names` and the datasets they refer to, each after what it refers to.

    Raises:
        SpecError: datasets refer to each other in a circle.
    """
    out: list[str] = []

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            circle = " -> ".join([*path[path.index(name) :], name])
            where = project.datasets[path[-1]].document.where(("recipe",))
            raise SpecError(f"datasets refer to each other in a circle: {circle}", where=where, fix="take one of the references out")
        for other in references(project.dataset(name)):
            visit(other, (*path, name))
        if name not in out:
            out.append(name)

    for name in names:
        visit(name, ())
    return out


class Line:
    """A run over several datasets: what one of them collected, the others find collected, and what failed fails for them too."""

    def __init__(self, project: Project, names: list[str], to: Stage, progress: Progress) -> None:
        self.project, self.names, self.to, self.progress = project, names, to, progress
        self._collected: dict[str, Collection | FactoryError] = {}
        self._looked: dict[str, Screening] = {}

    def make(self, name: str) -> DatasetRun:
        """Make one dataset, of which everything that it refers to is made.

        Raises:
            FactoryError: as the stages do.
        """
        project, progress, dataset = self.project, self.progress, self.project.dataset(name)
        collections = tuple(self._collect(source) for source in dataset.sources)
        screenings = tuple(self._looked[s] for s in dataset.sources if s in self._looked)
        # What is only referred to is made as far as it is read: its gold rows.
        last = STAGES.index(self.to if name in self.names or self.to == "bronze" else "gold")
        silver = make_silver(project, name, progress=progress) if last >= 1 else None
        gold = make_gold(project, name, progress=progress) if last >= 2 else None
        piloted = pilot(project, name, progress=progress) if last >= 3 and dataset.pilot.judges else None
        graded = _graded(project, piloted, progress) if piloted else None
        return DatasetRun(
            dataset=name, collections=collections, screenings=screenings, silver=silver, gold=gold, pilot=piloted, graded=graded
        )

    def _collect(self, source: str) -> Collection:
        if source not in self._collected:
            try:
                self._collected[source] = collect(self.project, source, progress=self.progress)
                if (screening := screen(self.project, source, progress=self.progress)) is not None:
                    self._looked[source] = screening
            except FactoryError as error:
                self._collected[source] = error
        found = self._collected[source]
        if isinstance(found, FactoryError):
            raise found
        return found


def run(project: Project, names: list[str], to: Stage = "pilot", *, progress: Progress = silent) -> Iterator[DatasetRun]:
    """Make `names` as far as `to`, and what they refer to as far as gold; one result a dataset, as soon as it is there.

    Every stage does only what is left to do, so that a killed or a second run costs what is missing. The first failure ends it;
    `attempts.attempts` goes on with what does not need it.
    """
    going = Line(project, names, to, progress)
    for name in order(project, names):
        yield going.make(name)


def _graded(project: Project, piloted: PilotResult, progress: Progress) -> VersionGrade | None:
    """The grade of a version, where an evaluation measured it anew or it has none."""
    version = versions.find(project, piloted.dataset, piloted.version)
    if version.archived is not None or (piloted.unchanged and version.graded is not None):
        return None
    from lakehouse.operations.maintenance.grade import grade  # 0.15 CPU seconds, which a run that evaluates nothing is spared

    return grade(project, piloted.dataset, piloted.version, progress=progress)


def plans(project: Project, names: list[str]) -> list[Preview]:
    """The changes that a run of `names` would make, datasets they refer to first."""
    return [preview(project, name) for name in order(project, names)]
