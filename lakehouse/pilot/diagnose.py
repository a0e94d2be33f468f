"""Diagnose a version: which of its rows are likely wrong, and why, as ranked findings in `system/findings`."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse import versions
from lakehouse.errors import RecipeError
from lakehouse.hashing import canonical, code_version, digest
from lakehouse.lock import locked
from lakehouse.pilot import tracking
from lakehouse.pilot.baseline import OutOfFold, groups, out_of_fold
from lakehouse.pilot.diagnosis.contradictions import NO_CONTRADICTIONS, contradictions
from lakehouse.pilot.diagnosis.label_errors import LabelErrors, label_errors
from lakehouse.pilot.diagnosis.neighbours import neighbours
from lakehouse.pilot.diagnosis.pictures import joint_picture, slices_picture, values_picture
from lakehouse.pilot.diagnosis.row_values import row_values
from lakehouse.pilot.diagnosis.slices import bins, slices
from lakehouse.pilot.evaluation import EVALUATIONS
from lakehouse.pilot.evaluations import train as baseline
from lakehouse.progress import Progress, silent
from lakehouse.project import Project
from lakehouse.spec import Dataset
from lakehouse.table import Table
from lakehouse.versions import Version

Kind = Literal["contradiction", "label_error", "low_value", "neighbours", "slice"]
KINDS: tuple[Kind, ...] = ("contradiction", "label_error", "low_value", "neighbours", "slice")

FINDINGS = pl.Schema(
    [
        ("dataset", pl.String),
        ("version", pl.String),
        ("key", pl.String),
        ("kind", pl.String),
        ("rank", pl.Int64),
        ("_row_id", pl.String),
        ("score", pl.Float64),
        ("evidence", pl.String),
        ("source", pl.String),
        ("at", pl.Datetime("us", "UTC")),
    ]
)
_SUMMARY = "summary"
"""Kind of the one row that says what the diagnosis of a version was made of; it stands where nothing was found, too."""
_NEIGHBOURS, _DIMENSIONS, _SEED, _FOLDS = 10, 100, 1, 5
_LOWEST = 0.05
"""Share of the train rows that may be findings for their value."""
_FEW_VALUES, _SLICE_ROWS = 20, 1000


@dataclass(frozen=True)
class Diagnosis:
    """What was found in a version.

    Attributes:
        findings: FINDINGS without the summary, by kind and rank. `score` is, for `contradiction`, the share of the rows it stands for that
            have its label; for `label_error`, the probability of the given label minus
            that of the suggested one; for `low_value`, the Shapley value; for `neighbours`, the share with another label; for
            `slice`, SliceLine's score.
        counts: findings by kind.
        summary: text column, rows, classes, folds, errors, whether contradictions were looked for, the confident joint, the MLflow run.
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
    """Findings and the summary that stands among them."""
    summary: dict[str, Any] = json.loads(stored.filter(pl.col("kind") == _SUMMARY)["evidence"][0])
    return stored.filter(pl.col("kind") != _SUMMARY), summary


def diagnose(project: Project, dataset: str, version: str = "latest", *, progress: Progress = silent) -> Diagnosis:
    """Find the rows of a version that are likely wrong. What the table of findings holds already is not done again.

    All labelled rows are judged by models that have not seen them; values of rows are those of the train rows for the test rows, or
    for the validation rows where there is no test split.

    Raises:
        RecipeError: the dataset declares no `train` evaluation of text classification, or its rows allow no model.
        NotFoundError, StorageError, LockedError.
    """
    with locked(project, f"pilot {dataset}"):
        began = time.perf_counter()
        found = versions.find(project, dataset, version)
        params = params_of(project.dataset(dataset))
        here = Path(__file__)
        own = code_version(here, [here.with_name("baseline.py"), *here.with_name("diagnosis").glob("*.py")])
        code = [own, EVALUATIONS.entries()["train"].code()]
        key = digest([found.version, code, params])[:32]
        stored = _stored(project, found, key)
        # The fates of merged rows are those of the version that stands: only for it can contradictions be looked for.
        standing = versions.current(project, dataset)
        looks = standing is not None and standing.version == found.version
        unchanged = not stored.is_empty() and (not looks or _parted(stored)[1].get("contradictions", False))
        if not unchanged:
            tracking.reachable(project)
            stored = _made(project, found, key, params, looks, progress)
        rest, summary = _parted(stored)
        counts: dict[str, int] = {kind: rest.filter(pl.col("kind") == kind).height for kind in KINDS}
        return Diagnosis(dataset, found.version, found.label, rest, counts, summary, unchanged, time.perf_counter() - began)


