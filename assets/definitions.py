"""Load every declaration, build its assets, merge them. `workspace.yaml` points here."""

from __future__ import annotations

import dagster as dg

from assets import automation, maintenance, pilot, planning, production, release, repair, report, reserve
from lakehouse.core.errors import FactoryError
from lakehouse.core.project import Project
from lakehouse.operations.check import check


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
        dataset = declared.spec
        assets += production.build(project, dataset)
        if dataset.demand:
            checks.append(planning.check(project, dataset))
        if dataset.pilot.evaluations:
            assets.append(pilot.build(project, dataset))
        if dataset.repair:
            assets.append(repair.build(project, dataset))
            sensors.append(repair.sensor(project, dataset))
        if dataset.release:
            assets.append(release.build(project, dataset))
        if dataset.maintenance:
            assets.append(maintenance.build(project, dataset))
            if dataset.maintenance.schedule:
                schedules.append(maintenance.schedule(dataset, dataset.maintenance.schedule))
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
    """The graph of a project, or what the UI shows in its place.

    Raises:
        DagsterInvalidDefinitionError: every mistake in the declarations with file, line and fix, as `lakehouse check` lists them.
    """
    for kind in ("sources", "datasets"):
        for error in project.broken(kind).values():  # type: ignore[arg-type]
            dg.get_dagster_logger().error(f"not loaded: {error}")
    try:
        return definitions(project)
    except FactoryError as error:
        problems = check(project) or [error]
        # Not chained: what the user wrote is wrong, not the code that a traceback would show.
        raise dg.DagsterInvalidDefinitionError("\n".join(str(p) for p in problems)) from None


defs = load(Project.find())
