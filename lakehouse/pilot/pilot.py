"""Evaluate a version, once per evaluation and held-out set, and pass it through its gates."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from lakehouse.core import versions
from lakehouse.core.errors import HeldOutError, NotFoundError, RecipeError
from lakehouse.core.hashing import digest, file_digest
from lakehouse.core.lake.table import Table
from lakehouse.core.project import Project
from lakehouse.core.runs import timings
from lakehouse.core.runs.lock import locked
from lakehouse.core.runs.progress import Progress, silent
from lakehouse.core.spec import Call, Dataset, HeldOut
from lakehouse.core.versions import Version
from lakehouse.pilot import gates as gating
from lakehouse.pilot import metrics as scoring
from lakehouse.pilot import tracking
from lakehouse.pilot.evaluation import EVALUATIONS, Data
from lakehouse.pilot.gates import Verdict
from lakehouse.pilot.pictures import selftest_picture
from lakehouse.pilot.scoring.scoring import less_is_better
from lakehouse.pilot.scoring.tasks import SCORINGS
from lakehouse.pilot.selftest import SelfTest, self_test, task_of
from lakehouse.pilot.task_pictures import pictures_of
from lakehouse.pilot.worker import Measured, evaluate

PREDICTIONS = pl.Schema(
    [
        ("dataset", pl.String),
        ("version", pl.String),
        ("key", pl.String),
        ("set", pl.String),
        ("seed", pl.Int64),
        ("_row_id", pl.String),
        ("label", pl.String),
        ("predicted", pl.String),
    ]
)


@dataclass(frozen=True)
class Piloted:
    """What the pilot found.

    Attributes:
        ran: evaluations that were run now; the others stood in the register.
        metrics: by evaluation, set and metric.
        passed: whether all gates passed.
        unchanged: nothing was left to do.
        self_tests: what the gates' metrics said of known-bad controls.
        said: findings of evaluations in sentences, such as what twice the rows are expected to add.
    """

    dataset: str
    version: str
    label: str
    ran: tuple[str, ...]
    metrics: dict[str, dict[str, Any]]
    verdicts: tuple[Verdict, ...]
    passed: bool
    unchanged: bool
    seconds: float
    self_tests: tuple[SelfTest, ...] = ()
    said: tuple[str, ...] = ()


def predictions_table(project: Project) -> Table:
    """Predictions of every evaluation of every version: what comparisons are made from."""
    return project.table("system", "predictions")


def names_of(dataset: Dataset) -> dict[str, Call]:
    """The evaluations of a dataset by name: the function's name, numbered where it repeats."""
    out: dict[str, Call] = {}
    for call in dataset.pilot.evaluations:
        same = sum(c.name == call.name for c in out.values())
        out[call.name if not same else f"{call.name}_{same + 1}"] = call
    return out


def held_out_version(project: Project, held_out: HeldOut) -> Version:
    """The version of the frozen set that is pinned, or its newest.

    Raises:
        HeldOutError: the pinned content exists in no version.
        NotFoundError: it has no version at all.
    """
    known = versions.versions(project, held_out.dataset)
    if not known:
        raise NotFoundError(f"held-out set {held_out.dataset} has no version yet", fix=f"lakehouse run {held_out.dataset} --to gold")
    if held_out.content is None:
        newest = versions.current(project, held_out.dataset)
        assert newest is not None
        return newest
    for version in known:
        if version.content_id.startswith(held_out.content):
            return version
    have = ", ".join(f"{v.label}: {v.content_id[:12]}" for v in known)
    raise HeldOutError(
        f"no version of {held_out.dataset} has the pinned content {held_out.content}",
        fix=f"restore its recipe and source, or pin one of these: {have}",
    )


