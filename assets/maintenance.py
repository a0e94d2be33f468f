"""Maintenance: `maintenance/<dataset>` does what the dataset declares about its versions, by hand or by its schedule.

`storage/tiers` moves what lakehouse.yaml says between hot, warm and cold, by hand or daily. `storage/retention` erases what is older than
its source allows.
"""

import json
from typing import Any, Literal

import dagster as dg
import polars as pl

from assets.common import key, log_progress, owners, plain_failures
from assets.page import Content, Page, tags
from lakehouse.core import versions
from lakehouse.core.project import Project
from lakehouse.core.spec import Dataset
from lakehouse.governance.audit import account
from lakehouse.operations.erasure.requests import requests
from lakehouse.operations.erasure.retention import erase_due, with_retention
from lakehouse.operations.maintenance.policy import BY, PolicyStep, maintain
from lakehouse.operations.maintenance.tiers import tier


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
        return dg.MaterializeResult(metadata=_steps(steps), tags=tags(pages(project, dataset)))

    return maintained


def pages(project: Project, dataset: Dataset) -> list[Page]:
    """The page of what the rules have done so far; none if they have done nothing, which leaves no trace."""
    actions: dict[str, Literal["retire", "downgrade", "archive"]] = {"retired": "retire", "downgraded": "downgrade", "archived": "archive"}
    labels = {v.version: v.label for v in versions.versions(project, dataset.dataset)}
    steps, at = [], None
    for event in versions.events(project, dataset.dataset).filter(pl.col("event").is_in(actions)).iter_rows(named=True):
        payload = json.loads(event["payload"])
        if payload.get("by") == BY:
            at = event["at"]
            steps.append(PolicyStep(event["version"], labels[event["version"]], actions[event["event"]], payload["reason"]))
    if at is None:
        return []
    return [Page(key=key("maintenance", dataset.dataset), at=at, content=lambda: Content(metadata=_steps(steps)))]


def _steps(steps: list[PolicyStep]) -> dict[str, Any]:
    """The policy's steps as a table, and how many there are of each action."""
    columns = [dg.TableColumn(each) for each in ("label", "version", "action", "why")]
    records = [dg.TableRecord({"label": s.label, "version": s.version, "action": s.action, "why": s.why}) for s in steps]
    counts = {action: sum(step.action == action for step in steps) for action in ("retire", "downgrade", "archive", "keep")}
    return {"versions": dg.MetadataValue.table(records, dg.TableSchema(columns=columns)), **counts}


def schedule(dataset: Dataset, cron: str) -> dg.ScheduleDefinition:
    """When the maintenance of a dataset runs; switched on in the UI."""
    name = dataset.dataset
    return dg.ScheduleDefinition(
        name=f"maintain_{name}",
        cron_schedule=cron,
        target=dg.AssetSelection.assets(key("maintenance", name)),
        description=f"Maintain the versions of {name}: {cron} (UTC).",
    )


def tiers(project: Project) -> dg.AssetsDefinition:
    """The asset that moves bytes between tiers: what was moved."""

    @dg.asset(
        key=key("storage", "tiers"),
        group_name="maintenance",
        description="Bytes that are rarely used compressed, those that are not used at all packed over several locations.",
        tags={"factory/workshop": "reserve"},
    )
    def tiered(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        with plain_failures():
            done = tier(project, progress=log_progress(context))
        columns = [dg.TableColumn("place"), dg.TableColumn("tier"), *(dg.TableColumn(n, "int") for n in ("files", "before", "after"))]
        records = [
            dg.TableRecord({"place": m.place, "tier": m.to, "files": m.files, "before": m.before, "after": m.after or 0})
            for m in done.moved
        ]
        sums = {name: sum(getattr(m, name) or 0 for m in done.moved) for name in ("files", "before", "after")}
        return dg.MaterializeResult(metadata={"moved": dg.MetadataValue.table(records, dg.TableSchema(columns=columns)), **sums})

    return tiered


def daily_tiers() -> dg.ScheduleDefinition:
    """Bytes are moved once a day; switched on in the UI."""
    return dg.ScheduleDefinition(
        name="tier_storage",
        cron_schedule="0 4 * * *",
        target=dg.AssetSelection.assets(key("storage", "tiers")),
        description="Move bytes between hot, warm and cold: 0 4 * * * (UTC).",
    )


def retention(project: Project) -> dg.AssetsDefinition:
    """The asset that erases rows which are older than their source allows: how many of each source, and what is out of reach."""

    @dg.asset(
        key=key("storage", "retention"),
        deps=[key("bronze", name) for name in with_retention(project)],
        group_name="maintenance",
        description="Rows erased that are older than `retention` of their source allows, from every version.",
        tags={"factory/workshop": "reserve"},
    )
    def kept(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        with plain_failures():
            done = erase_due(project, account(), progress=log_progress(context))
        records = [
            {
                "source": one.source,
                "rule": one.rule,
                "rows": one.erasure.rows,
                "undated": one.undated,
                "request": one.erasure.request or "",
                "versions": ", ".join(f"{held.dataset} {held.label}" for held in one.erasure.versions),
                "out of reach": ", ".join(f"{each.kind}: {each.what}" for each in one.erasure.outside),
            }
            for one in done
        ]
        return dg.MaterializeResult(metadata=_erased(records), tags=tags(retention_pages(project)))

    return kept


def retention_pages(project: Project) -> list[Page]:
    """The page of what was erased since its time was over; none if nothing was, which leaves no trace."""
    done = [one for one in requests(project) if one.basis == "retention" and one.done_at is not None]
    records = [
        {
            "source": one.source,
            "rule": one.reason.removeprefix("older than "),
            "rows": one.rows,
            "undated": None,
            "request": one.request,
            "versions": ", ".join(f"{held['dataset']} {held['label']}" for held in one.versions),
            "out of reach": ", ".join(f"{each['kind']}: {each['what']}" for each in one.outside),
        }
        for one in done
    ]
    at = max((one.done_at for one in done if one.done_at is not None), default=None)
    return [] if at is None else [Page(key=key("storage", "retention"), at=at, content=lambda: Content(metadata=_erased(records)))]


def _erased(records: list[dict[str, Any]]) -> dict[str, Any]:
    """What was erased, as a table, and how many rows that were."""
    columns = [dg.TableColumn("source"), dg.TableColumn("rule"), dg.TableColumn("rows", "int"), dg.TableColumn("undated", "int")]
    columns += [dg.TableColumn(name) for name in ("request", "versions", "out of reach")]
    table = dg.MetadataValue.table([dg.TableRecord(record) for record in records], dg.TableSchema(columns=columns))
    return {"erased": table, "rows": sum(record["rows"] for record in records)}


def daily_retention() -> dg.ScheduleDefinition:
    """Rows that are due go once a day; switched on in the UI."""
    return dg.ScheduleDefinition(
        name="erase_due_rows",
        cron_schedule="0 2 * * *",
        target=dg.AssetSelection.assets(key("storage", "retention")),
        description="Erase rows that are older than their source allows: 0 2 * * * (UTC).",
    )
