"""When assets run by themselves: the named conditions, the schedules of sources, and the sensors."""

from typing import Any

import dagster as dg

from assets.common import bronze_key, partition_key, partitions_name
from lakehouse.core import versions
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


def sensors(project: Project) -> list[dg.SensorDefinition]:
    """The sensor that evaluates conditions, and the one that shows versions made on the command line as partitions."""

    @dg.sensor(
        name="versions_made_elsewhere",
        minimum_interval_seconds=30,
        description="Adds a partition for each version made on the command line.",
    )
    def versions_made_elsewhere(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        requests = []
        for name in project.datasets:
            have = set(context.instance.get_dynamic_partitions(partitions_name(name)))
            new = [k for v in versions.versions(project, name) if (k := partition_key(v.label, v.version)) not in have]
            if new:
                requests.append(dg.DynamicPartitionsDefinition(name=partitions_name(name)).build_add_request(new))
        return dg.SensorResult(dynamic_partitions_requests=requests)

    conditions = dg.AutomationConditionSensorDefinition("automation", target=dg.AssetSelection.all(), minimum_interval_seconds=30)
    return [conditions, versions_made_elsewhere]
