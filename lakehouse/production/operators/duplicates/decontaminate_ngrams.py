"""Rows that hold a passage of a held-out set."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from lakehouse.core.text import shingles
from lakehouse.core.text.kernels import buffers, gram_set, simplify
from lakehouse.core.text.kernels.structs import share
from lakehouse.production.engine.operator import OPERATORS, Arrays, Keep, LearntArrays, compiled_with
from lakehouse.production.operators.duplicates import references

_OUT = pl.Struct({"hits": pl.Int64, "share": pl.Float64})


@OPERATORS.register(version=2, cardinality="1:0", decides=("max_hits", "max_share"), reads="dataset")
def decontaminate_ngrams(
    *,
    column: str,
    dataset: str,
    unit: shingles.Unit = "words",
    size: Annotated[int, Field(ge=1)] = 13,
    max_hits: Annotated[int, Field(ge=0)] = 0,
    max_share: Annotated[float, Field(ge=0, le=1)] = 0.0,
) -> Keep:
    """Drop a row that shares n-grams of `size` words or characters with the gold table of another dataset (such as its held-out sets).

    The rule of GPT-3 (Brown et al. 2020, appendix C: 13 words; datatrove takes 12): a long page that quotes one question is found, which
    `decontaminate` does not find, as it compares whole texts. Words and characters are those of dedup_minhash: lower case, no marks, digits
    as 0, punctuation as a space; with `unit: characters` (for Chinese, Japanese, Thai) spaces are left out. Signals `hits`: how many of
    the row's n-grams are in a text of `dataset`; `share`: of all its n-grams. Reason `in_held_out`: more than `max_hits` and more than
    `max_share`. A held-out text shorter than `size` has no n-gram and finds nothing: take a smaller `size`, or `decontaminate` too. A null
    or short text shares nothing. A changed dataset is learnt, and its rows measured, anew. The column has the same name there.

    Example:
        `{decontaminate_ngrams: {column: text, dataset: reviews_heldout, unit: characters, size: 20}}`
    """

    def prepare(rows: pl.DataFrame) -> Arrays:
        texts = references.texts(rows, column, dataset)
        return {"grams": gram_set.gram_set(*buffers.utf8(texts), size, unit == "words", simplify.table())}

    def measure(texts: pl.Series, arrays: Arrays) -> pl.Series:
        found = gram_set.hits(*buffers.utf8(texts), size, unit == "words", simplify.table(), arrays["grams"])
        return pl.DataFrame({"hits": found[:, 1], "share": share(found[:, 1], found[:, 0])}).to_struct(texts.name)

    model = LearntArrays(prepare)
    found = compiled_with(model, pl.col(column), measure, _OUT)
    return Keep(
        {"hits": found.struct.field("hits"), "share": found.struct.field("share")},
        {"in_held_out": (pl.col("hits") > max_hits) & (pl.col("share") > max_share)},
        model=model,
    )
