"""Variants of rows of the train split: made once rows are split, checked as rows are, and linked to the row they were made from.

A variant has the id `<row>#<augmentation>.<number>`, the columns of its row with those changed that the steps change, and its row's
cluster, root and split, so that no split leaks. Variants of test rows would make a test easier or harder than life: there are none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import polars_hash as plh
import pyarrow.parquet as pq

from lakehouse.core.errors import ContractError, RecipeError
from lakehouse.core.hashing import row_digest
from lakehouse.core.lake.parquet.files import parquet_chunks, parquet_writer, picked
from lakehouse.core.lake.table import Table
from lakehouse.core.project import Project
from lakehouse.core.row_model import GOLD_INDEX
from lakehouse.core.runs.progress import Progress
from lakehouse.core.spec.contract import Contract
from lakehouse.production import splits
from lakehouse.production.engine.balance import Balance
from lakehouse.production.engine.operator import SEED, Ask
from lakehouse.production.engine.recipe import Variants


@dataclass(frozen=True)
class VariantRows:
    """The variants of a dataset.

    Attributes:
        rows: GOLD_INDEX of those that stay, beside `_made_by`, the augmentation.
        invalid: those that break the contract, or whose row a step could not take, with all of `_rules`.
        balance: per augmentation.
        staged: file with the own columns of those that were computed, per augmentation; gold holds the others.
    """

    rows: pl.DataFrame
    invalid: pl.DataFrame
    balance: tuple[Balance, ...]
    staged: Mapping[str, Path]
    table: Table

    def values(self, own: Sequence[str], wanted: pl.DataFrame) -> Iterator[pl.DataFrame]:
        """`own` columns of the variants of `wanted` (`_row_id` and others), beside those of `wanted`."""
        for file in self.staged.values():
            ids = pl.read_parquet(file, columns=["_row_id"]).with_row_index("_at")
            places = ids.join(wanted, on="_row_id", how="inner", maintain_order="left")
            yield from picked(parquet_chunks(pq.ParquetFile(file), own), places)
            wanted = wanted.join(ids, on="_row_id", how="anti")
        if not wanted.is_empty():
            yield from self.table.pick(own, self.table.located(["_row_id"]).join(wanted, on="_row_id", how="inner", maintain_order="left"))


@dataclass(frozen=True, kw_only=True)
class GoldRows:
    """What augmentations are made over.

    Attributes:
        silver: its rows have the values.
        valid: GOLD_INDEX of all rows of gold so far, with `_file` and `_at`, their places in silver.
        own: own columns.
        learnt: those that a model learns from.
        table: gold before this run.
        known: `_row_id`, `_content`, `_hash`, `_learnt` of the rows it holds.
        keys: by the name of an augmentation, the `key` that its variants there were made with.
    """

    silver: Table
    valid: pl.DataFrame
    own: Sequence[str]
    learnt: Sequence[str]
    table: Table
    known: pl.DataFrame
    keys: Mapping[str, str]


def augment(
    project: Project, name: str, variants: Sequence[Variants], gold: GoldRows, contract: Contract, folder: Path, progress: Progress
) -> VariantRows:
    """Make the variants that are declared, staging the values of new ones in `folder`.

    Raises:
        ContractError: the contract wants values to be unique that variants repeat.
        RecipeError: a step gives another type than the column has.
        EndpointError: a model does not answer; what it had answered is kept.
    """
    schema = {column: gold.silver.schema()[column] for column in gold.own}
    index = pl.Schema({**GOLD_INDEX, "_made_by": pl.String()})
    rows, invalid, balance, staged = [pl.DataFrame(schema=index)], [], [], {}
    taken = gold.valid.select("_learnt", "_split").unique()
    count = gold.valid.height
    folder.mkdir(parents=True, exist_ok=True)
    for each in variants:
        _check_unique(name, contract, each, gold.learnt)
        _check_types(each, schema)
        wanted = _wanted(gold, each)
        known = gold.known if gold.keys.get(each.name) == each.key else gold.known.clear()
        known = known.select("_row_id", "_content", "_hash", "_learnt")
        have = wanted.drop("_hash", "_learnt").join(known, on=["_row_id", "_content"], how="inner", maintain_order="left")
        missing = wanted.join(have, on="_row_id", how="anti", maintain_order="left")
        staged[each.name] = folder / f"{each.name}.values.parquet"
        computed = _Computed(project=project, variants=each, gold=gold, contract=contract, schema=schema, progress=progress)
        with parquet_writer(staged[each.name], pl.Schema({"_row_id": pl.String(), **schema})) as write:
            computed.all(missing, write)
        found = pl.concat([have, *computed.rows], how="diagonal_relaxed").sort("_row_id").with_columns(_made_by=pl.lit(each.name))
        stay, reasons = _apart(found, taken, bool(gold.learnt))
        taken = pl.concat([taken, stay.select("_learnt", "_split")])
        broken = pl.concat(computed.invalid, how="diagonal_relaxed") if computed.invalid else pl.DataFrame()
        reasons |= {rule: n for rule, n in computed.dropped.items() if n}
        rows.append(stay.select(index.names()))
        invalid.append(broken)
        made = Balance(
            step=each.name,
            operator="augment",
            entered=count,
            created=wanted.height,
            out=count + stay.height,
            merged=0,
            dropped=sum(reasons.values()),
            quarantined=broken.height,
            reasons=dict(sorted((reasons | _rules(broken)).items())),
        )
        balance.append(made)
        count = made.out
    return VariantRows(pl.concat(rows), pl.concat(invalid, how="diagonal_relaxed"), tuple(balance), staged, gold.table)


def seeds(key: pl.Expr, seed: int) -> pl.Expr:
    """A number (UInt64) for each key: the first 60 bits of SHA-256 over seed and key."""
    hashed: pl.Expr = plh.concat_str(pl.concat_str(pl.lit(f"{seed}:"), key)).chash.sha2_256()
    return hashed.str.slice(0, 15).str.to_integer(base=16, dtype=pl.Int64).cast(pl.UInt64)


def _wanted(gold: GoldRows, each: Variants) -> pl.DataFrame:
    """GOLD_INDEX of the variants to make, with `_file`, `_at` of their rows."""
    declared = each.declared
    rows = gold.valid.filter(pl.col("_split") == "train")
    asked = dict.fromkeys([*declared.where, *([declared.even] if declared.even else [])])
    if asked and not rows.is_empty():
        looked = pl.concat(list(gold.silver.pick(list(asked), rows.select("_row_id", "_file", "_at"))))
        for column, values in declared.where.items():
            looked = _having(looked, column, values, each.name)
        rows = rows.join(looked, on="_row_id", how="inner", maintain_order="left")
    place = splits.fraction(pl.col("_row_id"), declared.seed)
    if declared.even:
        rows = rows.with_columns(_copies=_to_even(rows, declared.even, place, declared.copies))
    else:
        rows = rows.filter(place < declared.share).with_columns(_copies=pl.lit(declared.copies))
    rows = rows.filter(pl.col("_copies") > 0).with_columns(_number=pl.int_ranges(pl.col("_copies")))
    rows = rows.explode("_number").with_columns(_parent=pl.col("_row_id"))
    own = pl.concat_str("_row_id", pl.lit(f"#{each.name}."), "_number")
    rows = rows.with_columns(own.alias("_row_id"), _hash=pl.lit(None, pl.String), _learnt=pl.lit(None, pl.String))
    return rows.select(*GOLD_INDEX, "_file", "_at")


def _having(rows: pl.DataFrame, column: str, values: Sequence[Any], name: str) -> pl.DataFrame:
    try:
        return rows.filter(pl.any_horizontal(pl.col(column).eq_missing(pl.lit(value)) for value in values))
    except (pl.exceptions.ComputeError, pl.exceptions.SchemaError, pl.exceptions.InvalidOperationError) as error:
        found = rows[column].dtype
        raise RecipeError(
            f"augmentation {name}: `where` compares column `{column}`, which is {found}, with {list(values)}",
            fix="write values of its type",
        ) from error


def _to_even(rows: pl.DataFrame, column: str, place: pl.Expr, at_most: int) -> pl.Series:
    """How many variants of each row make the values of `column` as frequent as the most frequent: the rows of a value share evenly."""
    counted = rows.select(column, place.alias("place")).with_columns(n=pl.len().over(column))
    lack = pl.col("n").max() - pl.col("n")
    rank = pl.col("place").rank("ordinal").over(column) - 1
    share = lack // pl.col("n") + (rank < lack % pl.col("n")).cast(pl.UInt32)
    return counted.select(share.clip(upper_bound=at_most).cast(pl.Int64)).to_series()


def _apart(found: pl.DataFrame, taken: pl.DataFrame, learnt: bool) -> tuple[pl.DataFrame, dict[str, int]]:
    """The variants whose content no other row has, and the numbers of the others by reason."""
    if not learnt or found.is_empty():
        return found, {}
    elsewhere = found["_learnt"].is_in(taken.filter(pl.col("_split") != "train")["_learnt"].implode())
    again = found["_learnt"].is_in(taken.filter(pl.col("_split") == "train")["_learnt"].implode()) | ~found["_learnt"].is_first_distinct()
    reasons = {"in_another_split": int(elsewhere.sum()), "duplicate": int((again & ~elsewhere).sum())}
    return found.filter(~elsewhere & ~again), {rule: n for rule, n in reasons.items() if n}


@dataclass(kw_only=True)
class _Computed:
    """The variants of one augmentation whose values are made in this run."""

    project: Project
    variants: Variants
    gold: GoldRows
    contract: Contract
    schema: Mapping[str, pl.DataType]
    progress: Progress

    def __post_init__(self) -> None:
        self.rows: list[pl.DataFrame] = []
        self.invalid: list[pl.DataFrame] = []
        self.dropped = {"unchanged": 0, "empty": 0}

    def all(self, missing: pl.DataFrame, write: Callable[[pl.DataFrame], None]) -> None:
        """Make the `missing` ones, chunk by chunk of their rows; where a model is asked, in one go, for its answers come in any order."""
        chunks = self.gold.silver.pick(list(self.gold.own), missing.sort("_file", "_at"))
        if any(isinstance(plan, Ask) for *_, plan in self.variants.steps):
            whole = list(chunks)
            chunks = iter([pl.concat(whole)] if whole else [])
        done = 0
        for chunk in chunks:
            self._chunk(chunk, write)
            done += chunk.height
            self.progress(f"augmenting: {self.variants.name}", done, missing.height)

    def _chunk(self, chunk: pl.DataFrame, write: Callable[[pl.DataFrame], None]) -> None:
        seeded = chunk.with_columns(seeds(pl.col("_row_id"), self.variants.declared.seed).alias(SEED))
        made = self._tried(seeded)
        columns = self.variants.columns
        before = seeded.select("_row_id", *(pl.col(c).alias(f"_was_{c}") for c in columns))
        made = made.join(before, on="_row_id", how="left", maintain_order="left")
        empty = made.select(pl.any_horizontal(pl.col(c).is_null() & pl.col(f"_was_{c}").is_not_null() for c in columns)).to_series()
        same = made.select(pl.all_horizontal(pl.col(c).eq_missing(pl.col(f"_was_{c}")) for c in columns)).to_series()
        self.dropped["unchanged"] += int(same.sum())
        self.dropped["empty"] += int((empty & ~same).sum())
        made = made.filter(~empty & ~same).select(*GOLD_INDEX, *self.gold.own)
        if made.is_empty():
            return
        invalid = self.contract.validate(made.select("_row_id", "_content", *self.gold.own)).invalid
        if invalid.height:
            self.invalid.append(invalid.select("_row_id", "_content", "_rules", *self.gold.own))
            made = made.join(invalid.select("_row_id"), on="_row_id", how="anti", maintain_order="left")
        text = {**self.schema, "_row_id": pl.String(), "_split": pl.String()}
        learnt = row_digest(dict(self.schema), list(self.gold.learnt)) if self.gold.learnt else pl.lit("")
        self.rows.append(
            made.with_columns(_hash=row_digest(text, [*self.gold.own, "_row_id", "_split"]), _learnt=learnt).select(*GOLD_INDEX)
        )
        write(made.select("_row_id", *self.gold.own))

    def _tried(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The variants of `rows`; a row that a step cannot take is halved out and set aside with the error."""
        for operator, _, _, plan in self.variants.steps:
            if isinstance(plan, Ask):
                from lakehouse.production.endpoint.answers import answered  # with its client, needed only where a model is asked

                answers = answered(self.project, plan, rows.select(plan.requests).to_series(), self.progress)
                refused = answers["error"].is_not_null()
                self._set_aside(rows.filter(refused), operator, answers["error"].filter(refused))
                rows = rows.with_columns(answers["text"].alias(plan.column)).filter(~refused)
            else:
                rows = self._changed(rows, operator, plan.columns)
        return rows

    def _changed(self, rows: pl.DataFrame, operator: str, columns: Mapping[str, pl.Expr]) -> pl.DataFrame:
        try:
            return rows.with_columns(**{c: e.cast(self.schema[c]) for c, e in columns.items()})
        except Exception as error:  # any failure of any operator, on any row: halve until the row is alone, then name it
            if rows.height > 1:
                half = rows.height // 2
                return pl.concat([self._changed(part, operator, columns) for part in (rows.head(half), rows.slice(half))])
            self._set_aside(rows, operator, pl.Series([f"{type(error).__name__}: {error}"[:500]]))
            return rows.clear()

    def _set_aside(self, rows: pl.DataFrame, operator: str, errors: pl.Series) -> None:
        if rows.is_empty():
            return
        why = pl.concat_str(pl.lit(f"{operator}:"), errors.alias("_why"))
        self.invalid.append(rows.with_columns(_rules=pl.concat_list(why)).select("_row_id", "_content", "_rules", *self.gold.own))


