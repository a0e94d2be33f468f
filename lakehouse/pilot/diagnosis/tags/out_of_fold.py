"""Marginal probabilities of tags by models that have seen neither a row nor anything of its group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.core.errors import RecipeError
from lakehouse.pilot.groups import groups
from lakehouse.pilot.models.learner import Learner

_SEED = 1


@dataclass(frozen=True, kw_only=True)
class OutOfFoldTags:
    """Marginal probabilities of models that have not seen the row, token by token.

    Attributes:
        classes: the tags, sorted; column j of `probabilities` is `classes[j]`.
        texts: of each row its tags as text, parted by spaces.
        row: the number of each token's row, ascending, shape (tokens,); `given` the index of its tag in `classes`.
        probabilities: shape (tokens, tags); each row sums to 1, or to less where no model was shown a tag.
        folds: how many models there were.
    """

    classes: tuple[str, ...]
    texts: tuple[str, ...]
    row: NDArray[np.int64]
    given: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    folds: int

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """Whether another tag is the likeliest, shape (tokens,)."""
        return np.asarray(self.probabilities.argmax(axis=1) != self.given)

    @property
    def error(self) -> NDArray[np.float64]:
        """The share of the tokens of each row that are told wrong, shape (rows,)."""
        n = len(self.texts)
        return np.bincount(self.row, self.wrong, minlength=n) / np.maximum(np.bincount(self.row, minlength=n), 1)

    def plain(self, label: Any) -> str:
        """Tags as one text, as they stand in `texts`."""
        return str(label)

    def label(self, at: int) -> str:
        """The tags of a row."""
        return self.texts[at]

    def summary(self) -> dict[str, Any]:
        """The tags, and how many tokens are told wrong, in how many rows."""
        wrong = self.wrong
        rows = int((self.error > 0).sum())
        return {"classes": list(self.classes), "tokens": len(self.given), "errors": int(wrong.sum()), "rows_with_errors": rows}

    def metrics(self) -> dict[str, float]:
        """The share of the tokens told wrong."""
        return {"error_rate": float(self.wrong.mean())}


def out_of_fold(rows: pl.DataFrame, learner: Learner, label: str, folds: int = 5) -> OutOfFoldTags:
    """The probability of every tag for every token, by random fields that saw neither the row nor anything of its group.

    Memory: tokens times tags.

    Args:
        rows: lists of tokens and, as long, of tags in `label`; `_row_id`, and `_root` and `_cluster` where known.
        learner: of tags, whose models are CRFsuite's.

    Raises:
        RecipeError: all rows are of one group.
    """
    from sklearn.model_selection import GroupKFold

    group = groups(rows)
    folds = min(folds, len(np.unique(group)))
    if folds < 2:
        raise RecipeError(
            f"{rows.height} labelled rows are of {folds} group: no model can be asked about rows that it has not seen",
            fix="collect more rows",
        )
    tags = rows[label].list.explode()
    classes, given = np.unique(tags.to_numpy().astype(str), return_inverse=True)
    lengths = rows[label].list.len().cast(pl.Int64).to_numpy()
    ends = np.cumsum(lengths)
    probabilities = np.zeros((len(given), len(classes)))
    for train, test in GroupKFold(folds, shuffle=True, random_state=_SEED).split(lengths, groups=group):
        seen = learner.labelled(rows[train])
        learnt, features = learner.learn_features(seen)
        model = learner.fit(features, seen, _SEED)
        found = marginals(model, learner.features(learnt, rows[test]), classes.tolist())
        for at, of in zip(test, found, strict=True):  # CRFsuite tells one sequence at a time
            probabilities[ends[at] - lengths[at] : ends[at]] = of
    row = np.repeat(np.arange(rows.height), lengths)
    texts = tuple(rows[label].list.join(" ").to_list())
    return OutOfFoldTags(
        classes=tuple(map(str, classes)), texts=texts, row=row, given=given.astype(np.int64), probabilities=probabilities, folds=folds
    )


def marginals(model: bytes, sequences: Sequence[Sequence[Sequence[str]]], classes: Sequence[str]) -> list[NDArray[np.float64]]:
    """The marginal probability of each tag at each token of each sequence, shape (tokens, classes); 0 of a tag that the model lacks."""
    import pycrfsuite

    tagger = pycrfsuite.Tagger()
    tagger.open_inmemory(model)
    known = set(tagger.labels())
    out = []
    for tokens in sequences:
        tagger.set(tokens)
        of = [[tagger.marginal(tag, at) if tag in known else 0.0 for tag in classes] for at in range(len(tokens))]
        out.append(np.array(of, dtype=np.float64).reshape(len(tokens), len(classes)))
    return out