def params_of(dataset: Dataset) -> dict[str, Any]:
    """The parameters of a dataset's `train` evaluation, which say what is the text and what the label.

    Raises:
        RecipeError: it declares none.
    """
    for call in dataset.pilot.evaluations:
        if call.name == "train" and call.params.get("task") == "text_classification":
            return EVALUATIONS.bind(call)
    raise RecipeError(
        f"{dataset.dataset} has no evaluation `train` of text_classification, which says what is the text and what the label",
        fix="declare pilot: evaluations: - train: {task: text_classification, input: TEXT, label: LABEL}",
    )


def _stored(project: Project, version: Version, key: str) -> pl.DataFrame:
    table = findings_table(project)
    if not table.exists():
        return pl.DataFrame(schema=FINDINGS)
    mine = (pl.col("dataset") == version.dataset) & (pl.col("version") == version.version) & (pl.col("key") == key)
    return _ordered(table.scan().filter(mine).collect())


def _ordered(findings: pl.DataFrame) -> pl.DataFrame:
    return findings.sort(pl.col("kind").replace_strict([*KINDS, _SUMMARY], range(len(KINDS) + 1)), "rank")


def _made(project: Project, version: Version, key: str, params: Mapping[str, Any], looks: bool, progress: Progress) -> pl.DataFrame:
    """Make, log and store the findings, contradictions if it `looks` for them.

    The table comes last, so that a killed diagnosis is made again.
    """
    name, text, label = f"{version.dataset} {version.label}", params["input"], params["label"]
    gold = project.table("gold", version.dataset).read(version=version.gold_version)
    for column in (text, label):
        if column not in gold.columns:
            raise RecipeError(f"{name} has no column `{column}`, which its evaluation `train` names", fix="correct `input` and `label`")
    rows = baseline.labelled(gold.sort("_row_id"), label)
    progress(f"diagnosing {name}: models that have not seen the row", 0, 4)
    judged = out_of_fold(rows, text, label, params, _FOLDS, _SEED)
    errors = label_errors(judged.given, judged.probabilities)
    progress(f"diagnosing {name}: vectors", 1, 4)
    vectors = _vectors(rows[text], params)
    progress(f"diagnosing {name}: values of rows", 2, 4)
    learnt, scored = _split(rows)
    values = row_values(vectors[learnt], judged.given[learnt], vectors[scored], judged.given[scored], _NEIGHBOURS)
    progress(f"diagnosing {name}: neighbours and slices", 3, 4)
    parts = [
        _contradiction_findings(contradictions(project, project.dataset(version.dataset), rows, label) if looks else NO_CONTRADICTIONS),
        _label_findings(rows, judged, errors),
        _value_findings(rows, judged, learnt, values),
        _neighbour_findings(rows, judged, vectors),
        _slice_findings(rows, judged, params),
    ]
    pictures = {"label_errors.png": joint_picture(errors.joint, judged.classes, f"{name}: labels, given and likely")}
    if len(learnt) and len(scored):
        pictures["row_values.png"] = values_picture(values, f"{name}: worth of {len(learnt):,} train rows for {len(scored):,} others")
    if not parts[-1].is_empty():
        shown = [json.loads(e) for e in parts[-1]["evidence"]]
        overall = float(judged.wrong.mean())
        pictures["slices.png"] = slices_picture(
            [(e["slice"], e["rate"], e["size"]) for e in shown], overall, f"{name}: slices with more errors"
        )
    summary: dict[str, Any] = {
        "input": text,
        "rows": rows.height,
        "train_rows": len(learnt),
        "scored_rows": len(scored),
        "classes": list(judged.classes),
        "folds": judged.folds,
        "errors": int(judged.wrong.sum()),
        "contradictions": looks,
        "joint": errors.joint.tolist(),
    }
    counts = {kind: part.height for kind, part in zip(KINDS, parts, strict=True)}
    run = tracking.log_diagnosis(
        project,
        version,
        key=key,
        params={**params, "folds": judged.folds, "k": _NEIGHBOURS, "dimensions": vectors.shape[1]},
        metrics={**{f"findings.{kind}": n for kind, n in counts.items()}, "error_rate": float(judged.wrong.mean())},
        files={**pictures, "findings.csv": pl.concat(parts).write_csv().encode()},
    )
    summary |= {"run_id": run.run_id, "page": run.page}
    made = pl.concat([*parts, _findings(_SUMMARY, [None], [float(summary["errors"])], [summary])])
    at = datetime.now(UTC)
    made = made.with_columns(
        dataset=pl.lit(version.dataset), version=pl.lit(version.version), key=pl.lit(key), at=pl.lit(at).cast(FINDINGS["at"])
    ).select(FINDINGS.names())
    _store(findings_table(project), version, made)
    progress(f"diagnosing {name}: done", 4, 4)
    return _ordered(made)


