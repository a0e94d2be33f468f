"""What the command line made stands in Dagster as if Dagster had made it: once, at its time, with checks and partitions."""

from __future__ import annotations

import dagster as dg
import polars as pl
import pytest
import yaml
from click.testing import CliRunner

from assets.report import report
from lakehouse.cli import cli
from lakehouse.core import versions
from lakehouse.operations import line
from lakehouse.reserve.bronze.collections import last_collection
from lakehouse.reserve.screening.screen import screen

from .conftest import Factory, orders

LINE = ("bronze/orders_raw", "silver/orders", "gold/orders")
ONLY_A_RUN_KNOWS = {"seconds", "unchanged", "measured", "added", "changed", "removed", "units", "units_reused", "change", "already"}


def reported(factory: Factory) -> list[str]:
    """The assets whose page a report recorded."""
    return [page.key.to_user_string() for page in report(factory.project, factory.instance)[0]]


def checked(factory: Factory, key: str) -> dict[str, bool]:
    """Checks on the newest materialisation of an asset: those that were evaluated for it, and whether they passed."""
    asset = dg.AssetKey(key.split("/"))
    event = factory.instance.get_latest_materialization_event(asset)
    assert event is not None
    found = {}
    for check in factory.graph.resolve_asset_graph().get_check_keys_for_assets([asset]):
        (record,) = factory.instance.event_log_storage.get_asset_check_execution_history(check, limit=1)
        assert record.event is not None
        assert record.event.dagster_event is not None
        evaluation = record.event.dagster_event.asset_check_evaluation_data
        assert evaluation.target_materialization_data is not None
        assert evaluation.target_materialization_data.timestamp == event.timestamp
        found[check.name] = evaluation.passed
    return found


def test_what_the_command_line_made_is_shown_once_as_dagster_would_show_it(made_by_hand: Factory) -> None:
    factory = made_by_hand
    version = versions.find(factory.project, "orders", "latest")
    assert reported(factory) == list(LINE)
    assert factory.partitions() == [f"1.0.0-{version.version}"]
    by_hand = {key: factory.metadata(key) for key in LINE}
    last = last_collection(factory.project, "orders_raw")
    event = factory.instance.get_latest_materialization_event(dg.AssetKey(["bronze", "orders_raw"]))
    assert event is not None
    assert last is not None
    assert event.timestamp == pytest.approx(last.at.timestamp(), abs=0.01), "the time of the work, not that of the report"
    assert checked(factory, "bronze/orders_raw") == {"shape_known": True, "screened": True}
    assert checked(factory, "silver/orders") == {"balance_holds": True, "yield": True}
    assert checked(factory, "gold/orders") == {"contract_rules": True, "violation_rate": True, "no_split_leak": True}
    assert reported(factory) == [], "what is shown is not shown again"

    assert factory.materialise(*LINE).success
    for key in LINE:
        shown = factory.metadata(key)
        assert shown.keys() - by_hand[key].keys() <= ONLY_A_RUN_KNOWS
        assert {k: v for k, v in shown.items() if k not in ONLY_A_RUN_KNOWS} == {
            k: v for k, v in by_hand[key].items() if k not in ONLY_A_RUN_KNOWS
        }
    assert reported(factory) == [], "Dagster found the same state"


