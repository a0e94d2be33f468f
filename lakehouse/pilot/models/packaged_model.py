"""A trained model in the form that MLflow keeps."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class PackagedModel:
    """A trained model: a pickled scikit-learn estimator, and rows as an example of its input."""

    pickled: bytes
    example: pl.DataFrame
