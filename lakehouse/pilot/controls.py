"""Known-bad controls: train rows damaged in a known way, so that a metric that can tell must score them lower, or at least not higher.

Each damage is a function of train rows, the columns of the task and a seed; equal arguments give equal rows. Ids and splits stay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.core.errors import RecipeError

NOISE = 0.3
"""Share of the characters, tokens or cells that `noise` replaces."""


@dataclass(frozen=True)
class TrainColumns:
    """The columns of the train rows that an evaluation learns from: `input`, or several `features`; a language model has no label."""

    input: str | None
    label: str | None
    features: tuple[str, ...] = ()

    @property
    def inputs(self) -> tuple[str, ...]:
        """All columns that a model reads."""
        return (self.input, *self.features) if self.input else self.features


Expectation = Literal["worse", "not better"]
Damage = Callable[[pl.DataFrame, TrainColumns, int], pl.DataFrame]


@dataclass(frozen=True, kw_only=True)
class Control:
    """A known-bad control.

    Attributes:
        damage: train rows, the columns that a model reads, and a seed to damaged rows.
        expectation: what a metric must say of a model that learnt from these, against one that learnt from the rows as they are.
    """

    damage: Damage
    expectation: Expectation


def shuffled_labels(train: pl.DataFrame, columns: TrainColumns, seed: int) -> pl.DataFrame:
    """The rows with their labels permuted: the share of each class stays, what ties it to the input is gone.

    Tags of tokens are permuted over all tokens, so that each row keeps their number.
    """
    assert columns.label is not None
    labels = train[columns.label]
    if isinstance(labels.dtype, pl.List):
        return train.with_columns(_nested_like(labels, _flat(labels).sample(fraction=1.0, shuffle=True, seed=seed)))
    return train.with_columns(labels.sample(fraction=1.0, shuffle=True, seed=seed).alias(columns.label))


def shuffled_order(train: pl.DataFrame, columns: TrainColumns, seed: int) -> pl.DataFrame:
    """The rows with the characters of each text permuted: how often each stands there stays, what follows what is gone."""
    assert columns.input is not None
    texts = train[columns.input]
    points, ends = _points(texts.fill_null(""))
    row = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0))
    order = np.lexsort((np.random.default_rng(seed).random(len(points)), row))
    return train.with_columns(_texts(points[order], ends, texts))


def noise(train: pl.DataFrame, columns: TrainColumns, seed: int) -> pl.DataFrame:
    """The rows with 30 % of what they say replaced by draws from the same column.

    Of a text that is its characters, of a list of tokens its tokens, of a number or a category the cell. So a text keeps its length,
    and the column about the same characters, whatever the script.

    Raises:
        RecipeError: a column of another type, such as pictures.
    """
    generator = np.random.default_rng(seed)
    return train.with_columns(_noisy(train[name], generator, text=name == columns.input) for name in columns.inputs)


def _noisy(column: pl.Series, generator: np.random.Generator, *, text: bool) -> pl.Series:
    if isinstance(column.dtype, pl.List):
        return _nested_like(column, _redrawn(_flat(column), generator))
    if column.dtype == pl.String and text:
        return _noisy_text(column, generator)
    if column.dtype.is_nested() or column.dtype == pl.Binary:
        raise RecipeError(
            f"the self-test cannot put noise into `{column.name}`, which holds {column.dtype}",
            fix="take `self_test` off this dataset's pilot",
        )
    return _redrawn(column, generator)


def _redrawn(values: pl.Series, generator: np.random.Generator) -> pl.Series:
    """The values with 30 % replaced, each drawn from all of them."""
    source = np.arange(len(values))
    hit = np.flatnonzero(generator.random(len(values)) < NOISE)
    source[hit] = generator.integers(0, len(values), len(hit)) if len(values) else 0
    return values.gather(source.tolist())


def _noisy_text(column: pl.Series, generator: np.random.Generator) -> pl.Series:
    points, ends = _points(column.fill_null(""))
    hit = np.flatnonzero(generator.random(len(points)) < NOISE)
    noisy = points.copy()
    noisy[hit] = points[generator.integers(0, len(points), len(hit))] if len(points) else 0
    return _texts(noisy, ends, column)


def _points(texts: pl.Series) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """The code points of all texts, and where each text ends among them."""
    # UTF-32 has four bytes a code point: positions in the array are positions in the text.
    points = np.frombuffer("".join(texts).encode("utf-32-le"), dtype="<u4")
    return points, texts.str.len_chars().cum_sum().cast(pl.Int64).to_numpy()


def _texts(points: NDArray[np.uint32], ends: NDArray[np.int64], like: pl.Series) -> pl.Series:
    """The texts of code points, null where those of `like` are."""
    whole = points.tobytes().decode("utf-32-le")
    # A slice a row: the rows of a control are few.
    cut = [whole[start:end] for start, end in zip([0, *ends.tolist()], ends.tolist(), strict=False)]
    return pl.Series(like.name, cut, dtype=pl.String).set(like.is_null(), None)


def _flat(lists: pl.Series) -> pl.Series:
    """The items of all lists."""
    return lists.filter(lists.list.len() > 0).explode()


def _nested_like(lists: pl.Series, items: pl.Series) -> pl.Series:
    """`items` in lists as long as those of `lists`, null where they are null."""
    ends = lists.list.len().fill_null(0).cum_sum().to_list()
    cut = [items[start:end].to_list() for start, end in zip([0, *ends], ends, strict=False)]
    return pl.Series(lists.name, cut, dtype=lists.dtype).zip_with(lists.is_not_null(), pl.Series([None], dtype=lists.dtype))


def halved(train: pl.DataFrame, columns: TrainColumns, seed: int) -> pl.DataFrame:
    """The rows of a random half of the groups (`_cluster`, else a row is its own group)."""
    group = pl.coalesce("_cluster", "_row_id") if "_cluster" in train.columns else pl.col("_row_id")
    groups = train.select(group.alias("_group"))["_group"].unique().sort()
    kept = groups.sample(n=-(-len(groups) // 2), seed=seed)
    return train.filter(group.is_in(kept.implode()))


def duplicated(train: pl.DataFrame, columns: TrainColumns, seed: int) -> pl.DataFrame:
    """As many rows, of which one half are copies of the other; a copy has the id of the row that it replaces."""
    generator = np.random.default_rng(seed)
    order = generator.permutation(train.height)
    half = train.height // 2
    source = np.arange(train.height)
    source[order[:half]] = order[half : 2 * half]
    own = [name for name in train.columns if name != "_row_id"]
    return train[source.tolist()].select(own).with_columns(train["_row_id"]).select(train.columns)


CONTROLS: Mapping[str, Control] = {
    "shuffled_labels": Control(damage=shuffled_labels, expectation="worse"),
    "noise": Control(damage=noise, expectation="worse"),
    "halved": Control(damage=halved, expectation="not better"),
    "duplicated": Control(damage=duplicated, expectation="not better"),
}
"""The controls of tasks with a label, by name."""

UNLABELLED: Mapping[str, Control] = {
    "shuffled_order": Control(damage=shuffled_order, expectation="worse"),
    "noise": Control(damage=noise, expectation="worse"),
    "halved": Control(damage=halved, expectation="worse"),
    "duplicated": Control(damage=duplicated, expectation="worse"),
}
"""Those of language models, which have no end of what more text tells them: half of it must be seen to be less."""
