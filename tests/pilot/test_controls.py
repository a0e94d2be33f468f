"""Controls are train rows damaged in a known way, the same for the same seed."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.pilot.controls import CONTROLS, UNLABELLED, TrainColumns, duplicated, halved, noise, shuffled_labels, shuffled_order

from .conftest import remarks

TASK = TrainColumns("text", "label")


@pytest.mark.parametrize("name", [*CONTROLS, "shuffled_order"])
def test_a_control_keeps_columns_and_ids_and_is_the_same_for_a_seed(name: str) -> None:
    control = {**CONTROLS, **UNLABELLED}[name].damage
    rows = remarks(100)
    made = control(rows, TASK, 1)
    assert made.schema == rows.schema
    assert set(made["_row_id"]) <= set(rows["_row_id"])
    assert made["_row_id"].is_unique().all()
    assert made.equals(control(rows, TASK, 1))
    assert not made.equals(control(rows, TASK, 2))


def test_shuffled_labels_keep_their_shares_and_nothing_else_changes() -> None:
    rows = remarks(100)
    made = shuffled_labels(rows, TASK, 1)
    assert made["label"].sort().equals(rows["label"].sort())
    assert made.drop("label").equals(rows.drop("label"))
    assert 30 < (made["label"] == rows["label"]).sum() < 70


def test_noise_replaces_about_three_characters_in_ten_of_any_script() -> None:
    texts = ["很好的商品我喜欢", "ascii words", "", None, "emoji 😀😀 ok", "é"] * 200
    rows = pl.DataFrame({"_row_id": [str(i) for i in range(1200)], "text": texts, "label": ["a"] * 1200})
    made = noise(rows, TASK, 1)
    assert made["text"].str.len_chars().equals(rows["text"].str.len_chars()), "lengths and nulls stay"
    before, after = "".join(rows["text"].drop_nulls()), "".join(made["text"].drop_nulls())
    assert set(after) <= set(before)
    assert 0.25 < sum(a != b for a, b in zip(before, after, strict=True)) / len(before) < 0.31, "some are drawn as they were"


@given(texts=st.lists(st.none() | st.text(max_size=12), min_size=1, max_size=8))
def test_another_order_keeps_the_characters_of_each_text(texts: list[str | None]) -> None:
    rows = pl.DataFrame({"_row_id": [str(i) for i in range(len(texts))], "text": texts}, schema={"_row_id": pl.String, "text": pl.String})
    made = shuffled_order(rows, TrainColumns("text", None), 1)["text"].to_list()
    assert [None if text is None else sorted(text) for text in made] == [None if text is None else sorted(text) for text in texts]


def test_half_of_the_groups_stay_whole() -> None:
    rows = remarks(60).with_columns(_cluster=pl.when(pl.int_range(60) < 40).then(pl.format("c{}", pl.int_range(60) // 4)))
    made = halved(rows, TASK, 1)
    sizes = {name: n for name, n in made.group_by("_cluster").len().iter_rows() if name is not None}
    assert set(sizes.values()) == {4}
    assert made.select(pl.coalesce("_cluster", "_row_id").n_unique()).item() == 15
    assert halved(remarks(60), TASK, 1).height == 30


def test_duplicated_has_as_many_rows_of_half_the_content() -> None:
    rows = remarks(100).with_columns(text=pl.format("text {}", pl.int_range(100)))
    made = duplicated(rows, TASK, 1)
    assert (made.height, made["text"].n_unique()) == (100, 50)
    assert made["_row_id"].equals(rows["_row_id"])


@pytest.mark.parametrize("name", [*CONTROLS, "shuffled_order"])
def test_no_rows_are_no_error(name: str) -> None:
    assert {**CONTROLS, **UNLABELLED}[name].damage(remarks(10).clear(), TASK, 1).is_empty()
