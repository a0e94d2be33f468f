"""The loop on a dataset of numbers: wrong ones are found, and relabelled or dropped as declared, and the ticket is judged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_breast_cancer

from lakehouse.core.errors import SpecError
from lakehouse.core.labels import decisions
from lakehouse.operations.maintenance.compare import compare
from lakehouse.operations.maintenance.grade import grade
from lakehouse.operations.repair import review, tickets
from lakehouse.operations.repair.loop import repair
from lakehouse.pilot.diagnosis.contradictions import contradictions
from tests.factory import Factory, Row, new_factory

CONTRACT = '''"""What a row promises."""

import pandera.polars as pa


class Rows(pa.DataFrameModel):
    """Biopsies."""

    area: float = pa.Field(ge=0, description="Mean area of the cells.")
    texture: float = pa.Field(ge=0, description="Mean texture.")
    perimeter: float = pa.Field(ge=0, description="Largest perimeter.")
'''
TRAIN = {"task": "regression", "features": ["area", "texture"], "label": "perimeter", "seeds": [1], "log_model": False, "epochs": 40}


def biopsies(wrong: int = 0) -> tuple[list[Row], list[Row], set[str]]:
    """Rows of a dataset, those of its frozen set, and the ids of the first ones, which say three times their number."""
    data = load_breast_cancer(as_frame=True).data
    order = np.random.default_rng(2).permutation(len(data))
    rows = []
    for at, (area, texture, perimeter) in enumerate(data[["mean area", "mean texture", "worst perimeter"]].to_numpy()[order]):
        said = perimeter if at >= wrong else perimeter * 3
        rows.append({"id": f"{at:04}", "area": area, "texture": texture, "perimeter": round(float(said), 2)})
    return rows[:369], rows[369:], {f"notes/{at:04}" for at in range(wrong)}


def factory_of(root: Path, empty_store: Path, policy: dict[str, Any]) -> tuple[Factory, set[str]]:
    factory = new_factory(root)
    shutil.copyfile(empty_store, root / "mlflow.db")
    factory.write("contracts/rows.py", CONTRACT)
    rows, frozen, wrong = biopsies(24)
    for source, of in (("notes", rows), ("notes_frozen", frozen)):
        factory.declare_source(source, columns={"id": "string", "area": "float", "texture": "float", "perimeter": "float"})
        factory.write(f"raw/{source}.jsonl", "".join(json.dumps(dict(row)) + "\n" for row in of))
    factory.declare([], "notes_frozen", sources=["notes_frozen"], splits={"test": 1.0})
    factory.declare(
        [],
        splits={"by": "row", "train": 0.9, "test": 0.1, "seed": 1},
        pilot={
            "held_out": {"dataset": "notes_frozen"},
            "evaluations": [{"train": TRAIN}],
            "gates": [{"metric": "rmse", "at_most": 100.0}],
        },
        repair={"policies": [policy], "metric": "rmse", "margin": 1.0, "limits": {"rounds": 1}},
    )
    return factory, wrong


@pytest.mark.parametrize("action", ["relabel", pytest.param("drop", marks=pytest.mark.slow)])
def test_wrong_numbers_are_repaired_and_the_ticket_is_judged(tmp_path: Path, empty_store: Path, action: str) -> None:
    factory, wrong = factory_of(tmp_path, empty_store, {"on": "label_error", "action": action})
    done = repair(factory.project, "notes")
    (round_,) = done.rounds
    assert round_.kept
    assert round_.new is not None
    assert round_.old is not None
    assert round_.new < round_.old  # RMSE on the frozen set
    made = decisions.read(factory.root / "repairs/notes.jsonl")
    rows = factory.rows("gold")
    train = set(rows.filter(rows["_split"] == "train")["_row_id"]) | {one.row for one in made}
    assert len({one.row for one in made} & wrong) >= 0.8 * len(wrong & train)
    assert len(made) <= 1.2 * len(wrong)
    if action == "drop":
        assert not {one.row for one in made} & set(rows["_row_id"])
    else:
        said = dict(rows.select("_row_id", "perimeter").iter_rows())
        assert all(one.set is not None and said[one.row] == one.set["perimeter"] for one in made)
    (ticket,) = [one for one in tickets.tickets(factory.project, "notes") if one.kind == "label_error" and one.last.get("applied")]
    assert ticket.state == "closed"
    before, after = compare(factory.project, "notes", [ticket.version, done.version]).sides
    assert before.findings is not None
    assert before.findings["label_error"] == len(ticket.rows)
    assert after.label != before.label
    assert grade(factory.project, "notes", ticket.version).screen["label_error"] == pytest.approx(len(ticket.rows) / 369)


@pytest.mark.slow
def test_a_person_decides_and_a_label_that_is_no_number_is_refused(tmp_path: Path, empty_store: Path) -> None:
    factory, wrong = factory_of(tmp_path, empty_store, {"on": "label_error", "action": "queue"})
    (waiting,) = [tickets.find(factory.project, one) for one in repair(factory.project, "notes").waiting]
    assert len({one.row for one in waiting.rows} & wrong) >= 0.8 * len(wrong)
    file, row = tmp_path / "decide.csv", waiting.rows[0].row
    review.export(factory.project, waiting, file)
    file.write_text(f"ticket,row,decision,label\n{waiting.ticket},{row},relabel,large\n", encoding="utf-8")
    with pytest.raises(SpecError, match=r"'large' is no Float64"):
        review.decide(factory.project, file, "ana")
    assert decisions.read(factory.root / "repairs/notes.jsonl") == []
    file.write_text(f"ticket,row,decision,label\n{waiting.ticket},{row},relabel,101.5\n", encoding="utf-8")
    assert review.decide(factory.project, file, "ana") == {waiting.ticket: (1, 0, 0)}
    (decided,) = decisions.read(factory.root / "repairs/notes.jsonl")
    assert (decided.row, decided.set) == (row, {"perimeter": 101.5})


def test_duplicates_with_other_numbers_are_contradictions_however_the_numbers_are_written(tmp_path: Path) -> None:
    factory = new_factory(tmp_path)
    factory.declare([{"dedup_exact": {"columns": ["text"]}}])
    same = [("a", "到货 很快", "7"), ("b", "到货 很快", "5"), ("c", "到货 很快", "5.0"), ("d", "到货 慢", "9"), ("e", "到货 慢", "9.00")]
    factory.material([{"id": one, "text": text, "label": label} for one, text, label in same])
    factory.made()
    as_number = pl.col("label").cast(pl.Float64).cast(pl.String)
    gold = factory.rows("gold").with_columns(as_number)
    (found,) = contradictions(factory.project, factory.project.dataset("notes"), gold, "label", as_number).iter_rows(named=True)
    assert (found["_row_id"], found["given"], found["suggested"]) == ("notes/a", "7.0", "5.0")
    assert {each["label"]: each["rows"] for each in found["labels"]} == {"5.0": 2, "7.0": 1}
