"""The tasks of `train` by name, and which of its parameters each knows."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lakehouse.core.errors import RecipeError
from lakehouse.pilot.models.images import ImageClassification
from lakehouse.pilot.models.language_modelling import LanguageModelling
from lakehouse.pilot.models.learner import Learner
from lakehouse.pilot.models.regression import Regression
from lakehouse.pilot.models.sequence_labelling import SequenceLabelling
from lakehouse.pilot.models.tabular import Tabular
from lakehouse.pilot.models.text_classification import TextClassification


def tabular_classification(*, features: Sequence[str], label: str, trees: int = 100) -> Learner:
    """Columns to a class."""
    return Tabular(features=features, label=label, classes=True, trees=trees)


def tabular_regression(*, features: Sequence[str], label: str, trees: int = 100) -> Learner:
    """Columns to a number."""
    return Tabular(features=features, label=label, classes=False, trees=trees)


TASKS: Mapping[str, Callable[..., Learner]] = {
    "text_classification": TextClassification,
    "sequence_labelling": SequenceLabelling,
    "regression": Regression,
    "tabular_classification": tabular_classification,
    "tabular_regression": tabular_regression,
    "image_classification": ImageClassification,
    "language_modelling": LanguageModelling,
}


def learner_of(task: str, given: Mapping[str, Any], defaults: Mapping[str, Any]) -> Learner:
    """The learner of a task.

    Args:
        given: the parameters of `train` that speak of the task.
        defaults: what each of them is where a declaration does not say it.

    Raises:
        RecipeError: a parameter that the task does not know, or one that it needs is missing.
    """
    make = TASKS[task]
    known = inspect.signature(make).parameters
    said = {name: value for name, value in given.items() if value != defaults[name]}
    takes = ", ".join(known)
    if strange := sorted(set(said) - set(known)):
        raise RecipeError(f"train: {task} does not know {', '.join(f'`{s}`' for s in strange)}", fix=f"it takes {takes}")
    missing = [name for name, p in known.items() if p.default is inspect.Parameter.empty and given[name] is None]
    if missing:
        raise RecipeError(f"train: {task} needs {', '.join(f'`{m}`' for m in missing)}", fix=f"it takes {takes}")
    return make(**{name: value for name, value in given.items() if name in known})
