"""Evaluate a version, once per evaluation and held-out set, and pass it through its gates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from lakehouse.core import versions
from lakehouse.core.errors import HeldOutError, NotFoundError, RecipeError
from lakehouse.core.hashing import digest
from lakehouse.core.project import Project
from lakehouse.core.runs.progress import Progress, silent
from lakehouse.core.runs.run import run
from lakehouse.core.spec import Call, Dataset, Gate, HeldOut
from lakehouse.core.versions import Version
from lakehouse.pilot import baseline
from lakehouse.pilot import gates as gating
from lakehouse.pilot.baseline import Taught, taught
from lakehouse.pilot.evaluate import also_version, data_of, evaluate_version, key_of, known_by
from lakehouse.pilot.gates import Verdict
from lakehouse.pilot.predictions import predictions_of, scored_as
from lakehouse.pilot.selftest import SelfTest, controls_of, self_test, selftest_picture
from lakehouse.pilot.tracking.runs import log_gates, log_selftest
from lakehouse.production.split_leaks import of_manifest


@dataclass(frozen=True, kw_only=True)
class PilotResult:
    """The evaluations and gates of a version.

    Attributes:
        ran: evaluations that were run now; the others stood in the register.
        metrics: by evaluation, set and metric.
        passed: whether all gates passed.
        unchanged: nothing was left to do.
        self_tests: outcomes of known-bad controls for the metrics of the gates.
        remarks: findings of evaluations in sentences, such as what twice the rows are expected to add.
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
    remarks: tuple[str, ...] = ()


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


def pilot(project: Project, name: str, reference: str = "latest", *, progress: Progress = silent) -> PilotResult:
    """Evaluate and gate a version of a dataset. What the register holds already is not done again.

    Raises:
        NotFoundError, HeldOutError, RecipeError, StorageError, LockedError.
    """
    with run(project, f"pilot {name}", progress) as work:
        progress = work.progress
        dataset = project.dataset(name)
        check_gates(dataset)
        version = versions.find(project, name, reference)
        frozen = held_out_version(project, dataset.pilot.held_out) if dataset.pilot.held_out else None
        ran = [e for e, call in names_of(dataset).items() if evaluate_version(project, version, e, call, frozen, progress)]
        tests = _self_tests(project, dataset, version, frozen, progress)
        verdicts = [gating.trusted(v, t) for v, t in zip(_gate(project, dataset, version, frozen, progress), tests, strict=True)]
        outcomes = tuple(dict.fromkeys(t for found in tests for t in found or ()))
        passed = all(v.passed for v in verdicts)
        version = versions.find(project, name, version.version)
        payload = {"passed": passed, "verdicts": [v.as_json() for v in verdicts]}
        unchanged = not ran and version.gates == payload
        if version.gates != payload:
            runs = [e["run_id"] for e in version.evaluations.values()]
            for lost in log_gates(project, version, runs, payload["verdicts"], passed=passed):  # type: ignore[arg-type]
                progress(f"{name} {version.label}: MLflow does not hold run {lost}, which stays without the gates' tags", 0, None)
            for e, result in version.evaluations.items():
                if tested := [t for t in outcomes if t.evaluation == e]:
                    picture = selftest_picture(tested, f"{name}: {e}")
                    log_selftest(project, version, result["run_id"], [t.as_json() for t in tested], picture)
            versions.record(project, name, version.version, "gated", payload)
        metrics = {e: result["metrics"] for e, result in version.evaluations.items()}
        if ran:
            work.record("pilot", name, sum(version.manifest.get("rows", {}).values()))
        return PilotResult(
            dataset=name,
            version=version.version,
            label=version.label,
            ran=tuple(ran),
            metrics=metrics,
            verdicts=tuple(verdicts),
            passed=passed,
            unchanged=unchanged,
            seconds=work.seconds,
            self_tests=outcomes,
            remarks=tuple(f"{e}: {remark}" for e, result in version.evaluations.items() for remark in result.get("said", ())),
        )


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
    # What gold measures itself needs no control.
    pairs = [None if gate.of_splits else (_evaluation(gate, calls), (dataset.pilot.set_of(gate), gate.metric)) for gate in gates]
    asked: dict[str, list[tuple[str, str]]] = {}
    for name, (on, metric) in (pair for pair in pairs if pair is not None):
        # What an evaluation measured itself is not scored row by row: no control can be told from it.
        if metric in done[name]["metrics"].get(on, {}) and metric not in done[name].get("own", ()):
            asked.setdefault(name, []).append((on, metric))
    found: dict[tuple[str, tuple[str, str]], list[SelfTest]] = {}
    for name, wanted in asked.items():
        if controls_of(calls[name]) is None:
            raise RecipeError(
                f"the metrics of {name} cannot be self-tested: no controls without a `label` and an `input` or `features`",
                fix="take `self_test` off this dataset's pilot",
            )
        data = data_of(project, version, frozen, also_version(project, calls[name]))
        known, content = known_by(project, calls[name]), frozen.content_id if frozen else None
        content = digest([content, known]) if known else content
        for outcome in self_test(project, version.dataset, name, calls[name], data, wanted, content, progress=progress):
            found.setdefault((name, (outcome.on, outcome.metric)), []).append(outcome)
    return [found.get(pair) if pair is not None else None for pair in pairs]


