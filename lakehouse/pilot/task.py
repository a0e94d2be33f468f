"""A task of the evaluation `train` as one object: each file of `lakehouse.pilot.tasks` defines one, by the name of the file, as `TASK`."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from lakehouse.core.errors import RecipeError
from lakehouse.core.spec.yamlfile import suggest
from lakehouse.pilot.controls import CONTROLS, Control, TrainColumns
from lakehouse.pilot.diagnosis.view import View
from lakehouse.pilot.models.learner import Learner
from lakehouse.pilot.scoring.scoring import LESS_IS_BETTER, Scoring

_PACKAGE = "lakehouse.pilot.tasks"


@dataclass(frozen=True, kw_only=True)
class Task:
    """One task of `train`.

    Attributes:
        name: that of its file.
        version: raised by hand when its model or scoring gives something else for the same rows and parameters.
        summary: what it learns, and how, in a sentence.
        learner: makes the model. Its keyword parameters, with their types and defaults, are the parameters of `train` that the task takes.
        scoring: the metrics of its predictions, and their pictures.
        controls: train rows damaged in a known way, by name, that its metrics must tell; none: its metrics are not self-tested.
        view: how a diagnosis reads its rows, and the type of its labels; None where rows are not diagnosed.
        undiagnosed: why rows are not diagnosed; empty where they are.
    """

    name: str
    version: int
    summary: str
    learner: Callable[..., Learner]
    scoring: Scoring
    controls: Mapping[str, Control] = field(default_factory=lambda: CONTROLS)
    view: Callable[[Any], View] | None = None
    undiagnosed: str = ""

    def __post_init__(self) -> None:
        if (self.view is None) == (not self.undiagnosed):
            raise ValueError(f"task {self.name}: either `view`, or a reason in `undiagnosed`")

    @property
    def parameters(self) -> Mapping[str, inspect.Parameter]:
        """The parameters of `train` that the task takes, by name, with their types and the task's defaults."""
        hints = typing.get_type_hints(_initialiser(self.learner), include_extras=True)
        known = inspect.signature(self.learner).parameters
        return {name: parameter.replace(annotation=hints[name]) for name, parameter in known.items()}

    def complete(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters that the task takes: those given (not None), the others by their defaults; None where one is missing."""
        out = {}
        for name, parameter in self.parameters.items():
            default = None if parameter.default is inspect.Parameter.empty else parameter.default
            value = given.get(name)
            out[name] = (list(default) if isinstance(default, tuple) else default) if value is None else value
        return out

    def make_learner(self, given: Mapping[str, Any]) -> Learner:
        """The model of the task, not yet trained.

        Args:
            given: the parameters that a declaration gives; None is not given.

        Raises:
            RecipeError: one that the task does not take, one that it needs is missing, or what the model refuses.
        """
        known, takes = self.parameters, f"it takes {', '.join(self.parameters)}"
        if strange := sorted(name for name, value in given.items() if value is not None and name not in known):
            raise RecipeError(f"train: {self.name} does not know {', '.join(f'`{name}`' for name in strange)}", fix=takes)
        complete = self.complete(given)
        missing = [name for name, value in complete.items() if value is None and known[name].default is inspect.Parameter.empty]
        if missing:
            raise RecipeError(f"train: {self.name} needs {', '.join(f'`{name}`' for name in missing)}", fix=takes)
        return self.learner(**complete)

    def columns(self, given: Mapping[str, Any]) -> TrainColumns:
        """The columns that the model reads: one text as `input`, others as `features`.

        Raises:
            RecipeError: as `make_learner`.
        """
        learner = self.make_learner(given)
        reads = {name: kind for name, kind in learner.needs.items() if name != learner.label}
        text = next((name for name, kind in reads.items() if kind == "text"), None)
        return TrainColumns(text, learner.label, tuple(name for name in reads if name != text))

    def code(self) -> str:
        """Identity of what the task computes: its declared version."""
        return f"task {self.name} {self.version}"


def task_names() -> tuple[str, ...]:
    """The names of all tasks, sorted; no task is loaded."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(_package().__path__)))


def task_named(name: str) -> Task:
    """The task of this name.

    Raises:
        RecipeError: there is none.
        ValueError: its file defines no task of that name.
    """
    if name not in task_names():
        raise RecipeError(f"train: unknown task `{name}`", fix=suggest(name, task_names()))
    found = getattr(importlib.import_module(f"{_PACKAGE}.{name}"), "TASK", None)
    if not isinstance(found, Task) or found.name != name:
        raise ValueError(f"{_PACKAGE}.{name} defines no `TASK` of the name {name}")
    return found


def tasks() -> tuple[Task, ...]:
    """All tasks, by name."""
    return tuple(map(task_named, task_names()))


def scorings() -> dict[str, Scoring]:
    """The scorings of all tasks, by name."""
    return {task.scoring.name: task.scoring for task in tasks()}


def less_is_better(metric: str) -> bool:
    """Whether a fall of the metric is a gain. The name before the first point says it: what follows names a class or a share."""
    name = metric.removeprefix("curve.").split(".")[0]
    return name in LESS_IS_BETTER or any(name in scoring.less_is_better for scoring in scorings().values())


def _package() -> ModuleType:
    return importlib.import_module(_PACKAGE)


def _initialiser(learner: Callable[..., Learner]) -> Any:
    return learner.__init__ if inspect.isclass(learner) else learner  # type: ignore[misc]
