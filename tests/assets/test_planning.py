"""A demand in Dagster: a check of gold that warns while something is missing."""

from __future__ import annotations

import dagster as dg

from tests.assets.conftest import Factory, checks

LINE = ("bronze/orders_raw", "silver/orders", "gold/orders")


def test_what_is_missing_is_a_warning_with_its_picture(factory: Factory) -> None:
    factory.declare(
        demand={"purpose": "Tell praise from blame.", "rows": 1000, "classes": {"label": {"praise": 10}}, "deadline": "2099-12-31"}
    )
    result = factory.materialise(*LINE)
    assert result.success
    assert checks(result)["gold/orders:demand_met"] is False
    (check,) = [c for c in result.get_asset_check_evaluations() if c.check_name == "demand_met"]
    assert check.severity == dg.AssetCheckSeverity.WARN
    lines = {r.data["what"]: r.data for r in check.metadata["volumes"].records}  # type: ignore[union-attr]
    assert lines["rows"]["wanted"] == 1000
    assert lines["rows"]["to collect"] > 0
    assert lines["label = praise"]["to collect"] == 0
    assert "data:image/png;base64," in str(check.metadata["picture: what is there of what is wanted"].value)
    factory.declare(demand={"purpose": "Tell praise from blame.", "rows": 10, "quality": {"gates": False}})
    assert checks(factory.materialise("gold/orders"))["gold/orders:demand_met"]
