"""When assets run by themselves: the named conditions, the schedules of sources, the jobs of datasets, and the sensor."""

from typing import Any

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from assets.common import bronze_key, key
from lakehouse.core.hashing import digest
from lakehouse.core.project import Project


def on_changed_data() -> dg.AutomationCondition[Any]:
    """Run when the data version of an input changed; an input that ran and gave the same data starts nothing."""
    return (
        dg.AutomationCondition.eager().replace("newly_updated", dg.AutomationCondition.data_version_changed()).with_label("on_changed_data")
    )


def on_new_version() -> dg.AutomationCondition[Any]:
    """Run once for each version that was not piloted."""
    return dg.AutomationCondition.on_missing().with_label("on_new_version")


def short_digest(value: object) -> str:
    """A code version that fits the UI."""
    return digest(value)[:12]


def schedules(project: Project) -> list[dg.ScheduleDefinition]:
    """One schedule for each source that declares one; switched on in the UI."""
    return [
        dg.ScheduleDefinition(
            name=f"collect_{name}",
            cron_schedule=declared.spec.schedule,
            target=dg.AssetSelection.assets(bronze_key(name)),
            description=f"Collect {name}: {declared.spec.schedule} (UTC).",
        )
        for name, declared in project.sources.items()
        if declared.spec.schedule
    ]


def sensors() -> list[dg.SensorDefinition]:
    """The sensor that evaluates conditions; switched on in the UI."""
    return [dg.AutomationConditionSensorDefinition("automation", target=dg.AssetSelection.all(), minimum_interval_seconds=30)]


def jobs(project: Project) -> list[UnresolvedAssetJobDefinition]:
    """One job for each dataset: its sources, the datasets that it refers to, silver and gold. Its versions are piloted one by one."""
    return [
        dg.define_asset_job(
            name=f"make_{name}",
            selection=dg.AssetSelection.assets(key("gold", name)).upstream(),
            description=f"Collect, clean and validate {name}, and what it refers to.",
        )
        for name in project.datasets
    ]
