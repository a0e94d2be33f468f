"""A demand on a dataset: what is missing, what it takes, and a kept plan against what came of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.cli import cli
from lakehouse.core.errors import NotFoundError, SpecError
from lakehouse.core.runs import timings
from lakehouse.operations.planning.costs import Yield, costs
from lakehouse.operations.planning.plan import _line, keep, plan
from lakehouse.operations.planning.volumes import Volumes
from lakehouse.reserve.bronze.collections import JOURNAL
from tests.factory import Factory

DEMAND = {"purpose": "Tell notes apart.", "rows": 100, "classes": {"label": {"good": 60, "坏": 40}}}


def notes(n: int, start: int = 0) -> list[dict[str, str]]:
    """Every fourth is a copy of the one before, every fifth is `坏`."""
    rows = []
    for at in range(start, start + n):
        text = f"一张便条 note number {at - (at % 4 == 3)} about {at // 4}"
        rows.append({"id": f"{at:05}", "text": text, "label": "坏" if at // 4 % 5 == 0 else "good"})
    return rows


@pytest.fixture
def factory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Factory:
    made = Factory(tmp_path)
    made.write("contracts/rows.py", CONTRACT)
    made.declare_source()
    made.declare([{"dedup_exact": {"columns": ["text"]}}], splits={"by": "row", "train": 1.0}, demand=DEMAND)
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(tmp_path))
    return made


CONTRACT = '''"""What a row promises."""

import pandera.polars as pa


class Rows(pa.DataFrameModel):
    """Labelled texts."""

    text: str
    label: str
'''


def run(factory: Factory, rows: list[dict[str, str]]) -> None:
    factory.material(rows)
    said = CliRunner().invoke(cli, ["run", "notes", "--to", "gold"], catch_exceptions=False)
    assert said.exit_code == 0, said.output


def test_what_is_missing_and_what_it_takes_by_the_yield_so_far(factory: Factory) -> None:
    run(factory, notes(80))
    found = plan(factory.project, "notes")
    lines = {line.what: line for line in found.lines}
    assert (lines["rows"].have, lines["rows"].missing) == (60, 40)
    assert found.yields is not None
    assert (found.yields.kept, found.yields.collected) == (60, 80)
    assert lines["rows"].collect == 54  # 40 / 0.75
    assert lines["rows"].low < 54 < lines["rows"].high  # type: ignore[operator]
    assert (lines["label = 坏"].have, lines["label = 坏"].missing) == (12, 28)
    assert lines["label = 坏"].collect == 187  # a fifth of what is kept: 28 / (0.75 * 0.2)
    assert (found.collect, found.collect_for) == (187, "label = 坏")
    assert set(found.hours) == {"collect", "silver", "gold"}
    assert found.bytes == pytest.approx(187 * costs(factory.project, factory.project.dataset("notes")).bytes)
    assert not found.met


def test_the_rows_that_came_last_say_what_the_next_will_give(factory: Factory) -> None:
    run(factory, notes(80))
    # Whatever comes now are copies but for every tenth.
    more = [{**row, "text": row["text"] if at % 10 == 0 else "the same again"} for at, row in enumerate(notes(200, 1000))]
    run(factory, [*notes(80), *more])
    found = plan(factory.project, "notes").yields
    assert found is not None
    assert (found.of, found.collected, found.kept) == ("last", 200, 21)


def test_a_kept_plan_is_held_against_what_came(factory: Factory) -> None:
    run(factory, notes(80))
    kept = keep(factory.project, "notes")
    assert kept.progress is None
    run(factory, notes(200))
    found = plan(factory.project, "notes")
    assert found.progress is not None
    assert found.progress.planned["rows collected"] == kept.collect
    assert found.progress.actual["rows collected"] == 120
    assert found.progress.actual["rows kept"] == 90
    assert found.progress.actual["yield"] == pytest.approx(0.75)
    assert found.progress.actual["machine time"] > 0  # type: ignore[operator]
    assert found.lines[0].missing == 0
    said = CliRunner().invoke(cli, ["plan", "notes"], catch_exceptions=False).output
    assert "against what came" in said
    factory.declare([], splits={"by": "row", "train": 1.0}, demand={**DEMAND, "rows": 500})
    assert plan(factory.project, "notes").progress.demand_changed  # type: ignore[union-attr]


def test_before_the_first_version_only_what_is_declared_is_known(factory: Factory) -> None:
    found = plan(factory.project, "notes")
    assert (found.version, found.collect, found.yields) == (None, None, None)
    factory.declare([], demand={"purpose": "x", "rows": 100, "expected_yield": 0.5, "annotation": {"minutes": 3, "passes": 2}})
    found = plan(factory.project, "notes")
    assert found.collect == 200
    assert found.annotation_hours == pytest.approx(100 * 3 * 2 / 60)
    assert "declared" in CliRunner().invoke(cli, ["plan", "notes"], catch_exceptions=False).output


def test_a_deadline_is_judged_by_how_fast_rows_came(factory: Factory) -> None:
    run(factory, notes(80))
    soon = {**DEMAND, "deadline": "2031-01-31"}
    factory.declare([{"dedup_exact": {"columns": ["text"]}}], splits={"by": "row", "train": 1.0}, demand=soon)
    assert plan(factory.project, "notes").deadline.verdict == "unknown"  # type: ignore[union-attr]
    # Ten days before that collection there was one of 60 rows: two rows a day came.
    table = factory.project.table("system", "collections")
    last = table.read()
    first = last.with_columns(
        pl.col("at") - timedelta(days=10), pl.lit(60, pl.Int64).alias("added"), pl.lit(0, pl.Int64).alias("collection")
    )
    table.write(pl.concat([first, last.with_columns(pl.lit(20, pl.Int64).alias("added"))]).select(JOURNAL.schema.names()), "overwrite")
    now = datetime(2030, 12, 1, tzinfo=UTC)
    found = plan(factory.project, "notes", now)
    assert found.deadline is not None
    assert (found.deadline.verdict, found.deadline.expected) == ("late", "2031-03-04")  # 187 rows at two a day
    assert plan(factory.project, "notes", now - timedelta(days=60)).deadline.verdict == "on time"  # type: ignore[union-attr]


def test_tokens_and_languages_are_counted_once_a_version(factory: Factory) -> None:
    demand = {"purpose": "x", "tokens": 5000, "languages": {"zh": 10, "en": 5}}
    factory.declare([], splits={"by": "row", "train": 1.0}, demand=demand)
    run(
        factory,
        [{"id": "1", "text": "今天天气很好，我们去公园。", "label": "a"}, {"id": "2", "text": "The weather is fine today.", "label": "a"}],
    )
    have = {line.what: line.have for line in plan(factory.project, "notes").lines}
    assert have == {"tokens": 11 + 5, "language zh": 1, "language en": 1}
    plan(factory.project, "notes")
    assert factory.project.table("system", "volumes").read().height == 1


def test_json_and_picture(factory: Factory, tmp_path: Path) -> None:
    run(factory, notes(80))
    said = CliRunner().invoke(cli, ["plan", "notes", "--json", "--picture", str(tmp_path / "p.png")], catch_exceptions=False)
    (made,) = json.loads(said.output)
    assert made["demand"]["lines"][0] == {
        "what": "rows", "wanted": 100, "have": 60, "missing": 40, "collect": 54, "low": made["demand"]["lines"][0]["low"],
        "high": made["demand"]["lines"][0]["high"],
    }  # fmt: skip
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


def test_mistakes_are_named(factory: Factory) -> None:
    run(factory, notes(8))
    factory.declare([], splits={"by": "row", "train": 1.0}, demand={"purpose": "x", "classes": {"lable": {"good": 5}}})
    with pytest.raises(SpecError, match="no column `lable`"):
        plan(factory.project, "notes")
    factory.declare([], splits={"by": "row", "train": 1.0})
    with pytest.raises(NotFoundError, match="declares no demand"):
        plan(factory.project, "notes")
    said = CliRunner().invoke(cli, ["plan", "notes", "--keep"])
    assert said.exit_code != 0
    for wrong, words in (({"purpose": "x"}, "an amount"), ({**DEMAND, "deadline": "31.3.2027"}, "no date")):
        factory.declare([], demand=wrong)
        with pytest.raises(SpecError, match=words):
            factory.project.dataset("notes")


def test_work_that_found_nothing_to_do_is_not_recorded(factory: Factory) -> None:
    run(factory, notes(80))
    before = timings.spent(factory.project)
    assert before["stage"].to_list() == ["collect", "silver", "gold"]
    assert before["rows"].to_list() == [80, 80, 60]
    run(factory, notes(80))
    assert timings.spent(factory.project).equals(before)


@given(st.integers(1, 10**6), st.integers(0, 10**6), st.integers(1, 10**6), st.integers(1, 10**6))
def test_what_is_collected_is_enough_at_the_yield(wanted: int, there: int, extra: int, kept: int) -> None:
    collected = kept + extra
    rate = kept / collected
    have = Volumes(rows=there + 1)
    line = _line(
        "rows", wanted, there, have, Yield(value=rate, low=rate * 0.9, high=min(1.0, rate * 1.1), collected=collected, kept=kept, of="all")
    )
    assert line.missing == max(0, wanted - there)
    if line.missing and there:
        assert line.collect is not None
        assert line.low is not None
        assert line.high is not None
        assert line.low <= line.collect <= line.high
        assert line.collect * rate * there / have.rows >= line.missing * (1 - 1e-9)
