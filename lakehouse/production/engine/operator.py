"""Operators: functions from parameters to Polars expressions, which mean what the cardinality of the operator defines.

- `1:1` a `Change`: new values of columns; an `Ask`, where a model gives them; or a `Cut`, where they depend on the other rows.
- `1:0` a `Keep`: signals, and for each reason a condition over them under which a row leaves.
- `N:1` a `Merge`: signals, and an expression over them that gives the number of the row that stays.
- `1:N` an `Explode`: a list column; each item becomes a row `parent#i`.

Signals are measured once per row and stored. Verdicts see only signals, `_row_id` and `_index`, so that a changed threshold
re-decides everything without reading text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.core.registry import Registry
from lakehouse.core.text.compiled import compiled

Cardinality = Literal["1:1", "1:0", "N:1", "1:N"]
Tables = Mapping[str, pl.DataFrame]
"""Gold rows of the datasets that a step refers to, by dataset name."""
Verdict = pl.Expr | Callable[[Tables], pl.Expr]
"""An expression over a step's signals, or, for a step that refers to another dataset, a function that makes it."""

OPERATORS = Registry("operator", "lakehouse.production.operators")
"""All operators. At registration: `cardinality`; `decides`, parameters that only verdicts use; `reads`, the one that names a dataset;
`files`, those that name files in the project folder, whose content is part of every identity as the parameter `<name>_content`;
`packages`, those whose data or rules it applies, whose versions are part of what its signals and values are known by;
`any_type`, parameters that name columns of any type: `column`, `columns` and `label` name texts otherwise;
`samples`, that it leaves out rows because it is asked to, whatever they hold, so that they do not count for the yield;
`transport`, parameters that set how a model is reached, which are no part of what is made;
`seeded`, that its expressions read SEED, so that it makes variants of rows and is for `augment` only."""
SEED = "_seed"
"""A number (UInt64) of its own for each variant of each row, always the same one: the only chance that an operator may use."""


Arrays = Mapping[str, NDArray[Any]]


class LearntArrays:
    """What a step learns from the gold rows of the dataset it reads: named arrays, such as the counts of a language model.

    The engine makes them once per content of that dataset, with `prepare`, and binds their file before anything is measured.
    """

    def __init__(self, prepare: Callable[[pl.DataFrame], Arrays]) -> None:
        self.prepare = prepare
        self.file: Path | None = None

    @cached_property
    def arrays(self) -> Arrays:
        """The arrays by name, read once a process."""
        if self.file is None:
            raise RuntimeError("the model was not prepared before its signals were measured")
        with np.load(self.file, allow_pickle=False) as stored:
            return dict(stored)


@dataclass(frozen=True)
class Change:
    """1:1. `columns` get new values.

    Attributes:
        clears: the privacy classes that each column no longer holds.
        model: what the values are made from beside the row, learnt from the dataset that the step reads.
    """

    columns: Mapping[str, pl.Expr]
    clears: Mapping[str, frozenset[str]] = field(default_factory=dict)
    model: LearntArrays | None = None


@dataclass(frozen=True)
class Keep:
    """1:0. A row leaves for the first reason whose expression is true; where none is and one is null it is quarantined.

    Without any reason the step only measures, and every row stays.

    Attributes:
        signals: name to expression over the row's columns.
        leaves: reason to verdict.
        action: where rows go that leave.
        matches: columns that verdicts look up once and share, such as the nearest row of another dataset.
        other: `_row_id` of the row that speaks against this one, if there is one.
        model: what the signals are measured against, learnt from the dataset that the step reads.
    """

    signals: Mapping[str, pl.Expr]
    leaves: Mapping[str, Verdict]
    action: Literal["drop", "quarantine"] = "drop"
    matches: Mapping[str, Verdict] = field(default_factory=dict)
    other: Verdict | None = None
    model: LearntArrays | None = None


@dataclass(frozen=True)
class Merge:
    """N:1. `survivor` gives for each row the `_index` of the row that stays (its own: it stays; null: no signal, it stays).

    `_index` numbers the rows by `_row_id`: of two rows the one with the smaller number comes first.

    Attributes:
        cluster: an `_index` that near-duplicates share, also among rows that stay; splits keep a cluster together.
        evidence: how sure the merge is, such as a similarity.
    """

    signals: Mapping[str, pl.Expr]
    survivor: pl.Expr
    cluster: pl.Expr | None = None
    evidence: pl.Expr | None = None


