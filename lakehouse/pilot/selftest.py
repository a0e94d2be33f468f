"""The self-test of a metric: known-bad controls made from a version's own train rows must score worse, or the metric may not gate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl
import polars_hash as plh

from lakehouse.core.hashing import digest
from lakehouse.core.lake.table import Table
from lakehouse.core.project import Project
from lakehouse.core.runs.progress import Progress, silent
from lakehouse.core.spec import Call
from lakehouse.pilot import metrics as scoring
from lakehouse.pilot.controls import Expectation, Task, controls_of
from lakehouse.pilot.evaluation import EVALUATIONS, Data
from lakehouse.pilot.worker import evaluate

VERSION = 1
"""Of the self-test and its controls: raised by hand when the same train rows give other outcomes; metrics are then tested anew."""
TRAIN_ROWS = 20_000
"""Train rows a self-test learns from at most, chosen by the hash of their id, for version and controls alike.

Fewer rows cost less and tell less: with 4,000 of its 12,511 train rows, the metric of `reviews` no longer tells `noise` from none.
"""

SCHEMA = pl.Schema(
    [
        ("dataset", pl.String),
        ("key", pl.String),
        ("at", pl.Datetime("us", "UTC")),
        ("evaluation", pl.String),
        ("on", pl.String),
        ("metric", pl.String),
        ("control", pl.String),
        ("expectation", pl.String),
        ("clean", pl.Float64),
        ("damaged", pl.Float64),
        ("difference", pl.Float64),
        ("low", pl.Float64),
        ("high", pl.Float64),
        ("passed", pl.Boolean),
        ("train_rows", pl.Int64),
    ]
)


@dataclass(frozen=True)
class SelfTest:
    """What a metric said of one control.

    Attributes:
        on: the set that was scored, `held_out` or `test`.
        clean, damaged: the metric after training on the version's rows and on the control's.
        difference: damaged minus clean, with its 95 % interval `low` to `high` (paired bootstrap over the scored rows).
        passed: `worse` asks for an interval of losses only, `not better` for one that is not of gains only; a gain is a rise, or a fall
            where less of the metric is better.
        train_rows: rows that the version's side learnt from.
    """

    evaluation: str
    on: str
    metric: str
    control: str
    expectation: Expectation
    clean: float
    damaged: float
    difference: float
    low: float
    high: float
    passed: bool
    train_rows: int

    def in_words(self) -> str:
        """The outcome with its numbers."""
        return (
            f"with {self.control} {self.metric} changes by {self.difference:+.4f} (95 % interval {self.low:+.4f} to {self.high:+.4f}), "
            f"expected {self.expectation}"
        )

    def as_json(self) -> dict[str, Any]:
        """The outcome as plain data."""
        return asdict(self)


def selftests_table(project: Project) -> Table:
    """Outcomes of all self-tests; rows of one key are written at once."""
    return project.table("system", "selftests")


def task_of(call: Call) -> Task | None:
    """The columns that an evaluation learns from, by its parameters `input` or `features`, and `label`; None where it has none such.

    A language model learns from its `input` alone.
    """
    given = EVALUATIONS.bind(call)
    text, features, label = given.get("input"), given.get("features") or (), given.get("label")
    if given.get("task") == "language_modelling":
        return Task(text, None)
    if not isinstance(label, str) or not (isinstance(text, str) or features):
        return None
    return Task(text, label, tuple(features))


def key_of(dataset: str, call: Call, held_out: str | None) -> str:
    """Identity of a self-test: dataset, code and parameters of the evaluation, frozen content and the controls; not the version."""
    return digest([dataset, call.name, EVALUATIONS.entry(call).code(), VERSION, EVALUATIONS.bind(call), held_out])[:32]


def known(project: Project, key: str) -> list[SelfTest]:
    """The outcomes that stand under `key`."""
    table = selftests_table(project)
    if not table.exists():
        return []
    rows = table.scan().filter(pl.col("key") == key).collect().unique(["on", "metric", "control"], keep="last", maintain_order=True)
    return [SelfTest(**row) for row in rows.drop("dataset", "key", "at").iter_rows(named=True)]


def self_test(
    project: Project,
    dataset: str,
    name: str,
    call: Call,
    data: Data,
    asked: Sequence[tuple[str, str]],
    held_out: str | None,
    *,
    progress: Progress = silent,
) -> list[SelfTest]:
    """The outcomes of all controls for the metrics `asked`, from the register or, where it has none, from five trainings.

    One seed, the first; at most TRAIN_ROWS train rows, for the version and the controls alike. The rows scored are those of `data`.

    Args:
        name: the evaluation's name in the dataset.
        asked: pairs of set and metric.
        held_out: content id of the frozen set.

    Raises:
        RecipeError: the evaluation cannot run on a control.
        ValueError: a metric that cannot be compared row by row, or an evaluation without `label`, or without `input` and `features`.
    """
    key = key_of(dataset, call, held_out)
    have = known(project, key)
    missing = [pair for pair in dict.fromkeys(asked) if pair not in {(t.on, t.metric) for t in have}]
    if missing:
        have += _run(project, dataset, name, call, data, missing, key, progress)
    return [t for t in have if (t.on, t.metric) in set(asked)]


def _run(
    project: Project, dataset: str, name: str, call: Call, data: Data, asked: list[tuple[str, str]], key: str, progress: Progress
) -> list[SelfTest]:
    task = task_of(call)
    if task is None:
        raise ValueError(f"evaluation {call.name} names no `label`, or neither `input` nor `features`")
    controls = controls_of(task)
    params = EVALUATIONS.bind(call)
    seed = int(params["seeds"][0]) if params.get("seeds") else 1
    # One seed, and what tells no control from another is left out.
    plain = {"seeds": [seed], "curve": None, "loss_curve": False, "log_model": False}
    once = Call.model_validate({call.name: {**params, **{name: value for name, value in plain.items() if name in params}}})
    train = data.train
    if train.height > TRAIN_ROWS:
        hashed: pl.Expr = plh.concat_str("_row_id").chash.sha2_256()
        train = train.sort(hashed).head(TRAIN_ROWS).sort("_row_id")
    sets = {on: data.sets[on] for on in dict.fromkeys(on for on, _ in asked)}
    jobs = project.state / "pilot" / dataset
    progress(f"self-test of {name}: as it is", 0, len(controls) + 1)
    scored_clean = evaluate(once, Data(train, sets), jobs).scores
    clean, kind = scored_clean.predictions, scored_clean.task
    out = []
    for at, (control, (damage, expectation)) in enumerate(controls.items(), start=1):
        progress(f"self-test of {name}: {control}", at, len(controls) + 1)
        damaged = evaluate(once, Data(damage(train, task, seed), sets), jobs).scores.predictions
        for on, metric in asked:
            scored = pl.col("set") == on
            found = scoring.compare(damaged.filter(scored), clean.filter(scored), metric, 0.0, task=kind)
            least, most = found.gain
            passed = most < 0 if expectation == "worse" else least <= 0
            numbers = (found.new, found.old, found.difference, found.low, found.high)
            out.append(SelfTest(name, on, metric, control, expectation, *numbers, passed, train.height))
    rows = [{"dataset": dataset, "key": key, "at": datetime.now(UTC), **t.as_json()} for t in out]
    selftests_table(project).write(pl.DataFrame(rows, schema=SCHEMA), "append")
    return out
