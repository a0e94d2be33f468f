"""What a version is worth without a model: the constant answer that its train rows suggest, and the classes that a set does not test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from lakehouse.core.errors import RecipeError
from lakehouse.core.spec import Call
from lakehouse.pilot.evaluation import complete_parameters
from lakehouse.pilot.models.learner import TRUTH, with_classes
from lakehouse.pilot.scoring.classification import CLASSIFICATION
from lakehouse.pilot.scoring.numbers import NUMBERS
from lakehouse.pilot.scoring.scoring import Scoring
from lakehouse.pilot.scoring.sequences import SEQUENCES
from lakehouse.pilot.task import task_named

_SHOWN = 5


def check(call: Call) -> None:
    """Refuse to compare an evaluation with a constant answer where there is none to its question.

    Raises:
        RecipeError: it learns no label, as a language model does not.
    """
    if _label(complete_parameters(call)) is None:
        raise RecipeError(
            f"`versus: baseline` compares with the most frequent label of the train rows, and {call.name} learns no label",
            fix="gate it with `at_least`, `at_most` or `versus: released`",
        )


@dataclass(frozen=True)
class Taught:
    """What the train rows say before anything is learnt from them.

    Attributes:
        answer: the constant answer that they suggest; None where there is none.
        absent: by set, the classes of them that no row of the set has.
    """

    answer: str | None
    absent: Mapping[str, Sequence[str]]


def taught(call: Call, train: pl.DataFrame, predictions: pl.DataFrame, scoring: Scoring) -> Taught:
    """What the train rows of an evaluation say of its predictions."""
    known = truths(call, train)
    return Taught(constant(known, scoring), absent(known, predictions, scoring))


def truths(call: Call, train: pl.DataFrame) -> pl.Series:
    """The labels of the train rows as the predictions have them; none where the evaluation learns no label."""
    given = complete_parameters(call)
    label = _label(given)
    if label is None or label not in train.columns:
        return pl.Series(TRUTH, [], dtype=pl.String)
    labelled: pl.DataFrame = _learner(given).labelled(train) if "task" in given else with_classes(train, label)
    return labelled[TRUTH]


def constant(known: pl.Series, scoring: Scoring) -> str | None:
    """The one answer for all rows: the most frequent class or tag, the first by name of several, or the mean; None where there is none."""
    if known.is_empty():
        return None
    if scoring is NUMBERS:
        return repr(float(known.cast(pl.Float64).mean()))  # type: ignore[arg-type]
    if scoring is SEQUENCES:
        known = known.str.split(" ").explode()
    elif scoring is not CLASSIFICATION:
        return None
    counts = known.alias("label").value_counts().sort(["count", "label"], descending=[True, False])
    return str(counts["label"][0])


def answered(rows: pl.DataFrame, answer: str, scoring: Scoring) -> pl.DataFrame:
    """Predictions of one seed with the constant answer in the place of what was predicted; of a sequence, for every token."""
    once = rows.filter(pl.col("seed") == rows["seed"].min())
    if scoring is SEQUENCES:
        return once.with_columns(predicted=pl.col("label").str.replace_all("[^ ]+", answer.replace("$", "$$")))
    return once.with_columns(predicted=pl.lit(answer))


def absent(known: pl.Series, predictions: pl.DataFrame, scoring: Scoring) -> dict[str, list[str]]:
    """By set, the classes (of sequences, the types of entities) of the train rows that none of its rows has, where there are any."""
    taught = scoring.kinds(_as_predictions(known))
    found = {}
    for (on,), rows in predictions.group_by("set", maintain_order=True):
        if missing := sorted(taught - scoring.kinds(_as_predictions(rows["label"]))):
            found[str(on)] = missing
    return found


def in_words(missing: Mapping[str, Sequence[str]]) -> list[str]:
    """What no row of a set tests, a sentence a set."""
    return [f"{on}: no row is of {named(classes)}, so that no score says how well it is told" for on, classes in missing.items()]


def named(classes: Sequence[str]) -> str:
    """Classes by name, of many the first few."""
    shown = ", ".join(f"`{name}`" for name in classes[:_SHOWN])
    more = f" and {len(classes) - _SHOWN} more" if len(classes) > _SHOWN else ""
    return f"{'class' if len(classes) == 1 else 'the classes'} {shown}{more}"


def _label(given: Mapping[str, Any]) -> str | None:
    found = _learner(given).label if "task" in given else given.get("label")
    return found if isinstance(found, str) else None


def _learner(given: Mapping[str, Any]) -> Any:
    task = task_named(given["task"])
    return task.make_learner({name: given[name] for name in task.parameters})


def _as_predictions(labels: pl.Series) -> pl.DataFrame:
    return pl.DataFrame({"label": labels.unique(), "predicted": labels.unique()}, schema={"label": pl.String, "predicted": pl.String})
