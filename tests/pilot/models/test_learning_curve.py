"""A learning curve: nested shares that hold, a law that is found again, and what twice the rows would add."""

from __future__ import annotations

import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.core.errors import RecipeError
from lakehouse.pilot.models.learning_curve import curve_of, curve_picture, fit, nested

from ..conftest import remarks
from ..tasks.test_tasks import data, mean, scores

SHARES = [0.25, 0.5, 1.0]


def test_shares_are_nested_hold_and_keep_groups_whole() -> None:
    rows = remarks(400).with_columns(_cluster=pl.format("c{}", pl.int_range(400) // 4))
    parts = nested(rows, SHARES)
    small, half, whole = (set(part["_row_id"]) for part in parts)
    assert small < half < whole == set(rows["_row_id"])
    assert 60 <= len(small) <= 140
    assert 150 <= len(half) <= 250
    assert parts[0].group_by("_cluster").len()["len"].unique().to_list() == [4]
    # A new version without some groups: every row that stays is in the shares that it was in.
    assert set(nested(rows.filter(pl.int_range(400) >= 100), SHARES)[0]["_row_id"]) == {r for r in small if r >= "orders_raw/0100"}


@given(st.floats(0.05, 0.9), st.floats(0.5, 3.0), st.integers(10, 200))
def test_a_power_law_is_found_again(exponent: float, scale: float, first: int) -> None:
    rows = [first * 2**i for i in range(5)]
    found = fit(rows, [scale * n**-exponent for n in rows])
    assert found.exponent == pytest.approx(exponent)
    assert found.low <= exponent + 1e-9
    assert exponent - 1e-9 <= found.high
    last, doubled = (scale * n**-exponent for n in (rows[-1], 2 * rows[-1]))
    assert found.gain == pytest.approx(last - doubled)


def test_the_sentence_speaks_of_points_or_of_less_error() -> None:
    up = curve_of("macro_f1", "held_out", SHARES, [250, 500, 1000], [[0.6, 0.62], [0.7, 0.71], [0.78, 0.77]])
    assert up.in_words().startswith("doubling the 1,000 train rows is expected to change macro_f1 on held_out by +")
    assert "points (95 % interval" in up.in_words()
    down = curve_of("rmse", "test", SHARES, [250, 500, 1000], [[3.0], [2.5], [2.1]])
    assert "change rmse on test by -" in down.in_words()
    perfect = curve_of("macro_f1", "test", SHARES, [250, 500, 1000], [[0.9], [1.0], [1.0]])
    assert perfect.fit is None
    assert "leaves no error" in perfect.in_words()
    assert curve_picture([up], "中文").startswith(b"\x89PNG")


def test_a_curve_of_real_trainings() -> None:
    rows = data(remarks(400).drop("_row_id").with_columns(pl.col("label").shuffle(seed=1)))
    params = {"task": "text_classification", "input": "text", "label": "label", "seeds": [1, 2]}
    found = scores(rows, **params, curve=SHARES, loss_curve=True)
    curve = found.metrics["test"]
    assert [len(curve[f"curve.macro_f1.{p}"]) for p in ("25", "50", "100")] == [2, 2, 2]
    assert sum(curve["curve.macro_f1.100"]) / 2 == pytest.approx(mean(found, "macro_f1"))
    assert curve["curve.gain_of_doubling_low"][0] <= curve["curve.gain_of_doubling"][0] <= curve["curve.gain_of_doubling_high"][0]
    (sentence,) = found.remarks
    assert "320 train rows" in sentence
    assert json.loads(found.files["curve.json"])[0]["rows"][-1] == 320
    assert {"curve.png", "loss.png"} <= set(found.files)
    assert len(found.steps["loss.test"]) == 20
    assert scores(rows, **params).predictions.equals(found.predictions), "the curve changes no prediction"


def test_a_share_that_is_too_small_is_one_message() -> None:
    with pytest.raises(RecipeError, match=r"0\.01 of the 48 train rows, \d+, are too few for the learning curve"):
        scores(data(remarks(60).drop("_row_id")), task="text_classification", input="text", label="label", curve=[0.01, 0.5, 1.0])
