"""Load every declaration, build its assets, merge them. `workspace.yaml` points here."""

from __future__ import annotations

import dagster as dg

from assets import automation, pilot, production, release, reserve
from lakehouse.project import Project


def definitions(project: Project) -> dg.Definitions:
    """The graph of a project.

    Raises:
        SpecError, ContractError: a declaration is wrong; the message names file and line.
    """
    assets: list[dg.AssetsDefinition] = []
    checks: list[dg.AssetChecksDefinition] = []
    for declared_source in project.sources.values():
        asset, of_asset = reserve.build(project, declared_source.spec)
        assets.append(asset)
        checks += of_asset
    for declared in project.datasets.values():
        dataset = declared.spec
        assets += production.build(project, dataset)
        if dataset.pilot.evaluations:
            assets.append(pilot.build(project, dataset))
        if dataset.release:
            assets.append(release.build(project, dataset))
    return dg.Definitions(
        assets=assets,
        asset_checks=checks,
        schedules=automation.schedules(project),
        sensors=automation.sensors(project),
        # One process a run: an interpreter per step would cost seconds each, and the work itself uses all cores.
        executor=dg.in_process_executor,
    )


defs = definitions(Project.find())
