"""Load every declaration, build its assets, merge them. `workspace.yaml` points here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import dagster as dg

from assets import automation, maintenance, pilot, planning, production, release, repair, report, reserve
from lakehouse.core.errors import FactoryError
from lakehouse.core.project import Project
from lakehouse.core.spec import Dataset
from lakehouse.operations.check import check


@dataclass
class _Built:
    """What is built of one declaration."""

    assets: list[dg.AssetsDefinition] = field(default_factory=list)
    checks: list[dg.AssetChecksDefinition] = field(default_factory=list)
    schedules: list[dg.ScheduleDefinition] = field(default_factory=list)
    sensors: list[dg.SensorDefinition] = field(default_factory=list)


def _of_dataset(project: Project, dataset: Dataset) -> _Built:
    built = _Built(assets=[*production.build(project, dataset)])
    if dataset.demand:
        built.checks.append(planning.check(project, dataset))
    if dataset.pilot.evaluations:
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


def _is_built(project: Project, name: str, of: Literal["source", "dataset"] = "dataset") -> bool:
    try:
        if of == "source":
            reserve.build(project, project.source(name))
        else:
            _of_dataset(project, project.dataset(name))
    except FactoryError:
        return False
    return True


def definitions(project: Project) -> dg.Definitions:
    """The graph of a project.

    Raises:
        SpecError, ContractError: a declaration is wrong; the message names file and line.
    """
    assets: list[dg.AssetsDefinition] = []
    checks: list[dg.AssetChecksDefinition] = []
    schedules, sensors = automation.schedules(project), [*automation.sensors(), report.sensor(project)]
    for declared_source in project.sources.values():
        assets.append(reserve.build(project, declared_source.spec))
    for declared in project.datasets.values():
        built = _of_dataset(project, declared.spec)
        assets += built.assets
        checks += built.checks
        schedules += built.schedules
        sensors += built.sensors
    storage = project.settings.storage
    if storage.warm_after_days is not None or storage.cold_after_days is not None:
        assets.append(maintenance.tiers(project))
        schedules.append(maintenance.daily_tiers())
    if any(declared.spec.retention for declared in project.sources.values()):
        assets.append(maintenance.retention(project))
        schedules.append(maintenance.daily_retention())
    return dg.Definitions(
        assets=assets,
        asset_checks=checks,
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
    for problem in check(project):
        dg.get_dagster_logger().error(f"{problem}")
    for name in [name for name in project.datasets if not _is_built(project, name)]:
        del project.datasets[name]
    for name in [name for name in project.sources if not _is_built(project, name, of="source")]:
        del project.sources[name]
    if not project.sources and not project.datasets and (problems := check(Project.open(project.root))):
        # Not chained: what the user wrote is wrong, not the code that a traceback would show.
        raise dg.DagsterInvalidDefinitionError("\n".join(str(p) for p in problems)) from None
    return definitions(project)


defs = load(Project.find())
