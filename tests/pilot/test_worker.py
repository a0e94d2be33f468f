"""An evaluation runs in a process of its own: what goes wrong there is one message here."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import polars as pl
import pytest

from lakehouse.core.errors import RecipeError, SpecError
from lakehouse.core.spec import Call
from lakehouse.pilot.evaluation import EVALUATIONS, Data
from lakehouse.pilot.scores import Scores
from lakehouse.pilot.worker import evaluate

from .conftest import TRAIN, remarks

pytestmark = pytest.mark.usefixtures("isolated")


def call(**changes: object) -> Call:
    return Call.model_validate({"train": {**TRAIN["train"], **changes}})


def data(rows: pl.DataFrame) -> Data:
    return Data(rows.filter(pl.col("_split") == "train"), {"test": rows.filter(pl.col("_split") == "test")})


def scores(call: Call, data: Data) -> Scores:
    """The evaluation in this process: a worker adds seconds and nothing else."""
    return EVALUATIONS.entry(call).function(**EVALUATIONS.bind(call))(data)  # type: ignore[no-any-return]


def test_scores_and_what_they_cost(tmp_path: Path) -> None:
    measured = evaluate(call(), data(remarks()), tmp_path / "jobs")
    predictions = measured.scores.predictions
    assert predictions.columns == ["set", "seed", "_row_id", "label", "predicted"]
    assert predictions.height == 2 * 24
    assert set(predictions["predicted"]) <= {"好评", "差评"}
    assert measured.peak_memory_mb > 0
    assert measured.cpu_seconds > 0
    assert measured.wall_seconds > 0
    assert set(measured.scores.seconds) == {1, 2}
    assert measured.scores.notes["train_rows"] == 36
    assert list((tmp_path / "jobs").iterdir()) == []


def test_what_a_killed_caller_left_is_taken_away(tmp_path: Path) -> None:
    left = tmp_path / "jobs" / "tmp123" / "train.parquet"
    left.parent.mkdir(parents=True)
    remarks().write_parquet(left)
    evaluate(call(seeds=[1]), data(remarks()), tmp_path / "jobs")
    assert list((tmp_path / "jobs").iterdir()) == []


def test_labels_that_are_truth_values_are_compared_as_text_and_missing_ones_are_left_out() -> None:
    label = pl.when(pl.int_range(60) < 10).then(None).otherwise(pl.col("label") == "好评").alias("label")
    found = scores(call(seeds=[1]), data(remarks().with_columns(label)))
    assert set(found.predictions["label"]) == set(found.predictions["predicted"]) == {"true", "false"}
    assert found.notes["unlabelled"] == 10


def test_a_train_split_of_one_class_is_refused_with_a_fix(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="holds 1 class of `label`") as refused:
        evaluate(call(), data(remarks().with_columns(label=pl.lit("好评"))), tmp_path / "jobs")
    assert refused.value.fix


def test_a_column_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(RecipeError, match="no column `comment`") as refused:
        scores(call(input="comment"), data(remarks()))
    assert refused.value.fix == "columns: text, label"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"epochs": "many"}, "epochs"),
        ({"epochs": 0}, "epochs"),
        ({"seeds": []}, "seeds"),
        ({"seeds": [-1]}, "seeds"),
        ({"ngrams": [1, 2, 3]}, "ngrams"),
        ({"epoch": 3}, "epoch"),
    ],
)
def test_a_parameter_that_cannot_be_is_refused_at_its_declaration(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        EVALUATIONS.bind(call(**wrong))


def test_ngrams_that_end_before_they_begin_are_refused() -> None:
    with pytest.raises(RecipeError, match=r"ngrams \[3, 1\]") as refused:
        scores(call(ngrams=[3, 1]), data(remarks()))
    assert refused.value.fix == "ngrams: [1, 3]"


def test_a_column_of_numbers_is_no_text() -> None:
    with pytest.raises(RecipeError, match="`text` of the train rows is Int64, not text"):
        scores(call(), data(remarks().with_columns(text=pl.int_range(60))))


def test_a_set_without_a_label_or_without_the_column_is_named() -> None:
    train = data(remarks()).train
    with pytest.raises(RecipeError, match="no held_out row has a `label`"):
        scores(call(), Data(train, {"held_out": train.with_columns(label=pl.lit(None, pl.String))}))
    with pytest.raises(RecipeError, match="the held_out rows have no column `label`"):
        scores(call(), Data(train, {"held_out": train.drop("label")}))


def test_a_file_of_the_project_is_not_taken_for_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "random.py").write_text("raise SystemExit('taken')\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert evaluate(call(seeds=[1]), data(remarks()), tmp_path / "jobs").scores.predictions.height == 24


def test_texts_without_a_repeated_word_are_one_message() -> None:
    rows = remarks().with_columns(text=pl.col("_row_id").str.replace("/", ""))
    with pytest.raises(RecipeError, match=r"give nothing to learn from: .*no terms remain") as refused:
        scores(call(), data(rows))
    assert "analyzer: char" in str(refused.value.fix)


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds the worker in /proc")
def test_a_worker_that_the_kernel_kills_costs_only_itself(tmp_path: Path) -> None:
    killer = threading.Thread(target=_kill_worker)
    killer.start()
    with pytest.raises(RecipeError, match="was killed by SIGKILL") as refused:
        evaluate(call(epochs=1_000_000), data(remarks()), tmp_path / "jobs")
    killer.join()
    assert "memory" in str(refused.value.fix)


def _kill_worker() -> None:
    """Kill the worker that this process started, as a kernel out of memory does."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                parent = int(stat.read_text(encoding="utf-8").rpartition(")")[2].split()[1])
                if parent == os.getpid() and b"lakehouse.pilot.worker" in (stat.parent / "cmdline").read_bytes():
                    os.kill(int(stat.parent.name), signal.SIGKILL)
                    return
        time.sleep(0.05)
