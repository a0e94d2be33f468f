"""Validation of silver against the contract: the rows that break it, their quarantine, and the limit on their share."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from lakehouse.core.errors import ViolationRateError
from lakehouse.core.lake.table import Table
from lakehouse.core.spec import Dataset
from lakehouse.core.spec.contract import Contract
from lakehouse.core.text.numbers import counted
from lakehouse.production.engine.balance import Balance


def violating_rows(silver: Table, contract: Contract, places: pl.DataFrame, own: list[str]) -> pl.DataFrame:
    """The rows at `places` that break the contract, with all of `_rules` that they break, by `_row_id`.

    Validation goes chunk by chunk, because a contract speaks of single rows; a unique column is validated over all rows at once.
    """
    chunks = silver.pick(own, places.select("_row_id", "_content", "_file", "_at"))
    if any(column["unique"] for column in contract.columns.values()):
        whole = list(silver.pick(own, silver.located(["_row_id", "_content"])))
        chunks = iter([pl.concat(whole)] if whole else [])
    found = [contract.validate(chunk).invalid for chunk in chunks]
    if not found:
        stored = silver.schema()
        empty = pl.DataFrame(schema={c: stored[c] for c in own} | {"_row_id": pl.String, "_content": pl.String})
        found = [contract.validate(empty).invalid]
    return pl.concat(found).sort("_row_id")


def write_quarantine(table: Table, invalid: pl.DataFrame, contract: Contract, plan_id: str) -> None:
    """Replace the quarantine of a dataset, unless it holds the rows of this plan already."""
    columns = ["_row_id", "_content", "_rules", *(c for c in contract.columns if c in invalid.columns)]
    if table.exists() and table.metadata().get("factory.plan_id") == plan_id:
        return
    table.write(invalid.select(columns).with_columns(_contract=pl.lit(contract.hash)), "overwrite", metadata={"plan_id": plan_id})


def contract_balance(entered: int, broken: int, reasons: Mapping[str, int]) -> Balance:
    """The contract as a step of the balance; `reasons` are rows by broken rule."""
    return Balance(
        step="contract",
        operator="contract",
        entered=entered,
        created=0,
        out=entered - broken,
        merged=0,
        dropped=0,
        quarantined=broken,
        reasons=dict(reasons),
    )


def check_rate(dataset: Dataset, entered: int, invalid: pl.DataFrame, set_aside: Callable[[], None]) -> None:
    """Refuse a run in which too many rows break the contract.

    Args:
        set_aside: writes the rows to quarantine, before the refusal.

    Raises:
        ViolationRateError: no row survived the recipe, or the share of broken rows is above the declared limit.
    """
    broken = invalid.height
    rule = dataset.on_violation
    if entered == 0:
        raise ViolationRateError(f"{dataset.dataset}: no row survived the recipe; gold stays as it was", fix="look at the balance")
    rate = broken / entered
    if broken and (rule.action == "fail" or rate > rule.max_rate):
        set_aside()
        worst = ", ".join(f"{name} ({n:,})" for name, n in sorted(rows_by_rule(invalid).items(), key=lambda item: -item[1])[:3])
        limit = "none is allowed" if rule.action == "fail" else f"{rule.max_rate:.1%} is allowed"
        raise ViolationRateError(
            f"{dataset.dataset}: {broken:,} of {counted(entered, 'row')} ({rate:.1%}) break the contract, {limit}; gold stays as it was. "
            f"Rules: {worst}. First row: {invalid['_row_id'][0]}",
            fix=f"mend the source, the recipe or {dataset.contract}; the rows are in gold/{dataset.dataset}_quarantine",
        )


def rows_by_rule(invalid: pl.DataFrame) -> dict[str, int]:
    """Rows per broken rule; a row counts once for each rule that it breaks."""
    return dict(invalid.select(pl.col("_rules").explode().alias("rule")).drop_nulls().group_by("rule").len().sort("rule").iter_rows())