def pilot(project: Project, name: str, reference: str = "latest", *, progress: Progress = silent) -> Piloted:
    """Evaluate and gate a version of a dataset. What the register holds already is not done again.

    Raises:
        NotFoundError, HeldOutError, RecipeError, StorageError, LockedError.
    """
    with locked(project, f"pilot {name}"):
        started = time.perf_counter()
        dataset = project.dataset(name)
        version = versions.find(project, name, reference)
        frozen = held_out_version(project, dataset.pilot.held_out) if dataset.pilot.held_out else None
        ran = [e for e, call in names_of(dataset).items() if _evaluate(project, dataset, version, e, call, frozen, progress)]
        tests = _self_tests(project, dataset, version, frozen, progress)
        verdicts = [gating.trusted(v, t) for v, t in zip(_gate(project, dataset, version, frozen, progress), tests, strict=True)]
        outcomes = tuple(dict.fromkeys(t for found in tests for t in found or ()))
        passed = all(v.passed for v in verdicts)
        version = versions.find(project, name, version.version)
        payload = {"passed": passed, "verdicts": [v.as_json() for v in verdicts]}
        unchanged = not ran and version.gates == payload
        if version.gates != payload:
            runs = [e["run_id"] for e in version.evaluations.values()]
            for run in tracking.log_gates(project, version, runs, payload["verdicts"], passed=passed):  # type: ignore[arg-type]
                progress(f"{name} {version.label}: MLflow does not hold run {run}, which stays without the gates' tags", 0, None)
            for e, result in version.evaluations.items():
                if of_e := [t for t in outcomes if t.evaluation == e]:
                    tracking.log_selftest(
                        project, version, result["run_id"], [t.as_json() for t in of_e], selftest_picture(of_e, f"{name}: {e}")
                    )
            versions.record(project, name, version.version, "gated", payload)
        metrics = {e: result["metrics"] for e, result in version.evaluations.items()}
        seconds = time.perf_counter() - started
        if ran:
            timings.record(project, "pilot", name, sum(version.manifest.get("rows", {}).values()), seconds)
        return Piloted(
            name,
            version.version,
            version.label,
            tuple(ran),
            metrics,
            tuple(verdicts),
            passed,
            unchanged,
            seconds,
            outcomes,
            tuple(f"{e}: {sentence}" for e, result in version.evaluations.items() for sentence in result.get("said", ())),
        )


def _key(project: Project, version: Version, call: Call, frozen: Version | None) -> str:
    entry = EVALUATIONS.entry(call)
    held_out = frozen.content_id if frozen else None
    params = EVALUATIONS.bind(call)
    named = [project.root / params[name] for name in entry.info.get("files", ()) if params.get(name) is not None]
    files = [file_digest(file) for file in named if file.is_file()]  # one that is missing the evaluation itself speaks of
    return digest([version.version, call.name, entry.code(), params, held_out, *files, *_known_by(project, call).values()])[:32]


def _known_by(project: Project, call: Call) -> dict[str, str | None]:
    """What an evaluation is known by beside its parameters: the content of the dataset it names, and digests such as a model's."""
    info, params = EVALUATIONS.entry(call).info, EVALUATIONS.bind(call)
    other = _also(project, call)
    found = {f"{info['reads']}.content_id": other.content_id} if other else {}
    return found | {f"{name}.digest": of(params[name], project.root) for name, of in info.get("identities", {}).items()}


def _also(project: Project, call: Call) -> Version | None:
    """The newest version of the dataset that an evaluation names to be scored on as well.

    Raises:
        NotFoundError: it has none.
    """
    name = EVALUATIONS.bind(call).get(EVALUATIONS.entry(call).info.get("reads", ""))
    if name is None:
        return None
    found = versions.current(project, name)
    if found is None:
        raise NotFoundError(f"{call.name}: dataset {name} has no version yet", fix=f"lakehouse run {name} --to gold")
    return found


