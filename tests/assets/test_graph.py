"""The graph that Dagster loads from this repository's own declarations, and what it says of wrong ones."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets import automation
from assets.definitions import definitions, load
from lakehouse.core.project import Project

from .conftest import Factory

REPOSITORY = Path(__file__).parents[2]
SNAPSHOT = Path(__file__).with_name("graph.json")


@pytest.fixture(scope="module")
def graph() -> dg.Definitions:
    return definitions(Project.open(REPOSITORY))


def described(graph: dg.Definitions) -> dict[str, Any]:
    """Everything of a graph that a user would notice, as plain data."""
    resolved = graph.resolve_asset_graph()
    assets = {}
    for spec in sorted(graph.resolve_all_asset_specs(), key=lambda s: s.key.to_user_string()):
        found = sorted((resolved.get(key) for key in resolved.get_check_keys_for_assets([spec.key])), key=lambda c: c.key.name)
        assets[spec.key.to_user_string()] = {
            "group": spec.group_name,
            "deps": sorted(dep.asset_key.to_user_string() for dep in spec.deps),
            "owners": list(spec.owners),
            "kinds": sorted(spec.kinds),
            "partitions": getattr(spec.partitions_def, "name", None),
            "runs when": spec.automation_condition.get_label() if spec.automation_condition else None,
            "columns": [c.name for c in getattr(spec.metadata.get("dagster/column_schema"), "columns", ())],
            "storage": str(spec.metadata.get("dagster/uri", "")).removeprefix(str(REPOSITORY)) or None,
            "fresh within": spec.freshness_policy.fail_window.to_timedelta().total_seconds() if spec.freshness_policy else None,
            "checks": {check.key.name: "blocking" if check.blocking else "not blocking" for check in found},
        }
    repository = graph.get_repository_def()
    return {
        "assets": assets,
        "jobs": {
            job.name: sorted(key.to_user_string() for key in job.asset_layer.selected_asset_keys)
            for job in repository.get_all_jobs()
            if not job.name.startswith("__")
        },
        "schedules": {s.name: s.cron_schedule for s in repository.schedule_defs},
        "sensors": sorted(s.name for s in repository.sensor_defs),
    }


def test_the_graph_is_the_one_on_file(graph: dg.Definitions) -> None:
    """After a wanted change: `LAKEHOUSE_WRITE_SNAPSHOTS=1 pytest tests/assets/test_graph.py`, and read the difference."""
    text = json.dumps(described(graph), indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("LAKEHOUSE_WRITE_SNAPSHOTS"):
        SNAPSHOT.parent.mkdir(exist_ok=True)
        SNAPSHOT.write_text(text, encoding="utf-8")
    assert json.loads(text) == json.loads(SNAPSHOT.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("selection", "found"),
    [
        ('key:"gold/reviews"', {"gold/reviews"}),
        ('+key:"gold/newsgroups_heldout"', {"gold/newsgroups_heldout", "silver/newsgroups_heldout", "bronze/newsgroups_test_raw"}),
        ('group:"reserve"', {"bronze/reviews_raw", "bronze/newsgroups_train_raw", "bronze/newsgroups_test_raw"}),
        ('kind:"gold" and owner:"team:nlp" and key:"gold/news*"', {"gold/newsgroups", "gold/newsgroups_heldout"}),
        ('key:"bronze/newsgroups_test_raw"+ and kind:"silver"', {"silver/newsgroups_heldout", "silver/newsgroups"}),
    ],
)
@pytest.mark.filterwarnings("ignore::dagster.BetaWarning")  # Dagster's own, of `group:`
def test_selection_strings_work(graph: dg.Definitions, selection: str, found: set[str]) -> None:
    """With antlr 4.9, which dvc's own hydra would bring, each of these is a TypeError."""
    resolved = dg.AssetSelection.from_string(selection).resolve(graph.resolve_asset_graph())
    assert {key.to_user_string() for key in resolved} == found


def test_a_source_that_must_be_fresh_has_a_policy_of_dagster(factory: Factory) -> None:
    file = factory.root / "assets" / "sources" / "orders_raw.yaml"
    file.write_text(file.read_text(encoding="utf-8") + "fresh_within_hours: 36\n", encoding="utf-8")
    assert described(factory.graph)["assets"]["bronze/orders_raw"]["fresh within"] == 36 * 3600


def test_a_run_is_one_process(graph: dg.Definitions) -> None:
    assert graph.executor is dg.in_process_executor


def test_conditions_have_the_names_that_the_ui_shows() -> None:
    assert automation.on_changed_data().get_label() == "on_changed_data"
    assert automation.on_new_version().get_label() == "on_new_version"


def test_a_broken_dataset_is_named_and_leaves_the_others(
    factory: Factory, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    logger = dg.get_dagster_logger()
    monkeypatch.setattr(logger, "handlers", [*logger.handlers, caplog.handler])
    dataset = factory.root / "assets" / "datasets" / "orders.yaml"
    text = dataset.read_text(encoding="utf-8")
    (dataset.parent / "other.yaml").write_text(text.replace("dataset: orders", "dataset: other"), encoding="utf-8")
    dataset.write_text(text.replace("text_length", "text_lenth"), encoding="utf-8")
    project = factory.project
    keys = {key.to_user_string() for key in load(project).resolve_all_asset_keys()}
    assert list(project.broken("datasets")) == ["orders"], "what looks at all declarations refuses"
    assert {"bronze/orders_raw", "gold/other"} <= keys
    assert "gold/orders" not in keys
    assert re.search(r"assets/datasets/orders\.yaml:\d+: unknown operator `text_lenth`", caplog.text)

    dataset.write_text("colour: [red\n", encoding="utf-8")
    assert "gold/other" in {key.to_user_string() for key in load(factory.project).resolve_all_asset_keys()}
    assert "not valid YAML" in caplog.text


def test_where_nothing_is_left_every_mistake_is_one_message(factory: Factory) -> None:
    (factory.root / "assets" / "sources" / "orders_raw.yaml").write_text("colour: red\n", encoding="utf-8")
    (factory.root / "assets" / "datasets" / "orders.yaml").write_text("colour: [red\n", encoding="utf-8")
    with pytest.raises(dg.DagsterInvalidDefinitionError) as refused:
        load(factory.project)
    assert re.search(r"assets/sources/orders_raw\.yaml:\d+", str(refused.value))
    assert re.search(r"assets/datasets/orders\.yaml:\d+", str(refused.value))


def test_a_gate_on_a_class_in_chinese_is_a_check(factory: Factory) -> None:
    factory.declare(
        pilot={
            "evaluations": [{"train": {"task": "text_classification", "input": "text", "label": "label"}}],
            "gates": [
                {"metric": "recall.负面", "at_least": 0.5},
                {"metric": "recall.负面", "at_least": 0.5},
                {"metric": "recall.正面", "at_least": 0.5},
            ],
        }
    )
    names = list(described(factory.graph)["assets"]["pilot/orders"]["checks"])
    assert names == [
        "recall_u6b63u9762_on_test_at_least_0_5",
        "recall_u8d1fu9762_on_test_at_least_0_5",
        "recall_u8d1fu9762_on_test_at_least_0_5_gate_2",
    ]
