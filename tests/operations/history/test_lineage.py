"""What columns and rows are made from, and run events that hold what OpenLineage 2-0-2 asks of them."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from lakehouse.cli import cli
from lakehouse.core import versions
from lakehouse.core.errors import NotFoundError
from lakehouse.operations.history import lineage
from tests.factory import Factory, new_factory

# What the specification requires of an event and of the facets that are written here, in JSON Schema.
PLACE = {"namespace": {"type": "string"}, "name": {"type": "string"}}
FACET = {
    "type": "object",
    "required": ["_producer", "_schemaURL"],
    "properties": {
        "_producer": {"format": "uri"},
        "_schemaURL": {"pattern": r"^https://openlineage.io/spec/facets/\d-\d-\d/(\w+).json#/\$defs/\w+$"},
    },
}


def asked(**properties: Any) -> dict[str, Any]:
    return {"allOf": [FACET, {"required": list(properties), "properties": properties}]}


def each(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


TEXT, WHOLE = {"type": "string"}, {"type": "integer"}
INPUT = each(**PLACE, field=TEXT, transformations={"type": "array", "items": each(type={"enum": ["DIRECT", "INDIRECT"]})})
FACETS = {
    "schema": asked(fields={"type": "array", "items": each(name=TEXT, type=TEXT)}),
    "columnLineage": asked(fields={"type": "object", "additionalProperties": each(inputFields={"type": "array", "items": INPUT})}),
    "documentation": asked(description=TEXT),
    "ownership": asked(owners={"type": "array", "items": each(name=TEXT)}),
    "version": asked(datasetVersion=TEXT),
    "dataQualityMetrics": asked(rowCount=WHOLE, columnMetrics={"type": "object", "additionalProperties": each(nullCount=WHOLE)}),
}
ASSERTIONS = asked(assertions={"type": "array", "items": each(assertion=TEXT, success={"type": "boolean"})})
DATASET = {**each(**PLACE), "properties": {**PLACE, "facets": {"properties": FACETS, "additionalProperties": False}}}
INPUTS = {"allOf": [DATASET, {"properties": {"inputFacets": {"properties": {"dataQualityAssertions": ASSERTIONS}}}}]}
OUTPUTS = {"allOf": [DATASET, {"properties": {"outputFacets": {"properties": {"outputStatistics": asked(rowCount=WHOLE)}}}}]}
EVENT = each(
    eventType={"enum": ["START", "COMPLETE"]},
    eventTime={"format": "date-time"},
    run=each(runId={"format": "uuid"}),
    job=each(**PLACE),
    producer={"format": "uri"},
    schemaURL={"const": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"},
    inputs={"type": "array", "items": INPUTS},
    outputs={"type": "array", "items": OUTPUTS},
)


@pytest.fixture(scope="module")
def failed_version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    factory = new_factory(tmp_path_factory.mktemp("lineage"))
    factory.declare_source("more", columns={"id": "string", "text": "string"}, connector={"files": {"path": "raw/more.jsonl"}})
    factory.declare(
        [{"redact": {"column": "text", "kinds": ["email"]}}, {"text_length": {"column": "text", "at_least": 2}}], sources=["notes", "more"]
    )
    factory.material([{"id": "1", "text": "write to ana@example.org", "label": "a"}, {"id": "2", "text": "x", "label": "b"}])
    factory.write("raw/more.jsonl", '{"id": "3", "text": "more words"}\n')
    factory.collect("more")
    factory.made()
    version = versions.find(factory.project, "notes", "latest")
    verdict = {"gate": "macro_f1 on test >= 0.8", "metric": "macro_f1", "passed": False}
    versions.record(factory.project, "notes", version.version, "gated", {"passed": False, "verdicts": [verdict]})
    return factory.root


@pytest.fixture
def made(failed_version: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Factory:
    """A version of two sources, one of its columns redacted, judged by a gate that failed."""
    shutil.copytree(failed_version, tmp_path / "factory")
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(tmp_path / "factory"))
    return Factory(tmp_path / "factory")


def events(factory: Factory) -> list[dict[str, Any]]:
    return lineage.events(factory.project, versions.find(factory.project, "notes", "latest"))


def test_a_column_is_traced_to_the_sources_that_have_it(made: Factory) -> None:
    found = {c.column: c for c in lineage.columns(made.project, versions.find(made.project, "notes", "latest"))}
    assert found["text"].made_from == ("bronze/notes.text", "bronze/more.text")
    assert found["text"].steps == ("redact", "text_length")
    assert (found["label"].made_from, found["label"].steps) == (("bronze/notes.label",), ())


def test_events_hold_what_the_specification_asks(made: Factory) -> None:
    found = events(made)
    for event in found:
        jsonschema.validate(event, EVENT, format_checker=jsonschema.FormatChecker())
    assert [(event["eventType"], event["job"]["name"]) for event in found] == [
        ("START", "gold/notes"),
        ("COMPLETE", "gold/notes"),
        ("START", "pilot/notes"),
        ("COMPLETE", "pilot/notes"),
    ]
    # Each run starts once and completes once, and its id is the same whenever the events are written.
    assert sorted(Counter(event["run"]["runId"] for event in found).values()) == [2, 2]
    assert events(made) == found


def test_the_output_carries_schema_lineage_and_quality(made: Factory) -> None:
    _, done, _, judged = events(made)
    (gold,) = done["outputs"]
    assert (gold["namespace"], gold["name"]) == ("file", f"{made.root}/lake/gold/notes")
    assert [field["name"] for field in gold["facets"]["schema"]["fields"]] == ["label", "text"]
    inputs = gold["facets"]["columnLineage"]["fields"]["text"]["inputFields"]
    assert [(i["name"], i["field"]) for i in inputs] == [(f"{made.root}/lake/bronze/{s}", "text") for s in ("notes", "more")]
    assert {i["name"] for i in inputs} == {i["name"] for i in done["inputs"]}
    assert gold["facets"]["dataQualityMetrics"]["columnMetrics"]["label"] == {"nullCount": 1, "count": 1}
    assert gold["outputFacets"]["outputStatistics"]["rowCount"] == 2
    asserted = judged["inputs"][0]["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert {"assertion": "str_length(1, None)", "success": True, "column": "text"} in asserted
    assert {"assertion": "macro_f1 on test >= 0.8", "success": False} in asserted


def test_the_command_shows_columns_rows_and_writes_events(made: Factory, tmp_path: Path) -> None:
    to = tmp_path / "events.jsonl"
    said = CliRunner().invoke(cli, ["version", "lineage", "notes", "--row", "notes/1", "--openlineage", str(to)])
    assert said.exit_code == 0, said.output
    assert "bronze/more.text" in said.output
    assert "notes/1 from raw/notes.jsonl" in said.output
    assert [json.loads(line) for line in to.read_text(encoding="utf-8").splitlines()] == events(made)
    shown = json.loads(CliRunner().invoke(cli, ["version", "lineage", "notes", "--json"]).output)
    assert [column["column"] for column in shown["columns"]] == ["label", "text"]


def test_a_row_that_the_version_does_not_hold_is_said(made: Factory) -> None:
    with pytest.raises(NotFoundError, match=r"(?s)does not hold row `notes/2`.*lakehouse row trace notes/2"):
        lineage.row(made.project, versions.find(made.project, "notes", "latest"), "notes/2")
