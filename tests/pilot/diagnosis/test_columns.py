"""The diagnosis of a dataset of columns: the biopsies of Street, Wolberg and Mangasarian (1993), as scikit-learn carries them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from lakehouse.cli import cli
from lakehouse.core.errors import SpecError
from lakehouse.core.hashing import row_digest
from lakehouse.core.versions import find
from lakehouse.operations.repair.reports import open_report
from lakehouse.operations.repair.review import export
from lakehouse.operations.repair.tickets import open_findings
from lakehouse.pilot.diagnose import diagnose, page_of
from lakehouse.pilot.diagnosis.views import bins

from ..conftest import Factory, view_of_task

COLUMNS = ["mean radius", "mean texture", "worst area", "worst concave points", "clinic"]
TRAIN = {"task": "tabular_classification", "features": COLUMNS, "label": "kind", "seeds": [1], "trees": 40, "log_model": False}


def biopsies() -> pl.DataFrame:
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer(as_frame=True)
    n = len(data.target)
    rows = pl.DataFrame({c: data.data[c].to_numpy() for c in COLUMNS[:-1]})
    rows = rows.with_columns(pl.Series("kind", np.where(data.target == 1, "benign 良性", "malignant 恶性")))
    chance = np.random.default_rng(7).permutation(n)
    return rows.with_columns(
        pl.Series("clinic", np.array(["north", "south", "东"])[chance % 3]),
        pl.Series("_row_id", [f"biopsies/{at:04}" for at in range(n)]),
        pl.Series("_root", [f"biopsies/{at:04}" for at in range(n)]),
        pl.Series("_split", np.where(chance % 5 == 0, "test", "train")),
    )


def hashed(rows: pl.DataFrame) -> pl.DataFrame:
    own = [c for c in rows.columns if c != "_hash"]
    return rows.with_columns(row_digest({c: rows.schema[c] for c in own}, own).alias("_hash"))


def made(factory: Factory, rows: pl.DataFrame) -> None:
    factory.declare(evaluations=[{"train": TRAIN}])
    factory.make(hashed(rows))


def swapped(rows: pl.DataFrame, which: pl.Expr) -> pl.DataFrame:
    other = pl.when(pl.col("kind") == "benign 良性").then(pl.lit("malignant 恶性")).otherwise(pl.lit("benign 良性"))
    return rows.with_columns(kind=pl.when(which).then(other).otherwise("kind"))


def test_flipped_labels_are_found_among_real_columns(factory: Factory) -> None:
    rows = biopsies()
    flipped = np.random.default_rng(3).random(rows.height) < 0.08
    made(factory, swapped(rows, pl.Series(flipped)))
    found = diagnose(factory.project, "orders")
    ids = set(rows.filter(pl.Series(flipped))["_row_id"])
    named = {row["_row_id"] for row in found.top("label_error", 1000)}
    assert len(named & ids) >= 0.7 * len(ids)
    assert len(named & ids) >= 0.5 * len(named)
    assert found.counts["neighbours"] > 0
    train = ids & set(rows.filter(pl.col("_split") == "train")["_row_id"])
    pushing = [row["_row_id"] for row in found.top("influence", len(train) // 2)]
    assert sum(row in ids for row in pushing) > 3 * 0.08 * len(pushing)
    assert found.summary["columns"] == COLUMNS
    # What the model leans on is said, also where nothing leaks.
    importance = dict(found.summary["leak"]["terms"]["`kind`"])
    assert set(importance) <= set(COLUMNS)
    assert "clinic" not in list(importance)[:2]


def test_a_damaged_slice_of_columns_ranks_first(factory: Factory) -> None:
    rows = biopsies()
    at = pl.int_range(pl.len())
    made(factory, swapped(rows, (pl.col("clinic") == "东") & (at % 20 < 9)))
    first = diagnose(factory.project, "orders").top("slice", 1)[0]["evidence"]
    assert first["conditions"]["clinic"] == "东"
    assert first["rate"] > 0.3


def test_a_column_that_says_the_label_is_a_leak_and_one_that_does_not_is_none(factory: Factory) -> None:
    told = biopsies().with_columns(clinic=pl.when(pl.col("kind") == "benign 良性").then(pl.lit("discharged")).otherwise(pl.lit("ward")))
    made(factory, told)
    found = diagnose(factory.project, "orders")
    (leak,) = found.top("leak", 5)
    assert (leak["evidence"]["term"], leak["evidence"]["alone"]) == ("clinic", True)
    assert leak["evidence"]["changed"] > 0
    page = page_of(factory.project, found).decode()
    for words in ("`clinic` by itself tells 100.0% of the", "mean radius 17.99", "columns <code>mean radius</code>"):
        assert words in page


@pytest.mark.slow
def test_clean_columns_show_no_drift_gap_or_leak_and_a_moved_column_is_named(factory: Factory) -> None:
    rows = biopsies()
    made(factory, rows)
    clean = diagnose(factory.project, "orders")
    assert (clean.counts["drift"], clean.counts["leak"]) == (0, 0)
    moved = pl.when(pl.col("_split") == "test").then(pl.col("mean texture") + 8).otherwise("mean texture")
    factory.make(hashed(rows.with_columns(moved.alias("mean texture"))), "1.1.0")
    found = diagnose(factory.project, "orders")
    what = [row["evidence"]["what"] for row in found.top("drift", 10)]
    assert {"column mean texture", "the columns"} <= set(what)
    terms = next(row["evidence"]["terms"] for row in found.top("drift", 10) if row["evidence"]["what"] == "the columns")
    assert any(term.startswith("mean texture ") for term in terms)


def test_tickets_are_exported_and_reported_by_row(factory: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = biopsies()
    made(factory, swapped(rows, pl.int_range(pl.len()) < 30))
    project = factory.project
    found = diagnose(project, "orders")
    version = find(project, "orders", "latest")
    opened = open_findings(project, version, found)
    ticket = next(one for one in opened if one.kind == "label_error")
    assert export(project, ticket, tmp_path / "labels.csv") == len(ticket.rows)
    with (tmp_path / "labels.csv").open(encoding="utf-8-sig", newline="") as file:
        assert next(csv.DictReader(file))["text"].startswith("mean radius ")
    (tmp_path / "reports.jsonl").write_text('{"row": "biopsies/0007", "label": "benign 良性"}\n', encoding="utf-8")
    report, counts = open_report(project, version, tmp_path / "reports.jsonl")
    assert report is not None
    assert counts["rows"] == 1
    (tmp_path / "texts.jsonl").write_text('{"text": "radius of 18"}\n', encoding="utf-8")
    with pytest.raises(SpecError, match="names no row"):
        open_report(project, version, tmp_path / "texts.jsonl")
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(factory.root))
    said = CliRunner().invoke(cli, ["version", "diagnose", "orders", "--top", "2"], catch_exceptions=False)
    assert "569 labelled rows" in said.output
    assert "mean radius" in said.output


def test_vectors_of_columns_are_of_length_one_equal_for_equal_rows_and_near_for_like_ones() -> None:
    view = view_of_task(TRAIN)
    rows = biopsies().with_columns(pl.when(pl.int_range(pl.len()) == 5).then(None).otherwise("mean radius").alias("mean radius"))
    twice = pl.concat([rows, rows.head(1)])
    vectors = view.vectors(twice)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.array_equal(vectors[0], vectors[-1])
    # The nearest of another row is of its class as often as nearest neighbours among biopsies are.
    similar = vectors[:-1] @ vectors[:-1].T
    np.fill_diagonal(similar, -1)
    kinds = rows["kind"].to_numpy()
    assert (kinds[similar.argmax(axis=1)] == kinds).mean() > 0.85


def test_bins_name_what_is_missing() -> None:
    found = bins(pl.Series("n", [1.0, 2.0, None, float("nan"), 5.0, 6.0]), 2)
    assert found.to_list()[2:4] == ["missing", "missing"]
    assert found[0].startswith("1.0..")
