"""Diagnose a version: which of its rows are likely wrong, and why, as ranked findings in `system/findings`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl

from lakehouse.core import versions
from lakehouse.core.errors import NotFoundError, RecipeError
from lakehouse.core.hashing import digest
from lakehouse.core.lake.table import Table
from lakehouse.core.project import Project
from lakehouse.core.runs.progress import Progress, silent
from lakehouse.core.runs.run import run
from lakehouse.core.spec import Dataset
from lakehouse.core.versions import Version
from lakehouse.pilot.diagnosis.findings import COLUMNS, findings_frame
from lakehouse.pilot.diagnosis.kinds import KINDS, FindingKind, Kind
from lakehouse.pilot.diagnosis.kinds_by_label_type import KINDS_BY_LABEL_TYPE, headline
from lakehouse.pilot.diagnosis.material import NEIGHBOURS, prepare
from lakehouse.pilot.diagnosis.page import PAGE, render_page
from lakehouse.pilot.diagnosis.view import View
from lakehouse.pilot.evaluation import EVALUATIONS, complete_parameters
from lakehouse.pilot.pilot import held_out_version
from lakehouse.pilot.task import task_named, tasks
from lakehouse.pilot.tracking.connection import reachable
from lakehouse.pilot.tracking.diagnosis_runs import log_diagnosis
from lakehouse.pilot.tracking.runs import artifact

VERSION = 2
"""Of the diagnosis: raised by hand when the same version and scores give other findings; versions are then diagnosed anew."""
FINDINGS = pl.Schema(
    [
        ("dataset", pl.String),
        ("version", pl.String),
        ("key", pl.String),
        *COLUMNS.items(),
        ("at", pl.Datetime("us", "UTC")),
    ]
)
_SUMMARY = "summary"
"""Kind of the one row that records the inputs of a diagnosis; it is there where nothing was found, too."""


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """The findings on a version.

    Attributes:
        findings: FINDINGS without the summary, by kind and rank. `score` is, for `contradiction`, the share of the rows it stands for that
            have its label; for `label_error`, the probability of the given label minus that of the suggested one (of numbers: minus z); for
            `low_value`, the Shapley value; for `influence`, what the row adds to the loss of the scored rows; for `neighbours`, the share
            with another label (of numbers: z); for `slice`, SliceLine's score; for `coverage`, the share of its set; for `drift`, AUC or
            PSI; for `leak`, precision times recall (of numbers: R2).
        counts: findings by kind.
        summary: the type of the labels (`label_type`), columns read, rows, folds, how far models are off, whether contradictions were
            looked for, the MLflow run, and the notes of each kind.
        unchanged: the findings stood already.
    """

    dataset: str
    version: str
    label: str
    findings: pl.DataFrame
    counts: Mapping[str, int]
    summary: Mapping[str, Any]
    unchanged: bool
    seconds: float

    @property
    def kinds(self) -> Mapping[Kind, FindingKind]:
        """What there is to know about each kind of finding, of labels such as these."""
        return KINDS_BY_LABEL_TYPE[self.summary["label_type"]]

    def headline(self) -> str:
        """The notes on all rows together."""
        return headline(self.summary)

    def top(self, kind: Kind, number: int) -> list[dict[str, Any]]:
        """The first findings of a kind, worst first, evidence as plain data."""
        rows = self.findings.filter(pl.col("kind") == kind).head(number).select("rank", "_row_id", "score", "evidence", "source")
        return [{**row, "evidence": json.loads(row["evidence"])} for row in rows.iter_rows(named=True)]


def findings_table(project: Project) -> Table:
    """The findings of the newest diagnosis of every version (FINDINGS)."""
    return project.table("system", "findings")


def findings_of(project: Project, version: Version) -> tuple[pl.DataFrame, dict[str, Any]] | None:
    """The findings of the newest diagnosis of a version, by kind and rank, and its summary; None where there was none."""
    table = findings_table(project)
    if not table.exists():
        return None
    mine = (pl.col("dataset") == version.dataset) & (pl.col("version") == version.version)
    found = _ordered(table.scan().filter(mine).collect())
    return None if found.is_empty() else _parted(found)


def _parted(stored: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Findings, and the summary among them."""
    summary: dict[str, Any] = json.loads(stored.filter(pl.col("kind") == _SUMMARY)["evidence"][0])
    return stored.filter(pl.col("kind") != _SUMMARY), summary


def diagnose(project: Project, dataset: str, version: str = "latest", *, progress: Progress = silent) -> Diagnosis:
    """Find the rows of a version that are likely wrong. What the table of findings holds already is not done again.

    All labelled rows are judged by models that have not seen them; values and influence of rows are those of the train rows for the test
    rows, or for the validation rows where there is no test split. The frozen set is asked only what the train rows lack.

    Raises:
        RecipeError: the dataset declares no `train` evaluation of a task that is diagnosed, or its rows allow no model.
        NotFoundError, HeldOutError, StorageError, LockedError.
    """
    with run(project, f"pilot {dataset}", progress) as work:
        progress = work.progress
        found = versions.find(project, dataset, version)
        declared = project.dataset(dataset)
        params = params_of(declared)
        frozen = held_out_version(project, declared.pilot.held_out) if declared.pilot.held_out else None
        code = [VERSION, EVALUATIONS.entries()["train"].code(), task_named(params["task"]).code()]
        key = digest([found.version, code, params, frozen.content_id if frozen else None])[:32]
        stored = _stored(project, found, key)
        # The fates of merged rows are those of the current version: contradictions can be looked for only in it.
        standing = versions.current(project, dataset)
        comparable = standing is not None and standing.version == found.version
        unchanged = not stored.is_empty() and (not comparable or _parted(stored)[1].get("contradictions", False))
        if not unchanged:
            reachable(project)
            stored = _diagnosed(project, found, key, params, frozen, comparable, progress)
        rest, summary = _parted(stored)
        counts: dict[str, int] = {kind: rest.filter(pl.col("kind") == kind).height for kind in KINDS}
        return Diagnosis(
            dataset=dataset,
            version=found.version,
            label=found.label,
            findings=rest,
            counts=counts,
            summary=summary,
            unchanged=unchanged,
            seconds=work.seconds,
        )


