"""What a user sees when something is wrong: a plain failure, a check that says why, and tables as they were."""

from __future__ import annotations

import polars as pl
import pytest

from lakehouse.core import versions
from lakehouse.reserve.bronze import table as bronze

from .conftest import Factory, checks, failure, made, orders

LINE = ("bronze/orders_raw", "silver/orders", "gold/orders")


def plain(data: object) -> str:
    """The description of a failure that carries no traceback of ours."""
    user = data.user_failure_data  # type: ignore[attr-defined]
    assert user is not None, data.error.to_string()  # type: ignore[attr-defined]
    assert {"kind", "fix"} <= set(user.metadata)
    assert data.error.cause is None  # type: ignore[attr-defined]
    return str(user.description)


def stands(factory: Factory) -> list[int | None]:
    """Delta versions of bronze and gold."""
    return [bronze.table(factory.project, "orders_raw").version(), factory.project.table("gold", "orders").version()]


def test_a_source_that_lost_a_column_stops_at_the_door(factory: Factory) -> None:
    assert factory.materialise(*LINE).success
    before = stands(factory)
    factory.write(orders().drop("label"))
    result = factory.materialise(*LINE)
    assert not result.success
    assert made(result) == {}, "nothing downstream ran"
    assert checks(result) == {"bronze/orders_raw:shape_known": False}
    assert "label" in plain(failure(result))
    assert stands(factory) == before


def test_too_many_violations_leave_gold_as_it_was(factory: Factory) -> None:
    assert factory.materialise(*LINE).success
    gold = factory.project.table("gold", "orders").read().sort("_row_id")
    factory.write(orders().with_columns(pl.when(pl.int_range(60) < 30).then(pl.lit("shrug")).otherwise("label").alias("label")))
    result = factory.materialise(*LINE)
    assert not result.success
    assert set(made(result)) == {"bronze/orders_raw", "silver/orders"}
    assert "break the contract" in plain(failure(result))
    assert factory.project.table("gold", "orders").read().sort("_row_id").equals(gold)
    assert len(factory.partitions()) == 1


def test_a_source_that_is_not_there_is_a_plain_failure(factory: Factory) -> None:
    (factory.root / "data" / "orders.csv").unlink()
    result = factory.materialise("bronze/orders_raw")
    assert not result.success
    assert "orders.csv" in plain(failure(result))


def test_a_failed_gate_is_a_failed_check_and_the_release_refuses_also_later(made_by_hand: Factory) -> None:
    factory = made_by_hand
    hopeless = [{"metric": "macro_f1", "on": "test", "at_least": 1.01}]
    evaluations = [{"train": {"task": "text_classification", "input": "text", "label": "label", "seeds": [1]}}]
    factory.declare(pilot={"evaluations": evaluations, "gates": hopeless})
    assert factory.materialise("gold/orders").success
    (partition,) = factory.partitions()
    both = factory.materialise("pilot/orders", "release/orders", partition=partition)
    assert not both.success
    assert checks(both) == {"pilot/orders:macro_f1_on_test_at_least_1_01": False}
    assert set(made(both)) == {"pilot/orders"}

    alone = factory.materialise("release/orders", partition=partition)
    assert not alone.success
    (gates_passed,) = alone.get_asset_check_evaluations()
    assert (gates_passed.check_name, gates_passed.passed) == ("gates_passed", False)
    assert "macro_f1 on test >= 1.01" in str(gates_passed.metadata["refused"].value)
    assert "macro_f1 on test >= 1.01" in plain(failure(alone))
    assert not factory.project.release_folder("orders").exists()
    assert versions.released(factory.project, "orders") is None


@pytest.mark.parametrize("key", ["pilot/orders", "release/orders"])
def test_a_partition_that_is_no_version_is_a_plain_failure(made_by_hand: Factory, key: str) -> None:
    made_by_hand.instance.add_dynamic_partitions("orders_versions", ["9.9.9-0123456789ab"])
    result = made_by_hand.materialise(key, partition="9.9.9-0123456789ab")
    assert "is no version of orders" in plain(failure(result))
