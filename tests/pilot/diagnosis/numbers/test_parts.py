"""The parts of a diagnosis of numbers against plain Python: what the papers define, row by row."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu
from sklearn.linear_model import Ridge

from lakehouse.core.errors import RecipeError
from lakehouse.pilot.diagnosis.numbers.influence import best_penalty, ridge_influence
from lakehouse.pilot.diagnosis.numbers.label_errors import number_errors
from lakehouse.pilot.diagnosis.numbers.neighbours import far_from_neighbours
from lakehouse.pilot.diagnosis.numbers.out_of_fold import out_of_fold
from lakehouse.pilot.diagnosis.numbers.row_values import number_values
from lakehouse.pilot.diagnosis.slices import rank_sum, slices
from lakehouse.pilot.models.linear_regression import LinearRegression

from ...diagnosis.classes.test_parts import shapley, unit, vectors

number = st.integers(-9, 9).map(float)
row = st.tuples(vectors, number)


@given(st.lists(row, min_size=1, max_size=7), st.lists(row, min_size=1, max_size=3), st.integers(1, 4))
def test_row_values_are_shapley_values(
    train: list[tuple[tuple[int, ...], float]], test: list[tuple[tuple[int, ...], float]], k: int
) -> None:
    a, b = unit([v for v, _ in train]), unit([v for v, _ in test])
    y, z = np.array([label for _, label in train]), np.array([label for _, label in test])
    similar, n = b @ a.T, len(train)

    def worth(members: tuple[int, ...]) -> float:
        total = 0.0
        for t in range(len(test)):
            near = sorted(members, key=lambda i: (-similar[t, i], i))[:k]
            total -= (sum(y[i] for i in near) / k - z[t]) ** 2
        return total / len(test)

    assert number_values(a, y, b, z, k).tolist() == pytest.approx(shapley(worth, n), abs=1e-7)


def points(n: int, seed: int, *, wrong: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points of length 1, numbers that follow them, and which of these were drawn anew."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 5))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    bad = rng.random(n) < wrong
    y = x @ np.array([3.0, -2.0, 1.0, 0.0, 2.0]) + rng.normal(0, 0.2, n)
    return x.astype(np.float32), np.where(bad, rng.permutation(y), y), bad


@pytest.mark.parametrize("penalty", [0.01, 1.0])
def test_influence_is_what_training_without_the_row_takes_off(penalty: float) -> None:
    x, y, _ = points(60, 1, wrong=0.1)
    t, z, _ = points(30, 2)
    one, other = (np.hstack([part.astype(float), np.ones((len(part), 1))]) for part in (x, t))

    def losses(keep: np.ndarray) -> np.ndarray:
        return (Ridge(alpha=penalty, fit_intercept=False, tol=1e-12).fit(one[keep], y[keep]).predict(other) - z) ** 2

    everyone = np.arange(60)
    taken = np.array([losses(everyone) - losses(np.delete(everyone, i)) for i in everyone])
    asked = np.array([0, 7, 29])
    found = ridge_influence(x, y, t, z, asked, penalty)
    assert found.total == pytest.approx(taken.sum(axis=1), rel=1e-6, abs=1e-8)
    assert found.effects == pytest.approx(taken[:, asked], rel=1e-6, abs=1e-8)


def test_wrong_numbers_cost_most_and_noise_is_shrunk() -> None:
    x, y, bad = points(600, 3, wrong=0.08)
    t, z, _ = points(200, 4)
    worst = np.argsort(-ridge_influence(x, y, t, z, np.arange(3), best_penalty(x, y)).total)[:30]
    assert bad[worst].mean() > 0.5
    assert best_penalty(x, np.random.default_rng(1).normal(size=600)) > best_penalty(x, x[:, 0].astype(float))


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 4)), min_size=3, max_size=40))
def test_the_test_of_a_slice_is_that_of_wilcoxon(rows: list[tuple[str, int]]) -> None:
    feature, error = pl.DataFrame({"shop": [r[0] for r in rows]}), np.array([float(r[1]) for r in rows])
    inside = np.array([r[0] == "a" for r in rows])
    if not 0 < inside.sum() < len(rows) or len(set(error)) < 2:
        return
    from scipy.stats import rankdata

    counted = pl.DataFrame({"size": [int(inside.sum())], "error": [error[inside].sum()], "ranks": [rankdata(error)[inside].sum()]})
    expected = mannwhitneyu(error[inside], error[~inside], alternative="greater", method="asymptotic", use_continuity=False).pvalue
    assert rank_sum(counted, error)[0] == pytest.approx(expected)
    assert slices(feature, np.zeros(len(rows)), rank_sum) == []


def test_a_slice_of_large_errors_is_first_and_a_few_huge_ones_are_no_slice() -> None:
    rng = np.random.default_rng(1)
    features = pl.DataFrame({"shop": rng.choice(["a", "b", "c"], 3000), "size": rng.choice(["s", "m", "l"], 3000)})
    chance = np.abs(rng.normal(size=3000))
    assert slices(features, chance, rank_sum) == []
    huge = chance.copy()
    huge[np.flatnonzero((features["shop"] == "c").to_numpy())[:5]] = 1000.0
    assert slices(features, huge, rank_sum) == []
    planted = ((features["shop"] == "b") & (features["size"] == "m")).to_numpy()
    first = slices(features, np.where(planted, 2 * chance, chance), rank_sum)[0]
    assert first.conditions == (("shop", "b"), ("size", "m"))
    assert first.rate == pytest.approx(2 * chance[planted].mean())


sizes = st.lists(st.tuples(*[st.integers(0, 1000).map(lambda n: n / 7)] * 3), max_size=30)


@given(sizes, st.sampled_from([0.001, 3.0, 1000.0]))
def test_label_errors_do_not_depend_on_the_unit(rows: list[tuple[float, float, float]], unit_of: float) -> None:
    error, spread, noise = (np.array([r[at] for r in rows]) for at in range(3))
    found = number_errors(error, spread, noise, 1e-3)
    other = number_errors(error * unit_of, spread * unit_of, noise * unit_of, 1e-3)
    assert np.isfinite(found.z).all()
    assert (np.diff(found.z) <= 0).all()
    assert sorted(found.z) == pytest.approx(sorted(other.z), rel=1e-6)
    assert sorted(found.usual * unit_of) == pytest.approx(sorted(other.usual), rel=1e-6)


def test_an_error_counts_by_what_is_usual_where_it_stands() -> None:
    rng = np.random.default_rng(2)
    noise = np.repeat([1.0, 10.0], 500)
    error = np.abs(rng.normal(0, noise))
    error[[0, 999]] = 9.0  # nine times the usual among the quiet rows, less than usual among the loud ones
    found = number_errors(error, np.zeros(1000), noise)
    assert found.rows[0] == 0
    assert 999 not in found.rows
    assert len(found.rows) < 5
    exact = number_errors(np.array([0.0] * 9 + [5.0]), np.zeros(10), np.zeros(10))
    assert exact.rows.tolist() == [9]
    assert number_errors(np.zeros(10), np.zeros(10), np.zeros(10)).rows.tolist() == []


def test_a_number_far_from_its_neighbours_stands_out_and_copies_are_no_witnesses() -> None:
    x, y, _ = points(300, 5)
    y[7] += 20
    copies = np.vstack([x, np.repeat(x[7:8], 12, axis=0)])
    labels, group = np.concatenate([y, np.full(12, y[7])]), np.concatenate([np.arange(300), np.full(12, 7)])
    found = far_from_neighbours(copies, labels, group)
    copied = {7, *range(300, 312)}
    assert copied <= set(found.rows.tolist())
    assert len(found.rows) < 20  # beside them only rows that have the copies for neighbours
    for at, near in zip(found.rows, found.nearest, strict=True):
        assert at not in copied or not copied & set(near.tolist())
    assert far_from_neighbours(x, np.full(300, 2.0), np.arange(300)).rows.tolist() == []
    assert far_from_neighbours(x[:2], y[:2], np.arange(2)).rows.tolist() == []
    assert far_from_neighbours(x[:0], y[:0], np.arange(0)).rows.tolist() == []


def test_no_model_has_seen_the_group_of_a_row() -> None:
    # Rows of a group share a word that alone tells their number: only a model that saw the group could know it.
    ids = [f"shop/{i:03}" for i in range(60)]
    rows = pl.DataFrame(
        {
            "text": [f"group{i // 3} 很好" for i in range(60)],
            "price": [float((i // 3) ** 2) for i in range(60)],
            "_row_id": ids,
            "_root": ids,
        }
    ).with_columns(_cluster=pl.Series([f"shop/{i // 3 * 3:03}" for i in range(60)]))
    learner = LinearRegression(input="text", label="price", epochs=50)
    secret = out_of_fold(rows, learner, "price")
    assert len(np.unique(secret.predicted.round(9))) <= 5  # a guess for each model, the same for all its rows
    assert (secret.spread >= 0).all()
    seen = out_of_fold(rows.drop("_cluster"), learner, "price")
    assert seen.error.mean() < 0.5 * secret.error.mean()
    with pytest.raises(RecipeError, match="of 1 group"):
        out_of_fold(rows.with_columns(_cluster=pl.lit("shop/000")), learner, "price")