def page_of(project: Project, found: Diagnosis) -> bytes:
    """The page of a diagnosis, from its MLflow run.

    Raises:
        NotFoundError: the store does not hold the run, or its artifacts are gone.
        StorageError: the tracking store cannot be reached.
    """
    page = artifact(project, found.summary["run_id"], PAGE)
    if page is None:
        raise NotFoundError(
            f"MLflow does not hold the page of the diagnosis of {found.dataset} {found.label} (run {found.summary['run_id']})",
            fix="point MLFLOW_TRACKING_URI at the store it was logged to",
        )
    return page


def params_of(dataset: Dataset) -> dict[str, Any]:
    """The parameters of a dataset's `train` evaluation, which say what is read of a row and what its label is.

    Raises:
        RecipeError: it declares none whose rows are diagnosed.
    """
    declared = [complete_parameters(call) for call in dataset.pilot.evaluations if call.name == "train"]
    for params in declared:
        if task_named(params["task"]).view is not None:
            return params
    others = [task_named(params["task"]) for params in declared]
    instead = "".join(f"; rows of {task.name} are not diagnosed: {task.undiagnosed}" for task in others)
    diagnosed = " or ".join(task.name for task in tasks() if task.view is not None)
    raise RecipeError(
        f"{dataset.dataset} has no evaluation `train` of {diagnosed}, which says what is read and what the label is{instead}",
        fix="declare pilot: evaluations: - train: {task: text_classification, input: TEXT, label: LABEL}",
    )


def view_of(dataset: Dataset) -> View:
    """The rows of a dataset as its diagnosis reads them.

    Raises:
        RecipeError: it declares no `train` evaluation whose rows are diagnosed.
    """
    return _view(params_of(dataset))


def _view(params: Mapping[str, Any]) -> View:
    task = task_named(params["task"])
    assert task.view is not None
    return task.view(task.make_learner({name: params[name] for name in task.parameters}))


def _stored(project: Project, version: Version, key: str) -> pl.DataFrame:
    table = findings_table(project)
    if not table.exists():
        return pl.DataFrame(schema=FINDINGS)
    mine = (pl.col("dataset") == version.dataset) & (pl.col("version") == version.version) & (pl.col("key") == key)
    return _ordered(table.scan().filter(mine).collect())


def _ordered(findings: pl.DataFrame) -> pl.DataFrame:
    return findings.sort(pl.col("kind").replace_strict([*KINDS, _SUMMARY], range(len(KINDS) + 1)), "rank")


def _diagnosed(
    project: Project,
    version: Version,
    key: str,
    params: Mapping[str, Any],
    frozen: Version | None,
    with_contradictions: bool,
    progress: Progress,
) -> pl.DataFrame:
    """Make, log and store the findings, contradictions where they are looked for.

    The table comes last, so that a killed diagnosis is made again.
    """
    material = prepare(project, version, frozen, _view(params), params["seeds"][0], progress, with_contradictions=with_contradictions)
    predicted = material.out_of_fold
    progress(f"diagnosing {material.name}: findings", 3, 4)
    found = {kind: of.find(material) for kind, of in KINDS_BY_LABEL_TYPE[material.view.label_type.name].items()}
    summary: dict[str, Any] = {
        "label_type": material.view.label_type.name,
        "columns": list(material.view.columns),
        "rows": material.rows.height,
        "train_rows": len(material.learnt),
        "scored_rows": len(material.scored),
        "folds": predicted.folds,
        **predicted.summary(),
        "contradictions": with_contradictions,
        "held_out": {"dataset": frozen.dataset, "version": frozen.version} if frozen else None,
        **{kind: each.notes for kind, each in found.items() if each.notes},
    }
    counts = {kind: each.table.height for kind, each in found.items()}
    listed = pl.concat([each.table for each in found.values()])
    pictures = {name: picture for each in found.values() for name, picture in each.pictures.items()}
    page = render_page(material, found, summary)
    run = log_diagnosis(
        project,
        version,
        key=key,
        params={**params, "folds": predicted.folds, "k": NEIGHBOURS, "dimensions": material.vectors.shape[1]},
        metrics={**{f"findings.{kind}": n for kind, n in counts.items()}, **predicted.metrics()},
        files={**pictures, "findings.csv": listed.write_csv().encode(), PAGE: page.encode()},
    )
    summary |= {"run_id": run.run_id, "page": run.page}
    made = pl.concat([listed, findings_frame(_SUMMARY, [None], [float(predicted.error.sum())], [summary])])
    at = datetime.now(UTC)
    made = made.with_columns(
        dataset=pl.lit(version.dataset), version=pl.lit(version.version), key=pl.lit(key), at=pl.lit(at).cast(FINDINGS["at"])
    ).select(FINDINGS.names())
    _store(findings_table(project), version, made)
    progress(f"diagnosing {material.name}: done", 4, 4)
    return _ordered(made)


def _store(table: Table, version: Version, made: pl.DataFrame) -> None:
    """Put the findings in the place of those that the version had."""
    after = table.version()
    if after is None:
        table.write(made, "append", after=-1)
        return
    mine = (pl.col("dataset") == version.dataset) & (pl.col("version") == version.version)
    table.replace(table.located(["dataset", "version"]).filter(mine), [made], schema=FINDINGS, after=after)
