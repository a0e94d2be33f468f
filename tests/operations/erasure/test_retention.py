"""Rows that are older than their source allows are erased by the same path."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from lakehouse.cli import cli
from lakehouse.core.errors import SpecError
from lakehouse.operations.erasure.requests import requests
from lakehouse.operations.erasure.retention import erase_due
from tests.factory import Factory, new_factory
from tests.operations.erasure.bytes_of import places_of

NOW = datetime(2026, 1, 31, tzinfo=UTC)
DATES = {"0001": "2024-12-31", "0002": "2025-01-31", "0003": "2025-02-01T08:00:00Z", "0004": "yesterday", "0005": None}


@pytest.fixture
def dated_notes(tmp_path: Path) -> Factory:
    factory = new_factory(tmp_path)
    columns = {"id": "string", "text": "string", "label": "string", "created": "string"}
    factory.declare_source(columns=columns, retention={"days": 365, "column": "created"})
    factory.material({"id": n, "text": f"第{n}号的话，写于那天", "label": "x", "created": day} for n, day in DATES.items())
    factory.made()
    return factory


def test_what_is_due_by_a_column_goes_and_stays_away(dated_notes: Factory) -> None:
    (planned,) = erase_due(dated_notes.project, "li", dry_run=True, now=NOW)
    assert (planned.erasure.rows, planned.undated, requests(dated_notes.project)) == (2, 2, [])
    (done,) = erase_due(dated_notes.project, "li", now=NOW)
    assert (done.erasure.rows, done.erasure.basis) == (2, "retention")
    (said,) = requests(dated_notes.project)
    assert (said.reason, said.basis) == ("older than 365 days from created", "retention")
    again, (_, gold) = dated_notes.collect(), dated_notes.made()
    assert (again.live, again.erased, gold.rows) == (3, 2, 3)
    assert places_of(Path(dated_notes.project.lake), "第0002号") == []
    assert erase_due(dated_notes.project, "li", now=NOW)[0].erasure.state == "nothing"


def test_without_a_column_it_counts_from_the_collection(dated_notes: Factory) -> None:
    dated_notes.declare_source(columns=None, retention={"days": 1})
    assert erase_due(dated_notes.project, "li", dry_run=True)[0].erasure.state == "nothing"
    later = datetime(2126, 1, 1, tzinfo=UTC)
    assert erase_due(dated_notes.project, "li", dry_run=True, now=later)[0].erasure.rows == 5


def test_mistakes_name_the_line(dated_notes: Factory) -> None:
    dated_notes.declare_source(columns=None, retention={"days": 30, "column": "born"})
    with pytest.raises(SpecError, match=r"notes.yaml.*has no column `born`"):
        erase_due(dated_notes.project, "li", dry_run=True)
    dated_notes.declare_source(retention={"days": 30, "column": "born"})
    with pytest.raises(SpecError, match="retention column `born` is not among columns"):
        dated_notes.project.whole()
    dated_notes.declare_source(columns=None, retention={"days": 0})
    done = CliRunner().invoke(cli, ["row", "erase", "--due", "--dry-run"], env={"LAKEHOUSE_PROJECT": str(dated_notes.root)})
    assert isinstance(done.exception, SpecError)
