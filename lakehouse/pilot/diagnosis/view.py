"""The rows of one task as a diagnosis reads them: as vectors, as words, as text for a person."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.pilot.diagnosis.label_type import LabelType
from lakehouse.pilot.models.learner import Learner


class View(ABC):
    """The rows of one task.

    Attributes:
        label_type: the type of its labels.
        learner: of the evaluation `train`.
        columns: those that are read of a row; `label`: the column of its label.
        text: the column, where it reads one text.
        numbers: columns that slices take in fifths.
        what: what a classifier of two sides tells apart, in words.
        common: share of the rows in which a word may stand that tells some rows from others.
        terms: whether a word of a row may give its class away; not where words only describe it.
    """

    label_type: LabelType
    learner: Learner
    columns: Sequence[str]
    label: str
    text: str | None = None
    numbers: Sequence[str] = ()
    what: str
    common: float
    terms: bool = True

    @abstractmethod
    def shown(self) -> pl.Expr:
        """What a person is shown of a row, as text."""

    @abstractmethod
    def words(self, rows: pl.DataFrame) -> pl.Series:
        """The distinct words of each row."""

    def plain(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows with columns that can be compared by value, where those that are read cannot."""
        return rows

    @abstractmethod
    def vectors(self, rows: pl.DataFrame) -> NDArray[np.float32]:
        """Rows as vectors of length 1 (or 0), near where rows are alike, equal for equal rows; shape (rows, dimensions)."""
