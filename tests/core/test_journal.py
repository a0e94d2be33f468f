"""Journals: events come back in the order in which they were appended, whatever the clock says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from lakehouse.core import journal as module
from lakehouse.core.journal import Journal
from lakehouse.core.project import Project

NOTES = Journal("notes", pl.Schema({"name": pl.String(), "payload": pl.String()}))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.open(tmp_path)


class SteppingBack:
    """A clock that is an hour earlier each time it is asked."""

    hours = 0

    @classmethod
    def now(cls, zone: object) -> datetime:
        cls.hours += 1
        return datetime(2026, 11, 30, tzinfo=UTC) - timedelta(hours=cls.hours)


def test_a_clock_set_back_changes_no_order(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "datetime", SteppingBack)
    for name in ("first", "second", "third"):
        NOTES.append(project, name=name, payload={"b": 1, "a": name})
    events = NOTES.read(project)
    assert events["name"].to_list() == ["first", "second", "third"]
    assert events["at"].is_sorted(descending=True)
    assert events["seq"].to_list() == [0, 1, 2]
    assert events["payload"][0] == '{"a":"first","b":1}'


def test_events_of_one_commit_keep_their_order_and_a_condition_chooses(project: Project) -> None:
    NOTES.append_rows(project, pl.DataFrame({"name": ["z", "a", "m"], "payload": [None, "x", None]}))
    NOTES.append(project, name="last")
    assert NOTES.read(project)["name"].to_list() == ["z", "a", "m", "last"]
    assert NOTES.read(project, pl.col("payload").is_null())["name"].to_list() == ["z", "m", "last"]


def test_a_journal_begun_without_a_sequence_goes_on_with_one(project: Project) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    old = pl.DataFrame({"name": ["later", "earlier"], "payload": ["", ""], "at": [at + timedelta(days=1), at]})
    NOTES.table(project).write(old.cast({"at": pl.Datetime("us", "UTC")}), "append")
    assert NOTES.read(project)["name"].to_list() == ["earlier", "later"]
    NOTES.append(project, name="new")
    assert NOTES.read(project)["name"].to_list() == ["earlier", "later", "new"]


def test_a_journal_that_was_written_anew_goes_on_behind_its_highest_number(project: Project) -> None:
    for name in ("first", "second", "third"):
        NOTES.append(project, name=name)
    rows = NOTES.table(project).read()
    NOTES.table(project).write(rows, "overwrite")
    NOTES.append(project, name="fourth")
    assert NOTES.read(project)["name"].to_list() == ["first", "second", "third", "fourth"]


def test_an_unknown_column_is_refused_and_nothing_is_written(project: Project) -> None:
    with pytest.raises(ValueError, match="no column colour"):
        NOTES.append(project, name="x", colour="red")
    assert NOTES.read(project).is_empty()