def _store(table: Table, version: Version, made: pl.DataFrame) -> None:
    """Put the findings in the place of those that the version had."""
    after = table.version()
    if after is None:
        table.write(made, "append", after=-1)
        return
    have = table.located(["dataset", "version"])
    mine = (pl.col("dataset") == version.dataset) & (pl.col("version") == version.version)
    files = have.filter(mine)["_file"].unique().sort()
    stay = table.pick(FINDINGS.names(), have.filter(pl.col("_file").is_in(files.implode()) & ~mine).select("_file", "_at"))
    table.replace(files, chain(stay, [made]), schema=FINDINGS, after=after)


def _vectors(texts: pl.Series, params: Mapping[str, Any]) -> NDArray[np.float32]:
    """TF-IDF reduced to 100 dimensions (fewer where there are fewer terms or rows), of length 1; equal for equal texts."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.preprocessing import normalize

    _, features = baseline.learn_features(texts, **{name: params[name] for name in ("analyzer", "ngrams", "max_features")})
    dimensions = min(_DIMENSIONS, min(features.shape) - 1)
    if dimensions < 1:
        return np.asarray(normalize(features.toarray()), dtype=np.float32)
    return np.asarray(normalize(TruncatedSVD(dimensions, random_state=_SEED).fit_transform(features)), dtype=np.float32)


def _split(rows: pl.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The numbers of the train rows, and of the rows that these are valued for."""
    at = {
        name: rows.select((pl.col("_split") == name).arg_true()).to_series().cast(pl.Int64).to_numpy() for name in rows["_split"].unique()
    }
    none = np.empty(0, dtype=np.int64)
    return at.get("train", none), at.get("test", at.get("validation", none))


def _findings(kind: str, ids: list[str | None], scores: list[float], evidence: list[dict[str, Any]]) -> pl.DataFrame:
    # Findings are few and their evidence is ragged: a row at a time.
    return pl.DataFrame(
        {
            "kind": [kind] * len(ids),
            "rank": range(1, len(ids) + 1),
            "_row_id": ids,
            "score": scores,
            "evidence": [canonical(e) for e in evidence],
            "source": [None if i is None else i.partition("/")[0] for i in ids],
        },
        schema={name: FINDINGS[name] for name in ("kind", "rank", "_row_id", "score", "evidence", "source")},
    )


def _contradiction_findings(found: pl.DataFrame) -> pl.DataFrame:
    evidence = [
        {
            "given": row["given"],
            "suggested": row["suggested"],
            "labels": {each["label"]: each["rows"] for each in row["labels"]},
            "merged": row["merged"],
        }
        for row in found.iter_rows(named=True)
    ]
    return _findings("contradiction", found["_row_id"].to_list(), found["share"].to_list(), evidence)


