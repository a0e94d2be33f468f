"""Scores are scikit-learn's; a comparison says better only when it is."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.pilot.metrics import compare, holm, mcnemar, summary
from lakehouse.pilot.scoring.classification import confusion
from lakehouse.pilot.scoring.pictures import confusion_picture, recall_picture


def predictions(truth: list[str], predicted: list[str], seed: int = 1) -> pl.DataFrame:
    ids = [f"r/{i:05}" for i in range(len(truth))]
    schema = {"seed": pl.Int64, "_row_id": pl.String, "label": pl.String, "predicted": pl.String}
    return pl.DataFrame({"seed": [seed] * len(truth), "_row_id": ids, "label": truth, "predicted": predicted}, schema=schema)


def right_at(rate: float, n: int, generator: np.random.Generator, truth: list[str] | None = None) -> pl.DataFrame:
    """Predictions of a model that is right on a row with probability `rate`, independently of any other model."""
    truth = truth or ["a" if i % 2 else "b" for i in range(n)]
    hit = generator.random(n) < rate
    return predictions(truth, [t if h else ("b" if t == "a" else "a") for t, h in zip(truth, hit, strict=True)])


pairs = st.lists(st.tuples(st.sampled_from(["好", "坏", "c", "d"]), st.sampled_from(["好", "坏", "c", "d"])), min_size=1, max_size=40)


@given(pairs)
def test_scores_equal_those_of_scikit_learn(rows: list[tuple[str, str]]) -> None:
    from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, recall_score

    truth, predicted = (list(column) for column in zip(*rows, strict=True))
    found = summary(predictions(truth, predicted))
    assert found["accuracy"]["mean"] == pytest.approx(accuracy_score(truth, predicted))
    assert found["macro_f1"]["mean"] == pytest.approx(f1_score(truth, predicted, average="macro", zero_division=0))
    present = sorted(set(truth))
    for name, recall in zip(present, recall_score(truth, predicted, labels=present, average=None, zero_division=0), strict=True):
        assert found[f"recall.{name}"]["mean"] == pytest.approx(recall)
    names, counts = confusion(predictions(truth, predicted))
    if len(names) > 1:  # scikit-learn warns of a single class
        assert counts.tolist() == confusion_matrix(truth, predicted, labels=names).tolist()


def test_seeds_are_averaged_and_their_spread_is_kept() -> None:
    truth = ["a", "b", "a", "b"]
    two_seeds = pl.concat([predictions(truth, truth, 1), predictions(truth, ["a", "b", "a", "a"], 2)])
    assert summary(two_seeds)["accuracy"] == {"mean": 0.875, "std": 0.125, "values": [1.0, 0.75]}


@given(pairs.filter(lambda rows: len(rows) > 1))
def test_a_version_is_equal_to_itself_whatever_the_margin(rows: list[tuple[str, str]]) -> None:
    truth, predicted = (list(column) for column in zip(*rows, strict=True))
    same = predictions(truth, predicted)
    for metric in ("accuracy", "macro_f1"):
        found = compare(same, same, metric, 0.0, resamples=200)
        assert (found.difference, found.low, found.high, found.verdict) == (0, 0, 0, "equal")


def test_verdicts() -> None:
    generator = np.random.default_rng(1)
    good, poor = right_at(0.95, 800, generator), right_at(0.80, 800, generator)
    assert compare(good, poor, "macro_f1", 0.01).verdict == "better"
    worse = compare(poor, good, "macro_f1", 0.01)
    assert worse.verdict == "worse"
    assert worse.low < worse.difference < worse.high < 0
    assert compare(right_at(0.8, 8, generator), right_at(0.7, 8, generator), "accuracy", 0.01).verdict == "inconclusive"
    assert compare(good, poor, "recall.a", 0.01).verdict == "better"
    assert compare(good, good, "accuracy", 0.01, seed=1) == compare(good, good, "accuracy", 0.01, seed=1)


def test_only_the_same_rows_compare() -> None:
    same = predictions(["a", "b"], ["a", "b"])
    with pytest.raises(ValueError, match="same rows"):
        compare(same, same.head(1), "accuracy", 0.01)
    with pytest.raises(ValueError, match=r"recall\.zebra"):
        compare(same, same, "recall.zebra", 0.01)


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_the_interval_covers_the_true_difference(metric: str) -> None:
    """Balanced classes and symmetric errors: macro F1 is the accuracy in the limit, so the true difference of both is 0.05."""
    generator = np.random.default_rng(20)
    covered = 0
    for _ in range(200):
        found = compare(right_at(0.85, 300, generator), right_at(0.80, 300, generator), metric, 0.01, resamples=400)
        covered += found.low <= 0.05 <= found.high
    assert 0.88 <= covered / 200 <= 0.99


def test_pictures_write_chinese_without_a_missing_glyph() -> None:
    """Matplotlib warns of a missing glyph, and warnings are errors here."""
    rows = predictions(["好评", "差评", "差评"], ["好评", "好评", "差评"])
    assert confusion_picture(*confusion(rows), "中文商品评论 1.0.0").startswith(b"\x89PNG")
    assert recall_picture(summary(rows), "中文商品评论 1.0.0").startswith(b"\x89PNG")
    assert confusion_picture(*confusion(rows), "同") == confusion_picture(*confusion(rows), "同")


@pytest.mark.parametrize("name", ["$", "$5", "$a$", r"$\nothing{$", r"a\$b$"])
def test_a_class_with_dollar_signs_is_no_formula(name: str) -> None:
    rows = predictions([name, "b"], [name, name])
    assert confusion_picture(*confusion(rows), "1.0.0").startswith(b"\x89PNG")
    assert recall_picture(summary(rows), "1.0.0").startswith(b"\x89PNG")


@given(pairs, st.integers(0, 10))
def test_mcnemar_is_the_binomial_test_of_scipy(rows: list[tuple[str, str]], seed: int) -> None:
    from scipy.stats import binomtest

    truth, predicted = (list(column) for column in zip(*rows, strict=True))
    other = [("好" if g else t) for t, g in zip(truth, np.random.default_rng(seed).random(len(truth)) < 0.5, strict=True)]
    gained = sum(p == t != o for t, p, o in zip(truth, predicted, other, strict=True))
    lost = sum(o == t != p for t, p, o in zip(truth, predicted, other, strict=True))
    reference = binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    assert mcnemar(predictions(truth, predicted), predictions(truth, other)) == pytest.approx(reference)


def test_mcnemar_compares_one_seed_on_the_same_rows() -> None:
    one = predictions(["a", "b"], ["a", "b"])
    with pytest.raises(ValueError, match="same rows"):
        mcnemar(one, one.head(1))
    with pytest.raises(ValueError, match="one seed"):
        mcnemar(pl.concat([one, predictions(["a", "b"], ["a", "b"], 2)]), one)


def test_holm_equals_the_example_of_r() -> None:
    """R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.7, 0.9]) == [1.0, 1.0]


def test_p_agrees_with_the_interval() -> None:
    generator = np.random.default_rng(3)
    good, poor = right_at(0.95, 800, generator), right_at(0.80, 800, generator)
    assert compare(good, poor, "macro_f1", 0.01).p < 0.01
    assert compare(good, good, "macro_f1", 0.01).p == 1.0
