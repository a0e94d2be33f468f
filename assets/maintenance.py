"""Maintenance: `maintenance/<dataset>` does what the dataset declares about its versions, by hand or by its schedule."""

import dagster as dg

from assets.common import key, log_progress, owners, plain_failures
from lakehouse.maintenance.policy import maintain
from lakehouse.project import Project
from lakehouse.spec import Dataset


def build(project: Project, dataset: Dataset) -> dg.AssetsDefinition:
    """The maintenance asset of a dataset: what became of each version, and why."""
    name = dataset.dataset

    @dg.asset(
        key=key("maintenance", name),
        deps=[key("gold", name)],
        group_name="maintenance",
        description=f"Versions of {name} retired, downgraded, archived by the rules that it declares.",
        owners=owners(dataset.owner),
        kinds={"deltalake"},
        tags={"factory/workshop": "pilot"},
    )
    def maintained(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        with plain_failures():
            steps = maintain(project, name, progress=log_progress(context))
        columns = [dg.TableColumn(each) for each in ("label", "version", "action", "why")]
        records = [dg.TableRecord({"label": s.label, "version": s.version, "action": s.action, "why": s.why}) for s in steps]
        counts = {action: sum(step.action == action for step in steps) for action in ("retire", "downgrade", "archive", "keep")}
        return dg.MaterializeResult(
            metadata={"versions": dg.MetadataValue.table(records, dg.TableSchema(columns=columns)), **counts},
        )

    return maintained


def schedule(dataset: Dataset, cron: str) -> dg.ScheduleDefinition:
    """When the maintenance of a dataset runs; switched on in the UI."""
    name = dataset.dataset
    return dg.ScheduleDefinition(
        name=f"maintain_{name}",
        cron_schedule=cron,
        target=dg.AssetSelection.assets(key("maintenance", name)),
        description=f"Maintain the versions of {name}: {cron} (UTC).",
    )
