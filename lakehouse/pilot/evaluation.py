"""An evaluation: a function from parameters to a job that scores one version."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from lakehouse.core.errors import NotFoundError, RecipeError
from lakehouse.core.project import Project
from lakehouse.core.registry import Registry
from lakehouse.core.spec import Call
from lakehouse.pilot.scores import Scores

EVALUATIONS = Registry("evaluation", "lakehouse.pilot.evaluations")
"""All evaluations by name.

At registration: `files`, parameters that name files of the project; `reads`, the parameter that names another dataset, whose gold rows are
the set `also`; `identities`, by parameter a function of its value and the project folder: a digest of what the value stands for;
`complete`, a function of the validated parameters that fills in those which depend on others.
"""


def complete_parameters(call: Call) -> dict[str, Any]:
    """The validated parameters of a call with every default that counts: what an evaluation is known by.

    Raises:
        SpecError: unknown or missing parameter, wrong type.
    """
    bound = EVALUATIONS.bind(call)
    complete = EVALUATIONS.entry(call).info.get("complete")
    return dict(complete(bound)) if complete else bound


@dataclass(frozen=True)
class DataOrigin:
    """Where the rows of an evaluation are from.

    Attributes:
        dataset: the declared dataset; None where they are of none.
        root: the project folder; None: the one at or above the working folder, or LAKEHOUSE_PROJECT.
    """

    dataset: str | None = None
    root: Path | None = None

    @property
    def project(self) -> Project:
        """The project.

        Raises:
            NotFoundError: there is none.
        """
        return Project.open(self.root) if self.root is not None else Project.find()

    def file(self, name: str) -> Path:
        """The file `name` of the project folder.

        Raises:
            NotFoundError: no such file.
        """
        file = self.project.root / name
        if not file.is_file():
            raise NotFoundError(f"no file {name} in the project folder", fix="paths are relative to the folder that holds assets/")
        return file


@dataclass(frozen=True)
class Data:
    """The rows an evaluation sees: `_row_id` and the contract's columns.

    Attributes:
        train: what a model may learn from.
        sets: what it is scored on: `test` (the version's own split), `held_out` (the frozen set) and `also` (the dataset that
            a parameter names), those that exist.
    """

    train: pl.DataFrame
    sets: Mapping[str, pl.DataFrame]
    origin: DataOrigin = DataOrigin()


def check_columns(name: str, data: Data, input: str, label: str) -> None:
    """Refuse rows without the columns that evaluation `name` reads.

    Raises:
        RecipeError: of the train rows or of a set, a column is missing, or `input` is no text.
    """
    for of, rows in {"train": data.train, **data.sets}.items():
        for column in (input, label):
            if column not in rows.columns:
                known = ", ".join(c for c in rows.columns if c[0] != "_")
                raise RecipeError(f"{name}: the {of} rows have no column `{column}`", fix=f"columns: {known}")
        if rows.schema[input] != pl.String:
            raise RecipeError(f"{name}: column `{input}` of the {of} rows is {rows.schema[input]}, not text", fix="name a text column")


Job = Callable[[Data], Scores]
