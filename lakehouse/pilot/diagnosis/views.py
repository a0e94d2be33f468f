"""Views of texts, of columns and of pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.pilot.diagnosis.label_type import LabelType
from lakehouse.pilot.diagnosis.terms import words as words_of
from lakehouse.pilot.diagnosis.view import View
from lakehouse.pilot.models.boosted_trees import BoostedTrees
from lakehouse.pilot.models.image_classifier import ImageClassifier
from lakehouse.pilot.models.linear_classifier import TextClassifier
from lakehouse.pilot.models.linear_regression import LinearRegression

SEED = 1
_DIMENSIONS = 100
_FREQUENCIES = 200
_PAIRS = 2_000
_VALUES = 50
"""Values of a column that stand by themselves among the vectors; the rarer ones stand together."""
_FIGURES = 4
_BINS = 10


class TextView(View):
    """A text: its vectors are TF-IDF reduced to 100 dimensions (fewer where there are fewer terms or rows)."""

    what = "the text"
    common = 0.2  # the commonest words tell how texts are written, not what about

    def __init__(self, learner: TextClassifier | LinearRegression, label_type: LabelType) -> None:
        self.learner, self.label_type = learner, label_type
        self.text = str(learner.input)
        self.columns, self.label = (self.text,), str(learner.label)

    def shown(self) -> pl.Expr:
        return pl.col(str(self.text))

    def words(self, rows: pl.DataFrame) -> pl.Series:
        return words_of(rows[str(self.text)])

    def vectors(self, rows: pl.DataFrame) -> NDArray[np.float32]:
        return reduced(self.learner.learn_features(rows)[1])


class ColumnsView(View):
    """Columns: numbers and categories.

    Its words are `column=value` and, of numbers, `column low..high` by tenths of the rows. Its vectors are random Fourier features of the
    Gaussian kernel (Rahimi and Recht, NIPS 2007) over standardised numbers and marked categories, every column of equal weight: their
    cosine falls with the distance of the rows, and linear methods on them follow curves.
    """

    what = "the columns"
    common = 1.0

    def __init__(self, learner: BoostedTrees | LinearRegression, label_type: LabelType) -> None:
        self.learner, self.label_type = learner, label_type
        self.columns, self.label = tuple(learner.columns), str(learner.label)
        self.numbers = self.columns

    def shown(self) -> pl.Expr:
        named = [pl.format("{} {}", pl.lit(c), pl.col(c).cast(pl.String).fill_null("missing")) for c in self.columns]
        return pl.concat_str(named, separator=", ").alias("_shown")

    def words(self, rows: pl.DataFrame) -> pl.Series:
        named = [_named(column, rows[column]) for column in self.columns]
        return rows.select(pl.concat_list(named).alias("words"))["words"]

    def vectors(self, rows: pl.DataFrame) -> NDArray[np.float32]:
        x = np.hstack([_numbers(rows[c]) if rows.schema[c].is_numeric() else marks(rows[c]) for c in self.columns])
        chance = np.random.default_rng(SEED)
        one, other = chance.integers(0, len(x), (2, _PAIRS)) if len(x) else (np.empty(0, np.int64),) * 2
        distances = ((x[one] - x[other]) ** 2).sum(axis=1)
        typical = float(np.median(distances[distances > 0])) if (distances > 0).any() else 1.0
        angles = x @ chance.normal(0, typical**-0.5, (x.shape[1], _FREQUENCIES))
        return np.asarray(np.hstack([np.cos(angles), np.sin(angles)]) / _FREQUENCIES**0.5, dtype=np.float32)


class PictureView(View):
    """A picture, as bytes.

    Its words say how bright, how rich in contrast and how rich in edges it is, by tenths of the rows. Its vectors are what the model reads
    of it, every number standardised, reduced to 100 dimensions.
    """

    what = "how bright, contrasted and edged pictures are"
    common = 1.0
    terms = False

    def __init__(self, learner: ImageClassifier, label_type: LabelType) -> None:
        self.learner, self.images, self.label_type = learner, learner, label_type
        self.picture, self.label = learner.input, str(learner.label)
        self.columns = (self.picture,)

    def shown(self) -> pl.Expr:
        return pl.format("a picture of {} bytes", pl.col(self.picture).bin.size())

    def words(self, rows: pl.DataFrame) -> pl.Series:
        greys = self._greys(rows)
        steps = np.abs(np.diff(greys, axis=1)).mean(axis=(1, 2)) + np.abs(np.diff(greys, axis=2)).mean(axis=(1, 2))
        ranges = {"brightness": greys.mean(axis=(1, 2)), "contrast": greys.std(axis=(1, 2)), "edges": steps}
        named = [_named(name, pl.Series(name, values.round(3))) for name, values in ranges.items()]
        return pl.select(pl.concat_list(named).alias("words"))["words"]

    def vectors(self, rows: pl.DataFrame) -> NDArray[np.float32]:
        from sklearn.decomposition import PCA
        from sklearn.preprocessing import normalize

        _, features = self.images.learn_features(rows.with_row_index("_row_id"))
        dimensions = min(_DIMENSIONS, *features.shape)
        return np.asarray(normalize(PCA(dimensions, random_state=SEED).fit_transform(features)), dtype=np.float32)

    def _greys(self, rows: pl.DataFrame) -> NDArray[np.float64]:
        return self.images.greys(rows if "_row_id" in rows.columns else rows.with_row_index("_row_id"))


def reduced(features: Any) -> NDArray[np.float32]:
    """Sparse features as vectors of length 1 (or 0), of 100 dimensions at most; shape (rows, dimensions)."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.preprocessing import normalize

    dimensions = min(_DIMENSIONS, min(features.shape) - 1)
    if dimensions < 1:
        return np.asarray(normalize(features.toarray()), dtype=np.float32)
    return np.asarray(normalize(TruncatedSVD(dimensions, random_state=SEED).fit_transform(features)), dtype=np.float32)