def _label_findings(rows: pl.DataFrame, judged: OutOfFold, errors: LabelErrors) -> pl.DataFrame:
    evidence = [
        {
            "given": judged.classes[judged.given[at]],
            "suggested": judged.classes[other],
            "p_given": round(float(judged.probabilities[at, judged.given[at]]), 4),
            "p_suggested": round(float(judged.probabilities[at, other]), 4),
            "split": rows["_split"][int(at)],
        }
        for at, other in zip(errors.rows, errors.suggested, strict=True)
    ]
    return _findings("label_error", rows["_row_id"].gather(errors.rows).to_list(), errors.margin.tolist(), evidence)


def _value_findings(rows: pl.DataFrame, judged: OutOfFold, learnt: NDArray[np.int64], values: NDArray[np.float64]) -> pl.DataFrame:
    order = np.argsort(values, kind="stable")[: int(np.ceil(len(values) * _LOWEST))]
    order = order[values[order] < 0]
    evidence = [
        {"given": judged.classes[judged.given[at]], "value": float(value)} for at, value in zip(learnt[order], values[order], strict=True)
    ]
    return _findings("low_value", rows["_row_id"].gather(learnt[order]).to_list(), values[order].tolist(), evidence)


def _neighbour_findings(rows: pl.DataFrame, judged: OutOfFold, vectors: NDArray[np.float32]) -> pl.DataFrame:
    near = neighbours(vectors, judged.given, groups(rows), _NEIGHBOURS)
    ids = rows["_row_id"].to_list()
    evidence = []
    for at, others, similarity in zip(near.rows, near.nearest, near.similarity, strict=True):
        there = [int(other) for other in others if other >= 0]
        labels = [judged.classes[judged.given[other]] for other in there]
        evidence.append(
            {
                "given": judged.classes[judged.given[at]],
                "suggested": max(labels, key=lambda name, of=labels: (of.count(name), -of.index(name))),  # type: ignore[misc]
                "neighbours": [ids[other] for other in there],
                "labels": labels,
                "similarity": round(float(similarity), 4),
            }
        )
    return _findings("neighbours", [ids[at] for at in near.rows], near.share.tolist(), evidence)


def features_of(rows: pl.DataFrame, text: str, label: str) -> pl.DataFrame:
    """What slices are made of, as text: source, label, a fifth of the lengths of `text`, and own columns of at most 20 values."""
    own = [
        pl.col(name).cast(pl.String).fill_null("(none)")
        for name, dtype in rows.schema.items()
        if name[0] != "_"
        and name not in (text, label, "source", "length")
        and (dtype == pl.String or dtype == pl.Boolean or dtype.is_integer())
        and rows[name].n_unique() <= _FEW_VALUES
    ]
    origin = pl.col("_root" if "_root" in rows.columns else "_row_id").str.split("/").list.first()
    length = bins(rows[text].fill_null("").str.len_chars().alias("length"))
    return rows.select(origin.alias("source"), pl.col(label), length, *own)


def _slice_findings(rows: pl.DataFrame, judged: OutOfFold, params: Mapping[str, Any]) -> pl.DataFrame:
    features = features_of(rows, params["input"], params["label"])
    wrong, likeliest = judged.wrong, judged.probabilities.argmax(axis=1)
    found = slices(features, wrong)
    evidence = []
    for one in found:
        members = one.members(features)
        members = members[np.argsort(~wrong[members], kind="stable")][:_SLICE_ROWS]  # rows in error first
        evidence.append(
            {
                "slice": " and ".join(f"{name} = {value}" for name, value in one.conditions),
                "conditions": dict(one.conditions),
                "size": one.size,
                "errors": one.errors,
                "rate": round(one.rate, 4),
                "p": float(f"{one.p:.3g}"),
                "rows": rows["_row_id"].gather(members).to_list(),
                "given": [judged.classes[judged.given[at]] for at in members],
                "suggested": [judged.classes[other] if wrong[at] else None for at, other in zip(members, likeliest[members], strict=True)],
                "p_given": [round(float(judged.probabilities[at, judged.given[at]]), 4) for at in members],
            }
        )
    return _findings("slice", [None] * len(found), [one.score for one in found], evidence)
