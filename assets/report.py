"""Reports to Dagster what the lake holds and Dagster did not make: `python -m assets.report`, and the sensor `made_elsewhere`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import groupby

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationTargetMaterializationData
from dagster._core.events import StepMaterializationData
from dagster._core.instance.utils import RUNLESS_JOB_NAME, RUNLESS_RUN_ID
from dagster._core.storage.dagster_run import IN_PROGRESS_RUN_STATUSES

from assets import maintenance, pilot, production, release, repair, reserve
from assets.common import partition_key, partitions_name
from assets.page import STATE, Page
from lakehouse.core import versions
from lakehouse.core.errors import FactoryError
from lakehouse.core.hashing import digest
from lakehouse.core.project import Project
from lakehouse.operations.erasure.retention import with_retention
from lakehouse.operations.repair import tickets
from lakehouse.pilot.diagnose import findings_table
from lakehouse.production.silver import tables_of
from lakehouse.reserve.bronze import collections, erased_items
from lakehouse.reserve.screening import verdicts


def pages(project: Project) -> Iterator[list[Page]]:
    """The pages of each asset, oldest first, an asset after those that it is made from."""
    for source in project.sources.values():
        yield reserve.pages(project, source.spec)
    for declared in project.datasets.values():
        dataset = declared.spec
        yield production.silver_pages(project, dataset)
        yield production.gold_pages(project, dataset)
        if dataset.pilot.judges:
            yield pilot.pages(project, dataset)
        if dataset.repair:
            yield repair.pages(project, dataset)
        if dataset.release:
            yield release.pages(project, dataset)
        if dataset.maintenance:
            yield maintenance.pages(project, dataset)
    if with_retention(project):
        yield maintenance.retention_pages(project)


def report(project: Project, instance: dg.DagsterInstance) -> tuple[list[Page], set[dg.AssetKey]]:
    """Record every page that Dagster does not show yet, with its checks, at the time when the lake came into that state.

    Returns:
        the pages recorded, and the assets that wait because a run of Dagster is making them.
    """
    for name in project.datasets:
        made = [partition_key(v.label, v.version) for v in versions.versions(project, name)]
        instance.add_dynamic_partitions(partitions_name(name), made)
    making = _making(instance)
    recorded: list[Page] = []
    waiting: set[dg.AssetKey] = set()
    for of_asset in pages(project):
        for (key, _), group in groupby(of_asset, lambda page: (page.key, page.partition)):
            new = _new(instance, list(group))
            if new and (making is None or key in making):
                waiting.add(key)
                continue
            for page in new:
                _record(project, instance, page)
            recorded += new
    return recorded, waiting


def _making(instance: dg.DagsterInstance) -> set[dg.AssetKey] | None:
    """The assets that runs are making now; None where a run does not say which."""
    found: set[dg.AssetKey] = set()
    for run in instance.get_runs(filters=dg.RunsFilter(statuses=IN_PROGRESS_RUN_STATUSES)):
        if run.asset_selection is None:
            return None
        found |= set(run.asset_selection)
    return found


def _new(instance: dg.DagsterInstance, known: list[Page]) -> list[Page]:
    """Those of the pages of an asset, or of one of its partitions, that come after the one Dagster shows."""
    shown = _shown(instance, known[-1])
    if shown is None:
        return known
    states = [page.state for page in known]
    state = (shown.asset_materialization.tags or {}).get(STATE) if shown.asset_materialization else None
    return known[states.index(state) + 1 :] if state in states else known[-1:]


def _shown(instance: dg.DagsterInstance, page: Page) -> dg.EventLogRecord | None:
    wanted = dg.AssetRecordsFilter(asset_key=page.key, asset_partitions=[page.partition] if page.partition else None)
    records = instance.fetch_materializations(wanted, limit=1).records
    return records[0] if records else None


def _record(project: Project, instance: dg.DagsterInstance, page: Page) -> None:
    content = page.content()
    tags = {STATE: page.state} | ({"dagster/data_version": content.data_version} if content.data_version is not None else {})
    event = dg.AssetMaterialization(
        asset_key=page.key,
        description="Made outside Dagster, by the command line.",
        metadata=content.metadata,
        partition=page.partition,
        tags=tags,
    )
    _event(instance, dg.DagsterEventType.ASSET_MATERIALIZATION, StepMaterializationData(event), page)
    target = _shown(instance, page)
    assert target is not None
    of = AssetCheckEvaluationTargetMaterializationData(storage_id=target.storage_id, run_id=target.run_id, timestamp=target.timestamp)
    for check in (*content.checks, *page.apart()):
        assert check.check_name is not None
        evaluation = dg.AssetCheckEvaluation(
            asset_key=page.key,
            check_name=check.check_name,
            passed=check.passed,
            severity=check.severity,
            metadata=check.metadata,
            target_materialization_data=of,
        )
        _event(instance, dg.DagsterEventType.ASSET_CHECK_EVALUATION, evaluation, page)


def _event(
    instance: dg.DagsterInstance, kind: dg.DagsterEventType, data: StepMaterializationData | dg.AssetCheckEvaluation, page: Page
) -> None:
    """What `report_runless_asset_event` does, but at the time of the work: freshness and plots count from there, not from the report."""
    event = dg.DagsterEvent(event_type_value=kind.value, event_specific_data=data, job_name=RUNLESS_JOB_NAME)
    instance.report_dagster_event(event, run_id=RUNLESS_RUN_ID, timestamp=page.at.timestamp())


def sensor(project: Project) -> dg.SensorDefinition:
    """Reports by itself, from the start: a tick that finds the lake as the last one left it costs the reading of table versions."""

    @dg.sensor(
        name="made_elsewhere",
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Shows what the command line made: materialisations, checks, partitions.",
    )
    def made_elsewhere(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        now = _tables(project)
        if context.cursor == now:
            return dg.SkipReason("nothing new in the lake")
        recorded, waiting = report(project, context.instance)
        if not waiting:
            context.update_cursor(now)
        named = ", ".join(page.key.to_user_string() for page in recorded) or "nothing"
        return dg.SkipReason(f"made outside Dagster: {named}" + (f"; {len(waiting)} wait for a run" if waiting else ""))

    return made_elsewhere


def _tables(project: Project) -> str:
    """Digest of the versions of all tables that pages are drawn from."""
    journals = [versions.REGISTER, collections.JOURNAL, tickets.JOURNAL, erased_items.JOURNAL]
    tables = [*(j.table(project) for j in journals), findings_table(project)]
    tables += [verdicts.table(project, name) for name, declared in project.sources.items() if declared.spec.screening]
    tables += [tables_of(project, name)[2] for name in project.datasets]
    return digest([table.version() for table in tables])[:16]


def main() -> int:
    """Report into the instance that DAGSTER_HOME names, and say how much."""
    try:
        with dg.DagsterInstance.get() as instance:
            recorded, _ = report(Project.find(), instance)
    except FactoryError as error:
        print(f"what the lake holds is not shown in Dagster: {error}", file=sys.stderr)  # noqa: T201
        return 1
    if recorded:
        print(f"{len(recorded)} assets made outside Dagster are shown there now", file=sys.stderr)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