def _evaluate(
    project: Project, dataset: Dataset, version: Version, name: str, call: Call, frozen: Version | None, progress: Progress
) -> bool:
    """Run one evaluation unless the register holds it; returns whether it ran."""
    key = _key(project, version, call, frozen)
    if version.evaluations.get(name, {}).get("key") == key:
        return False
    tracking.reachable(project)
    progress(f"evaluating {version.dataset} {version.label}: {name}", 0, None)
    data = _data(project, version, frozen, _also(project, call))
    measured = evaluate(call, data, project.state / "pilot" / version.dataset)  # the lock makes the folder ours
    predictions = measured.scores.predictions
    task = measured.scores.task
    scored = predictions["set"].unique(maintain_order=True).to_list()
    metrics: dict[str, Any] = {s: scoring.summary(predictions.filter(pl.col("set") == s), task) for s in scored}
    for s, own in measured.scores.metrics.items():
        metrics.setdefault(s, {}).update({m: scoring.over_seeds(values) for m, values in own.items()})
    metrics["resources"] = {**_resources(measured, metrics), **measured.scores.notes}
    table = predictions_table(project)
    stored = predictions.with_columns(dataset=pl.lit(version.dataset), version=pl.lit(version.version), key=pl.lit(key))
    if not stored.is_empty() and (not table.exists() or table.scan().filter(pl.col("key") == key).head(1).collect().is_empty()):
        table.write(stored.select(PREDICTIONS.names()), "append")
    held_out = _held_out(frozen)
    files = dict(measured.scores.files)
    for s in scored:
        part = predictions.filter(pl.col("set") == s)
        main = SCORINGS[task].main
        title = f"{version.dataset} {version.label}, {s}: {main.replace('_', ' ')} {metrics[s][main]['mean']:.3f}"
        files |= {f"{s}/{name}": content for name, content in pictures_of(task, part, metrics[s], title).items()}
        files[f"{s}/predictions.csv"] = part.drop("set").write_csv().encode()
    run = tracking.log_evaluation(
        project,
        version,
        evaluation=name,
        key=key,
        params={"evaluation": call.name, **EVALUATIONS.bind(call), **_known_by(project, call)},
        metrics=metrics,
        held_out=held_out,
        files=files,
        task=task,
        steps=measured.scores.steps,
        said=measured.scores.said,
        model=measured.scores.model,
    )
    for sentence in measured.scores.said:
        progress(f"{version.dataset} {version.label}: {sentence}", 0, None)
    result: dict[str, Any] = {"name": name, "key": key, "held_out": held_out, "metrics": metrics, "run_id": run.run_id, "page": run.page}
    result |= {
        "task": task,
        "said": list(measured.scores.said),
        "own": sorted({m for own in measured.scores.metrics.values() for m in own}),
    }
    versions.record(project, version.dataset, version.version, "evaluated", result)
    return True


def scored_as(version: Version, evaluation: str) -> str:
    """How the predictions of an evaluation are scored, a name of SCORINGS; results that name none are of classification."""
    return str(version.evaluations[evaluation].get("task", "classification"))


def _resources(measured: Measured, metrics: Mapping[str, Any]) -> dict[str, float]:
    """What an evaluation cost, and `score_per_cpu_hour`: the task's main metric on the frozen set, else the test split, by CPU hours.

    The last is left out where less of the metric is better, or where no row was predicted.
    """
    seconds = list(measured.scores.seconds.values())
    found = {
        "wall_seconds": round(measured.wall_seconds, 3),
        "cpu_seconds": round(measured.cpu_seconds, 3),
        "seconds_per_seed": round(sum(seconds) / max(len(seconds), 1), 3),
        "peak_memory_mb": round(measured.peak_memory_mb, 1),
    }
    main = SCORINGS[measured.scores.task].main
    score = next((metrics[on][main]["mean"] for on in ("held_out", "test") if main in metrics.get(on, {})), None)
    if score is not None and not less_is_better(main):
        found["score_per_cpu_hour"] = round(score / (measured.cpu_seconds / 3600), 3)
    return found


def _data(project: Project, version: Version, frozen: Version | None, also: Version | None) -> Data:
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
    return Data(rows.filter(pl.col("_split") == "train").sort("_row_id"), sets)


