"""Pictures to a class: logistic regression on pixels and on directions of edges."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.core.errors import RecipeError
from lakehouse.pilot.models.learner import with_classes
from lakehouse.pilot.models.linear_classifier import LinearClassifier
from lakehouse.pilot.parameters import Positive

_DIRECTIONS = 9


class ImageClassifier(LinearClassifier):
    """`size` x `size` greys and histograms of their gradients, then logistic regression by averaged stochastic gradient descent.

    As in Dalal and Triggs (2005): in each cell of a quarter by a quarter of the side, nine directions without sign, weighted by the
    strength of the edge, the cells of a picture brought to length 1. The column holds encoded pictures (PNG, JPEG, ...) as bytes.
    """

    def __init__(self, *, input: str, label: str, size: Positive = 32, epochs: Positive = 20) -> None:
        if size % 4 or size < 8:
            raise RecipeError(f"train: size {size} cannot be cut in four cells", fix="size: a multiple of 4, 8 at least")
        self.input, self.label, self.size, self.epochs = input, label, size, epochs
        self.needs = {input: "bytes", label: "label"}
        self._known: dict[bytes, NDArray[np.uint8]] = {}
        """By the digest of an encoded picture, what is read of it: a picture is decoded once, however often it is asked for."""

    def labelled(self, rows: pl.DataFrame) -> pl.DataFrame:
        return with_classes(rows.filter(pl.col(self.input).is_not_null()), str(self.label))

    def learn_features(self, rows: pl.DataFrame) -> tuple[Any, Any]:
        from sklearn.preprocessing import StandardScaler

        learnt = StandardScaler()
        return learnt, learnt.fit_transform(self._numbers(rows))

    def features(self, learnt: Any, rows: pl.DataFrame) -> Any:
        return learnt.transform(self._numbers(rows))

    def greys(self, rows: pl.DataFrame) -> NDArray[np.float64]:
        """The pictures in grey, from 0 to 1, shape (rows, size, size)."""
        if rows.is_empty():
            return np.empty((0, self.size, self.size))
        small = np.stack([self._small(data, name) for data, name in rows.select(self.input, "_row_id").iter_rows()])  # a file each
        return small / 255.0

    def _numbers(self, rows: pl.DataFrame) -> NDArray[np.float64]:
        greys = self.greys(rows)
        return np.column_stack([greys.reshape(len(greys), -1), edges(greys)])

    def _small(self, data: bytes, name: str) -> NDArray[np.uint8]:
        from PIL import Image, UnidentifiedImageError

        key = hashlib.blake2b(data, digest_size=16).digest()
        if (known := self._known.get(key)) is not None:
            return known
        try:
            with Image.open(io.BytesIO(data)) as picture:
                small = picture.convert("L").resize((self.size, self.size), Image.Resampling.BILINEAR)
        except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
            raise RecipeError(
                f"train: `{self.input}` of row {name} is no picture that can be read: {error}",
                fix="take the row out with a recipe step",
            ) from error
        self._known[key] = np.asarray(small, dtype=np.uint8)
        return self._known[key]


def edges(greys: NDArray[np.float64]) -> NDArray[np.float64]:
    """Histograms of gradients of pictures (n, side, side), side a multiple of 4; shape (n, 16 x 9), each picture of length 1 or 0."""
    n, side, _ = greys.shape
    down, across = np.gradient(greys, axis=(1, 2))
    strength = np.hypot(down, across)
    direction = np.minimum((np.arctan2(down, across) % np.pi) / np.pi * _DIRECTIONS, _DIRECTIONS - 1).astype(np.int64)
    cell = np.arange(side) * 4 // side
    place = (cell[:, None] * 4 + cell[None, :]) * _DIRECTIONS + direction + np.arange(n)[:, None, None] * 16 * _DIRECTIONS
    out = np.bincount(place.ravel(), weights=strength.ravel(), minlength=n * 16 * _DIRECTIONS).reshape(n, -1)
    length = np.linalg.norm(out, axis=1, keepdims=True)
    scaled: NDArray[np.float64] = np.divide(out, length, out=np.zeros_like(out), where=length > 0)
    return scaled