@dataclass(frozen=True)
class Explode:
    """1:N. `column` becomes the items of the list `items`; an empty or null list drops the row."""

    column: str
    items: pl.Expr


@dataclass(frozen=True)
class Answer:
    """The answer of a model to request number `at`: a text, or the reason why there is none.

    Attributes:
        tokens: as the endpoint counted them, of request and answer.
    """

    at: int
    text: str | None
    error: str | None = None
    tokens: int | None = None


@dataclass(frozen=True)
class Ask:
    """1:1, costly. `column` gets what a model answers; each request is sent once, ever, and its answer kept.

    Attributes:
        requests: the whole request of each row as canonical JSON text, model and sampling included; null asks nothing. May read SEED.
        send: sends requests and gives answers in any order, each as it comes. Raises EndpointError where going on makes no sense.
        may_send: privacy classes that values in a request may carry; None: all, for the model is on this machine.
    """

    column: str
    requests: pl.Expr
    send: Callable[[Sequence[str]], Iterator[Answer]]
    may_send: frozenset[str] | None = None


@dataclass(frozen=True)
class Cut:
    """1:1, decided over all rows. Parts of a text leave that other rows hold too; behind it no step may read the column.

    Attributes:
        signals: name to expression over the row's columns.
        decide: from the rows' signals, by `_index`, to a frame of `cut` (Binary: what leaves, null: nothing) and `left`, row for row.
        apply: the texts without what `cut` marks.
        leaves: reason to expression over `cut` and `left`: the row leaves whole.
    """

    column: str
    signals: Mapping[str, pl.Expr]
    decide: Callable[[pl.DataFrame], pl.DataFrame]
    apply: Callable[[pl.Series, pl.Series], pl.Series]
    leaves: Mapping[str, pl.Expr]


Plan = Change | Ask | Cut | Keep | Merge | Explode


def compiled_with(
    model: LearntArrays, expression: pl.Expr, kernel: Callable[[pl.Series, Arrays], pl.Series], dtype: pl.DataType | type[pl.DataType]
) -> pl.Expr:
    """As `compiled`, for a kernel that also takes what the step has learnt."""

    def measure(texts: pl.Series) -> pl.Series:
        if texts.is_empty():  # also how types are found, before there is a model
            return pl.Series(texts.name, [], dtype=dtype)
        return kernel(texts, model.arrays)

    return compiled(expression, measure, dtype)


def with_measured(frame: pl.LazyFrame, expressions: Mapping[str, pl.Expr]) -> pl.LazyFrame:
    """`frame` with the expressions under their names; those that are fields of one struct expression cost one evaluation of it.

    Polars evaluates an expression with a Python function in it anew at each of its places (seen in 2.1), so a kernel that gives ten numbers
    a row would run ten times.
    """
    structs: list[pl.Expr] = []
    outer: dict[str, pl.Expr] = {}
    for name, expression in expressions.items():
        inner = expression.meta.pop()
        field = expression.meta.output_name(raise_if_undetermined=False)
        if len(inner) != 1 or field is None or not inner[0].struct.field(field).meta.eq(expression):
            outer[name] = expression
            continue
        at = next((i for i, known in enumerate(structs) if known.meta.eq(inner[0])), len(structs))
        if at == len(structs):
            structs.append(inner[0])
        outer[name] = pl.col(f"_struct_{at}").struct.field(field)
    temporary = {f"_struct_{i}": expression for i, expression in enumerate(structs)}
    return frame.with_columns(**temporary).with_columns(**outer).drop(list(temporary))


def only_where(expression: pl.Expr, candidates: pl.Expr, rewrite: Callable[[pl.Series], pl.Series | list[str]]) -> pl.Expr:
    """`rewrite` for the few rows where `candidates` is true (both over the same column), the others untouched.

    For repairs that need a library call per text: the cheap compiled pattern chooses, the call sees only what it chose.
    """

    def apply(pair: pl.Series) -> pl.Series:
        fields = pair.struct.unnest()
        text, chosen = fields["text"], fields["chosen"].fill_null(False)
        rows = chosen.arg_true()
        if rows.is_empty():
            return text
        return text.scatter(rows, pl.Series(rewrite(text.gather(rows)), dtype=pl.String))

    return pl.struct(expression.alias("text"), candidates.alias("chosen")).map_batches(apply, return_dtype=pl.String, is_elementwise=True)
