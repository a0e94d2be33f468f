"""The diagnosis of numbers: biopsies of Street, Wolberg and Mangasarian (1993), as scikit-learn carries them, and remarks with a number."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from lakehouse.cli import cli
from lakehouse.core.errors import SpecError
from lakehouse.core.versions import find
from lakehouse.operations.repair import policies
from lakehouse.operations.repair.reports import open_report
from lakehouse.operations.repair.review import decide, export
from lakehouse.operations.repair.tickets import open_findings, tickets
from lakehouse.pilot.diagnose import diagnose, page_of
from lakehouse.pilot.diagnosis.kinds import KINDS

from ...conftest import Factory
from ...diagnosis.test_columns import hashed

COLUMNS = ["mean texture", "mean smoothness", "mean area", "worst concave points"]
OTHERS = {"seeds": [1], "log_model": False, "label": "worst perimeter"}
LINEAR = {"task": "regression", "features": COLUMNS, "epochs": 30, **OTHERS}
TREES = {"task": "tabular_regression", "features": [*COLUMNS, "clinic"], "trees": 30, **OTHERS}


def biopsies(wrong: float = 0.08, seed: int = 3) -> tuple[pl.DataFrame, set[str]]:
    """The size of the cells on the last picture, from measures of the others; some train rows have that of another row."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer(as_frame=True).data
    n, chance = len(data), np.random.default_rng(seed)
    split = np.where(np.random.default_rng(7).permutation(n) % 5 == 0, "test", "train")
    spoilt = chance.choice(np.flatnonzero(split == "train"), round(wrong * n), replace=False)
    label = data["worst perimeter"].to_numpy().copy()
    label[spoilt] = chance.permutation(label)[spoilt]
    ids = [f"biopsies/{at:04}" for at in range(n)]
    rows = pl.DataFrame({c: data[c].to_numpy() for c in COLUMNS}).with_columns(
        pl.Series("worst perimeter", label),
        pl.Series("clinic", np.array(["north", "south", "东"])[np.arange(n) % 3]),
        pl.Series("_row_id", ids),
        pl.Series("_root", ids),
        pl.Series("_split", split),
    )
    return rows, {ids[at] for at in spoilt}


def made(factory: Factory, rows: pl.DataFrame, train: dict[str, object] = LINEAR) -> None:
    factory.declare(evaluations=[{"train": train}])
    factory.make(hashed(rows))


def named(found: pl.DataFrame, kind: str) -> list[str]:
    return found.filter(pl.col("kind") == kind)["_row_id"].to_list()


@pytest.mark.parametrize("train", [LINEAR, TREES], ids=["linear", "trees"])
def test_numbers_of_other_rows_are_found(factory: Factory, train: dict[str, object]) -> None:
    rows, wrong = biopsies()
    made(factory, rows, train)
    found = diagnose(factory.project, "orders")
    said = named(found.findings, "label_error")
    assert len(wrong & set(said)) >= 0.35 * len(wrong)  # some get a number that is near their own
    assert len(wrong & set(said)) >= 0.6 * len(said)
    assert wrong >= set(said[:5])
    far = named(found.findings, "neighbours")
    assert len(wrong & set(far)) >= max(5, 0.5 * len(far))
    pushing = named(found.findings, "influence")[:10]
    assert len(wrong & set(pushing)) >= 5
    first = found.top("label_error", 1)[0]["evidence"]
    truth = dict(rows.select("_row_id", "worst perimeter").iter_rows())
    assert first["given"] == truth[said[0]]
    assert first["off"] == pytest.approx(first["given"] - first["suggested"], rel=1e-3)
    assert first["p_given"] < 0.001
    assert found.summary["label_type"] == "numbers"
    assert 0 < found.summary["mae"] < found.summary["rmse"] < found.summary["label_std"]
    assert (found.counts["drift"], found.counts["leak"]) == (0, 0)
    assert "mean area" in [name for name, _ in found.summary["leak"]["terms"]["`worst perimeter`"]][:2]


def test_the_commands_speak_of_numbers(factory: Factory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rows, _ = biopsies()
    loud = pl.col("worst perimeter") * pl.when((pl.col("clinic") == "东") & (pl.int_range(pl.len()) % 2 == 0)).then(1.3).otherwise(1.0)
    made(factory, rows.with_columns(loud))
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(factory.root))
    run = CliRunner()
    done = run.invoke(cli, ["version", "diagnose", "orders", "--top", "3", "--page", str(tmp_path / "page.html")], catch_exceptions=False)
    assert done.exit_code == 0
    for words in (
        "569 labelled rows, from which models",
        "R2 0.",
        "times the",
        "clinic = 东",
        "off by",
        "mean texture",
        "next: lakehouse row trace",
    ):
        assert words in done.output
    found = json.loads(run.invoke(cli, ["version", "diagnose", "orders", "--json"], catch_exceptions=False).output)
    assert found["unchanged"]
    assert set(found["counts"]) == set(KINDS)
    first = found["findings"]["slice"][0]["evidence"]
    assert first["conditions"]["clinic"] == "东"
    assert first["error"] > found["summary"]["mae"]
    assert not any("worst perimeter" in one["evidence"]["conditions"] for one in found["findings"]["slice"])
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    for words in ("Slices where the model is farther off", "far from their neighbours", "data:image/png;base64,", "R2 0.", "mean area"):
        assert words in page
    assert page.count("<h2") == len(KINDS)