def test_pilot_grade_and_release_of_the_command_line_stand_on_the_partition_of_their_version(made_by_hand: Factory) -> None:
    factory = made_by_hand
    list(line.run(factory.project, ["orders"]))
    assert CliRunner().invoke(cli, ["release", "orders"], env={"LAKEHOUSE_PROJECT": str(factory.root)}).exit_code == 0
    assert reported(factory) == [*LINE, "pilot/orders", "release/orders"]
    version = versions.find(factory.project, "orders", "latest")
    for key in ("pilot/orders", "release/orders"):
        event = factory.instance.get_latest_materialization_event(dg.AssetKey(key.split("/")))
        assert event is not None
        assert event.asset_materialization is not None
        assert event.asset_materialization.partition == f"1.0.0-{version.version}"
        assert set(checked(factory, key).values()) == {True}
    pilot, release = factory.metadata("pilot/orders"), factory.metadata("release/orders")
    assert pilot["grade"] == version.grade == release["grade"]
    assert version.evaluations["train"]["run_id"] in pilot["train: mlflow run"]
    assert release["tag"] == "orders@v1.0.0"
    assert reported(factory) == []

    (partition,) = factory.partitions()
    assert factory.materialise("pilot/orders", partition=partition).success
    assert factory.materialise("release/orders", partition=partition).success
    assert reported(factory) == []
    for key, by_hand in (("pilot/orders", pilot), ("release/orders", release)):
        assert {k: v for k, v in factory.metadata(key).items() if k not in ONLY_A_RUN_KNOWS} == by_hand


def test_every_version_since_the_last_report_is_shown_in_its_order(made_by_hand: Factory) -> None:
    factory = made_by_hand
    assert reported(factory) == list(LINE)
    for more in (1, 2):
        factory.write(pl.concat([orders(), orders(60 + more).tail(more)]))
        list(line.run(factory.project, ["orders"], "gold"))
    assert reported(factory) == ["bronze/orders_raw", "silver/orders", "gold/orders", "gold/orders"]
    shown = factory.instance.fetch_materializations(dg.AssetKey(["gold", "orders"]), limit=5).records
    labels = [record.asset_materialization.metadata["label"].value for record in shown if record.asset_materialization]
    assert labels == ["1.2.0", "1.1.0", "1.0.0"]


def test_what_dagster_made_is_not_reported(factory: Factory) -> None:
    assert factory.materialise(*LINE).success
    assert reported(factory) == []


def test_an_asset_that_a_run_is_making_waits(made_by_hand: Factory) -> None:
    factory = made_by_hand
    run = factory.instance.create_run_for_job(
        factory.graph.resolve_implicit_global_asset_job_def(), asset_selection=frozenset({dg.AssetKey(["gold", "orders"])})
    )
    factory.instance.report_run_canceling(run)  # in progress until it is canceled
    recorded, waiting = report(factory.project, factory.instance)
    assert [page.key.path[0] for page in recorded] == ["bronze", "silver"]
    assert waiting == {dg.AssetKey(["gold", "orders"])}
    factory.instance.report_run_canceled(run)
    assert reported(factory) == ["gold/orders"]


def test_the_sensor_is_on_and_a_tick_over_an_unchanged_lake_reports_nothing(made_by_hand: Factory) -> None:
    factory = made_by_hand
    sensor = factory.graph.get_repository_def().get_sensor_def("made_elsewhere")
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    said, cursor = [], None
    for _ in range(2):
        with dg.build_sensor_context(instance=factory.instance, cursor=cursor) as context:
            tick = sensor.evaluate_tick(context)
        cursor = tick.cursor
        said.append(tick.skip_message)
    assert said == ["made outside Dagster: bronze/orders_raw, silver/orders, gold/orders", "nothing new in the lake"]


def test_screening_and_demand_are_checks_of_the_report_too(made_by_hand: Factory) -> None:
    factory = made_by_hand
    file = factory.root / "assets" / "sources" / "orders_raw.yaml"
    declared = yaml.safe_load(file.read_text(encoding="utf-8"))
    file.write_text(yaml.safe_dump({**declared, "screening": ["privacy"]}, sort_keys=False), encoding="utf-8")
    factory.declare(demand={"purpose": "A classifier.", "rows": 10_000})
    assert reported(factory)[0] == "bronze/orders_raw"
    screen(factory.project, "orders_raw")
    assert reported(factory) == ["bronze/orders_raw"], "it was looked at since"
    assert checked(factory, "bronze/orders_raw")["screened_privacy"]
    assert not checked(factory, "gold/orders")["demand_met"]
