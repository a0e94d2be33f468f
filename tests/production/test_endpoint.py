"""The client of a model's endpoint, against a server with scripted faults."""

from __future__ import annotations

import socket
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from lakehouse.core.errors import EndpointError
from lakehouse.core.hashing import canonical
from lakehouse.production.endpoint import endpoint
from lakehouse.production.endpoint.endpoint import Endpoint
from lakehouse.production.engine.operator import Answer

from .endpoint_server import KEY, MODEL, Fault, Model, completion, model_server


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(endpoint, "_FIRST_PAUSE", 0.01)
    with model_server() as running:
        yield running


def request(text: str, model: str = MODEL) -> str:
    return canonical({"model": model, "messages": [{"role": "user", "content": text}]})


def said(model: Model, *texts: str, **settings: object) -> list[Answer]:
    """The answers in the order of the requests."""
    client = replace(Endpoint(model.url, timeout=5.0, retries=2), **settings)
    answers = list(client.send([request(text) for text in texts]))
    assert sorted(answer.at for answer in answers) == list(range(len(texts)))
    return sorted(answers, key=lambda answer: answer.at)


def test_each_request_is_answered_once(model: Model) -> None:
    texts = [f"text {n} 好" for n in range(50)]
    answers = said(model, *texts)
    assert [answer.text for answer in answers] == [text.upper() for text in texts]
    assert {answer.tokens for answer in answers} == {7}
    assert set(model.asked().values()) == {1}


def test_requests_are_sent_side_by_side_and_no_more_than_allowed(model: Model) -> None:
    model.delay = 0.05
    said(model, *map(str, range(24)), concurrency=6)
    assert 2 <= model.most_at_once <= 6


def test_answers_come_as_they_are_ready(model: Model) -> None:
    model.faults = {"late": [("slow", 0.5)]}
    client = Endpoint(model.url)
    assert [answer.at for answer in client.send([request("late"), request("soon")])] == [1, 0]


@pytest.mark.parametrize(
    "fault",
    [
        ("status", 500),
        ("status", 503),
        ("status", 408),
        ("status", 409),
        ("status", 429),
        ("reset",),
        ("garbage", "<html>Bad gateway</html>"),
        ("garbage", "[1]"),
        ("garbage", '{"choices": [{}]}'),
        ("garbage", "[" * 100_000),
        ("slow", 1.0),
    ],
    ids=str,
)
def test_what_may_pass_is_tried_again(model: Model, fault: Fault) -> None:
    model.faults = {"b": [fault]}
    assert [answer.text for answer in said(model, "a", "b", "c", timeout=0.3)] == ["A", "B", "C"]
    assert model.asked() == {"a": 1, "b": 2, "c": 1}


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (("status", 400, {}, "content management policy"), "HTTP 400: content management policy"),
        (("status", 422), "HTTP 422: a fault"),
        (("status", 413), "HTTP 413"),
        (("body", {"choices": []}), "an empty answer: no choice"),
        (("body", completion(None, "tool_calls")), "an empty answer: tool_calls"),
        (("body", completion(" \n", "length")), "an empty answer: length"),
        (("body", completion("Half of", "content_filter")), "content filter"),
        (("body", {"choices": [{"message": {"content": None, "refusal": "I cannot."}}]}), "an empty answer: I cannot."),
    ],
    ids=str,
)
def test_a_refused_request_is_an_error_of_its_own(model: Model, fault: Fault, error: str) -> None:
    model.always = {"bad": fault}
    answers = said(model, "good", *["bad"] * 20, "fine")
    assert [answer.text for answer in answers] == ["GOOD", *[None] * 20, "FINE"]
    assert all(error in str(answer.error) for answer in answers[1:-1])
    assert model.asked()["bad"] == 20


def test_a_request_that_fails_however_often_it_is_sent_is_an_error_of_its_own(model: Model) -> None:
    model.always = {"bad": ("status", 500)}
    good, bad = said(model, "good", "bad")
    assert (good.text, bad.text, bad.error) == ("GOOD", None, "no answer in 3 tries: HTTP 500: a fault")
    assert model.asked() == {"good": 1, "bad": 3}


def test_an_endpoint_that_fails_all_requests_ends_it(model: Model) -> None:
    model.always = {"": ("status", 500)}
    with pytest.raises(EndpointError, match="failed 5 requests in a row, each sent 3 times: HTTP 500") as caught:
        said(model, *map(str, range(1000)))
    assert "lower `concurrency`" in str(caught.value)
    assert len(model.bodies) < 60


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_obeyed_by_all_requests(model: Model, form: str) -> None:
    # A date is given in whole seconds: two of them are at least one.
    until = {"seconds": "1", "date": format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)}
    model.faults = {"0": [("status", 429, {"Retry-After": until[form]})]}
    assert len(said(model, *map(str, range(20)), concurrency=2)) == 20
    pauses = [later - sooner for sooner, later in zip(model.times, model.times[1:], strict=False)]
    assert max(pauses) > 0.7
    assert sum(pause > 0.5 for pause in pauses) == 1


def test_too_many_requests_are_no_fault_of_one(model: Model) -> None:
    model.faults = {"a": [("status", 429)] * 6}
    assert said(model, "a", retries=1)[0].text == "A"


def test_a_daily_limit_is_not_waited_for(model: Model) -> None:
    model.always = {"": ("status", 429, {"Retry-After": "3600"}, "requests per day")}
    with pytest.raises(EndpointError, match="takes no more requests for now: HTTP 429: requests per day"):
        said(model, "a", "b")


