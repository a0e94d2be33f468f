"""Reserve: one asset a source, `bronze/<source>`."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg

from assets.common import TYPES, bronze_key, log_progress, owners, plain_failures, tables
from lakehouse import bronze
from lakehouse.errors import ShapeError
from lakehouse.project import Project
from lakehouse.reserve.collect import collect
from lakehouse.reserve.record import last_collection
from lakehouse.spec import Source


def build(project: Project, source: Source) -> tuple[dg.AssetsDefinition, list[dg.AssetChecksDefinition]]:
    """The asset of a source and its checks: shape_known (blocking), screened, fresh."""
    name = source.source
    key = bronze_key(name)
    metadata: dict[str, object] = {"license": source.license, "dagster/uri": bronze.table(project, name).uri}
    if source.columns:
        metadata["dagster/column_schema"] = dg.TableSchema(columns=[dg.TableColumn(c, TYPES[t]) for c, t in source.columns.items()])

    @dg.asset(
        key=key,
        group_name="reserve",
        description=source.description,
        owners=owners(source.owner),
        kinds={"bronze", "deltalake", source.connector.name},
        metadata=metadata,
        tags={"factory/workshop": "reserve"},
        check_specs=[
            dg.AssetCheckSpec("shape_known", asset=key, blocking=True, description="The columns are those declared, or those of before."),
            dg.AssetCheckSpec("screened", asset=key, description="Items that could not be read are named and will be quarantined."),
        ],
    )
    def collected(context: dg.AssetExecutionContext) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult]:
        with plain_failures():
            try:
                done = collect(project, name, progress=log_progress(context))
            except ShapeError as error:
                yield dg.AssetCheckResult(check_name="shape_known", passed=False, metadata={"problem": str(error)})
                raise
        columns = bronze.table(project, name).schema()
        own = [dg.TableColumn(c, str(t)) for c, t in columns.items()]
        yield dg.MaterializeResult(
            data_version=dg.DataVersion(done.content_id),
            metadata={
                "dagster/row_count": done.live,
                "dagster/column_schema": dg.TableSchema(columns=own),
                **tables(project, "bronze", name, done.delta_version),
                "added": done.added,
                "changed": done.changed,
                "vanished": done.vanished,
                "unchanged": done.unchanged,
                "seconds": round(done.seconds, 2),
                **({"warnings": "\n".join(done.warnings)} if done.warnings else {}),
            },
            check_results=[
                dg.AssetCheckResult(
                    check_name="shape_known", passed=True, metadata={"columns": ", ".join(c.name for c in own if c.name[0] != "_")}
                ),
                dg.AssetCheckResult(
                    check_name="screened",
                    passed=not done.findings,
                    severity=dg.AssetCheckSeverity.WARN,
                    metadata={"findings": dg.MetadataValue.json(done.findings)},
                ),
            ],
        )

    @dg.asset_check(asset=key, name="fresh", description="The last collection is not older than `fresh_within_hours`.")
    def fresh() -> dg.AssetCheckResult:
        last = last_collection(project, name)
        age = None if last is None else datetime.now(UTC) - last.at
        limit = source.fresh_within_hours
        passed = age is not None and (limit is None or age <= timedelta(hours=limit))
        hours = None if age is None else round(age.total_seconds() / 3600, 2)
        return dg.AssetCheckResult(passed=passed, severity=dg.AssetCheckSeverity.WARN, metadata={"age_hours": hours, "limit_hours": limit})

    return collected, [fresh]
