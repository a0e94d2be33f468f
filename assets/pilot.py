"""Pilot: `pilot/<dataset>`, partitioned by version, one check a gate."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import dagster as dg
import polars as pl

from assets import automation
from assets.common import (
    diagnosis_link,
    key,
    log_progress,
    mlflow_link,
    owners,
    partition_key,
    partitions,
    picture,
    plain_failures,
    started_here,
    version_of,
)
from assets.page import Content, Page
from lakehouse.core import addresses, versions
from lakehouse.core.hashing import digest
from lakehouse.core.project import Project
from lakehouse.core.spec import Dataset
from lakehouse.core.versions import Version
from lakehouse.operations.maintenance.grade import grade
from lakehouse.operations.maintenance.pictures import grade_picture
from lakehouse.pilot.diagnose import findings_of
from lakehouse.pilot.pilot import pilot
from lakehouse.pilot.predictions import predictions_of, scored_as
from lakehouse.pilot.selftest import JOURNAL as SELF_TESTS
from lakehouse.pilot.selftest import SelfTest

_SHOWN = 12
"""Metrics of an evaluation that predicts no rows in the metadata; MLflow has all of them."""


def check_names(dataset: Dataset) -> list[str]:
    """The name of each gate's check, numbered where gates would share one.

    Dagster allows ASCII letters, digits and `_`: other letters stand as their code points; the check's description has the words.
    """
    names: list[str] = []
    for gate in dataset.pilot.gates:
        words = dataset.pilot.in_words(gate).replace(">=", "at least").replace("<=", "at most")
        words = f"{gate.evaluation} {words}" if gate.evaluation else words
        letters = (c if c.isascii() and c.isalnum() else f"u{ord(c):x}" if c.isalnum() else " " for c in words)
        name = "_".join("".join(letters).split())
        repeats = sum(known == name or known.startswith(f"{name}_gate_") for known in names)
        names.append(f"{name}_gate_{repeats + 1}" if repeats else name)
    return names


def build(project: Project, dataset: Dataset) -> dg.AssetsDefinition:
    """The pilot asset of a dataset: evaluates, gates and grades the version that its partition names."""
    name = dataset.dataset
    asset_key = key("pilot", name)
    held_out = [key("gold", dataset.pilot.held_out.dataset)] if dataset.pilot.held_out else []

    @dg.asset(
        key=asset_key,
        deps=[key("gold", name), *held_out],
        partitions_def=partitions(dataset),
        group_name="pilot",
        description=f"Evaluations, gates and grade of every version of {name}.",
        owners=owners(dataset.owner),
        kinds={"mlflow", "scikitlearn"},
        tags={"factory/workshop": "pilot"},
        check_specs=[
            dg.AssetCheckSpec(c, asset=asset_key, blocking=True, description=dataset.pilot.in_words(g))
            for c, g in zip(check_names(dataset), dataset.pilot.gates, strict=True)
        ],
        automation_condition=automation.on_new_version(),
    )
    def evaluated(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        with plain_failures(), started_here(context):
            done = pilot(project, name, version_of(context.partition_key), progress=log_progress(context))
            if versions.find(project, name, done.version).archived is None:
                grade(project, name, done.version, progress=log_progress(context))
        (page,) = pages(project, dataset, done.version)
        return page.result(seconds=round(done.seconds, 2))

    return evaluated


def pages(project: Project, dataset: Dataset, of: str | None = None) -> list[Page]:
    """A page for each version that went through its gates, or for the one named, oldest first."""
    name = dataset.dataset
    events = versions.events(project, name).filter(pl.col("event").is_in(["evaluated", "gated", "graded", "downgraded"]))
    at = dict(events.select("version", "at").iter_rows())  # the last of each
    made = []
    for version in versions.versions(project, name):
        if version.gates is None or of not in (None, version.version):
            continue
        found = findings_of(project, version)
        # With MLflow at another address the links are others.
        mark = digest([found and found[1]["run_id"], addresses.mlflow(project)])[:8]
        made.append(
            Page(
                key=key("pilot", name),
                at=at[version.version],
                partition=partition_key(version.label, version.version),
                mark=mark,
                content=partial(_content, project, dataset, version),
            )
        )
    return sorted(made, key=lambda page: page.at)


def _content(project: Project, dataset: Dataset, version: Version) -> Content:
    gates = version.gates or {"passed": True, "verdicts": []}
    metadata: dict[str, Any] = {"version": version.version, "label": version.label, "passed": gates["passed"]}
    metadata |= {f"{name}: mlflow run": mlflow_link(project, each["run_id"], each["page"]) for name, each in version.evaluations.items()}
    metadata |= gates_table(gates["verdicts"]) | _grade(version) | diagnosis_link(project, version)
    tests = self_tests(project, dataset)
    for evaluation, result in version.evaluations.items():
        metadata |= _evaluation(project, version, evaluation, result)
        for test in (t for t in tests if t.evaluation == evaluation):
            metadata[f"{evaluation}: self-test of {test.metric} on {test.on}, {test.control}"] = test.in_words()
    named = dict(zip((dataset.pilot.in_words(gate) for gate in dataset.pilot.gates), check_names(dataset), strict=True))
    return Content(
        metadata=metadata,
        checks=[
            dg.AssetCheckResult(check_name=named[v["gate"]], passed=v["passed"], metadata={"verdict": v["verdict"], "reason": v["reason"]})
            for v in gates["verdicts"]
            if v["gate"] in named  # a gate that was declared when the version was made may be none now
        ],
    )


def _evaluation(project: Project, version: Version, evaluation: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """The scores of an evaluation as numbers and pictures, and what it says."""
    metadata: dict[str, Any] = {}
    predictions = predictions_of(project, result["key"])
    for set_name, found in result["metrics"].items():
        if set_name == "resources":
            metadata |= {f"{evaluation}: {k}": v for k, v in found.items()}
            continue
        scoring = scored_as(version, evaluation)
        rows = predictions.filter(predictions["set"] == set_name)
        shown = scoring.headline if rows.height else list(found)[:_SHOWN]
        metadata |= {f"{evaluation}: {set_name} {m}": float(found[m]["mean"]) for m in shown if m in found}
        if rows.is_empty():
            continue  # an evaluation that measures other things than predictions
        for file, content in scoring.pictures(rows, found, f"{version.dataset} {version.label}, {set_name}").items():
            metadata |= picture(f"{evaluation}, {file.removesuffix('.png')} on {set_name}", content)
    if said := result.get("said"):
        metadata[f"{evaluation}: findings"] = "; ".join(said)
    return metadata


def gates_table(verdicts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The verdicts as a table, and each gate's value as a number, which the UI plots over versions."""
    columns = ["metric", "on", "value", "bound", "verdict", "passed", "interval", "why", "gate"]
    records = [
        dg.TableRecord(
            {
                "metric": v["metric"],
                "on": v["on"],
                "value": _short(v["value"]),
                "bound": _short(v["threshold"]),
                "verdict": v["verdict"],
                "passed": v["passed"],
                "interval": "" if v["low"] is None else f"{v['low']:+.4f} to {v['high']:+.4f}",
                "why": v["reason"],
                "gate": v["gate"],
            }
        )
        for v in verdicts
    ]
    types = {"value": "float", "bound": "float", "passed": "bool"}
    schema = dg.TableSchema(columns=[dg.TableColumn(c, types.get(c, "string")) for c in columns])
    values = {f"gate: {v['metric']} on {v['on']}": float(v["value"]) for v in verdicts if v["value"] is not None}
    return {"gates": dg.MetadataValue.table(records, schema), **values} if records else {}


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def self_tests(project: Project, dataset: Dataset) -> list[SelfTest]:
    """What known-bad controls showed of the metrics of the gates, the newest of each."""
    if not dataset.pilot.self_test:
        return []
    which = ["evaluation", "on", "metric", "control"]
    rows = SELF_TESTS.read(project, pl.col("dataset") == dataset.dataset).unique(which, keep="last", maintain_order=True)
    return [SelfTest(**row) for row in rows.drop("dataset", "key", "at", "seq").iter_rows(named=True)]


def _grade(version: Version) -> dict[str, Any]:
    """The grade of a version with what decided it, each indicator as a number, and their picture."""
    graded = version.graded
    if graded is None:
        return {}
    lowered = [f"lowered by {version.downgraded['by']}: {version.downgraded['reason']}"] if version.downgraded else []
    return {
        "grade": version.grade,
        "grade: because": "; ".join([*lowered, *graded["because"]]),
        **{f"grade: {each['name']}": each["value"] for each in graded["indicators"] if each["value"] is not None},
        **picture("grade, indicators", grade_picture(graded["indicators"], f"{version.dataset} {version.label}: {version.grade}")),
    }
