"""Reserve: one asset a source, `bronze/<source>`."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import polars as pl

from assets.common import bronze_key, log_progress, owners, plain_failures, tables
from lakehouse.core.errors import ShapeError
from lakehouse.core.hashing import digest
from lakehouse.core.project import Project
from lakehouse.core.spec import Source
from lakehouse.reserve.bronze import table as bronze
from lakehouse.reserve.bronze.collect import collect
from lakehouse.reserve.bronze.collections import last_collection
from lakehouse.reserve.screening import verdicts
from lakehouse.reserve.screening.screen import Screening, detections, screen


def build(project: Project, source: Source) -> tuple[dg.AssetsDefinition, list[dg.AssetChecksDefinition]]:
    """The asset of a source and its checks: shape_known (blocking), screened, fresh, and one for each declared detector."""
    name = source.source
    declared = detections(project, name)
    key = bronze_key(name)
    metadata: dict[str, object] = {"license": source.license, "mode": source.mode, "dagster/uri": bronze.table(project, name).uri}
    if source.columns:
        metadata["dagster/column_schema"] = dg.TableSchema(
            columns=[dg.TableColumn(name, str(column.dtype)) for name, column in source.columns.items()]
        )

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
            *(
                dg.AssetCheckSpec(
                    _check(each.name),
                    asset=key,
                    blocking=each.declared.blocking,
                    description=f"`{each.name}` flags at most {each.declared.max_rate:.2%} of the rows; those it flags: {each.action}.",
                )
                for each in declared
            ),
        ],
    )
    def collected(context: dg.AssetExecutionContext) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult]:
        with plain_failures():
            try:
                done = collect(project, name, progress=log_progress(context))
            except ShapeError as error:
                yield dg.AssetCheckResult(check_name="shape_known", passed=False, metadata={"problem": str(error)})
                raise
            screening = screen(project, name, progress=log_progress(context))
        columns = bronze.table(project, name).schema()
        own = [dg.TableColumn(c, str(t)) for c, t in columns.items()]
        yield dg.MaterializeResult(
            # What is kept out is part of what datasets read: they are made anew where it alone changes.
            data_version=dg.DataVersion(
                done.content_id if screening is None else digest([done.content_id, verdicts.kept_out(project, name)])
            ),
            metadata={
                "dagster/row_count": done.live,
                "mode": source.mode,
                "dagster/column_schema": dg.TableSchema(columns=own),
                **tables(project, "bronze", name, done.delta_version),
                "added": done.added,
                "changed": done.changed,
                "vanished": done.vanished,
                **({"erased": done.erased} if done.erased else {}),
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
                *(_of_detectors(project, name, screening) if screening is not None else []),
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


def _check(detection: str) -> str:
    return f"screened_{detection}"


def _of_detectors(project: Project, name: str, done: Screening) -> list[dg.AssetCheckResult]:
    """One result a detection: how many rows it flags, of which kinds, and some of them by id."""
    findings = verdicts.table(project, name).scan().filter(pl.col("action").is_not_null()).collect()
    results = []
    for each in done.detections:
        ours = findings.filter(pl.col("detector") == each.name).sort("score", "_row_id", descending=[True, False], nulls_last=True)
        shown = ours.select("_row_id", "kind", "column", "start", "end", "score", "detail").head(10)
        records = [dg.TableRecord({c: "-" if v is None else v for c, v in row.items()}) for row in shown.iter_rows(named=True)]
        results.append(
            dg.AssetCheckResult(
                check_name=_check(each.name),
                passed=each.passed,
                severity=dg.AssetCheckSeverity.ERROR if each.blocking else dg.AssetCheckSeverity.WARN,
                metadata={
                    "rows flagged": each.rows,
                    "rate": each.rate,
                    "max_rate": each.max_rate,
                    "action": each.action,
                    "kinds": dg.MetadataValue.json(each.kinds),
                    "findings": ours.height,
                    "highest scores": dg.MetadataValue.table(records, dg.TableSchema(columns=[dg.TableColumn(c) for c in shown.columns])),
                },
            )
        )
    return results
