"""Repair: `repair/<dataset>` runs the loop, and a sensor starts it, within the limits that the dataset declares."""

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

import dagster as dg
import polars as pl

from assets.common import diagnosis_link, key, log_progress, mlflow_link, owners, picture, plain_failures, started_here
from assets.page import Content, Page, tags
from lakehouse.core import versions
from lakehouse.core.hashing import digest
from lakehouse.core.project import Project
from lakehouse.core.spec import Dataset
from lakehouse.operations.repair import tickets
from lakehouse.operations.repair.loop import inbox, repair
from lakehouse.operations.repair.repair_log import rounds_picture
from lakehouse.pilot.tracking.runs import page


def build(project: Project, dataset: Dataset) -> dg.AssetsDefinition:
    """The repair asset of a dataset: what the last repair did, and the tickets as they stand."""
    name = dataset.dataset
    asset_key = key("repair", name)

    @dg.asset(
        key=asset_key,
        deps=[key("gold", name)],
        group_name="pilot",
        description=f"Tickets of {name}: from findings and reports, decided by policies, closed by the next version's verdict.",
        owners=owners(dataset.owner),
        kinds={"mlflow"},
        tags={"factory/workshop": "pilot"},
        check_specs=[dg.AssetCheckSpec("verdict_allows", asset=asset_key, description="Decisions of a round stay, where there was one.")],
    )
    def repaired(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        with plain_failures(), started_here(context):
            done = repair(project, name, progress=log_progress(context))
        metadata: dict[str, Any] = {
            "version": done.version,
            "label": done.label,
            **_tickets(project, dataset),
            "ended": done.ended,
            "rounds": len(done.rounds),
            **{f"round {at}": each.in_words() for at, each in enumerate(done.rounds, start=1)},
        }
        if done.rounds:
            metadata |= picture("gains", rounds_picture([asdict(each) for each in done.rounds], f"{name}: repair"))
        if done.run_id is not None:
            metadata["mlflow run"] = mlflow_link(project, done.run_id, page(project, done.run_id))
        metadata |= diagnosis_link(project, versions.find(project, name, done.version))
        kept = not done.rounds or any(each.kept for each in done.rounds)
        said = done.rounds[-1].in_words() if done.rounds else done.ended
        return dg.MaterializeResult(
            metadata=metadata,
            tags=tags(pages(project, dataset)),
            check_results=[
                dg.AssetCheckResult(check_name="verdict_allows", passed=kept, severity=dg.AssetCheckSeverity.WARN, metadata={"said": said})
            ],
        )

    return repaired


def pages(project: Project, dataset: Dataset) -> list[Page]:
    """The page of the tickets as they stand; none if there never was one. The rounds of a repair are known to its run alone."""
    events = tickets.JOURNAL.read(project, pl.col("dataset") == dataset.dataset)
    version = versions.current(project, dataset.dataset)
    if events.is_empty() or version is None:
        return []
    of_version = {"version": version.version, "label": version.label}
    content = partial(_content, project, dataset, of_version | diagnosis_link(project, version))
    return [Page(key=key("repair", dataset.dataset), at=events["at"][-1], content=content)]


def _content(project: Project, dataset: Dataset, of_version: Mapping[str, Any]) -> Content:
    rounds = [t.last[state] for t in tickets.tickets(project, dataset.dataset) for state in ("closed", "reverted") if state in t.last]
    kept = not rounds or any(each.get("kept", True) for each in rounds)
    said = f"verdicts: {', '.join(sorted({each['verdict'] for each in rounds if 'verdict' in each}))}" if rounds else "no round yet"
    check = dg.AssetCheckResult(check_name="verdict_allows", passed=kept, severity=dg.AssetCheckSeverity.WARN, metadata={"said": said})
    return Content(metadata={**of_version, **_tickets(project, dataset)}, checks=[check])


def _tickets(project: Project, dataset: Dataset) -> dict[str, int]:
    """The number of tickets in each state."""
    states = [t.state for t in tickets.tickets(project, dataset.dataset)]
    return {f"tickets {state}": states.count(state) for state in sorted(set(states))}


def sensor(project: Project, dataset: Dataset) -> dg.SensorDefinition:
    """Starts a repair when there is something new for it: a version that was piloted, a report, or a ticket to be judged."""
    name = dataset.dataset

    @dg.sensor(
        name=f"repair_{name}",
        minimum_interval_seconds=60,
        target=dg.AssetSelection.assets(key("repair", name)),
        description=f"Repairs {name} after a new version, a report in reports/{name}, or a person's decisions.",
    )
    def new_for_repair(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        version = versions.current(project, name)
        if version is None or version.gates is None:
            return dg.SkipReason("no version of it was piloted yet")
        known = [[t.ticket, t.state] for t in tickets.tickets(project, name) if t.state in ("open", "applied")]
        now = digest([version.version, known, [[file.name, file.stat().st_size] for file in inbox(project, name)]])[:16]
        if context.cursor == now:
            return dg.SkipReason("nothing new since the last repair")
        context.update_cursor(now)
        return dg.RunRequest(run_key=f"{name}-{now}")

    return new_for_repair
