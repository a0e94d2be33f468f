"""Splits by group, by pair and by time: what belongs together is in one split, and test is later than train. What leaks is told apart
from what repeats by nature, stands in a gate, and says what to do.
"""

from __future__ import annotations

import random
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.core import versions
from lakehouse.core.errors import ContractError, ReleaseError, SpecError
from lakehouse.core.spec import Splits
from lakehouse.delivery.release import policy
from lakehouse.operations import line
from lakehouse.operations.check import check
from lakehouse.production import split_leaks, splits
from tests.factory import Factory

WORDS = [
    *("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath", "inlet", "jetty"),
    *("knoll", "ledge", "marsh", "north", "ocean", "plain", "quill", "ridge", "shore", "tower"),
]
SHARES: dict[str, Any] = {"train": 0.6, "validation": 0.2, "test": 0.2, "seed": 5}


def frame(**columns: list[Any]) -> pl.DataFrame:
    """Rows that are nobody's copies, with these columns."""
    n = len(next(iter(columns.values())))
    ids = [f"s/{i:03}" for i in range(n)]
    return pl.DataFrame({"_row_id": ids, "_root": ids, "_cluster": [None] * n, **columns}, schema_overrides={"_cluster": pl.String})


def assigned(rows: pl.DataFrame, **declared: Any) -> pl.DataFrame:
    spec = Splits(**declared, **SHARES)
    splits.require(rows, spec, "notes")
    return rows.with_columns(splits.assign(rows, splits.groups(rows, spec), spec, "notes"))


def texts(n: int, seed: int = 3) -> list[str]:
    """Texts that do not resemble each other."""
    chance = random.Random(seed)
    return [" ".join(f"{chance.choice(WORDS)}{chance.randint(0, 999)}" for _ in range(12)) for _ in range(n)]


values = st.none() | st.integers(0, 12)


@given(st.lists(st.tuples(values, st.sampled_from("ab")), min_size=1, max_size=60))
def test_no_group_is_in_two_splits(rows: list[tuple[int | None, str]]) -> None:
    made = assigned(frame(patient=[p for p, _ in rows], eye=[e for _, e in rows]), by="group", columns=["patient", "eye"])
    known = made.filter(pl.col("patient").is_not_null())
    assert known.group_by("patient", "eye").agg(pl.col("_split").n_unique())["_split"].max() in (1, None)


def test_rows_without_a_group_are_not_one_group() -> None:
    made = assigned(frame(patient=[None] * 200), by="group", columns=["patient"])
    assert set(made["_split"]) == {"train", "validation", "test"}


@given(st.lists(st.tuples(values, values), min_size=1, max_size=40))
def test_no_side_of_a_pair_is_in_two_splits_on_whichever_side_it_stands(pairs: list[tuple[int | None, int | None]]) -> None:
    made = assigned(frame(left=[a for a, _ in pairs], right=[b for _, b in pairs]), by="pair", columns=["left", "right"])
    sides = pl.concat([made.select("_split", side=pl.col(name).cast(pl.Int64)) for name in ("left", "right")]).drop_nulls()
    assert sides.group_by("side").agg(pl.col("_split").n_unique())["_split"].max() in (1, None)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=80), st.randoms())
def test_all_of_test_is_later_than_all_of_train(days: list[int], chance: Any) -> None:
    times = [date(2024, 1, 1) + timedelta(days=day) for day in days]
    chance.shuffle(times)
    made = assigned(frame(day=times), by="time", column="day")
    edges = [(made.filter(pl.col("_split") == s)["day"].min(), made.filter(pl.col("_split") == s)["day"].max()) for s in splits.SPLITS]
    there = [each for each in edges if each[0] is not None]
    assert all(before[1] < after[0] for before, after in pairwise(there))  # type: ignore[operator]


def test_shares_by_time_are_those_declared() -> None:
    made = assigned(frame(day=[date(2024, 1, 1) + timedelta(days=i) for i in range(100)]), by="time", column="day")
    assert dict(made.group_by("_split").len().iter_rows()) == {"train": 60, "validation": 20, "test": 20}


