"""What runs by itself: changed data goes down the line, unchanged data does not, and each new version is piloted once."""

from __future__ import annotations

from dataclasses import dataclass

import dagster as dg
import polars as pl
import pytest

from assets.common import bronze_key, key

from .conftest import Factory, orders

# Dagster's own, of the function that ticks conditions.
pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")
LINE = ("bronze/orders_raw", "silver/orders", "gold/orders")


@dataclass
class Automation:
    """The sensor `automation`, tick by tick."""

    factory: Factory
    cursor: dg.AutomationCondition | object = None

    def tick(self) -> set[str]:
        """Assets that one evaluation requests, with their partition."""
        result = dg.evaluate_automation_conditions(self.factory.graph, self.factory.instance, cursor=self.cursor)  # type: ignore[arg-type]
        self.cursor = result.cursor
        requested: set[str] = set()
        for layer in ("silver", "gold"):
            requested |= {f"{layer}/orders"} if result.get_num_requested(key(layer, "orders")) else set()
        requested |= {f"pilot/orders {p}" for p in result.get_requested_partitions(key("pilot", "orders"))}
        return requested

    def settle(self) -> None:
        """Tick until nothing is requested any more, doing what is asked for silver and gold."""
        while asked := {a for a in self.tick() if not a.startswith("pilot")}:
            self.factory.materialise(*asked)


def test_only_changed_data_goes_down_the_line(factory: Factory) -> None:
    automation = Automation(factory)
    assert automation.tick() == set()
    assert factory.materialise(*LINE).success
    automation.settle()

    assert factory.materialise("bronze/orders_raw").success
    assert automation.tick() == set(), "the source gave the same data"

    factory.write(pl.concat([orders(), pl.DataFrame({"text": ["a silent fan, and great value"], "label": ["praise"]})]))
    assert factory.materialise("bronze/orders_raw").success
    assert automation.tick() == {"silver/orders", "gold/orders"}, "both, in one run"
    assert factory.materialise("silver/orders", "gold/orders").success
    assert factory.metadata("gold/orders")["label"] == "1.1.0"
    assert automation.tick() == {f"pilot/orders {factory.partitions()[1]}"}
    assert automation.tick() == set()

    assert factory.materialise("silver/orders").success
    assert automation.tick() == set(), "silver found nothing to do"


def test_each_new_version_is_piloted_once(factory: Factory) -> None:
    automation = Automation(factory)
    automation.tick()
    assert factory.materialise(*LINE).success
    (partition,) = factory.partitions()
    assert f"pilot/orders {partition}" in automation.tick()
    assert automation.tick() == set(), "asked for once, though it was not materialised yet"


def test_a_weekly_source_has_a_schedule(factory: Factory) -> None:
    file = factory.root / "assets" / "sources" / "orders_raw.yaml"
    file.write_text(file.read_text(encoding="utf-8") + 'schedule: "0 3 * * 1"\n', encoding="utf-8")
    (schedule,) = factory.graph.get_repository_def().schedule_defs
    assert (schedule.name, schedule.cron_schedule) == ("collect_orders_raw", "0 3 * * 1")
    with dg.build_schedule_context(instance=factory.instance, repository_def=factory.graph.get_repository_def()) as context:
        (request,) = schedule.evaluate_tick(context).run_requests or ()
    assert request.asset_selection in (None, [bronze_key("orders_raw")])
