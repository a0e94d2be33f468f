"""What runs can be watched from elsewhere, and a killed run is told from a running one."""

from __future__ import annotations

import json
import time

import pytest
from click.testing import CliRunner

from lakehouse.cli import cli
from lakehouse.core.runs.watch import Running, running
from lakehouse.reserve.bronze.collect import collect

from .conftest import Factory, killed_collecting


@pytest.fixture
def shop(factory: Factory) -> Factory:
    factory.declare()
    factory.write("data/a.csv", b"id\n" + b"".join(b"%d\n" % n for n in range(5000)))
    return factory


def test_a_collection_can_be_watched_while_it_runs_and_leaves_nothing(shop: Factory) -> None:
    seen: list[Running] = []

    def progress(what: str, done: int, total: int | None) -> None:
        time.sleep(0.1)
        seen.extend(running(shop.project))

    collect(shop.project, "shop", progress=progress, batch_bytes=1000)
    assert {each.name for each in seen} == {"source shop"}
    assert not any(each.killed for each in seen)
    assert sorted(each.done for each in seen) == [each.done for each in seen]
    assert 0 < seen[-1].done <= 5000
    assert seen[-1].seconds > 0
    assert running(shop.project) == []


def test_a_killed_one_stands_there_until_it_is_run_again(shop: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    killed_collecting(shop.root, "items", 1)
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(shop.root))
    (left,) = json.loads(CliRunner().invoke(cli, ["watch", "--json"], catch_exceptions=False).output)
    assert (left["name"], left["killed"]) == ("source shop", True)
    shown = CliRunner().invoke(cli, ["watch"], catch_exceptions=False)  # nothing runs: it does not wait
    assert "killed while: shop: items" in shown.output
    shop.collect()
    assert "Nothing runs." in CliRunner().invoke(cli, ["watch", "--once"], catch_exceptions=False).output
