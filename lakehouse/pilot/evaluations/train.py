"""A baseline model trained on the version."""

from __future__ import annotations

import inspect
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import polars as pl
from pydantic import AfterValidator, Field

from lakehouse.core.errors import RecipeError
from lakehouse.pilot.evaluation import EVALUATIONS, Data, Job
from lakehouse.pilot.metrics import summary
from lakehouse.pilot.models import learning_curve as curves
from lakehouse.pilot.models.learner import TRUTH, Learner
from lakehouse.pilot.parameters import Seeds
from lakehouse.pilot.scores import Scores
from lakehouse.pilot.scoring.scoring import Scoring
from lakehouse.pilot.task import task_named, task_names, tasks

_SHARED = ("task", "seeds", "curve", "loss_curve", "log_model")


def _known(name: str) -> str:
    if name not in task_names():
        raise ValueError(f"no task `{name}`; tasks: {', '.join(task_names())}")
    return name


def _list_names(schema: dict[str, Any]) -> None:
    schema["enum"] = list(task_names())


TaskName = Annotated[str, AfterValidator(_known), Field(json_schema_extra=_list_names)]


def _complete(bound: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that count for the task: those of all tasks, those that its own file names, and what was given beside them."""
    given = {name: value for name, value in bound.items() if name not in _SHARED and value is not None}
    return {**{name: bound[name] for name in _SHARED}, **given, **task_named(bound["task"]).complete(given)}


def _task_code(name: str, root: Path) -> str:
    return task_named(name).code()


def _takes_parameters_of_tasks(function: Callable[..., Job]) -> Callable[..., Job]:
    """Give `function` the parameters of all tasks, none of them by default, and name in its docstring what each task takes.

    Raises:
        ValueError: two tasks have one parameter of different types.
    """
    signature = inspect.signature(function)
    own = {name: p for name, p in signature.parameters.items() if p.kind is inspect.Parameter.KEYWORD_ONLY}
    types: dict[str, Any] = {}
    takers: dict[str, list[str]] = {}
    for task in tasks():
        for name, parameter in task.parameters.items():
            plain = _without_none(parameter.annotation)
            if types.setdefault(name, plain) != plain or name in own:
                raise ValueError(f"task {task.name}: `{name}` is another parameter of `train`")
            takers.setdefault(name, []).append(f"`{task.name}`{_default(parameter)}")
    first, *rest = own.values()
    of_tasks = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=types[name] | None) for name in types]
    function.__signature__ = signature.replace(parameters=[first, *of_tasks, *rest])  # type: ignore[attr-defined]
    function.__annotations__ |= {p.name: p.annotation for p in of_tasks}
    if function.__doc__:
        lines = "\n".join(f"    - `{task.name}`: {task.summary}" for task in tasks())
        args = "\n".join(f"        {name}: of {', '.join(by)}" for name, by in takers.items())
        function.__doc__ = function.__doc__.replace("    (tasks)", lines).replace("        (parameters)", args)
    return function


def _without_none(annotation: Any) -> Any:
    """`X` of `X | None`."""
    from types import NoneType, UnionType
    from typing import Union, get_args, get_origin

    if get_origin(annotation) not in (Union, UnionType):
        return annotation
    (one,) = (each for each in get_args(annotation) if each is not NoneType)
    return one


def _default(parameter: inspect.Parameter) -> str:
    if parameter.default in (inspect.Parameter.empty, None):
        return ""
    default = list(parameter.default) if isinstance(parameter.default, tuple) else parameter.default
    return f" ({json.dumps(default)})"


@EVALUATIONS.register(version=1, complete=_complete, identities={"task": _task_code})
@_takes_parameters_of_tasks
def train(
    *,
    task: TaskName,
    seeds: Seeds = [1, 2, 3],  # noqa: B006 - read, never changed
    curve: list[float] | None = None,
    loss_curve: bool = False,
    log_model: bool = True,
    **given: Any,
) -> Job:
    """Train a model of a `task` on `train` and score it on the own test split and on the frozen held-out set.

    Once per seed with a fixed budget, equal for every version. The tasks:

    (tasks)

    A parameter that is given and that the task does not take is refused. Rows without a label are neither learnt from nor scored; the note
    `unlabelled` counts them. Classes are compared as text.

    `curve` names nested shares of the train rows, such as [0.1, 0.25, 0.5, 1.0]: the model is trained on each, and a power law of the
    error says what twice the rows would add. `loss_curve` follows the loss epoch by epoch. `log_model` puts the model of the first seed
    into MLflow where it is a scikit-learn pipeline.

    Args:
        (parameters)

    Example:
        `{train: {task: text_classification, input: text, label: label, analyzer: char, ngrams: [1, 3]}}`
    """
    chosen = task_named(task)
    learner = chosen.make_learner(given)
    if curve is not None:
        curves.check_shares(curve)
    if loss_curve and not learner.has_losses():
        raise RecipeError(f"train: {task} is not learnt epoch by epoch: it has no loss curve", fix="leave out `loss_curve`")
    asked = seeds if learner.random else seeds[:1]

    def job(data: Data) -> Scores:
        import sklearn.feature_extraction.text
        import sklearn.linear_model  # noqa: F401 - the time it takes to import is no training time

        rows, sets, unlabelled = _labelled(learner, data)
        trained = _trained(learner, rows, sets, asked)
        explained = learner.explained(trained.model, trained.learnt, sets, asked[0])
        files = dict(explained.files)
        steps: dict[str, list[float]] = {}
        remarks: list[str] = []
        metrics: dict[str, dict[str, Sequence[float]]] = {}
        if curve is not None:
            found = _curves(learner, chosen.scoring, rows, sets, asked, curve, trained)
            metrics = {one.on: _numbers(one) for one in found}
            remarks = [one.in_words() for one in found]
            files["curve.png"] = curves.curve_picture(found, f"{task}: {found[0].metric} by train rows")
            files["curve.json"] = json.dumps([asdict(one) for one in found], ensure_ascii=False, indent=1).encode()
        if loss_curve and (losses := learner.losses(trained.learnt, trained.features, rows, sets, asked[0])) is not None:
            steps = {f"loss.{on}": list(values) for on, values in losses.by_set.items()}
            files["loss.png"] = curves.loss_picture(losses.name, dict(losses.by_set), f"{task}: loss by epoch, seed {asked[0]}")
        notes = {**learner.notes(trained.features), "train_rows": rows.height, "unlabelled": unlabelled, **explained.notes}
        return Scores(
            predictions=trained.predictions,
            seconds=trained.seconds,
            notes={name: float(value) for name, value in notes.items()},
            metrics=metrics,
            files=files,
            scoring=chosen.scoring,
            steps=steps,
            remarks=remarks,
            model=learner.fitted(trained.learnt, trained.model, rows) if log_model else None,
        )

    return job


def _labelled(learner: Learner, data: Data) -> tuple[pl.DataFrame, dict[str, pl.DataFrame], int]:
    """The train rows and the sets with a label, and how many rows have none.

    Raises:
        RecipeError: a column is missing or of another type, or a set has no label at all.
    """
    for name, rows in {"train": data.train, **data.sets}.items():
        learner.check(name, rows)
    given, sets = learner.labelled(data.train), {name: learner.labelled(rows) for name, rows in data.sets.items()}
    for name, rows in sets.items():
        if rows.is_empty():
            fix = "look at the splits and at the held-out set"
            raise RecipeError(f"no {name} row has a `{learner.label or next(iter(learner.needs))}` to be scored on", fix=fix)
    unlabelled = data.train.height - given.height + sum(data.sets[name].height - rows.height for name, rows in sets.items())
    return given, sets, unlabelled


@dataclass(frozen=True, kw_only=True)
class _Training:
    """Predictions over all seeds, wall seconds by seed, what features were learnt, those of the train rows, the first seed's model."""

    predictions: pl.DataFrame
    seconds: dict[int, float]
    learnt: Any
    features: Any
    model: Any


def _trained(learner: Learner, given: pl.DataFrame, sets: Mapping[str, pl.DataFrame], seeds: Sequence[int]) -> _Training:
    learner.check_train(given)
    began = time.perf_counter()
    learnt, features = learner.learn_features(given)
    scored = {name: learner.features(learnt, rows) for name, rows in sets.items()}
    shared = time.perf_counter() - began
    parts, seconds, first = [], {}, None
    for seed in seeds:
        began = time.perf_counter()
        model = learner.fit(features, given, seed)
        first = model if first is None else first
        for name, rows in sets.items():
            parts.append(
                rows.select(
                    pl.lit(name).alias("set"),
                    pl.lit(seed).cast(pl.Int64).alias("seed"),
                    "_row_id",
                    pl.col(TRUTH).alias("label"),
                    learner.predict(model, scored[name], rows).alias("predicted"),
                )
            )
        seconds[seed] = shared + time.perf_counter() - began
    return _Training(predictions=pl.concat(parts), seconds=seconds, learnt=learnt, features=features, model=first)


def _curves(
    learner: Learner,
    scoring: Scoring,
    given: pl.DataFrame,
    sets: Mapping[str, pl.DataFrame],
    seeds: Sequence[int],
    shares: Sequence[float],
    whole: _Training,
) -> list[curves.LearningCurve]:
    """The curve of each set; the last share is the training on all rows, which was done."""
    parts = curves.nested(given, shares)
    values: dict[str, list[list[float]]] = {on: [] for on in sets}
    for share, rows in zip(shares, parts, strict=True):
        try:
            predictions = whole.predictions if rows.height == given.height else _trained(learner, rows, sets, seeds).predictions
        except RecipeError as error:
            what = f"{share:g} of the {given.height} train rows, {rows.height}, are too few for the learning curve: {error.what}"
            raise RecipeError(what, fix="leave out the smallest shares of `curve`") from error
        for on in sets:
            found: Any = summary(predictions.filter(pl.col("set") == on), scoring)[scoring.main]["values"]
            values[on].append(found)
    return [curves.curve_of(scoring.main, on, shares, [rows.height for rows in parts], values[on]) for on in sets]


def _numbers(curve: curves.LearningCurve) -> dict[str, Sequence[float]]:
    """A curve as metrics of its set: the scores by percent of the rows, and what was fitted."""
    out: dict[str, Sequence[float]] = {
        f"curve.{curve.metric}.{100 * share:g}": values for share, values in zip(curve.shares, curve.values, strict=True)
    }
    if curve.fit is not None:
        f = curve.fit
        out[f"curve.{curve.metric}.exponent"] = [f.exponent]
        out |= {
            "curve.gain_of_doubling": [f.gain],
            "curve.gain_of_doubling_low": [f.gain_low],
            "curve.gain_of_doubling_high": [f.gain_high],
        }
    return out
