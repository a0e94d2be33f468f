"""What findings are looked for in: the rows of a version, what models say of them that have not seen them, and where they lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.core import versions
from lakehouse.core.project import Project
from lakehouse.core.runs.progress import Progress
from lakehouse.core.versions import Version
from lakehouse.pilot.baseline import groups
from lakehouse.pilot.diagnosis.tasks import VIEWS
from lakehouse.pilot.diagnosis.truth import Judged
from lakehouse.pilot.diagnosis.views import View

NEIGHBOURS = 10
_FOLDS = 5
J = TypeVar("J", bound=Judged)


@dataclass(frozen=True)
class Part:
    """Rows that the model of the train rows is asked about.

    Attributes:
        rows: by `_row_id`.
        vectors: shape (rows, dimensions); `features`: those of the model, shape (rows, terms or columns).
        predicted: what the model says, shape (rows,); `error` how far that is from the label, at least 0.
        group: rows of one group share their number, which is none of a train row's.
    """

    rows: pl.DataFrame
    vectors: NDArray[np.float32]
    features: Any
    predicted: NDArray[Any]
    error: NDArray[np.float64]
    group: NDArray[np.int64]


@dataclass(frozen=True)
class Fitted:
    """The model of the evaluation `train`, learnt from the train rows with its first seed; `learnt` makes features of rows."""

    learnt: Any
    features: Any
    model: Any


@dataclass(frozen=True)
class Material(Generic[J]):
    """A version of a dataset, prepared.

    Attributes:
        frozen: the version of the frozen set.
        name: dataset and label, for titles.
        looks: whether contradictions are looked for.
        view: how its rows are read, by the task of the evaluation `train`.
        rows: labelled ones, by `_row_id`; `group` goes with them.
        judged: by models that have seen neither a row nor its group.
        vectors: of length 1, equal for rows that are read as equal.
        learnt, scored: numbers of the train rows, and of the rows that these are valued for: `test`, else `validation`.
        fitted: None where the train rows allow no model, such as those of one class.
        sets: `test` (or `validation`) and `held_out`, those that exist and hold rows; empty without `fitted`.
    """

    project: Project
    version: Version
    frozen: Version | None
    name: str
    looks: bool
    view: View
    rows: pl.DataFrame
    group: NDArray[np.int64]
    judged: J
    vectors: NDArray[np.float32]
    learnt: NDArray[np.int64]
    scored: NDArray[np.int64]
    fitted: Fitted | None
    sets: Mapping[str, Part]

    @property
    def label(self) -> str:
        """The column of the label."""
        return self.view.label

    @cached_property
    def ids(self) -> list[str]:
        """Ids of `rows`."""
        return self.rows["_row_id"].to_list()

    @cached_property
    def scored_set(self) -> str:
        """What the rows of `scored` are called."""
        return "test" if (self.rows["_split"] == "test").any() else "validation"

    def given(self, at: int) -> Any:
        """The label of a row, as plain data."""
        return self.judged.label(at)


def prepare(
    project: Project, version: Version, params: Mapping[str, Any], frozen: Version | None, looks: bool, progress: Progress
) -> Material[Any]:
    """Read a version and its frozen set, and learn the models.

    Raises:
        RecipeError: a column that the evaluation names is missing, or the rows allow no model.
    """
    name, view = f"{version.dataset} {version.label}", VIEWS[params["task"]](params)
    label = view.label
    gold = versions.rows(project, version).collect()
    view.learner.check(name, gold)
    rows = view.truth.labelled(gold.sort("_row_id"), label)
    group = groups(rows)
    progress(f"diagnosing {name}: models that have not seen the row", 0, 4)
    judged = view.truth.out_of_fold(rows, view.learner, label, _FOLDS)
    progress(f"diagnosing {name}: vectors", 1, 4)
    held_out = _frozen(project, frozen, rows, view)
    read = [*view.columns, label]
    vectors = view.vectors(pl.concat([rows.select(read), held_out.select(read)], how="vertical_relaxed"))
    learnt, scored = _split(rows)
    progress(f"diagnosing {name}: the model of the train rows", 2, 4)
    fitted = _fitted(rows[learnt], view, params["seeds"][0])
    sets: dict[str, Part] = {}
    if fitted is not None and len(scored):
        asked = "test" if (rows["_split"] == "test").any() else "validation"
        sets[asked] = _part(fitted, view, rows[scored], vectors[scored], group[scored])
    if fitted is not None and held_out.height:
        later = groups(held_out) + len(group)  # numbers of its own: the frozen set has its own versions and clusters
        sets["held_out"] = _part(fitted, view, held_out, vectors[rows.height :], later)
    return Material(project, version, frozen, name, looks, view, rows, group, judged, vectors[: rows.height], learnt, scored, fitted, sets)


def _frozen(project: Project, frozen: Version | None, rows: pl.DataFrame, view: View) -> pl.DataFrame:
    none = rows.clear()
    if frozen is None:
        return none
    found = versions.rows(project, frozen).sort("_row_id").collect()
    return view.truth.labelled(found, view.label) if {*view.columns, view.label} <= set(found.columns) else none


def _split(rows: pl.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The numbers of the train rows, and of the rows that these are valued for."""
    at = {
        name: rows.select((pl.col("_split") == name).arg_true()).to_series().cast(pl.Int64).to_numpy() for name in rows["_split"].unique()
    }
    none = np.empty(0, dtype=np.int64)
    return at.get("train", none), at.get("test", at.get("validation", none))


def _fitted(rows: pl.DataFrame, view: View, seed: int) -> Fitted | None:
    if not view.truth.learnable(rows, view.label):
        return None
    given = view.learner.labelled(rows)
    learnt, features = view.learner.learn_features(given)
    return Fitted(learnt, features, view.learner.fit(features, given, seed))


def _part(fitted: Fitted, view: View, rows: pl.DataFrame, vectors: NDArray[np.float32], group: NDArray[np.int64]) -> Part:
    features = view.learner.features(fitted.learnt, rows)
    predicted, error = view.truth.told(rows[view.label], view.learner.predict(fitted.model, features, rows))
    return Part(rows, vectors, features, predicted, error, group)
