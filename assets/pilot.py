"""Pilot: `pilot/<dataset>`, partitioned by version, one check a gate."""

from typing import Any

import dagster as dg

from assets import automation
from assets.common import (
    diagnosis_link,
    key,
    log_progress,
    mlflow_link,
    owners,
    partitions,
    picture,
    plain_failures,
    started_here,
    version_of,
)
from lakehouse.core import versions
from lakehouse.core.project import Project
from lakehouse.core.spec import Dataset
from lakehouse.operations.maintenance.grade import grade
from lakehouse.operations.maintenance.pictures import grade_picture
from lakehouse.pilot.pilot import pilot
from lakehouse.pilot.predictions import predictions_of, scored_as

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
    named = check_names(dataset)
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
            for c, g in zip(named, dataset.pilot.gates, strict=True)
        ],
        automation_condition=automation.on_new_version(),
    )
    def evaluated(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        with plain_failures(), started_here(context):
            done = pilot(project, name, version_of(context.partition_key), progress=log_progress(context))
            if versions.find(project, name, done.version).archived is None:
                grade(project, name, done.version, progress=log_progress(context))
        version = versions.find(project, name, done.version)
        metadata: dict[str, Any] = {"version": done.version, "label": done.label, "passed": done.passed, "seconds": round(done.seconds, 2)}
        metadata |= _grade(version) | diagnosis_link(project, version)
        for evaluation, result in version.evaluations.items():
            metadata[f"{evaluation}: mlflow run"] = mlflow_link(project, result["run_id"], result["page"])
            predictions = predictions_of(project, result["key"])
            for set_name, found in result["metrics"].items():
                if set_name == "resources":
                    metadata |= {f"{evaluation}: {k}": v for k, v in found.items()}
                    continue
                scoring = scored_as(version, evaluation)
                rows = predictions.filter(predictions["set"] == set_name)
                shown = scoring.headline if rows.height else list(found)[:_SHOWN]
                metadata |= {f"{evaluation}: {set_name} {m}": found[m]["mean"] for m in shown if m in found}
                if rows.is_empty():
                    continue  # an evaluation that measures other things than predictions
                for file, content in scoring.pictures(rows, found, f"{name} {done.label}, {set_name}").items():
                    kind = file.removesuffix(".png")
                    metadata[f"{evaluation}: {kind} on {set_name}"] = picture(content, kind)
            for test in (t for t in done.self_tests if t.evaluation == evaluation):
                metadata[f"{evaluation}: self-test of {test.metric} on {test.on}, {test.control}"] = test.in_words()
            if said := result.get("said"):
                metadata[f"{evaluation}: findings"] = "; ".join(said)
        return dg.MaterializeResult(
            metadata=metadata,
            check_results=[
                dg.AssetCheckResult(check_name=c, passed=v.passed, metadata={"verdict": v.verdict, "reason": v.reason})
                for c, v in zip(named, done.verdicts, strict=True)
            ],
        )

    return evaluated


def _grade(version: versions.Version) -> dict[str, Any]:
    """The grade of a version with what decided it, each indicator as a number, and their picture."""
    graded = version.graded
    if graded is None:
        return {}
    lowered = [f"lowered by {version.downgraded['by']}: {version.downgraded['reason']}"] if version.downgraded else []
    return {
        "grade": version.grade,
        "grade: because": "; ".join([*lowered, *graded["because"]]),
        **{f"grade: {each['name']}": each["value"] for each in graded["indicators"] if each["value"] is not None},
        "grade: indicators": picture(
            grade_picture(graded["indicators"], f"{version.dataset} {version.label}: {version.grade}"), "indicators"
        ),
    }
