"""Groups are compared by rates; the differences are those of fairlearn, and small groups are not judged."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from fairlearn.metrics import demographic_parity_difference, equalized_odds_difference
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.core.errors import RecipeError
from lakehouse.core.spec import Call
from lakehouse.pilot.evaluation import EVALUATIONS, Data
from lakehouse.pilot.inference.fairness import equalized_odds, gaps
from lakehouse.pilot.scores import Scores
from tests.examples import examples

from ..conftest import remarks
from ..test_worker import data


def scores(parts: Data, **params: object) -> Scores:
    call = Call.model_validate({"bias": {"input": "text", "label": "label", "seeds": [1, 2], "at_least_rows": 5, **params}})
    return EVALUATIONS.entry(call).function(**EVALUATIONS.bind(call))(parts)  # type: ignore[no-any-return]


def unfair_remarks() -> pl.DataFrame:
    """Remarks of two shops; those of `south` say nothing that a model could learn, three are of a third shop."""
    at = pl.int_range(pl.len())
    shop = pl.when(at < 3).then(pl.lit("tiny")).when(at % 3 == 0).then(pl.lit("south")).otherwise(pl.lit("北"))
    return (
        remarks(150)
        .with_columns(shop.alias("shop"))
        .with_columns(text=pl.when(pl.col("shop") == "south").then(pl.lit("item")).otherwise("text"))
    )


def test_a_group_that_is_served_worse_shows_in_every_number() -> None:
    found = scores(data(unfair_remarks()), by=["shop"], positive="好评")
    numbers = found.metrics["test"]
    assert numbers["accuracy.shop.北"] == [1.0, 1.0]
    assert numbers["accuracy.shop.south"][0] < 0.8
    assert numbers["worst_accuracy"] == numbers["accuracy.shop.south"]
    assert numbers["equalized_odds_difference.shop"][0] == pytest.approx(1.0)
    low, high = numbers["demographic_parity_difference.shop_low"][0], numbers["demographic_parity_difference.shop_high"][0]
    assert 0 < low <= numbers["demographic_parity_difference.shop"][0] <= high <= 1
    table = pl.read_csv(found.files["test/groups.csv"])
    assert dict(zip(table["group"], table["judged"], strict=True)) == {"south": True, "tiny": False, "北": True}
    assert "accuracy.shop.tiny" not in numbers
    assert table["rows"].sum() == data(unfair_remarks()).sets["test"].height


def test_where_no_group_is_large_enough_nothing_is_judged() -> None:
    found = scores(data(unfair_remarks()), by=["shop"], at_least_rows=1000)
    assert found.metrics["test"] == {}
    assert found.files["test/groups.png"].startswith(b"\x89PNG")


def test_without_a_column_groups_are_sources_and_fifths_of_the_length() -> None:
    rows = unfair_remarks()
    other = pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.col("_row_id").str.replace("orders_raw", "letters")).otherwise("_row_id")
    found = scores(data(rows.with_columns(other.alias("_row_id")))).metrics["test"]
    assert {"accuracy.source.letters", "accuracy.source.orders_raw", "demographic_parity_difference.source"} <= set(found)
    assert any(name.startswith("accuracy.length.") for name in found)
    assert not any(".source" in name for name in scores(data(rows)).metrics["test"])


def test_a_missing_value_is_a_group() -> None:
    rows = unfair_remarks().with_columns(pl.when(pl.col("shop") == "south").then(None).otherwise("shop").alias("shop"))
    found = scores(data(rows), by=["shop"])
    assert "accuracy.shop._none_" in found.metrics["test"]
    assert "(none)" in pl.read_csv(found.files["test/groups.csv"])["group"]


def test_groups_of_any_name_have_metrics_that_mlflow_takes() -> None:
    at = pl.int_range(pl.len()) % 3
    town = pl.when(at == 0).then(pl.lit("a&b")).when(at == 1).then(pl.lit("a(b")).otherwise(pl.lit("上海/浦东: x=1"))
    numbers = scores(data(remarks(150).with_columns(town.alias("town"))), by=["town"]).metrics["test"]
    assert {"accuracy.town.a_b", "accuracy.town.a_b-2", "accuracy.town.上海_浦东_ x_1"} <= set(numbers)


def test_a_column_or_a_label_that_is_not_there_is_one_message() -> None:
    with pytest.raises(RecipeError, match="no column `town` to group by") as refused:
        scores(data(remarks()), by=["town"])
    assert refused.value.fix == "columns: text, label"
    with pytest.raises(RecipeError, match="gets the label 'good'"):
        scores(data(unfair_remarks()), by=["shop"], positive="good")


@st.composite
def judged_rows(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Group, truth and prediction of rows; every group has rows of both truths, which fairlearn's rates need."""
    groups = draw(st.integers(2, 4))
    extra = draw(st.lists(st.tuples(st.integers(0, groups - 1), st.integers(0, 1)), max_size=30))
    pairs = [(group, truth) for group in range(groups) for truth in (0, 1)] + extra
    predicted = draw(st.lists(st.integers(0, 1), min_size=len(pairs), max_size=len(pairs)))
    return np.array([g for g, _ in pairs]), np.array([t for _, t in pairs]), np.array(predicted)


@settings(max_examples=examples(0.2))
@given(judged_rows())
def test_differences_are_those_of_fairlearn_and_lie_in_their_interval(rows: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    group, truth, predicted = rows
    parity, odds = gaps(group, truth, predicted[None], [1])
    assert parity.value == pytest.approx(demographic_parity_difference(truth, predicted, sensitive_features=group))
    assert odds.value == pytest.approx(equalized_odds_difference(truth, predicted, sensitive_features=group))
    for gap in (parity, odds):
        assert 0 <= gap.low <= gap.high <= 1
    mirrored = gaps(group, truth, predicted[None], [0])
    assert (mirrored[0].value, mirrored[1].value) == pytest.approx((parity.value, odds.value))


def test_groups_by_chance_stay_under_what_chance_shows_and_real_ones_do_not() -> None:
    generator = np.random.default_rng(5)
    group, truth = generator.integers(0, 3, 600), generator.integers(0, 2, 600)
    fair = np.where(generator.random(600) < 0.8, truth, 1 - truth)
    unfair = np.where((group == 0) & (generator.random(600) < 0.5), 1, fair)
    for found in gaps(group, truth, fair[None], [1]):
        assert found.value < found.by_chance * 1.3
    for found in gaps(group, truth, unfair[None], [1]):
        assert found.value > found.by_chance * 1.5


def test_a_rate_that_no_row_says_is_left_out() -> None:
    # The first group has no row of class 0, so only the true positive rates compare: 1 and 0.5.
    cells = np.array([[[0, 0], [0, 4]], [[3, 1], [2, 2]]], dtype=float)
    assert equalized_odds(cells, [1]) == pytest.approx(0.5)


def test_the_interval_is_that_of_a_bootstrap_of_rows() -> None:
    generator = np.random.default_rng(3)
    group, truth = generator.integers(0, 2, 300), generator.integers(0, 2, 300)
    predicted = np.where(generator.random(300) < 0.8, truth, 1 - truth) | ((group == 0) & (generator.random(300) < 0.3))
    found, _ = gaps(group, truth, np.stack([predicted, predicted]), [1])
    drawn = []
    for _ in range(2000):
        rows = generator.integers(0, 300, 300)
        rate = [predicted[rows][group[rows] == g].mean() for g in (0, 1)]
        drawn.append(abs(rate[0] - rate[1]))
    assert [found.low, found.high] == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.015)
