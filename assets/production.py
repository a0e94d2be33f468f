"""Production: `silver/<dataset>` and `gold/<dataset>`."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

import dagster as dg
import polars as pl

from assets import automation, planning
from assets.common import (
    address,
    balance_table,
    bronze_key,
    contract_schema,
    key,
    log_progress,
    owners,
    partition_key,
    partitions_name,
    picture,
    plain_failures,
)
from assets.page import Content, Page
from lakehouse.core import versions
from lakehouse.core.project import Project
from lakehouse.core.spec import Dataset
from lakehouse.core.versions import Version
from lakehouse.production.engine.balance import Balance
from lakehouse.production.engine.balance import from_json as balance_of
from lakehouse.production.engine.recipe import compile_recipe, source_columns
from lakehouse.production.engine.yields import low_yields
from lakehouse.production.gold import make_gold
from lakehouse.production.inspection.profile import profile, profile_picture
from lakehouse.production.pictures import balance_picture, splits_picture
from lakehouse.production.silver import make_silver, sealed, tables_of
from lakehouse.production.split_leaks import of_manifest


def build(project: Project, dataset: Dataset) -> list[dg.AssetsDefinition]:
    """The silver asset (checks balance_holds, yield) and the gold asset (checks contract_rules, violation_rate, no_split_leak)."""
    return [_silver(project, dataset), _gold(project, dataset)]


def _silver(project: Project, dataset: Dataset) -> dg.AssetsDefinition:
    name = dataset.dataset
    recipe = compile_recipe(project, name)
    deps = [*(bronze_key(s) for s in dataset.sources), *(key("gold", d) for d in recipe.references)]

    @dg.asset(
        key=key("silver", name),
        deps=deps,
        group_name="production",
        description=f"{dataset.description}\n\nRecipe: {' -> '.join(step.name for step in recipe.steps) or 'none'}",
        owners=owners(dataset.owner),
        kinds={"silver", "deltalake", "polars"},
        metadata=address(project.table("silver", name)),
        tags={"factory/workshop": "production"},
        code_version=automation.short_digest(recipe.identity()),
        check_specs=[
            dg.AssetCheckSpec(
                "balance_holds", asset=key("silver", name), blocking=True, description="in + created = out + merged + dropped + quarantined"
            ),
            dg.AssetCheckSpec("yield", asset=key("silver", name), description="Every step keeps the share of its rows that is declared."),
        ],
        automation_condition=automation.on_changed_data(),
    )
    def silver(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        with plain_failures():
            done = make_silver(project, name, progress=log_progress(context))
        (page,) = silver_pages(project, dataset)
        return page.result(
            measured=done.measured,
            added=done.added,
            changed=done.changed,
            removed=done.removed,
            units=done.units,
            units_reused=done.reused,
            unchanged=done.unchanged,
            seconds=round(done.seconds, 2),
        )

    return silver


def silver_pages(project: Project, dataset: Dataset) -> list[Page]:
    """The page of silver as its last finished run left it; none if there was none."""
    name = dataset.dataset
    plan, balance = sealed(project, name)
    if plan is None:
        return []
    # The commit of the fates seals a run.
    seal = tables_of(project, name)[2].history(1)[0]
    at = datetime.fromtimestamp(seal["timestamp"] / 1000, UTC)
    return [
        Page(key=key("silver", name), at=at, mark=f"v{seal['version']}", content=lambda: _silver_content(project, dataset, plan, balance))
    ]


def _silver_content(project: Project, dataset: Dataset, plan: str, balance: tuple[Balance, ...]) -> Content:
    name = dataset.dataset
    table = project.table("silver", name)
    columns = table.schema()
    lineage = compile_recipe(project, name, source_columns(project, dataset)).lineage
    sources = {s: set(project.table("bronze", s).schema()) for s in dataset.sources}
    depends = {
        column: [
            dg.TableColumnDep(asset_key=bronze_key(s), column_name=root)
            for s in dataset.sources
            for root in sorted(roots)
            if root in sources[s]
        ]
        for column, roots in lineage.items()
    }
    signals = profile(project, name)
    rows = balance_picture([b.as_json() for b in balance], f"silver/{name}")
    low = low_yields(dataset.yields, balance)
    return Content(
        data_version=plan,
        metadata={
            "dagster/row_count": balance[-1].out,
            "dagster/column_schema": dg.TableSchema(columns=[dg.TableColumn(c, str(t)) for c, t in columns.items()]),
            "dagster/column_lineage": dg.TableColumnLineage(deps_by_column=depends),
            **address(table),
            "delta_version": table.version(),
            "balance": balance_table(balance),
            **picture("where the rows went", rows),
            **(picture("signals", profile_picture(signals, f"Signals of {name}")) if signals else {}),
        },
        checks=[
            dg.AssetCheckResult(
                check_name="balance_holds", passed=all(b.holds for b in balance), metadata={"balance": balance_table(balance)}
            ),
            dg.AssetCheckResult(
                check_name="yield",
                passed=not low,
                severity=dg.AssetCheckSeverity.ERROR if any(each.fails for each in low) else dg.AssetCheckSeverity.WARN,
                metadata={each.step: each.in_words() for each in low},
            ),
        ],
    )


def _gold(project: Project, dataset: Dataset) -> dg.AssetsDefinition:
    name = dataset.dataset
    contract = project.contract(dataset)
    checks = {
        "contract_rules": "Every row of gold keeps every rule of the contract; the others stand in quarantine.",
        "violation_rate": f"At most {dataset.on_violation.max_rate:.1%} of the rows break the contract.",
        "no_split_leak": "No row, near-duplicate or child of a row of one split stands in another.",
    }

    @dg.asset(
        key=key("gold", name),
        deps=[key("silver", name)],
        group_name="production",
        description=f"{dataset.description}\n\nContract: {dataset.contract}",
        owners=owners(dataset.owner),
        kinds={"gold", "deltalake", "pandera"},
        tags={"factory/workshop": "production"},
        code_version=automation.short_digest({"contract": contract.hash, "splits": dataset.splits.model_dump(), **_augmented(dataset)}),
        metadata={"dagster/column_schema": contract_schema(contract.columns), **address(project.table("gold", name))},
        check_specs=[dg.AssetCheckSpec(c, asset=key("gold", name), blocking=True, description=text) for c, text in checks.items()],
        automation_condition=automation.on_changed_data(),
    )
    def gold(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        with plain_failures():
            done = make_gold(project, name, progress=log_progress(context))
        page = gold_pages(project, dataset)[-1]
        context.instance.add_dynamic_partitions(partitions_name(name), [partition_key(done.label, done.version)])
        return page.result(
            added=done.added,
            changed=done.changed,
            removed=done.removed,
            change=dg.MetadataValue.json(done.change),
            unchanged=done.unchanged,
            seconds=round(done.seconds, 2),
        )

    return gold


def gold_pages(project: Project, dataset: Dataset) -> list[Page]:
    """A page for each version, in the order in which gold came to hold them: the last is of the version that it holds."""
    name = dataset.dataset
    events = versions.events(project, name).filter(pl.col("event").is_in(["made", "described"]))
    last = {version: (number, at) for number, (version, at) in enumerate(events.select("version", "at").iter_rows())}
    ordered = sorted(versions.versions(project, name), key=lambda v: last[v.version])
    return [
        Page(
            key=key("gold", name),
            at=last[version.version][1],
            mark=version.version + (f"-without{version.erased['rows']}" if version.erased else ""),
            content=partial(_gold_content, project, dataset, version),
            apart=partial(_demand, project, dataset) if dataset.demand and version is ordered[-1] else tuple,
        )
        for version in ordered
    ]


def _demand(project: Project, dataset: Dataset) -> list[dg.AssetCheckResult]:
    return [planning.result(project, dataset)]


def _gold_content(project: Project, dataset: Dataset, version: Version) -> Content:
    name, manifest = dataset.dataset, version.manifest
    steps = tuple(balance_of(b) for b in manifest["balance"] if b["operator"] in ("contract", "augment"))
    splits, broken = version.held_rows, manifest["quarantined"]
    rows = sum(splits.values())
    rate = broken / max(steps[0].entered if steps else rows + broken, 1)
    own = list(project.contract(dataset).columns)  # in the order of the table; the register sorts names
    columns = {c: manifest["columns"][c] for c in sorted(manifest["columns"], key=lambda c: own.index(c) if c in own else len(own))}
    silver_columns = {c: [dg.TableColumnDep(asset_key=key("silver", name), column_name=c)] for c in columns}
    # Where a user asked for splits that may leak, the leak is shown, not refused.
    leaks = of_manifest(manifest["leaks"])
    # Only what the splits promise to keep together stops the assets after gold; a gate on `split_leak` stops a release for the rest.
    promised = dataset.splits.by in ("cluster", "group", "pair") and (leaks.groups or leaks.rows)
    severity = dg.AssetCheckSeverity.ERROR if promised else dg.AssetCheckSeverity.WARN
    levels = manifest["metadata"].get("sensitivity")
    return Content(
        data_version=version.content_id,
        metadata={
            "dagster/row_count": rows,
            "dagster/column_lineage": dg.TableColumnLineage(deps_by_column=silver_columns),
            "dagster/column_schema": contract_schema(columns),
            **address(project.table("gold", name)),
            "delta_version": version.gold_version,
            "version": version.version,
            "label": version.label,
            "partition": partition_key(version.label, version.version),
            "plan_id": version.plan_id,
            "change": dg.MetadataValue.json(manifest["change"]),
            "balance": balance_table(steps),
            **({"sensitivity": dg.MetadataValue.json(levels)} if levels else {}),
            "splits": dg.MetadataValue.json(splits),
            **{f"rows: {split}": n for split, n in splits.items()},
            "quarantined": broken,
            **picture("rows by split", splits_picture(splits, f"{name} {version.label}")),
            **{n: manifest["gold"][n] for n in ("added", "changed", "removed")},
        },
        checks=[
            dg.AssetCheckResult(
                check_name="contract_rules",
                passed=True,
                metadata={"quarantined": broken, "violations": dg.MetadataValue.json(manifest["violations"])},
            ),
            dg.AssetCheckResult(
                check_name="violation_rate",
                passed=rate <= dataset.on_violation.max_rate,
                metadata={"rate": rate, "max_rate": dataset.on_violation.max_rate},
            ),
            dg.AssetCheckResult(
                check_name="no_split_leak",
                passed=not leaks.found,
                severity=severity,
                metadata={**leaks.metrics, "compared": ", ".join(leaks.columns), "found": "; ".join([*leaks.in_words(), *leaks.remarks()])},
            ),
        ],
    )


def _augmented(dataset: Dataset) -> dict[str, Any]:
    return {"augment": [each.model_dump() for each in dataset.augment]} if dataset.augment else {}
