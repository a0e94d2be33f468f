"""What findings are looked for in: the rows of a version, what models say of them that have not seen them, and where they lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse import versions
from lakehouse.errors import RecipeError
from lakehouse.pilot.baseline import OutOfFold, groups, out_of_fold
from lakehouse.pilot.evaluations import train as baseline
from lakehouse.progress import Progress
from lakehouse.project import Project
from lakehouse.versions import Version

SEED = 1
NEIGHBOURS = 10
_DIMENSIONS, _FOLDS = 100, 5


@dataclass(frozen=True)
class Part:
    """Rows that the model of the train rows is asked about.

    Attributes:
        rows: by `_row_id`.
        vectors: shape (rows, dimensions); `features`: those of the model, sparse.
        predicted: what the model says, shape (rows,); `wrong` where the label is another.
        group: rows of one group share their number, which is none of a train row's.
    """

    rows: pl.DataFrame
    vectors: NDArray[np.float32]
    features: Any
    predicted: NDArray[np.str_]
    wrong: NDArray[np.bool_]
    group: NDArray[np.int64]


@dataclass(frozen=True)
class Fitted:
    """The model of the evaluation `train`, learnt from the train rows with its first seed."""

    vectorizer: Any
    features: Any
    model: Any


@dataclass(frozen=True)
class Material:
    """A version of a dataset of text classification, prepared.

    Attributes:
        frozen: the version of the frozen set.
        name: dataset and label, for titles.
        looks: whether contradictions are looked for.
        params: of the evaluation `train`.
        rows: labelled ones, by `_row_id`; `group` goes with them.
        judged: by models that have seen neither a row nor its group.
        vectors: TF-IDF reduced to 100 dimensions (fewer where there are fewer terms or rows), of length 1; equal for equal texts.
        learnt, scored: numbers of the train rows, and of the rows that these are valued for: `test`, else `validation`.
        fitted: None where the train rows hold fewer than two classes.
        sets: `test` (or `validation`) and `held_out`, those that exist and hold rows; empty without `fitted`.
    """

    project: Project
    version: Version
    frozen: Version | None
    name: str
    looks: bool
    params: Mapping[str, Any]
    rows: pl.DataFrame
    group: NDArray[np.int64]
    judged: OutOfFold
    vectors: NDArray[np.float32]
    learnt: NDArray[np.int64]
    scored: NDArray[np.int64]
    fitted: Fitted | None
    sets: Mapping[str, Part]

    @property
    def text(self) -> str:
        """The column of the text."""
        return str(self.params["input"])

    @property
    def label(self) -> str:
        """The column of the label."""
        return str(self.params["label"])

    @cached_property
    def ids(self) -> list[str]:
        """Ids of `rows`."""
        return self.rows["_row_id"].to_list()

    @cached_property
    def scored_set(self) -> str:
        """What the rows of `scored` are called."""
        return "test" if (self.rows["_split"] == "test").any() else "validation"

    def given(self, at: int) -> str:
        """The label of a row."""
        return str(self.judged.classes[self.judged.given[at]])


def prepare(
    project: Project, version: Version, params: Mapping[str, Any], frozen: Version | None, looks: bool, progress: Progress
) -> Material:
    """Read a version and its frozen set, and learn the models.

    Raises:
        RecipeError: a column that the evaluation names is missing, or the rows allow no model.
    """
    name, text, label = f"{version.dataset} {version.label}", params["input"], params["label"]
    gold = versions.rows(project, version).collect()
    for column in (text, label):
        if column not in gold.columns:
            raise RecipeError(f"{name} has no column `{column}`, which its evaluation `train` names", fix="correct `input` and `label`")
    rows = baseline.labelled(gold.sort("_row_id"), label)
    group = groups(rows)
    progress(f"diagnosing {name}: models that have not seen the row", 0, 4)
    judged = out_of_fold(rows, text, label, params, _FOLDS, SEED)
    progress(f"diagnosing {name}: vectors", 1, 4)
    held_out = _frozen(project, frozen, text, label)
    vectors = _vectors(pl.concat([rows[text], held_out[text]]), params)
    learnt, scored = _split(rows)
    progress(f"diagnosing {name}: the model of the train rows", 2, 4)
    fitted = _fitted(rows, learnt, judged, text, params)
    sets: dict[str, Part] = {}
    if fitted is not None and len(scored):
        asked = "test" if (rows["_split"] == "test").any() else "validation"
        sets[asked] = _part(fitted, rows[scored], vectors[scored], group[scored], text, label)
    if fitted is not None and held_out.height:
        later = groups(held_out) + len(group)  # numbers of its own: the frozen set has its own versions and clusters
        sets["held_out"] = _part(fitted, held_out, vectors[rows.height :], later, text, label)
    return Material(
        project, version, frozen, name, looks, params, rows, group, judged, vectors[: rows.height], learnt, scored, fitted, sets
    )


def _frozen(project: Project, frozen: Version | None, text: str, label: str) -> pl.DataFrame:
    none = pl.DataFrame(schema={"_row_id": pl.String, text: pl.String, label: pl.String})
    if frozen is None:
        return none
    rows = versions.rows(project, frozen).sort("_row_id").collect()
    return baseline.labelled(rows, label) if {text, label} <= set(rows.columns) else none


def _vectors(texts: pl.Series, params: Mapping[str, Any]) -> NDArray[np.float32]:
    from sklearn.decomposition import TruncatedSVD
    from sklearn.preprocessing import normalize

    _, features = baseline.learn_features(texts, **shape_of(params))
    dimensions = min(_DIMENSIONS, min(features.shape) - 1)
    if dimensions < 1:
        return np.asarray(normalize(features.toarray()), dtype=np.float32)
    return np.asarray(normalize(TruncatedSVD(dimensions, random_state=SEED).fit_transform(features)), dtype=np.float32)


def shape_of(params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of `train` that say what a term is."""
    return {name: params[name] for name in ("analyzer", "ngrams", "max_features")}


def _split(rows: pl.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The numbers of the train rows, and of the rows that these are valued for."""
    at = {
        name: rows.select((pl.col("_split") == name).arg_true()).to_series().cast(pl.Int64).to_numpy() for name in rows["_split"].unique()
    }
    none = np.empty(0, dtype=np.int64)
    return at.get("train", none), at.get("test", at.get("validation", none))


def _fitted(rows: pl.DataFrame, learnt: NDArray[np.int64], judged: OutOfFold, text: str, params: Mapping[str, Any]) -> Fitted | None:
    labels = np.array(judged.classes)[judged.given[learnt]]
    if len(np.unique(labels)) < 2:
        return None
    vectorizer, features = baseline.learn_features(rows[text].gather(learnt), **shape_of(params))
    model = baseline.learn(features, labels.tolist(), epochs=params["epochs"], seed=params["seeds"][0])
    return Fitted(vectorizer, features, model)


def _part(fitted: Fitted, rows: pl.DataFrame, vectors: NDArray[np.float32], group: NDArray[np.int64], text: str, label: str) -> Part:
    features = fitted.vectorizer.transform(rows[text].fill_null("").to_list())
    predicted = np.asarray(fitted.model.predict(features)).astype(str)
    return Part(rows, vectors, features, predicted, predicted != rows[label].to_numpy().astype(str), group)
