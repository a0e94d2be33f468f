"""A metric gates only after its self-test; the test stands for all versions of a dataset."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from lakehouse.core import versions
from lakehouse.core.hashing import digest
from lakehouse.core.spec import Call
from lakehouse.pilot.evaluate import known_by
from lakehouse.pilot.gates import Verdict, trusted
from lakehouse.pilot.pilot import pilot
from lakehouse.pilot.selftest import JOURNAL, SelfTest, key_of, known
from lakehouse.pilot.tracking.connection import connected

from .conftest import TRAIN, Factory, remarks

GATE = {"metric": "macro_f1", "at_least": 0.1}
HARD = {"train": {**TRAIN["train"], "seeds": [1]}}


def outcome(control: str, passed: bool) -> SelfTest:
    return SelfTest(
        evaluation="train",
        on="test",
        metric="macro_f1",
        control=control,
        expectation="worse",
        clean=0.5,
        damaged=0.5,
        difference=0.0,
        low=-0.1,
        high=0.1,
        passed=passed,
        train_rows=36,
    )


def test_the_verdict_names_the_control_that_failed_and_its_numbers() -> None:
    met = Verdict(
        gate="macro_f1 on test >= 0.1",
        metric="macro_f1",
        on="test",
        value=0.9,
        threshold=0.1,
        verdict="met",
        passed=True,
        reason="0.9000 against 0.1",
    )
    assert trusted(met, [outcome("noise", True)]) == met
    assert trusted(met, None) == met
    refused = trusted(met, [outcome("noise", True), outcome("shuffled_labels", False)])
    assert (refused.verdict, refused.passed, refused.value) == ("untrusted", False, 0.9)
    assert "with shuffled_labels macro_f1 changes by +0.0000 (95 % interval -0.1000 to +0.1000), expected worse" in refused.reason
    assert "noise" not in refused.reason


def test_a_metric_that_cannot_tell_does_not_gate_and_is_not_tested_again_for_the_next_version(factory: Factory) -> None:
    """Labels that say nothing of the text: no training can be worse than the version's own."""
    label = pl.when(pl.int_range(60) % 4 < 2).then(pl.lit("好评")).otherwise(pl.lit("差评"))
    blind = remarks().with_columns(label=label, text=pl.lit("same text"))
    factory.declare(evaluations=[HARD], gates=[GATE], self_test=True)
    factory.make(blind)
    done = pilot(factory.project, "orders")
    (verdict,) = done.verdicts
    assert (verdict.verdict, verdict.passed, done.passed) == ("untrusted", False, False)
    assert "shuffled_labels" in verdict.reason
    assert {t.control: t.expectation for t in done.self_tests} == {
        "shuffled_labels": "worse",
        "noise": "worse",
        "halved": "not better",
        "duplicated": "not better",
    }
    version = versions.find(factory.project, "orders", "latest")
    with connected(factory.project) as mlflow:
        run = mlflow.get_run(version.evaluations["train"]["run_id"])
    assert run.data.tags["factory.selftest.macro_f1"] == "failed"
    assert {f.name for f in (factory.root / "mlruns").rglob("selftest/*")} == {"selftest.json", "selftest.png"}
    written = JOURNAL.table(factory.project).version()
    factory.make(blind.head(55), "1.1.0")
    again = pilot(factory.project, "orders")
    assert (again.ran, again.passed, again.self_tests) == (("train",), False, done.self_tests)
    assert JOURNAL.table(factory.project).version() == written
    assert pilot(factory.project, "orders").unchanged


def test_another_held_out_set_or_other_parameters_ask_for_another_self_test() -> None:
    call, other = (Call.model_validate({"train": {**TRAIN["train"], "epochs": epochs}}) for epochs in (5, 6))
    keys = {key_of("orders", call, None), key_of("orders", call, "a"), key_of("orders", other, None), key_of("sales", call, None)}
    assert len(keys) == 4


KILLED = """
import os, signal
from pathlib import Path
import sys
from lakehouse.pilot import selftest
from lakehouse.pilot.pilot import pilot
from lakehouse.core.project import Project
told = lambda what, done, total: os.kill(os.getpid(), signal.SIGKILL) if "noise" in what else None
pilot(Project.open(Path(sys.argv[1])), "orders", progress=told)
"""


@pytest.mark.slow
def test_a_good_metric_is_trusted_and_a_killed_self_test_is_done_again(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAKEHOUSE_EVALUATIONS")  # a killed one leaves its rows
    words = {"好评": "很好喜欢赞棒值", "差评": "退货坏烂差骗臭"}
    rows = remarks(600)
    texts = [words[label][i % 7] + str(i % 11) for i, label in enumerate(rows["label"])]
    factory.declare(evaluations=[{"train": {**HARD["train"], "analyzer": "char"}}], gates=[GATE], self_test=True)
    factory.make(rows.with_columns(pl.Series("text", texts)))
    killed = subprocess.run([sys.executable, "-c", KILLED, str(factory.root)], env=dict(os.environ), capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert not JOURNAL.table(factory.project).exists(), "nothing half-tested stands"
    done = pilot(factory.project, "orders")
    assert done.ran == (), "the evaluation stood"
    assert len(done.self_tests) == 4
    assert next(t for t in done.self_tests if t.control == "shuffled_labels").passed
    assert list((Path(factory.root) / ".lakehouse" / "pilot").rglob("*.parquet")) == []
    call = factory.project.dataset("orders").pilot.evaluations[0]
    content = digest([None, known_by(factory.project, call)])
    assert known(factory.project, key_of("orders", call, content)) == list(done.self_tests)
    assert all(t.difference == pytest.approx(t.damaged - t.clean) for t in done.self_tests), "clean is the version's own score"
