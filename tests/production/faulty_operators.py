"""Operators that go wrong on texts that say so. Importing this module registers nothing; `register` does."""

from __future__ import annotations

import os
import signal

import polars as pl

from lakehouse.core.text.compiled import compiled
from lakehouse.production.engine.operator import OPERATORS, Change, Keep


def raises(*, column: str) -> Change:
    """Raises on a text with `炸`."""

    def kernel(texts: pl.Series) -> pl.Series:
        for text in texts:
            if text is not None and "炸" in text:
                raise ValueError("this text cannot be taken")
        return texts.str.to_uppercase()

    return Change({column: compiled(pl.col(column), kernel, pl.String)})


def short(*, column: str) -> Change:
    """Gives one value too few for a batch with `炸`."""
    return Change({column: compiled(pl.col(column), lambda t: t.filter(~t.str.contains("炸", literal=True).fill_null(False)), pl.String)})


def single(*, column: str) -> Change:
    """Gives one value for a batch of many, whatever it holds."""
    return Change({column: compiled(pl.col(column), lambda t: t.head(1), pl.String)})


def mistyped(*, column: str) -> Keep:
    """Gives texts in place of numbers for a batch with `炸`."""

    def kernel(texts: pl.Series) -> pl.Series:
        lengths = texts.str.len_chars().cast(pl.Int64)
        return lengths.cast(pl.String) if texts.str.contains("炸", literal=True).any() else lengths

    return Keep({"length": compiled(pl.col(column), kernel, pl.Int64)}, {"too_short": pl.col("length") < 1})


def not_a_number(*, column: str) -> Keep:
    """A ratio that is NaN for a text of blanks and infinite for a text that ends with `炸`."""
    text = pl.col(column)
    blanks = text.str.count_matches(r"\s").cast(pl.Float64)
    ratio = (text.str.len_chars() - blanks) / pl.when(text.str.ends_with("炸") | (text.str.strip_chars() == "")).then(0.0).otherwise(1.0)
    return Keep({"ratio": ratio}, {"too_dense": pl.col("ratio") > 10_000})


def kills(*, column: str) -> Change:
    """Kills its process on a text with `炸`."""

    def kernel(texts: pl.Series) -> pl.Series:
        if texts.str.contains("炸", literal=True).any():
            os.kill(os.getpid(), signal.SIGKILL)
        return texts

    return Change({column: compiled(pl.col(column), kernel, pl.String)})


def dies_once(*, column: str, mark: str) -> Change:
    """Kills its process on a text with `炸`, unless the file `mark` is there, which it makes: a death by chance."""

    def kernel(texts: pl.Series) -> pl.Series:
        if texts.str.contains("炸", literal=True).any():
            try:
                os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                return texts
            os.kill(os.getpid(), signal.SIGKILL)
        return texts

    return Change({column: compiled(pl.col(column), kernel, pl.String)})


def register() -> None:
    """Make them known to declarations."""
    OPERATORS.entries()
    for change in (raises, short, single, kills, dies_once):
        OPERATORS.register(version=1, cardinality="1:1")(change)
    for keep in (mistyped, not_a_number):
        OPERATORS.register(version=1, cardinality="1:0")(keep)
