"""The input of every kind of finding: the rows of a version, out-of-fold predictions for them, and their vectors."""

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
from lakehouse.pilot.diagnosis.label_type import OutOfFold
from lakehouse.pilot.diagnosis.view import View
from lakehouse.pilot.groups import groups

NEIGHBOURS = 10
_FOLDS = 5
P = TypeVar("P", bound=OutOfFold)


@dataclass(frozen=True, kw_only=True)
class ScoredSet:
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


@dataclass(frozen=True, kw_only=True)
class TrainedModel:
    """The model of the evaluation `train`, learnt from the train rows with its first seed; `learnt` makes features of rows."""

    learnt: Any
    features: Any
    model: Any


@dataclass(frozen=True, kw_only=True)
class Material(Generic[P]):
    """A version of a dataset, prepared.

    Attributes:
        frozen: the version of the frozen set.
        name: dataset and label, for titles.
        with_contradictions: whether contradictions are looked for.
        view: how its rows are read, by the task of the evaluation `train`.
        rows: labelled ones, by `_row_id`; `group` goes with them.
        out_of_fold: predictions by models that have seen neither a row nor its group.
        vectors: of length 1, equal for rows that are read as equal.
        learnt, scored: numbers of the train rows, and of the rows that these are valued for: `test`, else `validation`.
        fitted: None where the train rows allow no model, such as those of one class.
        sets: `test` (or `validation`) and `held_out`, those that exist and hold rows; empty without `fitted`.
    """

    project: Project
    version: Version
    frozen: Version | None
    name: str
    with_contradictions: bool
    view: View
    rows: pl.DataFrame
    group: NDArray[np.int64]
    out_of_fold: P
    vectors: NDArray[np.float32]
    learnt: NDArray[np.int64]
    scored: NDArray[np.int64]
    fitted: TrainedModel | None
    sets: Mapping[str, ScoredSet]

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
        return self.out_of_fold.label(at)


def prepare(
    project: Project,
    version: Version,
    frozen: Version | None,
    view: View,
    seed: int,
    progress: Progress,
    *,
    with_contradictions: bool,
) -> Material[Any]:
    """Read a version and its frozen set, and learn the models.

    Args:
        seed: of the model of the train rows.

    Raises:
        RecipeError: a column that the evaluation names is missing, or the rows allow no model.
    """
    name = f"{version.dataset} {version.label}"
    label = view.label
    gold = versions.rows(project, version).collect()
    view.learner.check(name, gold)
    rows = view.label_type.labelled(gold.sort("_row_id"), label)
    group = groups(rows)
    progress(f"diagnosing {name}: models that have not seen the row", 0, 4)
    out_of_fold = view.label_type.out_of_fold(rows, view.learner, label, _FOLDS)
    progress(f"diagnosing {name}: vectors", 1, 4)
    held_out = _frozen(project, frozen, rows, view)
    read = [*view.columns, label]
    vectors = view.vectors(pl.concat([rows.select(read), held_out.select(read)], how="vertical_relaxed"))
    learnt, scored = _split(rows)
    progress(f"diagnosing {name}: the model of the train rows", 2, 4)
    fitted = _fitted(rows[learnt], view, seed)
    sets: dict[str, ScoredSet] = {}
    if fitted is not None and len(scored):
        asked = "test" if (rows["_split"] == "test").any() else "validation"
        sets[asked] = _part(fitted, view, rows[scored], vectors[scored], group[scored])
    if fitted is not None and held_out.height:
        later = groups(held_out) + len(group)  # numbers of its own: the frozen set has its own versions and clusters
        sets["held_out"] = _part(fitted, view, held_out, vectors[rows.height :], later)
    return Material(
        project=project,
        version=version,
        frozen=frozen,
        name=name,
        with_contradictions=with_contradictions,
        view=view,
        rows=rows,
        group=group,
        out_of_fold=out_of_fold,
        vectors=vectors[: rows.height],
        learnt=learnt,
        scored=scored,
        fitted=fitted,
        sets=sets,
    )


def _frozen(project: Project, frozen: Version | None, rows: pl.DataFrame, view: View) -> pl.DataFrame:
    none = rows.clear()
    if frozen is None:
        return none
    found = versions.rows(project, frozen).sort("_row_id").collect()
    return view.label_type.labelled(found, view.label) if {*view.columns, view.label} <= set(found.columns) else none


def _split(rows: pl.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The numbers of the train rows, and of the rows that these are valued for."""
    at = {
        name: rows.select((pl.col("_split") == name).arg_true()).to_series().cast(pl.Int64).to_numpy() for name in rows["_split"].unique()
    }
    none = np.empty(0, dtype=np.int64)
    return at.get("train", none), at.get("test", at.get("validation", none))


def _fitted(rows: pl.DataFrame, view: View, seed: int) -> TrainedModel | None:
    if not view.label_type.learnable(rows, view.label):
        return None
    given = view.learner.labelled(rows)
    learnt, features = view.learner.learn_features(given)
    return TrainedModel(learnt=learnt, features=features, model=view.learner.fit(features, given, seed))


def _part(fitted: TrainedModel, view: View, rows: pl.DataFrame, vectors: NDArray[np.float32], group: NDArray[np.int64]) -> ScoredSet:
    features = view.learner.features(fitted.learnt, rows)
    predicted, error = view.label_type.compare(rows[view.label], view.learner.predict(fitted.model, features, rows))
    return ScoredSet(rows=rows, vectors=vectors, features=features, predicted=predicted, error=error, group=group)