def bins(values: pl.Series, number: int = 5) -> pl.Series:
    """Numbers as text `low..high`, of four figures: at most `number` bins of about as many rows each; `missing` where there is none."""
    known = values.cast(pl.Float64).fill_nan(None)
    edges = sorted({float(known.quantile(at / number, "lower") or 0.0) for at in range(1, number)})  # type: ignore[arg-type]
    at = np.searchsorted(np.array(edges), known.fill_null(np.inf).to_numpy(), side="left")
    frame = pl.DataFrame({"at": at, "value": values, "known": known.is_not_null()})
    rounded = pl.col("value").round_sig_figs(_FIGURES) if values.dtype.is_float() else pl.col("value")
    shown = pl.when("known").then(rounded)
    low, high = shown.min().over("at").cast(pl.String), shown.max().over("at").cast(pl.String)
    ranges = pl.when("known").then(pl.concat_str(low, pl.lit(".."), high)).otherwise(pl.lit("missing"))
    return frame.select(ranges.alias(values.name)).to_series()


def _named(column: str, values: pl.Series) -> pl.Series:
    if values.dtype.is_numeric() and values.n_unique() > _BINS:
        return (pl.lit(f"{column} ") + bins(values, _BINS)).pipe(_series, column)
    return (pl.lit(f"{column}=") + values.cast(pl.String).fill_null("missing")).pipe(_series, column)


def _series(made: pl.Expr, name: str) -> pl.Series:
    return pl.select(made.alias(name)).to_series()


def _numbers(values: pl.Series) -> NDArray[np.float64]:
    """A column standardised, and one that marks what is missing, where something is."""
    given = values.cast(pl.Float64).to_numpy()
    missing = ~np.isfinite(given)
    known = given[~missing]
    spread = float(known.std()) if len(known) else 0.0
    scaled = np.where(missing, 0.0, (given - (known.mean() if len(known) else 0.0)) / (spread or 1.0))
    return np.column_stack([scaled, missing]) if missing.any() else scaled[:, None]


def marks(values: pl.Series) -> NDArray[np.float64]:
    """A column for each of the commonest values and one for the others; two rows of different values are as far apart as two
    numbers that differ by 1.4 standard deviations.
    """
    text = values.cast(pl.String).fill_null("missing")
    counted = text.value_counts(sort=True, name="rows")
    kept = counted.sort("rows", text.name, descending=[True, False])[text.name].head(_VALUES).to_list()
    codes = text.replace_strict(kept, range(len(kept)), default=len(kept), return_dtype=pl.Int64).to_numpy()
    return np.asarray(np.eye(len(kept) + 1)[codes])