def test_a_column_filled_in_after_the_label_gives_it_away(factory: Factory) -> None:
    rows, _ = biopsies()
    told = rows.with_columns((pl.col("worst perimeter") * 2 + 1).alias("mean texture"))
    made(factory, told)
    found = diagnose(factory.project, "orders")
    (leak,) = found.top("leak", 5)
    assert leak["evidence"]["term"] == "mean texture"
    assert leak["evidence"]["precision"] > 0.98
    assert leak["evidence"]["error_without"] > leak["evidence"]["error"]
    assert "`mean texture` by itself tells" in page_of(factory.project, found).decode()
    assert "`mean texture` gives every `worst perimeter` away" in {
        one.title for one in open_findings(factory.project, find(factory.project, "orders", "latest"), found)
    }


def test_rows_that_train_lacks_and_a_moved_label_are_named(factory: Factory) -> None:
    rows, _ = biopsies(0.0)
    far = (pl.col("_split") == "test") & (pl.int_range(pl.len()) % 2 == 0)
    moved = [pl.when(far).then(pl.col(c) * 0 + v).otherwise(c).alias(c) for c, v in (("mean texture", 90.0), ("mean smoothness", 0.9))]
    made(factory, rows.with_columns(*moved, pl.when(far).then(pl.col("worst perimeter") + 200).otherwise("worst perimeter")))
    found = diagnose(factory.project, "orders")
    gap = found.top("coverage", 1)[0]
    assert gap["evidence"]["error"] > 2 * gap["evidence"]["error_elsewhere"]
    assert gap["evidence"]["labels"]["lowest"] > 200
    assert "column worst perimeter" in {one["evidence"]["what"] for one in found.top("drift", 10)}


def test_tickets_are_exported_decided_and_reported(factory: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, _ = biopsies()
    whole = rows.with_columns(pl.col("worst perimeter").round().cast(pl.Int64))
    made(factory, whole)
    project = factory.project
    found, version = diagnose(project, "orders"), find(project, "orders", "latest")
    ticket = next(one for one in open_findings(project, version, found) if one.kind == "label_error")
    assert {type(one.suggested) for one in ticket.rows} == {int}  # as the column is written
    assert tickets(project, "orders")[0].rows[0].suggested is not None
    assert export(project, ticket, tmp_path / "labels.csv") == len(ticket.rows)
    with (tmp_path / "labels.csv").open(encoding="utf-8-sig", newline="") as file:
        line = next(csv.DictReader(file))
    assert line["label"] == line["suggested"] == str(ticket.rows[0].suggested)
    assert line["text"].startswith("mean texture ")
    (tmp_path / "reports.jsonl").write_text('{"row": "biopsies/0007", "label": "120"}\n', encoding="utf-8")
    report, _ = open_report(project, version, tmp_path / "reports.jsonl")
    assert report is not None
    assert report.rows[0].suggested == 120
    (tmp_path / "odd.jsonl").write_text('{"row": "biopsies/0007", "label": "large"}\n', encoding="utf-8")
    with pytest.raises(SpecError, match="'large' of a report is no Int64"):
        open_report(project, version, tmp_path / "odd.jsonl")
    file = tmp_path / "decide.csv"
    file.write_text(f"ticket,row,decision,label\n{ticket.ticket},{ticket.rows[0].row},relabel,large\n", encoding="utf-8")
    monkeypatch.setattr(policies, "contents", lambda _project, _dataset, asked: {row: (row, row) for row in asked})
    with pytest.raises(SpecError, match=r"the label 'large' is no Int64"):
        decide(project, file, "ana")


def test_remarks_with_a_number(factory: Factory) -> None:
    """How many days a parcel took, as the remark says it; a few rows say otherwise."""
    chance = np.random.default_rng(4)
    days = chance.integers(1, 5, 300)
    words = {1: "当天 送到 fast", 2: "隔天 到 good", 3: "有点 慢 late", 4: "太慢 了 awful"}
    given = np.where(np.arange(300) < 8, 40 + days, days * 5) + chance.normal(0, 0.5, 300).round(2)
    rows = pl.DataFrame(
        {
            "text": [f"{words[d]} parcel {at % 9}" for at, d in enumerate(days.tolist())],
            "hours": given,
            "_row_id": [f"orders_raw/{at:04}" for at in range(300)],
            "_split": np.where(chance.permutation(300) % 5 == 0, "test", "train"),
        }
    )
    factory.declare(evaluations=[{"train": {"task": "regression", "input": "text", "label": "hours", "seeds": [1], "log_model": False}}])
    factory.make(hashed(rows))
    found = diagnose(factory.project, "orders")
    assert set(named(found.findings, "label_error")[:8]) == {f"orders_raw/{at:04}" for at in range(8)}
    assert found.top("label_error", 1)[0]["evidence"]["suggested"] < 25
    assert "当天 送到 fast" in page_of(factory.project, found).decode() or "太慢 了 awful" in page_of(factory.project, found).decode()
    assert dict(found.summary["leak"]["terms"]["`hours`"])["awful"] > 0
