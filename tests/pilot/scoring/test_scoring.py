"""Scores of sequences, numbers and texts are those of the libraries of their field; a fall of an error is a gain."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.core.spec import Gate
from lakehouse.pilot.gates import against_release
from lakehouse.pilot.metrics import compare, summary
from lakehouse.pilot.models.learner import as_text
from lakehouse.pilot.scoring.numbers import NUMBERS
from lakehouse.pilot.scoring.sequences import SEQUENCES, spans
from lakehouse.pilot.scoring.texts import TEXTS
from lakehouse.pilot.task import less_is_better

TAGS = ["O", "B-人", "I-人", "B-LOC", "I-LOC"]
sentences = st.lists(st.lists(st.tuples(st.sampled_from(TAGS), st.sampled_from(TAGS)), min_size=1, max_size=9), min_size=1, max_size=8)


def predictions(label: list[str], predicted: list[str]) -> pl.DataFrame:
    ids = [f"r/{i:05}" for i in range(len(label))]
    return pl.DataFrame({"seed": [1] * len(label), "_row_id": ids, "label": label, "predicted": predicted})


def numbers(truth: list[float], predicted: list[float]) -> pl.DataFrame:
    return predictions(*(as_text(pl.Series(x, dtype=pl.Float64)).to_list() for x in (truth, predicted)))


def entities(tags: list[str]) -> set[tuple[str, int, int]]:
    """The plain reading of tags, token by token."""
    out, start = set(), -1
    for at in range(len(tags) + 1):
        tag = tags[at] if at < len(tags) else "O"
        goes_on = start >= 0 and tag[0] == "I" and tag[2:] == tags[start][2:]
        if start >= 0 and not goes_on:
            out.add((tags[start][2:], start, at - 1))
            start = -1
        if tag != "O" and not goes_on:
            start = at
    return out


@given(sentences)
def test_entities_score_as_read_token_by_token_and_as_seqeval(rows: list[list[tuple[str, str]]]) -> None:
    truth, predicted = ([[pair[side] for pair in row] for row in rows] for side in (0, 1))
    frame = predictions([" ".join(t) for t in truth], [" ".join(p) for p in predicted])
    found = {name: value["mean"] for name, value in summary(frame, SEQUENCES).items()}
    gold, said = ({(i, *e) for i, tags in enumerate(side) for e in entities(tags)} for side in (truth, predicted))
    assert {tuple(row) for row in spans(frame["label"]).iter_rows()} == {(i, kind, a, b) for i, kind, a, b in gold}
    hits = len(gold & said)
    assert found["precision"] == pytest.approx(hits / len(said) if said else 0)
    assert found["recall"] == pytest.approx(hits / len(gold) if gold else 0)
    assert found["f1"] == pytest.approx(2 * hits / (len(gold) + len(said)) if gold or said else 0)
    by_type = []
    for kind in sorted({e[1] for e in gold | said}):
        g, s = ({e for e in side if e[1] == kind} for side in (gold, said))
        by_type.append(2 * len(g & s) / (len(g) + len(s)))
        assert found[f"f1.{kind}"] == pytest.approx(by_type[-1])
    assert found["macro_f1"] == pytest.approx(np.mean(by_type) if by_type else 0)
    pairs = [pair for row in rows for pair in row]
    assert found["token_accuracy"] == pytest.approx(sum(t == p for t, p in pairs) / len(pairs))


@given(sentences)
def test_entities_score_as_in_seqeval(rows: list[list[tuple[str, str]]]) -> None:
    seqeval = pytest.importorskip("seqeval.metrics")
    truth, predicted = ([[pair[side] for pair in row] for row in rows] for side in (0, 1))
    found = summary(predictions([" ".join(t) for t in truth], [" ".join(p) for p in predicted]), SEQUENCES)
    for name, average, ours in (
        ("f1_score", "micro", "f1"),
        ("precision_score", "micro", "precision"),
        ("recall_score", "micro", "recall"),
        ("f1_score", "macro", "macro_f1"),
    ):
        if average == "macro" and not any(tag != "O" for row in [*truth, *predicted] for tag in row):
            continue  # seqeval averages nothing, which numpy warns of
        theirs = getattr(seqeval, name)(truth, predicted, average=average, zero_division=0)
        assert found[ours]["mean"] == pytest.approx(theirs)


floats = st.floats(-1e6, 1e6).map(lambda x: round(x, 6))


@given(st.lists(st.tuples(floats, floats), min_size=2, max_size=40))
def test_errors_of_numbers_are_those_of_scikit_learn(rows: list[tuple[float, float]]) -> None:
    from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

    truth, predicted = (list(side) for side in zip(*rows, strict=True))
    found = summary(numbers(truth, predicted), NUMBERS)
    assert found["mae"]["mean"] == pytest.approx(mean_absolute_error(truth, predicted))
    assert found["rmse"]["mean"] == pytest.approx(root_mean_squared_error(truth, predicted))
    if np.std(truth) > 1e-3 * (1 + abs(np.mean(truth))):
        assert found["r2"]["mean"] == pytest.approx(r2_score(truth, predicted), rel=1e-6, abs=1e-6)
    if len(set(truth)) == 1:
        assert "r2" not in found


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=20))
def test_a_number_as_text_is_the_same_number(values: list[float]) -> None:
    assert as_text(pl.Series(values, dtype=pl.Float64)).cast(pl.Float64).to_list() == values


def test_bits_per_byte_and_perplexity() -> None:
    """Two texts of 6 bytes (2 ideographs, 3 tokens with the end) and of 2 bytes (2 letters): 16 bits in all over 8 bytes and 6 tokens."""
    found = summary(predictions(["6 3", "2 3"], ["12.0", "4.0"]), TEXTS)
    assert found["bits_per_byte"]["mean"] == 2
    assert found["perplexity"]["mean"] == pytest.approx(2 ** (16 / 6))


def test_a_fall_of_an_error_is_better_and_a_rise_is_worse() -> None:
    generator = np.random.default_rng(1)
    truth = generator.normal(size=300)
    near, far = (numbers(truth.tolist(), (truth + generator.normal(scale=s, size=300)).tolist()) for s in (0.1, 0.5))
    better = compare(near, far, "rmse", 0.01, scoring=NUMBERS)
    assert (better.verdict, better.high < 0, better.gain[0] > 0) == ("better", True, True)
    assert compare(far, near, "mae", 0.01, scoring=NUMBERS).verdict == "worse"
    assert compare(near, far, "r2", 0.01, scoring=NUMBERS).verdict == "better"
    gate = Gate(metric="rmse", versus="released", margin=0.01)
    assert against_release(gate, "held_out", near, far, "1.0.0", NUMBERS).passed
    refused = against_release(gate, "held_out", far, near, "1.0.0", NUMBERS)
    assert (refused.verdict, refused.passed) == ("worse", False)
    unknown = against_release(Gate(metric="accuracy", versus="released"), "held_out", near, far, "1.0.0", NUMBERS)
    assert (unknown.passed, unknown.reason) == (False, "not measured; known: rmse, mae, r2")


def test_which_metrics_are_better_when_they_fall() -> None:
    assert all(less_is_better(m) for m in ("rmse", "bits_per_byte", "ece", "curve.rmse.25"))
    assert not any(less_is_better(m) for m in ("accuracy", "recall.mae", "f1.ece", "curve.macro_f1.25"))


def test_empty_sequences_have_no_entities() -> None:
    assert spans(pl.Series(["", "O", "B-x"])).rows() == [(2, "x", 0, 0)]
    assert math.isclose(float(summary(predictions(["O"], ["B-x"]), SEQUENCES)["f1"]["mean"]), 0.0)  # type: ignore[arg-type]
