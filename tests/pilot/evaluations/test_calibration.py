"""Calibration: each number is that of its definition, and a model that is too sure is told so."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss
from sklearn.metrics import log_loss as sklearn_log_loss

from lakehouse.core.errors import SpecError
from lakehouse.core.spec import Call
from lakehouse.pilot.evaluation import EVALUATIONS
from lakehouse.pilot.inference.reliability import best_temperature, brier, error_by_chance, log_loss, positions, reliability, tempered
from lakehouse.pilot.scores import Scores

from ..conftest import remarks
from ..test_worker import data


def scores(rows: pl.DataFrame) -> Scores:
    call = Call.model_validate({"calibration": {"input": "text", "label": "label", "seeds": [1, 2]}})
    return EVALUATIONS.entry(call).function(**EVALUATIONS.bind(call))(data(rows))  # type: ignore[no-any-return]


def drawn(seed: int, rows: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Random probabilities, and labels that are drawn from them: a calibrated model."""
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet(np.ones(classes), size=rows)
    return probabilities, np.array([generator.choice(classes, p=p) for p in probabilities])


def test_a_set_has_its_numbers_its_table_and_its_picture() -> None:
    found = scores(remarks(120, wrong=20))
    numbers = found.metrics["test"]
    assert set(numbers) == {"ece", "ece_by_chance", "ece_mended", "brier", "log_loss", "confidence", "overconfidence", "temperature"}
    accuracy = found.predictions.group_by("seed", maintain_order=True).agg((pl.col("label") == pl.col("predicted")).mean())["label"]
    difference = np.array(numbers["confidence"]) - np.array(numbers["overconfidence"])
    assert difference == pytest.approx(accuracy.to_numpy())
    assert set(found.files) == {"test/reliability.png", "test/reliability.csv"}
    assert pl.read_csv(found.files["test/reliability.csv"])["rows"].sum() == 2 * 48


def test_an_endpoint_is_no_parameter_for_it_gives_no_probabilities() -> None:
    with pytest.raises(SpecError, match="endpoint"):
        EVALUATIONS.bind(Call.model_validate({"calibration": {"input": "text", "label": "label", "endpoint": {"url": "u", "model": "m"}}}))


@given(st.integers(0, 1000), st.integers(2, 60), st.integers(2, 4))
def test_brier_score_and_log_loss_are_those_of_scikit_learn(seed: int, rows: int, classes: int) -> None:
    probabilities, truth = drawn(seed, rows, classes)
    expected = brier_score_loss(truth, probabilities, labels=range(classes), scale_by_half=False)
    assert brier(probabilities, truth) == pytest.approx(expected)
    assert log_loss(probabilities, truth) == pytest.approx(sklearn_log_loss(truth, probabilities, labels=range(classes)), rel=1e-6)


@given(st.lists(st.tuples(st.sampled_from([0.5, 0.6, 0.7, 0.9, 1.0]), st.booleans()), min_size=1, max_size=80), st.randoms())
def test_the_calibration_error_is_that_of_a_plain_count_and_does_not_depend_on_the_order_of_rows(pairs, random) -> None:  # type: ignore[no-untyped-def]
    def error(rows: list[tuple[float, bool]]) -> float:
        return reliability(np.array([c for c, _ in rows]), np.array([hit for _, hit in rows])).error

    shuffled = list(pairs)
    random.shuffle(shuffled)
    assert error(pairs) == pytest.approx(error(shuffled))
    mean = {c: float(np.mean([hit for other, hit in pairs if other == c])) for c, _ in pairs}
    ordered = sorted(c for c, _ in pairs)
    number = min(15, len(ordered))
    sizes = [len(ordered) // number + (at < len(ordered) % number) for at in range(number)]
    total, start = 0.0, 0
    for size in sizes:
        part = ordered[start : start + size]
        total += abs(sum(part) - sum(mean[c] for c in part))
        start += size
    assert error(pairs) == pytest.approx(total / len(ordered))


def test_a_calibrated_model_needs_no_temperature_and_one_that_is_too_sure_needs_its_own_back() -> None:
    probabilities, truth = drawn(7, 4000, 3)
    assert best_temperature(probabilities, truth) == pytest.approx(1.0, abs=0.06)
    too_sure = tempered(probabilities, 0.5)
    assert best_temperature(too_sure, truth) == pytest.approx(2.0, abs=0.12)
    correct = too_sure.argmax(axis=1) == truth
    mended = tempered(too_sure, best_temperature(too_sure, truth)).max(axis=1)
    assert reliability(mended, correct).error < 0.05 < reliability(too_sure.max(axis=1), correct).error


def test_the_error_of_a_calibrated_model_is_what_chance_shows_and_falls_with_the_rows() -> None:
    errors = []
    for rows in (300, 3000):
        probabilities, truth = drawn(11, rows, 2)
        confidence = probabilities.max(axis=1)
        chance = error_by_chance(confidence)
        assert reliability(confidence, probabilities.argmax(axis=1) == truth).error == pytest.approx(chance, rel=0.6)
        errors.append(chance)
    assert errors[1] < errors[0] / 2


def test_a_label_that_the_model_does_not_know_has_the_probability_zero() -> None:
    at = positions(pl.Series(["a", "new"]), ["a", "b"])
    probabilities = np.array([[1.0, 0.0], [0.5, 0.5]])
    assert at.tolist() == [0, -1]
    assert brier(probabilities, at) == pytest.approx((0 + 1.5) / 2)
    assert log_loss(probabilities, at) == pytest.approx(-np.log(1e-15) / 2)
