"""The whole line by Dagster, in process, on sixty rows."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from click.testing import CliRunner

from lakehouse.cli import cli
from lakehouse.core import versions

from .conftest import Factory, checks, made, orders

LINE = ("bronze/orders_raw", "silver/orders", "gold/orders")
CHECKS = {
    "bronze/orders_raw:screened",
    "bronze/orders_raw:shape_known",
    "gold/orders:contract_rules",
    "gold/orders:no_split_leak",
    "gold/orders:violation_rate",
    "silver/orders:balance_holds",
    "silver/orders:yield",
}
PNG = b"\x89PNG\r\n"


def picture(markdown: str) -> bytes:
    head, _, data = markdown.partition("data:image/png;base64,")
    assert head.startswith("!["), head
    return base64.b64decode(data.removesuffix(")"))


def test_the_line_from_a_file_to_a_release(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAKEHOUSE_EVALUATIONS")  # as in the UI
    first = factory.materialise(*LINE)
    assert first.success
    assert list(made(first)) == list(LINE)
    assert checks(first) == dict.fromkeys(CHECKS, True)
    version = versions.find(factory.project, "orders", "latest")
    assert factory.partitions() == [f"1.0.0-{version.version}"]

    bronze, silver, gold = (factory.metadata(key) for key in LINE)
    assert (bronze["dagster/row_count"], bronze["added"], bronze["dagster/uri"]) == (60, 60, str(factory.root / "lake/bronze/orders_raw"))
    assert {"text", "label", "_row_id"} <= {c.name for c in bronze["dagster/column_schema"].columns}
    assert silver["dagster/row_count"] == factory.project.table("silver", "orders").read().height
    lineage = silver["dagster/column_lineage"].deps_by_column
    assert lineage["text"] == [dg.TableColumnDep(asset_key=dg.AssetKey(["bronze", "orders_raw"]), column_name="text")]
    steps = [record.data for record in silver["balance"].records]
    assert steps[0]["in"] == 60
    assert steps[-1]["out"] == silver["dagster/row_count"]
    assert all(s["in"] + s["created"] == s["out"] + s["merged"] + s["dropped"] + s["quarantined"] for s in steps)
    assert gold["dagster/row_count"] == sum(gold["splits"].values()) == silver["dagster/row_count"]
    assert [c.name for c in gold["dagster/column_schema"].columns] == ["text", "label"]
    assert gold["dagster/column_schema"].columns[1].constraints.other == ["isin(['blame', 'praise'])"]
    assert (gold["version"], gold["plan_id"], gold["partition"]) == (version.version, version.plan_id, factory.partitions()[0])
    assert made(first)["gold/orders"] == version.content_id
    for shown in (silver["picture: where the rows went"], gold["picture: rows by split"]):
        assert picture(shown).startswith(PNG)

    (partition,) = factory.partitions()
    piloted = factory.materialise("pilot/orders", partition=partition)
    assert piloted.success
    assert checks(piloted) == {"pilot/orders:macro_f1_on_test_at_least_0": True}
    pilot = factory.metadata("pilot/orders")
    assert pilot["version"] == version.version
    assert 0 <= pilot["train: test macro_f1"] <= 1
    assert pilot["train: peak_memory_mb"] > 0
    assert picture(pilot["picture: train, confusion on test"]).startswith(PNG)
    assert picture(pilot["picture: train, recall on test"]).startswith(PNG)
    assert pilot["train: mlflow run"].startswith("http://127.0.0.1:5000/#/experiments/")
    (gate,) = [record.data for record in pilot["gates"].records]
    assert (gate["metric"], gate["on"], gate["bound"], gate["verdict"]) == ("macro_f1", "test", 0.0, "met")
    assert pilot["gate: macro_f1 on test"] == pilot["train: test macro_f1"]
    assert (pilot["grade"], pilot["grade: completeness"]) == (versions.find(factory.project, "orders", version.version).grade, 1.0)
    assert "worst essential: " in pilot["grade: because"], "sixty rows are too few to be sure"
    assert picture(pilot["picture: grade, indicators"]).startswith(PNG)

    released = factory.materialise("release/orders", partition=partition)
    assert released.success
    assert checks(released) == {"release/orders:gates_passed": True, "release/orders:bundle_verifies": True}
    release = factory.metadata("release/orders")
    assert release["grade"] == pilot["grade"]
    assert (release["tag"], release["remote"], release["already"]) == ("orders@v1.0.0", "storage", False)
    assert json.loads(Path(release["folder"], "manifest.json").read_text(encoding="utf-8"))["version"] == version.version
    assert Path(release["card"]).is_file()

    again = factory.materialise(*LINE)
    assert made(again) == made(first)
    assert all(factory.metadata(key)["unchanged"] for key in LINE)
    assert factory.partitions() == [partition]
    assert factory.materialise("release/orders", partition=partition).success
    assert factory.metadata("release/orders")["already"]


def test_the_command_line_and_the_ui_are_the_same_code(made_by_hand: Factory) -> None:
    """What a command made, Dagster finds made: no row written, the same version; and the other way round."""
    by_hand = versions.find(made_by_hand.project, "orders", "latest")
    deltas = {layer: made_by_hand.project.table(layer, "orders").version() for layer in ("silver", "gold")}  # type: ignore[arg-type]
    result = made_by_hand.materialise(*LINE)
    assert checks(result) == dict.fromkeys(CHECKS, True)
    assert all(made_by_hand.metadata(key)["unchanged"] for key in LINE)
    assert made_by_hand.metadata("gold/orders")["version"] == by_hand.version
    assert {layer: made_by_hand.project.table(layer, "orders").version() for layer in deltas} == deltas  # type: ignore[arg-type]

    made_by_hand.write(pl.concat([orders(), pl.DataFrame({"text": ["a silent fan, and great value"], "label": ["praise"]})]))
    assert made_by_hand.materialise(*LINE).success
    by_dagster = versions.find(made_by_hand.project, "orders", "latest")
    assert by_dagster.label == "1.1.0"
    done = CliRunner().invoke(cli, ["run", "orders", "--to", "gold", "--json"], env={"LAKEHOUSE_PROJECT": str(made_by_hand.root)})
    assert done.exit_code == 0, done.output
    assert [event["version"] for event in versions.events(made_by_hand.project, "orders").iter_rows(named=True)] == [
        by_hand.version,
        by_dagster.version,
    ]


def test_no_split_leak_warns_where_rows_are_split_one_by_one(factory: Factory) -> None:
    """Copies may stand in several splits when a user asks for `by: row`: shown as a warning, and the run goes on."""
    text = "amber kettle to Oslo: wonderful, works great and arrived early"
    factory.write(pl.DataFrame({"text": [text] * 60, "label": ["praise"] * 60}))
    factory.declare(recipe=[], splits={"by": "row", "train": 0.5, "test": 0.5, "seed": 7}, pilot={})
    result = factory.materialise(*LINE)
    assert result.success
    (leak,) = [c for c in result.get_asset_check_evaluations() if c.check_name == "no_split_leak"]
    assert leak.severity == dg.AssetCheckSeverity.WARN


def test_a_virtual_source_says_so_and_makes_the_same_version(factory: Factory) -> None:
    assert factory.materialise(*LINE).success
    assert factory.metadata("bronze/orders_raw")["mode"] == "collected"
    version = versions.find(factory.project, "orders", "latest").version
    (factory.root / "lake").rename(factory.root.parent / "copied")
    declared = factory.root / "assets" / "sources" / "orders_raw.yaml"
    declared.write_text(declared.read_text(encoding="utf-8") + "mode: virtual\n", encoding="utf-8")
    assert factory.materialise(*LINE).success
    shown = factory.metadata("bronze/orders_raw")
    assert (shown["mode"], shown["dagster/row_count"]) == ("virtual", 60)
    assert versions.find(factory.project, "orders", "latest").version == version
    assert factory.project.table("bronze", "orders_raw").read()["text"].null_count() == 60
