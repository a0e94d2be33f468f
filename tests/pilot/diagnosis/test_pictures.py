"""The diagnosis of pictures: the handwritten digits of Alpaydin and Kaynak (1998), as scikit-learn carries them."""

from __future__ import annotations

import io

import numpy as np
import polars as pl
import pytest
from PIL import Image

from lakehouse.core.versions import find
from lakehouse.operations.repair.tickets import open_findings
from lakehouse.pilot.diagnose import diagnose, page_of

from ..conftest import Factory, view_of_task
from ..diagnosis.test_columns import hashed

TRAIN = {"task": "image_classification", "input": "picture", "label": "digit", "size": 8, "seeds": [1], "log_model": False}


def encoded(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray((pixels * 15.9).astype(np.uint8)).save(out, format="png")
    return out.getvalue()


def digits(n: int = 700) -> pl.DataFrame:
    from sklearn.datasets import load_digits

    loaded = load_digits()
    chance = np.random.default_rng(5).permutation(n)
    ids = [f"digits/{at:04}" for at in range(n)]
    return pl.DataFrame(
        {
            "picture": [encoded(pixels) for pixels in loaded.images[:n]],
            "digit": [str(digit) for digit in loaded.target[:n]],
            "scanner": np.array(["one", "two"])[chance % 2],
            "_row_id": ids,
            "_root": ids,
            "_split": np.where(chance % 5 == 0, "test", "train"),
        }
    )


def flipped(rows: pl.DataFrame, share: float, seed: int) -> tuple[pl.DataFrame, set[str]]:
    """Some labels of train rows moved to the next digit, and the ids of these rows."""
    train = rows.filter(pl.col("_split") == "train")["_row_id"]
    wrong = set(train.sample(int(share * len(train)), seed=seed))
    other = ((pl.col("digit").cast(pl.Int64) + 1) % 10).cast(pl.String)
    return rows.with_columns(digit=pl.when(pl.col("_row_id").is_in(list(wrong))).then(other).otherwise("digit")), wrong


def test_flipped_labels_of_pictures_are_found_and_become_a_ticket(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, wrong = flipped(digits(), 0.08, 3)
    factory.declare(evaluations=[{"train": TRAIN}])
    factory.make(hashed(rows))
    opened, open_picture = [], Image.open
    monkeypatch.setattr(Image, "open", lambda data: opened.append(data) or open_picture(data))
    found = diagnose(factory.project, "orders")
    assert len(opened) <= rows["picture"].n_unique(), "a picture is decoded once"
    said = found.findings.filter(pl.col("kind") == "label_error")["_row_id"].to_list()
    hits = len(wrong & set(said))
    assert hits / len(wrong) >= 0.8
    assert hits / len(said) >= 0.4  # the model itself errs on one digit in twelve
    first = found.top("label_error", 1)[0]
    assert first["evidence"]["suggested"] == str(int(first["evidence"]["given"]) - 1 if first["evidence"]["given"] != "0" else 9)
    assert set(found.findings.filter(pl.col("kind") == "neighbours")["_row_id"]) & wrong
    pushing = {row["_row_id"] for row in found.top("influence", 10)}
    assert len(pushing & wrong) >= 8
    assert found.counts["leak"] == 0
    page = page_of(factory.project, found).decode()
    assert "a picture of" in page
    assert "<script" not in page.split("a picture of")[1][:200]
    tickets = open_findings(factory.project, find(factory.project, "orders", "latest"), found)
    assert tickets
    assert diagnose(factory.project, "orders").unchanged


def test_pictures_are_near_that_look_alike_and_have_words_of_how_they_look() -> None:
    rows = digits(200)
    view = view_of_task(TRAIN | {"epochs": 5})
    vectors = view.vectors(rows.drop("_row_id"))
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    similar = vectors @ vectors.T
    np.fill_diagonal(similar, -1)
    same = rows["digit"].to_numpy()[similar.argmax(axis=1)] == rows["digit"].to_numpy()
    assert same.mean() > 0.9
    words = view.words(rows)
    assert words.list.len().unique().to_list() == [3]
    assert set(words.explode().str.split(" ").list.first()) == {"brightness", "contrast", "edges"}
