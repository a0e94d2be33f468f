"""Reserve: one asset a source, `bronze/<source>`."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import dagster as dg
import polars as pl

from assets.common import address, bronze_key, log_progress, owners, plain_failures
from assets.page import Content, Page
from lakehouse.core.errors import ShapeError
from lakehouse.core.hashing import digest
from lakehouse.core.project import Project
from lakehouse.core.spec import Source
from lakehouse.reserve.bronze import table as bronze
from lakehouse.reserve.bronze.collect import collect
from lakehouse.reserve.bronze.collections import CollectionRecord, last_collection
from lakehouse.reserve.screening import verdicts
from lakehouse.reserve.screening.screen import detections, screen
from lakehouse.reserve.screening.verdicts import DetectionResult


def build(project: Project, source: Source) -> dg.AssetsDefinition:
    """The asset of a source with the checks shape_known (blocking), screened, and one for each declared detector."""
    name = source.source
    declared = detections(project, name)
    key = bronze_key(name)
    metadata: dict[str, Any] = {"license": source.license, "mode": source.mode, **address(bronze.table(project, name))}
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
        freshness_policy=_freshness(source),
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
            screen(project, name, progress=log_progress(context))
        (page,) = pages(project, source)
        yield page.result(
            unchanged=done.unchanged, seconds=round(done.seconds, 2), warnings="\n".join(done.warnings) if done.warnings else None
        )

    return collected


def _freshness(source: Source) -> dg.FreshnessPolicy | None:
    """Dagster's policy for `fresh_within_hours`; Dagster counts no less than a minute."""
    hours = source.fresh_within_hours
    return None if hours is None else dg.FreshnessPolicy.time_window(fail_window=max(timedelta(hours=hours), timedelta(minutes=1)))


def pages(project: Project, source: Source) -> list[Page]:
    """The page of a source as its last collection and screening left it; none if it was never collected."""
    name = source.source
    last = last_collection(project, name)
    if last is None:
        return []
    screened = verdicts.table(project, name).version() if source.screening else None
    mark = "" if screened is None else f"screened{screened}"
    return [Page(key=bronze_key(name), at=last.at, mark=mark, content=lambda: _content(project, source, last))]


def _content(project: Project, source: Source, last: CollectionRecord) -> Content:
    name = source.source
    own = [dg.TableColumn(c, str(t)) for c, t in bronze.table(project, name).schema().items()]
    screening = verdicts.state(project, name) if source.screening else None
    return Content(
        # Screening decides which rows a dataset reads, so a change of the screening alone makes the dataset anew.
        data_version=last.content_id if screening is None else digest([last.content_id, verdicts.kept_out(project, name)]),
        metadata={
            "dagster/row_count": last.live,
            "mode": source.mode,
            "dagster/column_schema": dg.TableSchema(columns=own),
            **address(bronze.table(project, name)),
            "delta_version": last.delta_version,
            "added": last.added,
            "changed": last.changed,
            "vanished": last.vanished,
            **({"erased": last.erased} if last.erased else {}),
        },
        checks=[
            dg.AssetCheckResult(
                check_name="shape_known", passed=True, metadata={"columns": ", ".join(c.name for c in own if c.name[0] != "_")}
            ),
            dg.AssetCheckResult(
                check_name="screened",
                passed=not last.findings,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"findings": dg.MetadataValue.json(last.findings)},
            ),
            *(_of_detectors(project, name, screening.detections) if screening is not None else []),
        ],
    )


def _check(detection: str) -> str:
    return f"screened_{detection}"


def _of_detectors(project: Project, name: str, done: Sequence[DetectionResult]) -> list[dg.AssetCheckResult]:
    """One result a detection: how many rows it flags, of which kinds, and some of them by id."""
    findings = verdicts.table(project, name).scan().filter(pl.col("action").is_not_null()).collect()
    results = []
    for each in done:
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