def test_an_endpoint_that_stays_busy_is_left(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "_LONGEST_WAIT", 0.3)
    model.always = {"": ("status", 429)}
    with pytest.raises(EndpointError, match="takes no more requests"):
        said(model, "a", "b")


def test_no_credit_ends_it(model: Model) -> None:
    model.always = {"": ("status", 402, {}, "Payment required")}
    with pytest.raises(EndpointError, match="no credit left"):
        said(model, "a")


def test_a_host_that_is_not_there_is_said_at_once() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    started = time.monotonic()
    with pytest.raises(EndpointError, match="cannot be reached") as caught:
        list(Endpoint(url).send([request("a")]))
    assert url in str(caught.value)
    assert time.monotonic() - started < 2


def test_a_server_that_dies_is_said_after_the_answers_it_gave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "_FIRST_PAUSE", 0.01)
    with model_server() as model:
        answers = Endpoint(model.url, concurrency=1, retries=2).send([request(str(n)) for n in range(1000)])
        assert next(answers).text == "0"
        model.always = {"": ("reset",)}
    with pytest.raises(EndpointError, match=r"cannot be reached|failed 5 requests in a row"):
        list(answers)


def test_a_model_that_is_not_there_is_named(model: Model) -> None:
    with pytest.raises(EndpointError, match="no model `loop-2`"):
        list(Endpoint(model.url).send([request("a", model="loop-2")]))
    with pytest.raises(EndpointError, match="check `model` and `url`"):
        list(Endpoint(model.url + "/v2").send([request("a")]))


def test_the_key_is_sent_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    with model_server(key=KEY) as model:
        monkeypatch.setenv("LOOPBACK_KEY", f" {KEY}\n")
        client = Endpoint(model.url, key_env="LOOPBACK_KEY")
        assert [answer.text for answer in client.send([request("a")])] == ["A"]
        assert KEY not in repr(client) + repr(model.bodies)
        monkeypatch.setenv("LOOPBACK_KEY", "sk-wrong")
        with pytest.raises(EndpointError, match="refuses access: HTTP 401") as caught:
            list(client.send([request("a")]))
        assert "sk-wrong" not in str(caught.value)
        assert "check the key in LOOPBACK_KEY" in str(caught.value)
        monkeypatch.delenv("LOOPBACK_KEY")
        with pytest.raises(EndpointError, match="LOOPBACK_KEY holds no key"):
            list(client.send([request("a")]))
        with pytest.raises(EndpointError, match="key_env"):
            list(Endpoint(model.url).send([request("a")]))


@pytest.mark.parametrize("key", ["sk-ключ", "sk-a\nb"])
def test_a_key_that_is_none_is_refused_unseen(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("LOOPBACK_KEY", key)
    with pytest.raises(EndpointError, match="characters that no key has") as caught:
        list(Endpoint("http://127.0.0.1:1/v1", key_env="LOOPBACK_KEY").send([request("a")]))
    assert key not in str(caught.value)


def test_half_a_surrogate_pair_becomes_a_replacement_character(model: Model) -> None:
    model.always = {"a": ("garbage", '{"choices": [{"message": {"content": "\\ud83d\\ude00 \\ud800."}}]}')}
    (answer,) = said(model, "a")
    assert (answer.text, answer.tokens) == ("😀 \ufffd.", None)
    model.always = {"a": ("status", 400, {}, "no \ud800")}
    assert said(model, "a")[0].error == "HTTP 400: no \ufffd"
    model.always = {"a": ("garbage", '{"choices": [{"message": {"refusal": "no \\ud800"}}]}')}
    assert said(model, "a")[0].error == "an empty answer: no \ufffd"


def test_closing_gives_up_what_is_under_way(model: Model) -> None:
    model.faults = {"slow": [("slow", 3.0)]}
    answers = Endpoint(model.url, concurrency=2).send([request("slow"), *(request(str(n)) for n in range(500))])
    started = time.monotonic()
    assert next(answers).text == "0"
    answers.close()  # type: ignore[attr-defined]
    assert time.monotonic() - started < 2.5
    sent = len(model.bodies)
    time.sleep(0.2)
    assert len(model.bodies) == sent < 500


def test_nothing_asked_nothing_sent() -> None:
    assert list(Endpoint("http://127.0.0.1:1/v1", key_env="NO_SUCH_KEY").send([])) == []


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert said(model, "a")[0].text == "A"


def test_a_proxy_that_cannot_be_used_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "nonsense://127.0.0.1:1")
    with pytest.raises(EndpointError, match="proxy") as caught:
        list(Endpoint("http://model.invalid/v1").send([request("a")]))
    assert "ALL_PROXY" in str(caught.value)


def test_an_answer_that_comes_in_pieces_is_put_together_and_one_that_breaks_off_is_asked_for_again(model: Model) -> None:
    model.faults = {"whole": [("stream", "stop")], "half": [("stream", None)], "long": [("stream", "length")]}
    whole, half, long = said(model, "the whole 文", "half of it", "long")
    assert (whole.text, whole.tokens) == ("THE WHOLE 文", 11)
    assert (half.text, long.text) == ("HALF OF IT", "LONG")
    assert model.asked()["half of it"] == 2
    # Asked for in one piece, whatever the server takes for granted.
    assert {body["stream"] for body in model.bodies} == {False}
