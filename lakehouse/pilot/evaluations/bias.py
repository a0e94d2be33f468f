"""Whether a model serves groups of rows alike."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from lakehouse.core.errors import RecipeError
from lakehouse.pilot.diagnosis.views import bins
from lakehouse.pilot.evaluation import EVALUATIONS, Data, Job
from lakehouse.pilot.inference.classifiers import prepared_models
from lakehouse.pilot.inference.endpoint_classifier import EndpointSettings
from lakehouse.pilot.inference.fairness import gaps, rates
from lakehouse.pilot.inference.pictures import groups_picture
from lakehouse.pilot.parameters import Analyzer, Ngrams, Positive, Seeds
from lakehouse.pilot.scores import Scores

_NONE = "(none)"


@EVALUATIONS.register(version=2)
def bias(
    *,
    input: str,
    label: str,
    by: Annotated[list[str], Field(min_length=1)] | None = None,
    positive: str | None = None,
    at_least_rows: Annotated[int, Field(ge=1)] = 30,
    endpoint: EndpointSettings | None = None,
    seeds: Seeds = [1, 2, 3],  # noqa: B006 - read, never changed
    analyzer: Analyzer = "word",
    ngrams: Ngrams = [1, 1],  # noqa: B006
    max_features: Positive = 300_000,
    epochs: Positive = 20,
) -> Job:
    """Compare groups of rows: accuracy, recall, selection rate and false positive rate of each, and how far apart groups are.

    `by` names columns; without it groups are sources, where there are several, and fifths of the texts' lengths. `positive` is the label
    whose prediction counts as selected. Without it the first of two labels serves, for with two labels neither difference depends on
    which; of more labels each is taken in turn and the largest difference counts. Groups of fewer than `at_least_rows` rows are listed
    and not judged.

    Metrics a set: `accuracy.<column>.<group>`, `worst_accuracy` over all judged groups, and for each column with two judged groups
    `demographic_parity_difference.<column>` (largest minus smallest selection rate), `equalized_odds_difference.<column>` (the larger of
    the spreads of true and of false positive rate; Hardt, Price and Srebro 2016), each with `_low` and `_high`, a 95 % interval by the
    bootstrap over rows, and `_by_chance`, which 95 % of random groupings of the same sizes stay under. A difference is never negative,
    so an interval above zero alone shows nothing. The recall and the rates of each group stand in `groups.csv`; means over seeds. Signs of
    a group's name that MLflow does not take become `_`.

    Example:
        `{bias: {input: text, label: label, by: [category], positive: "1", analyzer: char, ngrams: [1, 3]}}`
    """

    def job(data: Data) -> Scores:
        for on, rows in data.sets.items():
            for column in by or ():
                if column not in rows.columns:
                    known = ", ".join(c for c in rows.columns if c[0] != "_")
                    raise RecipeError(f"bias: the {on} rows have no column `{column}` to group by", fix=f"columns: {known}")
        made = prepared_models(
            "bias", data, input=input, label=label, seeds=seeds, analyzer=analyzer, ngrams=ngrams, max_features=max_features,
            epochs=epochs, endpoint=endpoint,
        )  # fmt: skip
        parts, seconds = [], dict(made.seconds)
        metrics: dict[str, dict[str, list[float]]] = {}
        files: dict[str, bytes] = {}
        for on, rows in made.sets.items():
            predicted = []
            for seed, model in made.models.items():
                began = time.perf_counter()
                predicted.append(model.predict(rows[input]).labels)
                parts.append(made.predictions(on, seed, predicted[-1]))
                seconds[seed] += time.perf_counter() - began
            judged = _GroupComparison(rows[label], predicted, positive, at_least_rows, on)
            for grouping in _groupings(rows, input, by):
                judged.add(grouping)
            metrics[on] = judged.metrics
            table = pl.concat(judged.tables)
            files[f"{on}/groups.csv"] = table.write_csv().encode()
            shown = table.filter(pl.col("positive") == pl.col("positive").first())
            title = f"{on}: groups (selected: {table['positive'][0]}); grey: under {at_least_rows} rows"
            files[f"{on}/groups.png"] = groups_picture(shown.sort("by", "rows", descending=[False, True]).head(40), title)
        return Scores(predictions=pl.concat(parts), seconds=seconds, notes=made.notes, metrics=metrics, files=files)

    return job


def _groupings(rows: pl.DataFrame, input: str, by: Sequence[str] | None) -> list[pl.Series]:
    """The group of each row as text, one series a column."""
    if by is not None:
        return [rows[column].cast(pl.String).fill_null(_NONE) for column in by]
    origin = pl.col("_root" if "_root" in rows.columns else "_row_id").str.split("/").list.first()
    source = rows.select(source=origin.fill_null(_NONE)).to_series()
    return [*([source] if source.n_unique() > 1 else []), bins(rows[input].fill_null("").str.len_chars().alias("length"))]


@dataclass
class _GroupComparison:
    """What is found about the groups of one set.

    Attributes:
        tables: a frame for each grouping: a row for each group and positive label.
        metrics: by name, one value a seed, or one over all seeds for the differences.
    """

    truth: pl.Series
    predicted: list[pl.Series]
    positive: str | None
    at_least: int
    on: str
    metrics: dict[str, list[float]] = field(default_factory=dict)
    tables: list[pl.DataFrame] = field(default_factory=list)

    def add(self, group: pl.Series) -> None:
        """Compare the groups of one column."""
        labels = sorted(set(self.truth).union(*self.predicted))
        if self.positive is not None and self.positive not in labels:
            known = ", ".join(labels[:20])
            raise RecipeError(f"bias: no {self.on} row has or gets the label {self.positive!r}", fix=f"positive: one of {known}")
        positives = [labels.index(self.positive)] if self.positive is not None else list(range(1 if len(labels) == 2 else len(labels)))
        truth, predicted = _numbers(self.truth, labels), np.vstack([_numbers(each, labels) for each in self.predicted])
        names = group.unique().sort().to_list()
        of = _numbers(group, names)
        counts = np.bincount(of, minlength=len(names))
        judged = counts >= self.at_least
        hits = predicted == truth
        for at, name in enumerate(names):
            if judged[at]:
                accuracies = [float(hit[of == at].mean()) for hit in hits]
                self.metrics[self._named(f"accuracy.{group.name}.{name}")] = accuracies
                worst = self.metrics.get("worst_accuracy", accuracies)
                self.metrics["worst_accuracy"] = [min(pair) for pair in zip(worst, accuracies, strict=True)]
        self.tables.append(
            _table(group.name, names, of, truth, predicted, labels, positives).with_columns(judged=pl.col("rows") >= self.at_least)
        )
        if judged.sum() > 1:
            among = judged[of]
            renumbered = np.cumsum(judged) - 1
            parity, odds = gaps(renumbered[of[among]], truth[among], predicted[:, among], positives)
            for name, gap in (("demographic_parity_difference", parity), ("equalized_odds_difference", odds)):
                for end, value in (("", gap.value), ("_low", gap.low), ("_high", gap.high), ("_by_chance", gap.by_chance)):
                    self.metrics[self._named(f"{name}.{group.name}{end}")] = [value]

    def _named(self, name: str) -> str:
        """A name that MLflow takes for a metric: other signs than `. - _` and spaces become `_`; a second of one name is numbered."""
        plain = re.sub(r"[^\w. -]", "_", name)
        same = sum(known == plain or known.startswith(f"{plain}-") for known in self.metrics)
        return plain if not same else f"{plain}-{same + 1}"


def _numbers(values: pl.Series, names: Sequence[str]) -> NDArray[np.int64]:
    return values.replace_strict({name: at for at, name in enumerate(names)}, return_dtype=pl.Int64).to_numpy()


def _table(
    by: str,
    names: Sequence[str],
    of: NDArray[np.int64],
    truth: NDArray[np.int64],
    predicted: NDArray[np.int64],
    labels: Sequence[str],
    positives: Sequence[int],
) -> pl.DataFrame:
    """Numbers of each group and positive label, means over seeds; null where no row says it."""
    shape = (len(names), len(labels), len(labels))
    cells = np.zeros((len(predicted), *shape))
    for seed, of_seed in enumerate(predicted):
        place = np.ravel_multi_index((of, truth, of_seed), shape)
        cells[seed] = np.bincount(place, minlength=int(np.prod(shape))).reshape(shape)
    rows = cells[0].sum(axis=(1, 2)).astype(np.int64)
    accuracy = cells.trace(axis1=2, axis2=3).mean(axis=0) / rows
    tables = []
    for positive in positives:
        found = rates(cells, positive)
        tables.append(
            pl.DataFrame(
                {
                    "by": [by] * len(names),
                    "group": list(names),
                    "positive": [labels[positive]] * len(names),
                    "rows": rows,
                    "accuracy": accuracy,
                    "recall": found.true_positive.mean(axis=0),
                    "selection_rate": found.selection.mean(axis=0),
                    "false_positive_rate": found.false_positive.mean(axis=0),
                }
            ).with_columns(pl.col("recall", "false_positive_rate").fill_nan(None))
        )
    return pl.concat(tables)
