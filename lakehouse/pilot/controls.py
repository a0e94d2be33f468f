"""Known-bad controls: train rows damaged in a known way, so that a metric that can tell must score them lower, or at least not higher.

Each is a function of train rows, the columns of the task and a seed; equal arguments give equal rows. Ids and splits stay.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

NOISE = 0.3
"""Share of the characters that `noise` replaces."""


@dataclass(frozen=True)
class Task:
    """The columns of the train rows that an evaluation learns from."""

    input: str
    label: str


Expectation = Literal["worse", "not better"]
Control = Callable[[pl.DataFrame, Task, int], pl.DataFrame]


def shuffled_labels(train: pl.DataFrame, task: Task, seed: int) -> pl.DataFrame:
    """The rows with their labels permuted: the share of each class stays, what ties it to the input is gone."""
    return train.with_columns(train[task.label].sample(fraction=1.0, shuffle=True, seed=seed).alias(task.label))


def noise(train: pl.DataFrame, task: Task, seed: int) -> pl.DataFrame:
    """The rows with 30 % of the characters of the input text replaced, each drawn at random from all characters of the column.

    So a text keeps its length, and the column about the same characters, whatever the script.
    """
    texts = train[task.input].fill_null("")
    # UTF-32 has four bytes a code point: positions in the array are positions in the text.
    points = np.frombuffer("".join(texts).encode("utf-32-le"), dtype="<u4")
    generator = np.random.default_rng(seed)
    hit = np.flatnonzero(generator.random(len(points)) < NOISE)
    noisy = points.copy()
    noisy[hit] = points[generator.integers(0, len(points), len(hit))] if len(points) else 0
    whole = noisy.tobytes().decode("utf-32-le")
    ends = texts.str.len_chars().cum_sum().to_list()
    cut = [whole[start:end] for start, end in zip([0, *ends], ends, strict=False)]  # a slice a row: the rows of a control are few
    return train.with_columns(pl.Series(task.input, cut, dtype=pl.String).set(train[task.input].is_null(), None))


def halved(train: pl.DataFrame, task: Task, seed: int) -> pl.DataFrame:
    """The rows of a random half of the groups (`_cluster`, else a row is its own group)."""
    group = pl.coalesce("_cluster", "_row_id") if "_cluster" in train.columns else pl.col("_row_id")
    groups = train.select(group.alias("_group"))["_group"].unique().sort()
    kept = groups.sample(n=-(-len(groups) // 2), seed=seed)
    return train.filter(group.is_in(kept.implode()))


def duplicated(train: pl.DataFrame, task: Task, seed: int) -> pl.DataFrame:
    """As many rows, of which one half are copies of the other; a copy has the id of the row that it replaces."""
    generator = np.random.default_rng(seed)
    order = generator.permutation(train.height)
    half = train.height // 2
    source = np.arange(train.height)
    source[order[:half]] = order[half : 2 * half]
    own = [name for name in train.columns if name != "_row_id"]
    return train[source.tolist()].select(own).with_columns(train["_row_id"]).select(train.columns)


CONTROLS: dict[str, tuple[Control, Expectation]] = {
    "shuffled_labels": (shuffled_labels, "worse"),
    "noise": (noise, "worse"),
    "halved": (halved, "not better"),
    "duplicated": (duplicated, "not better"),
}
"""All controls by name, with what a metric must say of them."""
