"""Sequences of tags: `label` and `predicted` are the tags of a row, joined by spaces; scored by the entities that they mark.

An entity begins at `B-`, and at an `I-` that follows `O` or another type; it counts when its type and both ends are right, as in
the CoNLL evaluation (Tjong Kim Sang and De Meulder 2003) and in seqeval.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from lakehouse.pilot.scoring.pictures import types_picture
from lakehouse.pilot.scoring.scoring import Floats, Measure, Scoring, macro_f1, ratio

_SPAN = ["row", "type", "start", "end"]


def spans(tags: pl.Series) -> pl.DataFrame:
    """The entities of sequences of tags: `row` (place in `tags`), `type`, `start`, `end` (first and last token)."""
    row = pl.int_range(len(tags), dtype=pl.Int64)
    each = pl.select(row=row, tag=tags.str.split(" ")).explode("tag").filter(pl.col("tag").is_not_null() & (pl.col("tag") != ""))
    kind = pl.col("tag").str.slice(2)
    before = pl.col("tag").shift(1, fill_value="O").over("row")
    begins = pl.col("tag").str.starts_with("B-") | (before == "O") | (before.str.slice(2) != kind)
    marked = each.with_columns(at=pl.int_range(pl.len(), dtype=pl.Int64).over("row"), begins=begins)
    inside = marked.filter(pl.col("tag") != "O").with_columns(type=kind, entity=pl.col("begins").cum_sum())
    found = inside.group_by("entity", maintain_order=True).agg(
        pl.col("row").first(), pl.col("type").first(), start=pl.col("at").first(), end=pl.col("at").last()
    )
    return found.select(_SPAN)


def _kinds(predictions: pl.DataFrame) -> set[str]:
    return {kind for column in ("label", "predicted") for kind in spans(predictions[column])["type"].unique()}


def _statistics(rows: pl.DataFrame, kinds: Sequence[str]) -> Floats:
    """Entities of each type in truth, in prediction and in both, then tokens and tokens with the right tag; shape (rows, 3 x types + 2)."""
    k = len(kinds)
    at = {kind: i for i, kind in enumerate(kinds)}
    truth, predicted = spans(rows["label"]), spans(rows["predicted"])
    out = np.zeros((rows.height, 3 * k + 2))
    for place, found in enumerate((truth, predicted, truth.join(predicted, on=_SPAN, how="inner"))):
        if found.is_empty():
            continue
        column = found["type"].replace_strict(at, return_dtype=pl.Int64).to_numpy() + place * k
        np.add.at(out, (found["row"].to_numpy(), column), 1)
    tags = rows.select(pl.col("label", "predicted").str.split(" "), row=pl.int_range(pl.len(), dtype=pl.Int64)).explode(
        "label", "predicted"
    )
    tokens = tags.filter(pl.col("label") != "").group_by("row").agg(n=pl.len(), right=(pl.col("label") == pl.col("predicted")).sum())
    out[tokens["row"].to_numpy(), 3 * k] = tokens["n"].to_numpy()
    out[tokens["row"].to_numpy(), 3 * k + 1] = tokens["right"].to_numpy()
    return out


def _metrics(kinds: Sequence[str]) -> dict[str, Measure]:
    k = len(kinds)

    def f1(at: int) -> Measure:
        return lambda sums: ratio(2 * sums[:, 2 * k + at], sums[:, at] + sums[:, k + at])

    return {
        "f1": lambda sums: ratio(2 * sums[:, 2 * k : 3 * k].sum(1), sums[:, : 2 * k].sum(1)),
        "precision": lambda sums: ratio(sums[:, 2 * k : 3 * k].sum(1), sums[:, k : 2 * k].sum(1)),
        "recall": lambda sums: ratio(sums[:, 2 * k : 3 * k].sum(1), sums[:, :k].sum(1)),
        "macro_f1": lambda sums: macro_f1(sums[:, :k], sums[:, k : 2 * k], sums[:, 2 * k : 3 * k]),
        "token_accuracy": lambda sums: ratio(sums[:, 3 * k + 1], sums[:, 3 * k]),
        **{f"f1.{kind}": f1(at) for at, kind in enumerate(kinds)},
    }


SEQUENCES = Scoring(
    name="sequence_labelling",
    kinds=_kinds,
    statistics=_statistics,
    metrics=_metrics,
    main="f1",
    headline=("f1", "macro_f1", "token_accuracy"),
    pictures=lambda predictions, metrics, title: {"types.png": types_picture(metrics, title)},
)
"""f1, precision and recall over all entities; macro_f1 over their types; `f1.<type>`; token_accuracy."""
