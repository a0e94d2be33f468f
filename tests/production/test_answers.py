"""What models have answered is kept: nothing is asked twice, whatever happens in between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest

from lakehouse.core.errors import EndpointError, StorageError
from lakehouse.core.hashing import canonical
from lakehouse.core.project import Project
from lakehouse.core.runs.progress import silent
from lakehouse.production.endpoint import answers, endpoint
from lakehouse.production.endpoint.answers import answered
from lakehouse.production.endpoint.endpoint import Endpoint
from lakehouse.production.engine.operator import Answer, Ask

from .endpoint_server import MODEL, Model, model_server


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[Model]:
    monkeypatch.setattr(endpoint, "_FIRST_PAUSE", 0.01)
    with model_server() as running:
        yield running


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.open(tmp_path)


def request(text: str | None) -> str | None:
    return None if text is None else canonical({"model": MODEL, "messages": [{"role": "user", "content": text}]})


def ask(model: Model, **settings: int) -> Ask:
    return Ask("text", pl.col("request"), Endpoint(model.url, timeout=5.0, **{"retries": 2, **settings}).send)


def asked(project: Project, made: Ask, *texts: str | None) -> list[tuple[str | None, str | None]]:
    """`text` and `error` of each request."""
    given = answered(project, made, pl.Series([request(text) for text in texts], dtype=pl.String), silent)
    assert given.schema == {"text": pl.String, "error": pl.String}
    return given.rows()


def test_the_same_request_is_sent_once_ever(model: Model, project: Project) -> None:
    assert asked(project, ask(model), "a", "b", None, "a") == [("A", None), ("B", None), (None, None), ("A", None)]
    assert asked(project, ask(model), "c", "a", "c") == [("C", None), ("A", None), ("C", None)]
    assert model.asked() == {"a": 1, "b": 1, "c": 1}
    kept = project.table("system", "answers").read().sort("at")
    assert kept.schema == answers.SCHEMA
    assert sorted(kept["text"]) == ["A", "B", "C"]
    assert set(kept["model"]) == {MODEL}
    assert set(kept["tokens"]) == {7}


@pytest.mark.parametrize("texts", [[], [None, None]])
def test_nothing_to_ask(project: Project, texts: list[str | None]) -> None:
    made = Ask("text", pl.col("request"), Endpoint("http://127.0.0.1:1/v1").send)
    assert asked(project, made, *texts) == [(None, None)] * len(texts)
    assert not project.table("system", "answers").exists()


def test_an_error_is_asked_again_the_next_time(model: Model, project: Project) -> None:
    model.faults = {"b": [("status", 400, {}, "not this one")]}
    assert asked(project, ask(model), "a", "b", "b") == [("A", None), *[(None, "HTTP 400: not this one")] * 2]
    assert asked(project, ask(model), "a", "b") == [("A", None), ("B", None)]
    assert model.asked() == {"a": 1, "b": 2}


def test_what_came_before_the_end_is_kept(model: Model, project: Project) -> None:
    model.always = {"bad": ("status", 401, {}, "key revoked")}
    with pytest.raises(EndpointError, match="key revoked"):
        asked(project, ask(model, concurrency=1), "a", "b", "bad", "c")
    model.always = {}
    assert [text for text, _ in asked(project, ask(model), "a", "b", "bad", "c")] == ["A", "B", "BAD", "C"]
    assert model.asked() == {"a": 1, "b": 1, "bad": 2, "c": 1}


def test_an_interrupt_keeps_what_came(model: Model, project: Project) -> None:
    def interrupt(what: str, done: int, total: int | None) -> None:
        if done == 3:
            raise KeyboardInterrupt

    requests = pl.Series([request(str(n)) for n in range(200)])
    with pytest.raises(KeyboardInterrupt):
        answered(project, ask(model), requests, interrupt)
    assert project.table("system", "answers").read().height == 3
    assert len(model.bodies) < 200


def test_answers_are_committed_in_batches_and_few_files_are_left(model: Model, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "_BATCH_ANSWERS", 3)
    monkeypatch.setattr(answers, "_MANY_FILES", 5)
    asked(project, ask(model), *map(str, range(20)))
    table = project.table("system", "answers")
    assert [entry["operation"] for entry in table.history()] == ["OPTIMIZE", *["WRITE"] * 6, "CREATE TABLE"]
    assert len(table.files()) == 1
    assert [text for text, _ in asked(project, ask(model), *map(str, range(20)))] == [str(n) for n in range(20)]
    assert len(model.bodies) == 20


def test_a_slow_model_loses_no_more_than_some_seconds(model: Model, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "_BATCH_SECONDS", 0.0)
    asked(project, ask(model), "a", "b", "c")
    assert len(project.table("system", "answers").history()) == 3


def test_of_two_runs_that_ask_the_same_the_first_answer_holds_for_both(project: Project) -> None:
    def send(requests: Sequence[str]) -> Iterator[Answer]:
        other = Ask("text", pl.col("request"), lambda requests: iter([Answer(0, "the first answer", None, 1)]))
        assert asked(project, other, "a") == [("the first answer", None)]
        yield Answer(0, "another answer", None, 1)

    mine = Ask("text", pl.col("request"), send)
    assert asked(project, mine, "a") == [("the first answer", None)]
    assert asked(project, mine, "a") == [("the first answer", None)]


def test_progress_counts_what_was_known(model: Model, project: Project) -> None:
    asked(project, ask(model), "a", "b")
    shown: list[tuple[str, int, int | None]] = []
    answered(project, ask(model), pl.Series([request(t) for t in ("a", "b", "c", "d")]), lambda *said: shown.append(said))
    assert shown == [("asking for text", done, 4) for done in (2, 3, 4)]


def test_a_lake_that_cannot_be_written_ends_it(model: Model, project: Project) -> None:
    (project.root / "lake").write_text("no folder")
    with pytest.raises(StorageError):
        asked(project, ask(model), *map(str, range(5)))


RUN = """
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import polars as pl
from lakehouse.production.endpoint import answers
from lakehouse.production.endpoint.endpoint import Endpoint
from lakehouse.production.engine.operator import Ask
from lakehouse.core.runs.progress import silent
from lakehouse.core.project import Project

