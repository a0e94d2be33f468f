"""The parts of a diagnosis against plain Python: what the papers define, row by row."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, product
from math import comb

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from lakehouse.core.errors import RecipeError
from lakehouse.pilot.diagnosis.classes.neighbours import neighbours
from lakehouse.pilot.diagnosis.classes.out_of_fold import out_of_fold
from lakehouse.pilot.diagnosis.classes.row_values import row_values
from lakehouse.pilot.diagnosis.confident_learning import label_errors
from lakehouse.pilot.diagnosis.slices import slices
from lakehouse.pilot.diagnosis.views import bins
from lakehouse.pilot.groups import groups
from lakehouse.pilot.models.linear_classifier import TextClassifier

LEARNER = TextClassifier(input="text", label="label", max_features=1000)


def unit(rows: list[tuple[float, ...]]) -> NDArray[np.float32]:
    """Rows scaled to length 1."""
    made = np.array(rows, dtype=np.float32)
    return made / np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-9)


@given(st.lists(st.tuples(st.integers(0, 2), st.tuples(*[st.integers(1, 20)] * 3)), min_size=1, max_size=25))
def test_label_errors_are_those_of_the_paper(rows: list[tuple[int, tuple[int, int, int]]]) -> None:
    labels = [label for label, _ in rows]
    probabilities = [[w / sum(weights) for w in weights] for _, weights in rows]
    found = label_errors(np.array(labels), np.array(probabilities))
    thresholds = []
    for j in range(3):
        own = [p[j] for label, p in zip(labels, probabilities, strict=True) if label == j]
        thresholds.append(sum(own) / len(own) if own else float("inf"))
    joint, errors = np.zeros((3, 3), dtype=int), {}
    for i, (label, p) in enumerate(zip(labels, probabilities, strict=True)):
        # A mean of equal numbers may miss them by rounding: such rows are left to the kernel.
        reached = [j for j in range(3) if p[j] >= thresholds[j]]
        if any(abs(p[j] - thresholds[j]) < 1e-12 for j in range(3)):
            return
        if reached:
            likely = max(reached, key=lambda j: p[j])
            joint[label, likely] += 1
            if p[likely] > p[label]:
                errors[i] = (likely, p[label] - p[likely])
    assert found.joint.tolist() == joint.tolist()
    assert dict(zip(found.rows.tolist(), found.suggested.tolist(), strict=True)) == {i: likely for i, (likely, _) in errors.items()}
    assert found.margin == pytest.approx(sorted(margin for _, margin in errors.values()))


def shapley(worth: Callable[[tuple[int, ...]], float], n: int) -> list[float]:
    """The Shapley values of the players 0..n-1 of a game, by its definition."""
    return [
        sum(
            (worth((*others, i)) - worth(others)) / (n * comb(n - 1, size))
            for size in range(n)
            for others in combinations([j for j in range(n) if j != i], size)
        )
        for i in range(n)
    ]


vectors = st.tuples(st.integers(-5, 5), st.integers(-5, 5), st.integers(1, 5))


@given(
    st.lists(st.tuples(vectors, st.integers(0, 1)), min_size=1, max_size=7),
    st.lists(st.tuples(vectors, st.integers(0, 1)), min_size=1, max_size=3),
    st.integers(1, 4),
)
def test_row_values_are_shapley_values(
    train: list[tuple[tuple[int, int, int], int]], test: list[tuple[tuple[int, int, int], int]], k: int
) -> None:
    a, b = unit([v for v, _ in train]), unit([v for v, _ in test])
    y, z = np.array([label for _, label in train]), np.array([label for _, label in test])
    similar, n = b @ a.T, len(train)

    def worth(members: tuple[int, ...]) -> float:
        total = 0.0
        for t in range(len(test)):
            near = sorted(members, key=lambda i: (-similar[t, i], i))[:k]
            total += sum(y[i] == z[t] for i in near) / k
        return total / len(test)

    assert row_values(a, y, b, z, k).tolist() == pytest.approx(shapley(worth, n), abs=1e-9)


@given(st.lists(st.tuples(vectors, st.integers(0, 1), st.integers(0, 5)), min_size=1, max_size=12), st.integers(1, 4))
def test_neighbours_are_the_nearest_of_other_groups(rows: list[tuple[tuple[int, int, int], int, int]], k: int) -> None:
    made, labels, group = unit([r[0] for r in rows]), [r[1] for r in rows], [r[2] for r in rows]
    similar = made @ made.T
    found = neighbours(made, np.array(labels), np.array(group), k, at_least=1.0)
    expected = {}
    for i in range(len(rows)):
        others = sorted(-similar[i, j] for j in range(len(rows)) if group[j] != group[i])[:k]
        reach = others[-1] if others else 0.0
        surely = [j for j in range(len(rows)) if group[j] != group[i] and -similar[i, j] <= reach]
        if others and len(surely) == len(others):  # equally near ones could be chosen otherwise
            expected[i] = all(labels[j] != labels[i] for j in surely)
    assert {i: i in found.rows for i in expected} == expected
    for at, near in zip(found.rows, found.nearest, strict=True):
        assert all(group[j] != group[at] for j in near if j >= 0)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.sampled_from("pq"), st.booleans()), min_size=1, max_size=60))
def test_slices_are_all_conjunctions_in_the_order_of_their_score(rows: list[tuple[str, str, str, bool]]) -> None:
    features = pl.DataFrame([r[:3] for r in rows], schema=["one", "two", "three"], orient="row")
    wrong = np.array([r[3] for r in rows])
    n, errors, expected = len(rows), int(wrong.sum()), {}
    for values in product([None, *"ab"], [None, *"xyz"], [None, *"pq"]):
        members = frozenset(i for i, r in enumerate(rows) if all(v is None or v == r[c] for c, v in enumerate(values)))
        if errors and any(values) and 3 <= len(members) < n:
            ratio = sum(wrong[i] for i in members) / len(members) / (errors / n)
            expected[members] = 0.95 * (ratio - 1) - 0.05 * (n / len(members) - 1)
    found = slices(features, wrong, smallest=3, top=100, significance=1.0)
    assert [s.score for s in found] == pytest.approx(sorted((s for s in expected.values() if s > 0), reverse=True))
    for one in found:
        members = one.members(features).tolist()
        assert (len(members), int(wrong[members].sum())) == (one.size, round(one.error))
        assert expected[frozenset(members)] == pytest.approx(one.score)


def test_a_planted_slice_is_first_and_chance_is_no_finding() -> None:
    rng = np.random.default_rng(1)
    features = pl.DataFrame({"shop": rng.choice(["a", "b", "c"], 3000), "size": rng.choice(["s", "m", "l"], 3000)})
    chance = rng.random(3000) < 0.1
    assert slices(features, chance) == []
    planted = ((features["shop"] == "b") & (features["size"] == "m")).to_numpy() & (rng.random(3000) < 0.45)
    first = slices(features, chance | planted)[0]
    assert first.conditions == (("shop", "b"), ("size", "m"))
    assert first.rate > 0.4
    assert first.p < 1e-6


def test_bins_hold_about_as_many_rows_each() -> None:
    found = bins(pl.Series("length", range(1, 101)), 5)
    assert found.value_counts().sort("length")["count"].to_list() == [20] * 5
    assert found[0] == "1..20"
    assert bins(pl.Series("length", [7, 7, 7]), 5).to_list() == ["7..7"] * 3


def remarks_of_groups() -> pl.DataFrame:
    """Sixty remarks in twenty groups of three; each group has a word of its own that gives its label away."""
    kinds = ["好评" if g % 2 else "差评" for g in range(20) for _ in range(3)]
    return pl.DataFrame(
        {
            "text": [f"group{i // 3} {'great 很好' if k == '好评' else 'broken 退款'} item{i % 5}" for i, k in enumerate(kinds)],
            "label": kinds,
            "_row_id": [f"shop/{i:03}" for i in range(60)],
            "_root": [f"shop/{i:03}" for i in range(60)],
            "_cluster": [f"shop/{i // 3 * 3:03}" for i in range(60)],
        }
    )


def test_no_model_has_seen_the_group_of_a_row() -> None:
    rows = remarks_of_groups()
    assert len(set(groups(rows))) == 20
    # The text is the group's own word alone: only a model that saw the group could tell the label.
    secret = rows.with_columns(text=pl.col("text").str.extract("^(group[0-9]+)") + " word")
    found = out_of_fold(secret, LEARNER, "label")
    assert found.classes == ("好评", "差评")
    assert len(np.unique(found.probabilities.round(9), axis=0)) <= 5  # a guess for each model, the same for all its rows
    honest = out_of_fold(rows, LEARNER, "label")
    assert not honest.wrong.any()
    assert honest.probabilities.sum(axis=1) == pytest.approx(np.ones(60))
    assert honest.folds == 5


def test_rows_linked_by_root_and_by_cluster_are_one_group() -> None:
    rows = pl.DataFrame({"_row_id": list("abcd"), "_root": list("aacd"), "_cluster": list("abbd")})
    assert groups(rows).tolist() == [0, 0, 0, 1]
    assert groups(rows.select("_row_id")).tolist() == [0, 1, 2, 3]


def test_fewer_folds_where_a_class_has_fewer_groups() -> None:
    rows = remarks_of_groups()
    few = rows.filter((pl.col("label") == "差评") | pl.col("_cluster").is_in(["shop/003", "shop/009"]))
    assert out_of_fold(few, LEARNER, "label").folds == 2
    one = rows.filter((pl.col("label") == "差评") | (pl.col("_cluster") == "shop/003"))
    with pytest.raises(RecipeError, match=r"好评.*one group"):
        out_of_fold(one, LEARNER, "label")
    with pytest.raises(RecipeError, match="1 class"):
        out_of_fold(rows.filter(pl.col("label") == "差评"), LEARNER, "label")
