"""Load every declaration, build its assets, merge them. `workspace.yaml` points here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import dagster as dg

from assets import automation, maintenance, pilot, planning, production, release, repair, report, reserve
from lakehouse.core.errors import FactoryError
from lakehouse.core.project import Project
from lakehouse.core.spec import Dataset, Source
from lakehouse.operations.check import check


@dataclass
class _Built:
    """What is built of one declaration."""

    assets: list[dg.AssetsDefinition] = field(default_factory=list)
    checks: list[dg.AssetChecksDefinition] = field(default_factory=list)
    schedules: list[dg.ScheduleDefinition] = field(default_factory=list)
    sensors: list[dg.SensorDefinition] = field(default_factory=list)


def _of_source(project: Project, source: Source) -> _Built:
    return _Built(assets=[reserve.build(project, source)])


def _of_dataset(project: Project, dataset: Dataset) -> _Built:
    built = _Built(assets=[*production.build(project, dataset)])
    if dataset.demand:
        built.checks.append(planning.check(project, dataset))
    if dataset.pilot.judges:
        built.assets.append(pilot.build(project, dataset))
    if dataset.repair:
        built.assets.append(repair.build(project, dataset))
        built.sensors.append(repair.sensor(project, dataset))
    if dataset.release:
        built.assets.append(release.build(project, dataset))
    if dataset.maintenance:
        built.assets.append(maintenance.build(project, dataset))
        if dataset.maintenance.schedule:
            built.schedules.append(maintenance.schedule(dataset, dataset.maintenance.schedule))
    return built


def _all_built(project: Project) -> list[_Built]:
    """What is built of each declaration; one that cannot be built is set aside."""
    built: list[_Built] = []

    def add(kind: Literal["sources", "datasets"], name: str, make: Callable[[], _Built]) -> None:
        try:
            built.append(make())
        except FactoryError as error:
            project.set_aside(kind, name, error)

    for name, source in list(project.sources.items()):
        add("sources", name, partial(_of_source, project, source.spec))
    for name, dataset in list(project.datasets.items()):
        add("datasets", name, partial(_of_dataset, project, dataset.spec))
    return built


def definitions(project: Project) -> dg.Definitions:
    """The graph of a project; declarations that cannot be built are set aside and left out."""
    built = _all_built(project)
    assets = [asset for each in built for asset in each.assets]
    schedules = [*automation.schedules(project), *(schedule for each in built for schedule in each.schedules)]
    sensors = [*automation.sensors(), report.sensor(project), *(sensor for each in built for sensor in each.sensors)]
    storage = project.settings.storage
    if storage.warm_after_days is not None or storage.cold_after_days is not None:
        assets.append(maintenance.tiers(project))
        schedules.append(maintenance.daily_tiers())
    if any(declared.spec.retention for declared in project.sources.values()):
        assets.append(maintenance.retention(project))
        schedules.append(maintenance.daily_retention())
    return dg.Definitions(
        assets=assets,
        asset_checks=[check for each in built for check in each.checks],
        jobs=automation.jobs(project),
        schedules=schedules,
        sensors=sensors,
        # One process a run: an interpreter per step would cost seconds each, and the work itself uses all cores.
        executor=dg.in_process_executor,
    )


def load(project: Project) -> dg.Definitions:
    """The graph of a project without the declarations that have a mistake, each of which is logged with file, line and fix.

    Raises:
        DagsterInvalidDefinitionError: every mistake, as `lakehouse check` lists them, where no declaration is left.
    """
    problems = check(project)
    for problem in problems:
        dg.get_dagster_logger().error(f"{problem}")
    graph = definitions(project)
    if problems and not project.sources and not project.datasets:
        raise dg.DagsterInvalidDefinitionError("\n".join(str(p) for p in problems))
    return graph


defs = load(Project.find())
