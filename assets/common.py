"""What the builders share: keys, failures without tracebacks, metadata."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import dagster as dg

from lakehouse.core import addresses
from lakehouse.core.errors import FactoryError
from lakehouse.core.lake.table import Table
from lakehouse.core.project import Project
from lakehouse.core.runs.progress import Progress
from lakehouse.core.spec import Dataset
from lakehouse.core.versions import Version
from lakehouse.pilot.diagnose import findings_of
from lakehouse.pilot.diagnosis.kinds import KINDS
from lakehouse.pilot.tracking.runs import made_by
from lakehouse.production.engine.balance import Balance


def bronze_key(source: str) -> dg.AssetKey:
    """`bronze/<source>`."""
    return dg.AssetKey(["bronze", source])


def key(layer: str, dataset: str) -> dg.AssetKey:
    """`silver|gold|pilot|release/<dataset>`."""
    return dg.AssetKey([layer, dataset])


def partitions_name(dataset: str) -> str:
    """Name of the dynamic partitions that hold the versions of a dataset."""
    return f"{dataset}_versions"


def partition_key(label: str, version: str) -> str:
    """A version as a partition: readable and unique."""
    return f"{label}-{version}"


def version_of(partition: str) -> str:
    """The version id in a partition key."""
    return partition.rpartition("-")[2]


@contextmanager
def plain_failures() -> Iterator[None]:
    """A user's mistake fails the step with its message and its fix; no traceback, no retry."""
    try:
        yield
    except FactoryError as error:
        raise dg.Failure(
            description=str(error), metadata={"kind": type(error).__name__, "fix": error.fix or "-"}, allow_retries=False
        ) from None


def started_here(context: Any) -> AbstractContextManager[None]:
    """MLflow runs that are logged in here carry the Dagster run, the asset and its partition as tags."""
    tags = {"dagster.run_id": context.run.run_id, "dagster.asset_key": context.asset_key.to_user_string()}
    return made_by(tags | ({"dagster.partition": context.partition_key} if context.has_partition_key else {}))


def mlflow_link(project: Project, run_id: str, page: str | None) -> dg.MetadataValue[Any]:
    """The page of a run in MLflow; its id where the tracking store does not hold it."""
    if page is None:
        return dg.MetadataValue.text(f"{run_id} (the tracking store does not hold it)")
    return dg.MetadataValue.url(addresses.mlflow_page(project, page))


def diagnosis_link(project: Project, version: Version) -> dict[str, Any]:
    """Where the diagnosis of a version is, with its page `diagnosis.html` among the artifacts, if there was one."""
    found = findings_of(project, version)
    if found is None:
        return {}
    counts = dict(found[0].group_by("kind").len().iter_rows())
    return {
        "diagnosis: mlflow run": mlflow_link(project, found[1]["run_id"], found[1]["page"]),
        "diagnosis: page": f"lakehouse version diagnose {version.dataset} --version {version.version} --page diagnosis.html",
        **{f"diagnosis: {kind}": counts.get(kind, 0) for kind in KINDS},
    }


def log_progress(context: Any) -> Progress:
    """Progress as log lines, one when the work changes."""
    last: list[str] = []

    def report(what: str, done: int, total: int | None) -> None:
        if last != [what]:
            last[:] = [what]
            context.log.info(what)

    return report


def picture(what: str, png: bytes) -> dict[str, Any]:
    """A PNG inside the metadata. The UI shows it after a click on [Show Markdown], so the entry's name says that it is a picture."""
    return {f"picture: {what}": dg.MetadataValue.md(f"![{what}](data:image/png;base64,{base64.b64encode(png).decode()})")}


def balance_table(steps: tuple[Balance, ...]) -> dg.TableMetadataValue:
    """The material balance as a table."""
    names = ["in", "created", "out", "merged", "dropped", "quarantined", "changed"]
    records = []
    for step in steps:
        values = step.as_json()
        records.append(
            dg.TableRecord(
                {"step": step.step, **{n: values[n] for n in names}, "why": ", ".join(f"{k} {v}" for k, v in step.reasons.items())}
            )
        )
    columns = [dg.TableColumn("step"), *(dg.TableColumn(n, "int") for n in names), dg.TableColumn("why")]
    return dg.MetadataValue.table(records, dg.TableSchema(columns=columns))


def contract_schema(columns: Mapping[str, Mapping[str, Any]]) -> dg.TableSchema:
    """A contract as a Dagster table schema, with its rules as constraints."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name,
                column["type"],
                column["description"],
                constraints=dg.TableColumnConstraints(nullable=column["nullable"], unique=column["unique"], other=list(column["checks"])),
            )
            for name, column in columns.items()
        ]
    )


def address(table: Table) -> dict[str, Any]:
    """Where a Delta table stands. In the metadata of the definition Dagster shows it at the top of the asset's page."""
    return {"dagster/uri": table.uri}


def owners(owner: str) -> list[str]:
    """Dagster's form of an owner is ours: `team:NAME` or an address."""
    return [owner]


def partitions(dataset: Dataset) -> dg.DynamicPartitionsDefinition:
    """The versions of a dataset."""
    return dg.DynamicPartitionsDefinition(name=partitions_name(dataset.dataset))
