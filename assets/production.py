"""Production: `silver/<dataset>` and `gold/<dataset>`."""

from typing import Any

import dagster as dg

from assets import automation
from assets.common import (
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
    tables,
)
from lakehouse.core import versions
from lakehouse.core.project import Project
from lakehouse.core.spec import Dataset
from lakehouse.production.engine.recipe import compile_recipe, source_columns
from lakehouse.production.gold import make_gold
from lakehouse.production.inspection.profile import profile, profile_picture
from lakehouse.production.pictures import balance_picture, splits_picture
from lakehouse.production.silver import make_silver


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
        steps = [b.as_json() for b in done.balance]
        columns = project.table("silver", name).schema()
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
        return dg.MaterializeResult(
            data_version=dg.DataVersion(done.plan),
            metadata={
                "dagster/row_count": done.rows,
                "dagster/column_schema": dg.TableSchema(columns=[dg.TableColumn(c, str(t)) for c, t in columns.items()]),
                "dagster/column_lineage": dg.TableColumnLineage(deps_by_column=depends),
                **tables(project, "silver", name, done.delta_version),
                "balance": balance_table(done.balance),
                "where the rows went": picture(balance_picture(steps, f"silver/{name}"), "material balance"),
                **({"signals": picture(profile_picture(signals, f"Signals of {name}"), "histograms of signals")} if signals else {}),
                "measured": done.measured,
                "added": done.added,
                "changed": done.changed,
                "removed": done.removed,
                "units": done.units,
                "units_reused": done.reused,
                "unchanged": done.unchanged,
                "seconds": round(done.seconds, 2),
            },
            check_results=[
                dg.AssetCheckResult(
                    check_name="balance_holds", passed=all(b.holds for b in done.balance), metadata={"balance": balance_table(done.balance)}
                ),
                dg.AssetCheckResult(
                    check_name="yield",
                    passed=not done.low_yields,
                    severity=dg.AssetCheckSeverity.ERROR if any(low.fails for low in done.low_yields) else dg.AssetCheckSeverity.WARN,
                    metadata={low.step: low.in_words() for low in done.low_yields},
                ),
            ],
        )

    return silver


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
        metadata={"dagster/column_schema": contract_schema(contract.columns)},
        check_specs=[dg.AssetCheckSpec(c, asset=key("gold", name), blocking=True, description=text) for c, text in checks.items()],
        automation_condition=automation.on_changed_data(),
    )
    def gold(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        with plain_failures():
            done = make_gold(project, name, progress=log_progress(context))
        partition = partition_key(done.label, done.version)
        context.instance.add_dynamic_partitions(partitions_name(name), [partition])
        checked = done.balance[0]
        rate = checked.quarantined / max(checked.entered, 1)
        manifest = versions.find(project, name, done.version).manifest
        silver_columns = {c: [dg.TableColumnDep(asset_key=key("silver", name), column_name=c)] for c in contract.columns}
        # Where a user asked for splits that may leak, the leak is shown, not refused.
        severity = dg.AssetCheckSeverity.ERROR if dataset.splits.by == "cluster" else dg.AssetCheckSeverity.WARN
        return dg.MaterializeResult(
            data_version=dg.DataVersion(manifest["content_id"]),
            metadata={
                "dagster/row_count": done.rows,
                "dagster/column_lineage": dg.TableColumnLineage(deps_by_column=silver_columns),
                "dagster/column_schema": contract_schema(contract.columns),
                **tables(project, "gold", name, done.delta_version),
                "version": done.version,
                "label": done.label,
                "partition": partition,
                "plan_id": manifest["plan_id"],
                "change": dg.MetadataValue.json(done.change),
                "balance": balance_table(done.balance),
                **({"sensitivity": dg.MetadataValue.json(levels)} if (levels := manifest["metadata"].get("sensitivity")) else {}),
                "splits": dg.MetadataValue.json(done.splits),
                "rows by split": picture(splits_picture(done.splits, f"{name} {done.label}"), "rows by split"),
                "added": done.added,
                "changed": done.changed,
                "removed": done.removed,
                "unchanged": done.unchanged,
                "seconds": round(done.seconds, 2),
            },
            check_results=[
                dg.AssetCheckResult(
                    check_name="contract_rules",
                    passed=True,
                    metadata={"quarantined": done.quarantined, "violations": dg.MetadataValue.json(done.violations)},
                ),
                dg.AssetCheckResult(
                    check_name="violation_rate",
                    passed=rate <= dataset.on_violation.max_rate,
                    metadata={"rate": rate, "max_rate": dataset.on_violation.max_rate},
                ),
                dg.AssetCheckResult(
                    check_name="no_split_leak",
                    passed=not any(done.leaks.values()),
                    severity=severity,
                    metadata=dict(done.leaks),
                ),
            ],
        )

    return gold


def _augmented(dataset: Dataset) -> dict[str, Any]:
    return {"augment": [each.model_dump() for each in dataset.augment]} if dataset.augment else {}
