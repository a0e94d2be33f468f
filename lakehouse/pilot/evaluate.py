"""One evaluation of one version: run, scored, stored, drawn, logged and recorded, each by a function of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from lakehouse.core import versions
from lakehouse.core.errors import NotFoundError, RecipeError
from lakehouse.core.hashing import digest, file_digest
from lakehouse.core.project import Project
from lakehouse.core.runs.progress import Progress
from lakehouse.core.spec import Call
from lakehouse.core.versions import Version
from lakehouse.pilot.baseline import in_words, taught
from lakehouse.pilot.evaluation import EVALUATIONS, Data, DataOrigin, complete_parameters
from lakehouse.pilot.metrics import over_seeds, summary
from lakehouse.pilot.predictions import store_predictions
from lakehouse.pilot.scores import Scores
from lakehouse.pilot.task import less_is_better
from lakehouse.pilot.tracking.connection import reachable
from lakehouse.pilot.tracking.evaluation_runs import log_evaluation
from lakehouse.pilot.worker import MeasuredScores, runner_of


def evaluate_version(project: Project, version: Version, name: str, call: Call, frozen: Version | None, progress: Progress) -> bool:
    """Run one evaluation unless the register holds it.

    The register comes last, so that what a kill interrupts is done again.

    Args:
        name: of the evaluation in its dataset.
        frozen: the version of the frozen set.

    Returns:
        Whether it ran.

    Raises:
        RecipeError: the evaluation says that it cannot run, or it crashed.
        NotFoundError, StorageError.
    """
    key = key_of(project, version, call, frozen)
    if version.evaluations.get(name, {}).get("key") == key:
        return False
    reachable(project)
    progress(f"evaluating {version.dataset} {version.label}: {name}", 0, None)
    data = data_of(project, version, frozen, also_version(project, call))
    measured = runner_of(project, version.dataset)(call, data)
    scores, metrics = measured.scores, _metrics(measured)
    found = taught(call, data.train, scores.predictions, scores.scoring)
    remarks = [*scores.remarks, *in_words(found.absent)]
    store_predictions(project, version, key, scores.predictions)
    held_out = _held_out(frozen)
    run = log_evaluation(
        project,
        version,
        evaluation=name,
        key=key,
        params={"evaluation": call.name, **complete_parameters(call), **known_by(project, call)},
        metrics=metrics,
        held_out=held_out,
        files=_files(version, scores, metrics),
        scoring=scores.scoring,
        steps=scores.steps,
        remarks=remarks,
        model=scores.model,
    )
    for remark in remarks:
        progress(f"{version.dataset} {version.label}: {remark}", 0, None)
    result: dict[str, Any] = {"name": name, "key": key, "held_out": held_out, "metrics": metrics, "run_id": run.run_id, "page": run.page}
    result |= {
        "task": scores.scoring.name,
        "said": remarks,
        "baseline": found.answer,
        "absent": {on: list(classes) for on, classes in found.absent.items()},
        "own": sorted({m for own in scores.metrics.values() for m in own}),
    }
    versions.record(project, version.dataset, version.version, "evaluated", result)
    return True


def key_of(project: Project, version: Version, call: Call, frozen: Version | None) -> str:
    """Identity of an evaluation of a version: its code, its parameters, and the content of all that it reads."""
    entry = EVALUATIONS.entry(call)
    held_out = frozen.content_id if frozen else None
    params = complete_parameters(call)
    named = [project.root / params[name] for name in entry.info.get("files", ()) if params.get(name) is not None]
    files = [file_digest(file) for file in named if file.is_file()]  # one that is missing the evaluation itself speaks of
    return digest([version.version, call.name, entry.code(), params, held_out, *files, *known_by(project, call).values()])[:32]


def known_by(project: Project, call: Call) -> dict[str, str | None]:
    """The identities of an evaluation beside its parameters: the content of the dataset it names, and digests such as a model's."""
    info, params = EVALUATIONS.entry(call).info, complete_parameters(call)
    other = also_version(project, call)
    found = {f"{info['reads']}.content_id": other.content_id} if other else {}
    return found | {f"{name}.digest": of(params[name], project.root) for name, of in info.get("identities", {}).items()}


