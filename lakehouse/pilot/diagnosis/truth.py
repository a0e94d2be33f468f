"""What the labels of a task are, and so what can be said of a row whose label is doubted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Literal, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.pilot.models.learner import Learner

TruthName = Literal["classes", "numbers", "tags"]


class Judged(Protocol):
    """What models say of rows that they have not seen, nor anything of their group."""

    @property
    def folds(self) -> int:
        """How many models there were."""

    @property
    def error(self) -> NDArray[np.float64]:
        """How far each is from its label, at least 0, shape (rows,)."""

    def label(self, at: int) -> Any:
        """The label of a row, as plain data."""

    def summary(self) -> dict[str, Any]:
        """What is said of all rows together, for the summary of the diagnosis."""

    def metrics(self) -> dict[str, float]:
        """The same as metrics of the run."""


class Truth(ABC):
    """The labels of a task.

    Attributes:
        name: of KINDS_OF.
    """

    name: TruthName

    @abstractmethod
    def labelled(self, rows: pl.DataFrame, label: str) -> pl.DataFrame:
        """The rows that have a label, in the type that findings are made of."""

    @abstractmethod
    def learnable(self, rows: pl.DataFrame, label: str) -> bool:
        """Whether a model can be learnt from labelled rows."""

    @abstractmethod
    def out_of_fold(self, rows: pl.DataFrame, learner: Learner, label: str, folds: int) -> Judged:
        """Labelled rows judged by models that saw neither the row nor anything of its group.

        Raises:
            RecipeError: the rows allow no model.
        """

    @abstractmethod
    def told(self, labels: pl.Series, predicted: pl.Series) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """What a model says of rows, and how far each is from its label, at least 0; both of shape (rows,)."""

    @abstractmethod
    def measured(self, error: NDArray[np.float64]) -> dict[str, Any]:
        """How far some rows are from their labels, taken together; nothing of none."""

    @abstractmethod
    def described(self, labels: pl.Series) -> Mapping[str, Any]:
        """The labels of some rows, taken together."""

    def listed(self, labels: pl.Series) -> list[Any]:
        """The labels of rows as plain data, one text or number a row."""
        return labels.to_list()
