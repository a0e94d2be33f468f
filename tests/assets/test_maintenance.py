"""Maintenance in Dagster: an asset and a schedule where a dataset declares rules, nothing where it does not."""

from __future__ import annotations

import polars as pl

from lakehouse import line, versions

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
