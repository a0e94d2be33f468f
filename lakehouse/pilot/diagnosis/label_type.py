"""The type of a task's labels, which decides how a row with a doubtful label is found and described."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Literal, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.pilot.models.learner import Learner

LabelTypeName = Literal["classes", "numbers", "tags"]


class OutOfFold(Protocol):
    """Predictions for every row by models that have seen neither the row nor anything of its group."""

    @property
    def folds(self) -> int:
        """Number of models."""

    @property
    def error(self) -> NDArray[np.float64]:
        """Distance of each prediction from the label, at least 0, shape (rows,)."""

    def label(self, at: int) -> Any:
        """The label of a row, as plain data."""

    def plain(self, label: Any) -> Any:
        """A label, or a prediction, as plain data."""

    def summary(self) -> dict[str, Any]:
        """The errors of all rows together, for the summary of the diagnosis."""

    def metrics(self) -> dict[str, float]:
        """The same as metrics of the run."""


class LabelType(ABC):
    """Labels of one type.

    Attributes:
        name: a key of KINDS_BY_LABEL_TYPE.
    """

    name: LabelTypeName

    @abstractmethod
    def labelled(self, rows: pl.DataFrame, label: str) -> pl.DataFrame:
        """The rows that have a label, in the type that findings are made of."""

    @abstractmethod
    def learnable(self, rows: pl.DataFrame, label: str) -> bool:
        """Whether a model can be learnt from labelled rows."""

    @abstractmethod
    def out_of_fold(self, rows: pl.DataFrame, learner: Learner, label: str, folds: int) -> OutOfFold:
        """Predictions for labelled rows by models that saw neither the row nor anything of its group.

        Raises:
            RecipeError: the rows allow no model.
        """

    @abstractmethod
    def compare(self, labels: pl.Series, predicted: pl.Series) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """The predictions in the type of findings, and their distances from the labels, at least 0; both of shape (rows,)."""

    @abstractmethod
    def error_summary(self, error: NDArray[np.float64]) -> dict[str, Any]:
        """The errors of some rows together; empty for no rows."""

    @abstractmethod
    def label_summary(self, labels: pl.Series) -> Mapping[str, Any]:
        """The labels of some rows together."""

    def plain_labels(self, labels: pl.Series) -> list[Any]:
        """The labels of rows as plain data, one text or number a row."""
        return labels.to_list()