def _gate(project: Project, dataset: Dataset, version: Version, frozen: Version | None, progress: Progress) -> list[Verdict]:
    known = versions.find(project, version.dataset, version.version)
    calls = names_of(dataset)
    verdicts = []
    said: dict[str, Taught] = {}
    for gate in dataset.pilot.gates:
        if gate.of_splits:
            verdicts.append(gating.of_splits(gate, of_manifest(known.manifest.get("leaks"))))
            continue
        name = _evaluation(gate, calls)
        on = dataset.pilot.set_of(gate)
        if name not in said:
            said[name] = _taught(project, known, name, calls[name])
        if gate.versus is None:
            verdicts.append(gating.absolute(gate, on, known.evaluations[name]["metrics"]))
            continue
        if gate.versus == "baseline":
            rows = predictions_of(project, key_of(project, version, calls[name], frozen)).filter(pl.col("set") == on)
            verdicts.append(gating.against_baseline(gate, on, rows, said[name].answer, scored_as(known, name)))
            continue
        before = _released_before(project, version)
        if before is None:
            verdicts.append(gating.against_release(gate, on, pl.DataFrame(), None, None))
            continue
        # The released version is scored on the same frozen set, if it was not yet: only then do the two compare.
        evaluate_version(project, before, name, calls[name], frozen, progress)
        stored = [predictions_of(project, key_of(project, v, calls[name], frozen)) for v in (version, before)]
        new, old = (rows.filter(pl.col("set") == on) for rows in stored)
        verdicts.append(gating.against_release(gate, on, new, old, before.label, scored_as(known, name)))
    return [
        verdict if gate.of_splits else gating.with_absent(verdict, said[_evaluation(gate, calls)].absent.get(verdict.on, ()))
        for gate, verdict in zip(dataset.pilot.gates, gating.with_p(verdicts), strict=True)
    ]


def _evaluation(gate: Gate, calls: dict[str, Call]) -> str:
    """The evaluation that a gate speaks of: as declared, else the first."""
    return gate.evaluation or next(iter(calls))


def _taught(project: Project, version: Version, name: str, call: Call) -> Taught:
    """What the train rows say of an evaluation, from the register; of one that was recorded before it held that, from the rows."""
    result = version.evaluations[name]
    if "absent" in result:
        return Taught(result["baseline"], result["absent"])
    train = versions.rows(project, version).filter(pl.col("_split") == "train").collect()
    return taught(call, train, predictions_of(project, result["key"]), scored_as(version, name))


def check_gates(dataset: Dataset) -> None:
    """Refuse gates that no evaluation can answer.

    Raises:
        RecipeError: `versus: baseline` of an evaluation that learns no label.
    """
    calls = names_of(dataset)
    for gate in dataset.pilot.gates:
        if gate.versus == "baseline" and (name := _evaluation(gate, calls)) in calls:
            baseline.check(calls[name])


def _released_before(project: Project, version: Version) -> Version | None:
    """The last release of another version: what `version` was to replace, so that its verdict stands after its own release."""
    others = [v for v in versions.versions(project, version.dataset) if v.released_at is not None and v.version != version.version]
    return max(others, key=lambda v: v.released_at, default=None)  # type: ignore[arg-type,return-value]
