"""Drift of numbers and codes: planted slips are found under their names, and shuffles of one material are not flagged."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_diabetes, load_wine

from lakehouse.reserve.discovery.column_change import changes
from lakehouse.reserve.screening.detectors.column_drift import column_drift


def material(rows: int, seed: int) -> pl.DataFrame:
    """Orders: an amount, a weight over many magnitudes, a country of uneven shares, a day, a rating, a note; some have no weight."""
    r = np.random.default_rng(seed)
    frame = pl.DataFrame(
        {
            "amount": np.round(r.normal(80, 12, rows), 2),
            "weight": np.exp(r.normal(2, 2, rows)),
            "country": r.choice(["de", "cn", "fr", "us", "中国"], rows, p=[0.5, 0.25, 0.15, 0.08, 0.02]),
            "rating": r.integers(1, 6, rows),
            "day": np.datetime64("2024-01-01") + r.integers(0, 365, rows),
            "note": [f"{at} " + "x" * n for at, n in enumerate(r.integers(5, 60, rows).tolist())],
        }
    )
    return frame.with_columns(pl.when(pl.Series(r.random(rows) < 0.05)).then(None).otherwise(pl.col("weight")).alias("weight"))


def some(share: float, rows: int = 600) -> pl.Expr:
    return pl.int_range(pl.len()) < share * rows


SLIPS: dict[str, tuple[str, str, Callable[[pl.Expr], pl.Expr]]] = {
    "all times 10": ("amount", "unit", lambda c: c * 10),
    "all in cents": ("amount", "unit", lambda c: c * 100),
    "all in thousands": ("weight", "unit", lambda c: c / 1000),
    "some times 1,000": ("amount", "unit", lambda c: pl.when(some(0.05)).then(c * 1000).otherwise(c)),
    "a mark for none": ("amount", "outside", lambda c: pl.when(some(0.03)).then(-999.0).otherwise(c)),
    "shifted by half a deviation": ("amount", "distribution", lambda c: c + 6),
    "fractions gone": ("amount", "precision", lambda c: c.round(0)),
    "gaps": ("amount", "nulls", lambda c: pl.when(some(0.08)).then(None).otherwise(c)),
    "a new code": ("country", "new_codes", lambda c: pl.when(some(0.03)).then(pl.lit("DE")).otherwise(c)),
    "other shares": ("country", "codes", lambda c: pl.when(some(0.3)).then(pl.lit("cn")).otherwise(c)),
    "another scale of ratings": ("rating", "new_codes", lambda c: c * 2),
    "other days": ("day", "distribution", lambda c: c.dt.offset_by("200d")),
    "texts cut short": ("note", "lengths", lambda c: c.str.slice(0, 12)),
}


@pytest.mark.parametrize("name", SLIPS)
def test_a_planted_slip_is_found_under_its_name(name: str) -> None:
    column, kind, slip = SLIPS[name]
    before, now = material(3000, 1), material(600, 2).with_columns(slip(pl.col(column)).alias(column))
    rows = pl.concat([before.with_columns(_collection=1), now.with_columns(_collection=2)], how="vertical_relaxed")
    look = column_drift(columns=["amount", "weight", "country", "rating", "day", "note"])
    flagged = look.find(rows).filter(pl.col("score") >= 1)
    assert set(flagged["column"]) == {column}
    assert kind in set(flagged["kind"])
    assert set(flagged["collection"]) == {2}
    assert not flagged["detail"].str.contains("中国").any()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("load", [load_wine, load_diabetes, lambda **_: None], ids=["wine", "diabetes", "orders"])
def test_shuffles_of_one_material_are_not_flagged(load: Callable[..., object], seed: int) -> None:
    read = load(as_frame=True)
    frame = material(3600, 7) if read is None else pl.from_pandas(read.frame)  # type: ignore[attr-defined]
    frame = frame.sample(fraction=1, shuffle=True, seed=seed)
    cut = frame.height // 5
    for column in frame.columns:
        assert [each for each in changes(frame[column][cut:], frame[column][:cut]) if each.score >= 1] == [], column


@given(st.lists(st.floats(-1e6, 1e6), min_size=40, max_size=80))
def test_a_column_does_not_differ_from_itself(values: list[float]) -> None:
    column = pl.Series("v", values)
    assert max(each.score for each in changes(column, column)) < 1