def _self_tests(
    project: Project, dataset: Dataset, version: Version, frozen: Version | None, progress: Progress
) -> list[list[SelfTest] | None]:
    """The self-test of each gate's metric; None where it is turned off, or the metric is not scored row by row or not at all.

    Raises:
        RecipeError: an evaluation from whose parameters no controls can be made.
    """
    gates = dataset.pilot.gates
    if not dataset.pilot.self_test or not gates:
        return [None] * len(gates)
    calls = names_of(dataset)
    done = versions.find(project, version.dataset, version.version).evaluations
    pairs = [(gate.evaluation or next(iter(calls)), (dataset.pilot.set_of(gate), gate.metric)) for gate in gates]
    asked: dict[str, list[tuple[str, str]]] = {}
    for name, (on, metric) in pairs:
        # What an evaluation measured itself is not scored row by row: no control can be told from it.
        if metric in done[name]["metrics"].get(on, {}) and metric not in done[name].get("own", ()):
            asked.setdefault(name, []).append((on, metric))
    found: dict[tuple[str, tuple[str, str]], list[SelfTest]] = {}
    for name, wanted in asked.items():
        if task_of(calls[name]) is None:
            raise RecipeError(
                f"the metrics of {name} cannot be self-tested: no controls without a `label` and an `input` or `features`",
                fix="take `self_test` off this dataset's pilot",
            )
        data = _data(project, version, frozen, _also(project, calls[name]))
        known, content = _known_by(project, calls[name]), frozen.content_id if frozen else None
        content = digest([content, known]) if known else content
        for outcome in self_test(project, version.dataset, name, calls[name], data, wanted, content, progress=progress):
            found.setdefault((name, (outcome.on, outcome.metric)), []).append(outcome)
    return [found.get(pair) for pair in pairs]


def _held_out(frozen: Version | None) -> dict[str, str] | None:
    if frozen is None:
        return None
    return {
        "dataset": frozen.dataset,
        "version": frozen.version,
        "content_id": frozen.content_id,
        "delta_version": str(frozen.gold_version),
    }


def _gate(project: Project, dataset: Dataset, version: Version, frozen: Version | None, progress: Progress) -> list[Verdict]:
    known = versions.find(project, version.dataset, version.version)
    calls = names_of(dataset)
    verdicts = []
    for gate in dataset.pilot.gates:
        name = gate.evaluation or next(iter(calls))
        on = dataset.pilot.set_of(gate)
        if gate.versus is None:
            verdicts.append(gating.absolute(gate, on, known.evaluations[name]["metrics"]))
            continue
        before = _released_before(project, version)
        if before is None:
            verdicts.append(gating.against_release(gate, on, pl.DataFrame(), None, None))
            continue
        # The released version is scored on the same frozen set, if it was not yet: only then do the two compare.
        _evaluate(project, dataset, before, name, calls[name], frozen, progress)
        stored = [predictions_of(project, _key(project, v, calls[name], frozen)) for v in (version, before)]
        new, old = (rows.filter(pl.col("set") == on) for rows in stored)
        verdicts.append(gating.against_release(gate, on, new, old, before.label, scored_as(known, name)))
    return gating.with_p(verdicts)


def _released_before(project: Project, version: Version) -> Version | None:
    """The last release of another version: what `version` was to replace, so that its verdict stands after its own release."""
    others = [v for v in versions.versions(project, version.dataset) if v.released_at is not None and v.version != version.version]
    return max(others, key=lambda v: v.released_at, default=None)  # type: ignore[arg-type,return-value]


def predictions_of(project: Project, key: str) -> pl.DataFrame:
    """The stored predictions of one evaluation (PREDICTIONS), each row and seed once."""
    table = predictions_table(project)
    if not table.exists():
        return pl.DataFrame(schema=PREDICTIONS)
    rows = table.scan().filter(pl.col("key") == key).collect()
    return rows.unique(["set", "seed", "_row_id"], keep="first", maintain_order=True)