def also_version(project: Project, call: Call) -> Version | None:
    """The newest version of the dataset that an evaluation names to be scored on as well.

    Raises:
        NotFoundError: it has none.
    """
    name = complete_parameters(call).get(EVALUATIONS.entry(call).info.get("reads", ""))
    if name is None:
        return None
    found = versions.current(project, name)
    if found is None:
        raise NotFoundError(f"{call.name}: dataset {name} has no version yet", fix=f"lakehouse run {name} --to gold")
    return found


def data_of(project: Project, version: Version, frozen: Version | None, also: Version | None) -> Data:
    """The rows that an evaluation of a version sees.

    Args:
        frozen: the frozen set; `also` the version of another dataset that the evaluation names.

    Raises:
        RecipeError: there is no row to be scored on.
    """
    rows = versions.rows(project, version).collect()
    sets: dict[str, pl.DataFrame] = {}
    if (test := rows.filter(pl.col("_split") == "test")).height:
        sets["test"] = test.sort("_row_id")
    if frozen is not None:
        sets["held_out"] = versions.rows(project, frozen).sort("_row_id").collect()
    if also is not None:
        sets["also"] = versions.rows(project, also).sort("_row_id").collect()
    if not any(part.height for part in sets.values()):
        raise RecipeError(
            f"{version.dataset} {version.label} has no test rows and no held-out rows to be scored on",
            fix="declare `splits: {test: ...}` or `pilot.held_out`",
        )
    origin = DataOrigin(version.dataset, project.root)
    return Data(rows.filter(pl.col("_split") == "train").sort("_row_id"), sets, origin)


def _metrics(measured: MeasuredScores) -> dict[str, Any]:
    """By set the scores of its predictions and what the evaluation measured itself; under `resources` the costs and notes."""
    scores = measured.scores
    metrics: dict[str, Any] = {s: summary(rows, scores.scoring) for s, rows in _by_set(scores).items()}
    for s, own in scores.metrics.items():
        metrics.setdefault(s, {}).update({m: over_seeds(values) for m, values in own.items()})
    metrics["resources"] = {**_resources(measured, metrics), **scores.notes}
    return metrics


def _by_set(scores: Scores) -> dict[str, pl.DataFrame]:
    """The predictions of each set."""
    sets = scores.predictions["set"].unique(maintain_order=True).to_list()
    return {s: scores.predictions.filter(pl.col("set") == s) for s in sets}


def _files(version: Version, scores: Scores, metrics: Mapping[str, Any]) -> dict[str, bytes]:
    """The artifacts by path: those of the evaluation, and by set the pictures of its predictions and these as a table."""
    files = dict(scores.files)
    main = scores.scoring.main
    for s, rows in _by_set(scores).items():
        title = f"{version.dataset} {version.label}, {s}: {main.replace('_', ' ')} {metrics[s][main]['mean']:.3f}"
        files |= {f"{s}/{name}": content for name, content in scores.scoring.pictures(rows, metrics[s], title).items()}
        files[f"{s}/predictions.csv"] = rows.drop("set").write_csv().encode()
    return files


def _resources(measured: MeasuredScores, metrics: Mapping[str, Any]) -> dict[str, float]:
    """The costs of an evaluation, and `score_per_cpu_hour`: the scoring's main metric on the frozen set, else the test split, by CPU hours.

    The last is left out where less of the metric is better, or where no row was predicted.
    """
    seconds = list(measured.scores.seconds.values())
    found = {
        "wall_seconds": round(measured.wall_seconds, 3),
        "cpu_seconds": round(measured.cpu_seconds, 3),
        "seconds_per_seed": round(sum(seconds) / max(len(seconds), 1), 3),
        "peak_memory_mb": round(measured.peak_memory_mb, 1),
    }
    main = measured.scores.scoring.main
    score = next((metrics[on][main]["mean"] for on in ("held_out", "test") if main in metrics.get(on, {})), None)
    if score is not None and not less_is_better(main):
        found["score_per_cpu_hour"] = round(score / (measured.cpu_seconds / 3600), 3)
    return found


def _held_out(frozen: Version | None) -> dict[str, str] | None:
    if frozen is None:
        return None
    return {
        "dataset": frozen.dataset,
        "version": frozen.version,
        "content_id": frozen.content_id,
        "delta_version": str(frozen.gold_version),
    }