def _rules(broken: pl.DataFrame) -> dict[str, int]:
    """Variants set aside, by the first rule that each breaks, without the error's message about its row."""
    if broken.is_empty():
        return {}
    first = broken.select(rule=pl.col("_rules").list.first())
    return dict(first.group_by(pl.col("rule").str.replace(r"^(\w+:\w*).*$", "$1")).len().sort("rule").iter_rows())


def _check_unique(name: str, contract: Contract, each: Variants, learnt: Sequence[str]) -> None:
    for column, promised in contract.columns.items():
        if promised["unique"] and (column not in each.columns or list(learnt) != [column]):
            raise ContractError(
                f"{name}: the contract promises that no two rows have the same `{column}`, variants by {each.name} would repeat it",
                fix=f"take `unique` off {column}, or make a new value of it in the augmentation",
            )


def _check_types(each: Variants, schema: Mapping[str, pl.DataType]) -> None:
    frame = pl.DataFrame(schema={**schema, SEED: pl.UInt64, "_row_id": pl.String})
    for operator, _, _, plan in each.steps:
        given = {plan.column: pl.lit(None, pl.String)} if isinstance(plan, Ask) else plan.columns
        try:
            made = frame.select(**given).schema
        except (pl.exceptions.SchemaError, pl.exceptions.InvalidOperationError) as error:
            raise RecipeError(f"step {operator} cannot run on these columns: {str(error).splitlines()[0]}") from error
        for column, dtype in made.items():
            if dtype != schema[column]:
                raise RecipeError(f"step {operator} gives {dtype} for column `{column}`, which is {schema[column]}")