answers._BATCH_ANSWERS = 50
made = Ask("text", pl.col("request"), Endpoint(sys.argv[2]).send)
answers.answered(Project.open(Path(sys.argv[1])), made, pl.read_parquet(sys.argv[3])["request"], silent)
"""


def test_a_killed_run_is_completed_with_exactly_the_requests_that_are_missing(model: Model, project: Project, tmp_path: Path) -> None:
    texts = [f"text {n}" for n in range(400)]
    pl.DataFrame({"request": [request(text) for text in texts]}).write_parquet(tmp_path / "requests.parquet")
    model.delay = 0.01
    run = subprocess.Popen([sys.executable, "-c", RUN, str(tmp_path), model.url, str(tmp_path / "requests.parquet")])
    deadline = time.monotonic() + 60
    while len(model.bodies) < 220 and run.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    os.kill(run.pid, signal.SIGKILL)
    assert run.wait() == -signal.SIGKILL
    time.sleep(0.1)
    before = len(model.bodies)
    kept = project.table("system", "answers").read()
    assert kept.height % 50 == 0
    assert before - kept.height <= 2 * 50 + 8  # a batch that was not full, one whose commit was cut off, those under way
    assert 100 <= kept.height < 400
    model.delay = 0.0
    assert [text for text, _ in asked(project, ask(model), *texts)] == [text.upper() for text in texts]
    assert len(model.bodies) - before == 400 - kept.height
    known = set(kept["text"])
    assert all(times == 1 for text, times in model.asked().items() if text.upper() in known)


def test_runs_that_make_the_table_at_the_same_time_keep_all_answers(project: Project) -> None:
    together = threading.Barrier(4)

    def send(requests: Sequence[str]) -> Iterator[Answer]:
        together.wait()
        yield from (Answer(at, request, None, 1) for at, request in enumerate(requests))

    made = Ask("text", pl.col("request"), send)
    with ThreadPoolExecutor(4) as runs:
        given = list(runs.map(lambda run: asked(project, made, f"a {run}", f"b {run}"), range(4)))
    assert all(error is None for rows in given for _, error in rows)
    assert project.table("system", "answers").read().height == 8