def test_a_time_that_is_missing_or_none_is_named() -> None:
    with pytest.raises(ContractError, match="1 row of notes without `day` to be split by, the first is s/001"):
        assigned(frame(day=[date(2024, 1, 1), None]), by="time", column="day")
    with pytest.raises(ContractError, match="`day` of notes is String, which is no time"):
        assigned(frame(day=["2024-01-01"]), by="time", column="day")


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"by": "group"}, "needs `columns"),
        ({"by": "time"}, "needs `column: NAME`"),
        ({"by": "pair", "columns": ["a"]}, "needs the two columns"),
        ({"by": "cluster", "columns": ["a"]}, "takes no `columns`"),
    ],
)
def test_a_declaration_that_says_too_little_or_too_much_is_refused(declared: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Splits(**declared, **SHARES)


TABLE = '''"""What a row promises."""

import pandera.polars as pa


class Rows(pa.DataFrameModel):
    """Labelled rows."""

    a: str
    b: str
    note: str
    label: str
'''


def table(factory: Factory, rows: list[dict[str, str]], features: list[str], **changes: Any) -> None:
    factory.declare_source(columns=dict.fromkeys(("id", "text", "a", "b", "note", "label"), "string"))
    factory.write("contracts/rows.py", TABLE)
    evaluation = {"train": {"task": "tabular_classification", "features": features, "label": "label"}}
    factory.declare([], **{"splits": {"by": "row", **SHARES}, "pilot": {"evaluations": [evaluation]}, **changes})
    factory.material([{"id": f"{i:04}", **row} for i, row in enumerate(rows)])


def test_features_that_repeat_by_nature_are_no_leak(notes_factory: Factory) -> None:
    """Two columns of few values: rows that all differ in `note` are equal in the features, as chance has it."""
    chance = random.Random(1)
    rows = [{"a": chance.choice("xyz"), "b": chance.choice("uvw"), "note": n, "label": chance.choice("pq")} for n in texts(400)]
    table(notes_factory, rows, ["a", "b"])
    found = notes_factory.made()[1].leaks
    assert not found.found
    assert (found.rows, found.equal_features) == (0, 400)
    assert found.by_chance == pytest.approx(400, rel=0.01)
    assert found.remarks()[0].startswith(
        "equal features: 400 rows are equal in `a` and `b` to a row of another split, and by chance it would"
    )


def test_equal_features_that_chance_does_not_give_are_a_leak(notes_factory: Factory) -> None:
    rows = [{"a": n[:20], "b": n[20:40], "note": n, "label": "pq"[i % 2]} for i, n in enumerate(texts(200))]
    table(notes_factory, rows + rows[:50], ["a", "b"])
    found = notes_factory.made()[1].leaks
    assert found.rows == found.equal_features > 20
    (said,) = found.in_words()
    assert f"{found.rows} rows are equal in `a` and `b` to a row of another split" in said
    assert "`splits: {by: group, columns: [a, b]}`" in said
    table(notes_factory, rows + rows[:50], ["a", "b"], splits={"by": "group", "columns": ["a", "b"], **SHARES})
    assert not notes_factory.made()[1].leaks.found


def test_one_column_of_few_values_is_not_what_rows_are_equal_by(notes_factory: Factory) -> None:
    """Without an evaluation the first text was compared: a category, in which nearly all rows are equal."""
    rows = [{"a": "ab"[i % 2], "b": "c", "note": n, "label": "d"} for i, n in enumerate(texts(100))]
    table(notes_factory, rows, [], pilot={})
    found = notes_factory.made()[1].leaks
    assert not found.found
    assert found.columns == ("a", "b", "note", "label")


def test_near_equal_texts_in_two_splits_are_counted(notes_factory: Factory) -> None:
    long = texts(100)
    near = [text.replace("1", "1,", 1) + "!" for text in long]
    notes_factory.declare([{"fix_unicode": {"column": "text"}}], splits={"by": "row", **SHARES})
    notes_factory.material([{"id": f"{i:03}", "text": text} for i, text in enumerate(long + near)])
    found = notes_factory.made()[1].leaks
    assert (found.rows, found.columns) == (0, ("text",))
    assert found.near is not None
    assert 60 < found.near < 160
    assert "texts are near-equal in `text` to one of another split" in found.in_words()[0]


def test_a_gate_on_split_leaks_needs_no_evaluation(notes_factory: Factory) -> None:
    leaky: dict[str, Any] = {"by": "row", **SHARES}
    gates = {"gates": [{"metric": "split_leak", "at_most": 0}]}
    terms = {"license": "cc0-1.0"}
    notes_factory.declare([{"fix_unicode": {"column": "text"}}], splits=leaky, pilot=gates, release=terms)
    notes_factory.material([{"id": f"{i:03}", "text": text} for i, text in enumerate([*texts(30), *["the same text for many"] * 20])])
    assert check(notes_factory.project) == []
    (made,) = line.run(notes_factory.project, ["notes"])
    assert made.pilot is not None
    assert not made.pilot.passed
    (verdict,) = made.pilot.verdicts
    assert (verdict.gate, verdict.value, verdict.verdict) == ("split_leak <= 0", 20.0, "missed")
    assert "20 rows are equal in `text`" in verdict.reason
    with pytest.raises(ReleaseError, match="gate failed: split_leak <= 0"):
        policy.refuse(notes_factory.project.dataset("notes"), versions.find(notes_factory.project, "notes", "latest"))
    notes_factory.declare(
        [{"fix_unicode": {"column": "text"}}, {"dedup_exact": {"columns": ["text"]}}],
        splits={**leaky, "by": "cluster"},
        pilot=gates,
        release=terms,
    )
    (mended,) = line.run(notes_factory.project, ["notes"])
    assert mended.pilot is not None
    assert mended.pilot.passed


def test_a_gate_on_a_part_that_there_is_not_is_refused(notes_factory: Factory) -> None:
    notes_factory.declare([], pilot={"gates": [{"metric": "split_leak.words", "at_most": 0}]})
    with pytest.raises(SpecError, match=r"of one of split_leak, split_leak\.groups"):
        notes_factory.project.dataset("notes")


def test_where_there_are_too_many_rows_that_is_said(notes_factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split_leaks, "NEAR_ROWS", 50)
    notes_factory.declare([{"fix_unicode": {"column": "text"}}], splits={"by": "row", **SHARES})
    notes_factory.material([{"id": f"{i:03}", "text": text} for i, text in enumerate(texts(60))])
    found = notes_factory.made()[1].leaks
    assert (found.near, found.too_many) == (None, True)
    (said,) = found.remarks()
    assert said.startswith("near-equal texts were not looked for among more than 50 rows: a near-duplicate step in the recipe")
