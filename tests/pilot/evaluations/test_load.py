"""Load: workers in a closed loop, on the baseline and on a real server."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import polars as pl
import pytest

from lakehouse.core.errors import EndpointError, SpecError
from lakehouse.core.spec import Call
from lakehouse.pilot.evaluation import EVALUATIONS
from lakehouse.pilot.inference.closed_loop import Call as Request
from lakehouse.pilot.inference.closed_loop import loop
from lakehouse.pilot.inference.connection import Connection
from lakehouse.pilot.scores import Scores

from ...production.endpoint_server import KEY, MODEL, model_server
from ..conftest import Factory, remarks
from ..test_worker import data


def call(**params: object) -> Call:
    return Call.model_validate({"load": {"input": "text", "label": "label", "workers": [1, 4], "seconds": 0.4, **params}})


def scores(**params: object) -> Scores:
    made = call(**params)
    return EVALUATIONS.entry(made).function(**EVALUATIONS.bind(made))(data(remarks()))  # type: ignore[no-any-return]


@pytest.fixture
def here(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> Factory:
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(factory.root))
    return factory


def test_the_baseline_has_latency_throughput_memory_and_a_picture() -> None:
    found = scores()
    numbers = found.metrics["test"]
    for n in (1, 4):
        assert 0 < numbers[f"p50_ms.w{n}"][0] <= numbers[f"p95_ms.w{n}"][0] <= numbers[f"p99_ms.w{n}"][0]
        assert numbers[f"per_second.w{n}"][0] > 0
        assert numbers[f"error_share.w{n}"] == [0.0]
        assert numbers[f"memory_mb.w{n}"][0] > 10
    assert numbers["best_per_second"][0] == max(numbers["per_second.w1"][0], numbers["per_second.w4"][0])
    assert pl.read_csv(found.files["load.csv"])["workers"].to_list() == [1, 4]
    assert found.files["load.png"].startswith(b"\x89PNG")


def test_a_server_is_asked_for_real_by_as_many_workers_as_declared(here: Factory) -> None:
    with model_server(delay=0.05) as server:
        numbers = scores(endpoint={"url": server.url, "model": MODEL}).metrics["test"]
        assert server.most_at_once == 4
        assert max(server.asked().values()) > 1
    # Latency is the server's; four workers do nearly four times the work.
    assert 50 <= numbers["p50_ms.w1"][0] < 150
    assert numbers["per_second.w1"][0] < 1 / 0.05
    assert numbers["per_second.w4"][0] > 2 * numbers["per_second.w1"][0]


def test_what_is_no_answer_is_an_error_and_has_no_latency(here: Factory) -> None:
    always = {"refund": ("status", 500, {}, "overloaded"), "broken": ("garbage", "<html>")}
    with model_server(always=always) as server:
        numbers = scores(workers=[2], endpoint={"url": server.url, "model": MODEL}).metrics["test"]
    assert 0.2 < numbers["error_share.w2"][0] < 0.8
    assert numbers["p50_ms.w2"][0] > 0


def test_a_server_that_does_not_answer_at_all_is_one_message(here: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    with model_server(key=KEY) as server:
        monkeypatch.setenv("LOOP_KEY", "sk-wrong-0123456789")
        with pytest.raises(EndpointError, match="does not answer: HTTP 401") as refused:
            scores(endpoint={"url": server.url, "model": MODEL, "key_env": "LOOP_KEY"})
        assert "sk-wrong" not in str(refused.value)
        monkeypatch.delenv("LOOP_KEY")
        with pytest.raises(EndpointError, match="LOOP_KEY holds no key"):
            scores(endpoint={"url": server.url, "model": MODEL, "key_env": "LOOP_KEY"})
        url = server.url
    with pytest.raises(EndpointError, match="does not answer"):
        scores(endpoint={"url": url, "model": MODEL})


def test_a_slow_answer_is_an_error_after_the_timeout() -> None:
    with model_server(delay=0.5) as server, Connection(server.url, None, 0.1) as connection:
        assert connection.error_of('{"model": "loop-1", "messages": [{"content": "x"}]}') == "timed out"


@pytest.mark.parametrize("wrong", [{"workers": []}, {"workers": [0]}, {"seconds": 0}, {"workers": [1000]}])
def test_a_load_that_cannot_be_is_refused_at_its_declaration(wrong: dict[str, object]) -> None:
    with pytest.raises(SpecError, match=next(iter(wrong))):
        EVALUATIONS.bind(call(**wrong))


def test_each_worker_waits_for_its_answer_before_it_asks_again() -> None:
    inside, most, lock = 0, 0, threading.Lock()

    @contextmanager
    def worker() -> Iterator[Request]:
        def request(number: int) -> bool:
            nonlocal inside, most
            with lock:
                inside += 1
                most = max(most, inside)
            time.sleep(0.01)
            with lock:
                inside -= 1
            return number % 3 != 0

        yield request

    step = loop(worker, 3, 0.3)
    assert most <= 3
    assert 30 <= step.requests <= 95
    assert step.error_share == pytest.approx(1 / 3, abs=0.05)
    assert step.p50_ms >= 10


def test_a_worker_that_breaks_ends_the_loop_with_its_error() -> None:
    def broken(number: int) -> bool:
        raise EndpointError("gone")

    began = time.perf_counter()
    with pytest.raises(EndpointError, match="gone"):
        loop(lambda: nullcontext(broken), 4, 30.0)

    def no_worker() -> nullcontext[Request]:
        raise EndpointError("no connection")

    with pytest.raises(EndpointError, match="no connection"):
        loop(no_worker, 4, 30.0)
    assert time.perf_counter() - began < 10
