"""The loop in Dagster: a sensor that starts it once for what is new, and an asset that shows what it did."""

from __future__ import annotations

import json
from pathlib import Path

import dagster as dg
import pytest

from assets.definitions import definitions
from lakehouse.core.project import Project
from lakehouse.operations.line import run
from tests.operations.repair.loop import loop_factory, notes, spoilt

REPAIR = {"policies": [{"on": "label_error", "action": "relabel", "p_given_at_most": 0.5}], "limits": {"rounds": 1}}


@pytest.mark.slow
def test_the_sensor_starts_a_repair_for_what_is_new(tmp_path: Path, empty_store: Path) -> None:
    factory = loop_factory(tmp_path, empty_store, REPAIR)
    rows = notes(600)
    factory.material(spoilt(rows, {row["id"] for row in rows if int(row["id"]) * 37 % 100 < 8}))
    graph = definitions(Project.open(tmp_path))
    sensor = graph.get_repository_def().get_sensor_def("repair_notes")
    cursor: str | None = None

    def tick(instance: dg.DagsterInstance) -> list[str | None]:
        nonlocal cursor
        with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
            found = sensor.evaluate_tick(context)
        cursor = found.cursor
        return [request.run_key for request in found.run_requests or ()]

    with dg.instance_for_test() as instance:
        assert tick(instance) == [], "nothing was piloted yet"
        list(run(factory.project, ["notes"]))
        assert len(tick(instance)) == 1
        assert tick(instance) == [], "asked for once"
        job = graph.resolve_implicit_global_asset_job_def()
        key = dg.AssetKey(["repair", "notes"])
        done = job.execute_in_process(instance=instance, asset_selection=[key], raise_on_error=False)
        assert done.success
        event = instance.get_latest_materialization_event(key)
        assert event is not None
        assert event.asset_materialization is not None
        shown = {name: value.value for name, value in event.asset_materialization.metadata.items()}
        assert shown["rounds"] == 1
        assert "the decisions stay" in str(shown["round 1"])
        assert str(shown["picture: gains"]).startswith("![gains](data:image/png;base64,")
        (check,) = done.get_asset_check_evaluations()
        assert check.passed
        assert len(tick(instance)) == 1, "the repaired version is new, too"
        report = {"row": "notes/00001", "label": "good", "message": "is praise"}
        factory.write("reports/notes/classifier-7.jsonl", json.dumps(report) + "\n")
        assert len(tick(instance)) == 1
        assert job.execute_in_process(instance=instance, asset_selection=[key], raise_on_error=False).success
        assert tick(instance), "a ticket of the report is open"
        assert tick(instance) == []
