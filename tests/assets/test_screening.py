"""Screening in Dagster: a check for each detector, which stops what comes after where it is declared to."""

from __future__ import annotations

import polars as pl
import yaml

from tests.assets.conftest import Factory, checks, made, orders

LINE = ("bronze/orders_raw", "silver/orders")


def declare(factory: Factory, *screening: object) -> None:
    file = factory.root / "assets" / "sources" / "orders_raw.yaml"
    declared = yaml.safe_load(file.read_text(encoding="utf-8"))
    file.write_text(yaml.safe_dump({**declared, "screening": list(screening)}, sort_keys=False), encoding="utf-8")


def test_each_detector_is_a_check_with_its_rows(factory: Factory) -> None:
    leak = pl.DataFrame({"text": ["pay with 4111 1111 1111 1111"], "label": ["praise"]})
    factory.write(pl.concat([orders(), leak]))
    declare(factory, "privacy", "hidden_text")
    result = factory.materialise(*LINE)
    assert result.success
    found = checks(result)
    assert (found["bronze/orders_raw:screened_privacy"], found["bronze/orders_raw:screened_hidden_text"]) == (False, True)
    (check,) = [c for c in result.get_asset_check_evaluations() if c.check_name == "screened_privacy"]
    assert check.metadata["rows flagged"].value == 1
    (row,) = check.metadata["highest scores"].records  # type: ignore[union-attr]
    assert row.data["kind"] == "bank_card"
    assert "4111" not in str(check.metadata)
    assert factory.project.table("silver", "orders").read().filter(pl.col("text").str.contains("4111")).is_empty()


def test_a_blocking_detector_stops_what_comes_after(factory: Factory) -> None:
    factory.write(pl.concat([orders(), pl.DataFrame({"text": ["pay with 4111 1111 1111 1111"], "label": ["praise"]})]))
    declare(factory, {"privacy": None, "blocking": True})
    result = factory.materialise(*LINE)
    assert not result.success
    assert checks(result)["bronze/orders_raw:screened_privacy"] is False
    assert not factory.project.table("silver", "orders").exists()


def test_what_is_kept_out_is_part_of_the_data_version(factory: Factory) -> None:
    factory.write(pl.concat([orders(), pl.DataFrame({"text": ["pay with 4111 1111 1111 1111"], "label": ["praise"]})]))
    declare(factory, "privacy")
    first = made(factory.materialise("bronze/orders_raw"))
    assert made(factory.materialise("bronze/orders_raw")) == first
    declare(factory, {"privacy": None, "action": "warn"})
    assert made(factory.materialise("bronze/orders_raw")) != first
