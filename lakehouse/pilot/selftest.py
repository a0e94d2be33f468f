"""The self-test of a metric: known-bad controls made from a version's own train rows must score worse, or the metric may not gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
import polars_hash as plh

from lakehouse.core.hashing import digest
from lakehouse.core.lake.table import Table
from lakehouse.core.plotting import BLUE, GREY, INK, RED, figure, plain, png
from lakehouse.core.project import Project
from lakehouse.core.runs.progress import Progress, silent
from lakehouse.core.spec import Call
from lakehouse.pilot.controls import CONTROLS, Control, Expectation, TrainColumns
from lakehouse.pilot.evaluation import EVALUATIONS, Data, complete_parameters
from lakehouse.pilot.metrics import compare
from lakehouse.pilot.task import task_named
from lakehouse.pilot.worker import runner_of

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


@dataclass(frozen=True, kw_only=True)
class SelfTest:
    """The outcome of one control for one metric.

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


def controls_of(call: Call) -> tuple[TrainColumns, Mapping[str, Control]] | None:
    """The columns that an evaluation learns from and the controls that its metrics must tell; None where it has none such.

    Those of `train` are its task's; other evaluations learn from their parameters `input` or `features`, and `label`.
    """
    given = complete_parameters(call)
    if "task" in given:
        task = task_named(given["task"])
        return (task.columns({name: given[name] for name in task.parameters}), task.controls) if task.controls else None
    text, features, label = given.get("input"), given.get("features") or (), given.get("label")
    if not isinstance(label, str) or not (isinstance(text, str) or features):
        return None
    return TrainColumns(text, label, tuple(features)), CONTROLS


def key_of(dataset: str, call: Call, held_out: str | None) -> str:
    """Identity of a self-test: dataset, code and parameters of the evaluation, frozen content and the controls; not the version."""
    return digest([dataset, call.name, EVALUATIONS.entry(call).code(), VERSION, complete_parameters(call), held_out])[:32]


def known(project: Project, key: str) -> list[SelfTest]:
    """The outcomes under `key`."""
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
    of_call = controls_of(call)
    if of_call is None:
        raise ValueError(f"evaluation {call.name} names no `label`, or neither `input` nor `features`, or its task has no controls")
    columns, controls = of_call
    params = complete_parameters(call)
    seed = int(params["seeds"][0]) if params.get("seeds") else 1
    # One seed, and what tells no control from another is left out.
    plain = {"seeds": [seed], "curve": None, "loss_curve": False, "log_model": False}
    once = Call.model_validate({call.name: {**params, **{name: value for name, value in plain.items() if name in params}}})
    train = data.train
    if train.height > TRAIN_ROWS:
        hashed: pl.Expr = plh.concat_str("_row_id").chash.sha2_256()
        train = train.sort(hashed).head(TRAIN_ROWS).sort("_row_id")
    sets = {on: data.sets[on] for on in dict.fromkeys(on for on, _ in asked)}
    run = runner_of(project, dataset)
    progress(f"self-test of {name}: as it is", 0, len(controls) + 1)
    clean = run(once, replace(data, train=train, sets=sets)).scores
    out = []
    for at, (control, how) in enumerate(controls.items(), start=1):
        progress(f"self-test of {name}: {control}", at, len(controls) + 1)
        damaged = run(once, replace(data, train=how.damage(train, columns, seed), sets=sets)).scores
        for on, metric in asked:
            scored = pl.col("set") == on
            found = compare(damaged.predictions.filter(scored), clean.predictions.filter(scored), metric, 0.0, scoring=clean.scoring)
            least, most = found.gain
            out.append(
                SelfTest(
                    evaluation=name,
                    on=on,
                    metric=metric,
                    control=control,
                    expectation=how.expectation,
                    clean=found.old,
                    damaged=found.new,
                    difference=found.difference,
                    low=found.low,
                    high=found.high,
                    passed=most < 0 if how.expectation == "worse" else least <= 0,
                    train_rows=train.height,
                )
            )
    rows = [{"dataset": dataset, "key": key, "at": datetime.now(UTC), **t.as_json()} for t in out]
    selftests_table(project).write(pl.DataFrame(rows, schema=SCHEMA), "append")
    return out


def selftest_picture(outcomes: Sequence[SelfTest], title: str) -> bytes:
    """PNG of the difference that each control made, with its 95 % interval; red where the control failed."""
    made, axes = figure(6.5, max(2.0, 0.4 * len(outcomes) + 1))
    names = [plain(f"{t.metric} on {t.on}, {t.control}") for t in outcomes]
    at = np.arange(len(names))
    changes = np.array([t.difference for t in outcomes])
    low, high = np.array([t.low for t in outcomes]), np.array([t.high for t in outcomes])
    axes.barh(at, changes, color=[BLUE if t.passed else RED for t in outcomes])
    axes.hlines(at, low, high, color=INK)
    axes.set_yticks(at, names)
    axes.invert_yaxis()
    axes.axvline(0, color=GREY)
    axes.set_xlabel("control minus version, 95 % interval")
    axes.set_title(plain(title), fontsize=10)
    return png(made)
