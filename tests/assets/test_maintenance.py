"""Maintenance in Dagster: an asset and a schedule where a dataset declares rules, nothing where it does not."""

from __future__ import annotations

import polars as pl

from lakehouse.core import versions
from lakehouse.operations import line

from .conftest import Factory, orders
from .test_graph import described


def test_rules_are_an_asset_and_a_schedule_and_what_was_done_is_its_metadata(made_by_hand: Factory) -> None:
    factory = made_by_hand
    assert "maintenance/orders" not in described(factory.graph)["assets"]
    factory.declare(maintenance={"archive": {"unused_days": 1, "keep_last": 1}, "schedule": "0 3 * * 0"})
    graph = described(factory.graph)
    assert graph["assets"]["maintenance/orders"]["deps"] == ["gold/orders"]
    assert graph["schedules"]["maintain_orders"] == "0 3 * * 0"
    factory.write(orders(50))
    list(line.run(factory.project, ["orders"], "gold"))
    # The first version was made long ago, by a register written anew.
    table = factory.project.table("system", "versions")
    first = versions.versions(factory.project, "orders")[0]
    long_ago = pl.when(pl.col("version") == first.version).then(pl.col("at") - pl.duration(days=400)).otherwise(pl.col("at"))
    table.write(table.read().with_columns(at=long_ago), "overwrite")
    assert factory.materialise("maintenance/orders").success
    shown = factory.metadata("maintenance/orders")
    assert (shown["archive"], shown["keep"], shown["retire"]) == (1, 1, 0)
    records = [record.data for record in shown["versions"].records]
    assert records[0]["action"] == "archive"
    assert str(records[0]["why"]).startswith("unused for 4")
    assert records[1]["why"] == "it is the version that gold holds"
    assert factory.materialise("maintenance/orders").success
    assert factory.metadata("maintenance/orders")["archive"] == 0


def test_declared_tiers_are_an_asset_and_a_daily_schedule(made_by_hand: Factory) -> None:
    factory = made_by_hand
    assert "storage/tiers" not in described(factory.graph)["assets"]
    (factory.root / "lakehouse.yaml").write_text("storage: {warm_after_days: 0}\n")
    graph = described(factory.graph)
    assert graph["schedules"]["tier_storage"] == "0 4 * * *"
    assert factory.materialise("storage/tiers").success
    assert factory.metadata("storage/tiers")["files"] == 0


def test_declared_retention_is_an_asset_and_a_daily_schedule(made_by_hand: Factory) -> None:
    factory = made_by_hand
    assert "storage/retention" not in described(factory.graph)["assets"]
    file = next((factory.root / "assets/sources").glob("*.yaml"))
    file.write_text(file.read_text(encoding="utf-8") + "retention: {days: 30}\n", encoding="utf-8")
    graph = described(factory.graph)
    assert graph["schedules"]["erase_due_rows"] == "0 2 * * *"
    assert graph["assets"]["storage/retention"]["deps"] == [f"bronze/{file.stem}"]
    assert factory.materialise("storage/retention").success
    assert factory.metadata("storage/retention")["rows"] == 0
    # A year later, by bronze written anew with another time of collection.
    table = factory.project.table("bronze", file.stem)
    rows = table.read()
    first = pl.col("_row_id") == rows["_row_id"].min()
    long_ago = pl.when(first).then(pl.col("_collected_at") - pl.duration(days=400)).otherwise(pl.col("_collected_at"))
    table.write(rows.with_columns(_collected_at=long_ago), "overwrite")
    assert factory.materialise("storage/retention").success
    shown = factory.metadata("storage/retention")
    assert shown["rows"] == 1
    (record,) = [record.data for record in shown["erased"].records]
    assert (record["source"], record["rule"], record["rows"]) == (file.stem, "30 days from collection", 1)
    assert str(record["out of reach"]).startswith("origin: ")
