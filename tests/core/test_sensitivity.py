"""How sensitive a column is: declared, carried, lowered only with a reason, and what a release makes of it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.cli import cli
from lakehouse.core import versions
from lakehouse.core.errors import HardGateError, SpecError
from lakehouse.core.sensitivity import ColumnSensitivity, highest
from lakehouse.core.spec import LEVELS
from lakehouse.delivery.release.card.quality import sensitivity
from lakehouse.delivery.release.policy import reasons, refuse
from lakehouse.production.column_sensitivity import levels_of_dataset
from tests.factory import Factory, notes

REDACT = {"redact": {"column": "text", "kinds": ["email"]}}
RELEASE = {"license": "mit", "max_sensitivity": "general"}


def level(factory: Factory, column: str = "text") -> tuple[str, str]:
    found = levels_of_dataset(factory.project, "notes")[column]
    return found.level, found.because


def test_a_column_is_as_sensitive_as_what_it_is_made_from(notes_factory: Factory) -> None:
    assert level(notes_factory) == ("general", "nothing is declared of notes.text")
    notes_factory.declare_source(privacy={"text": ["pii"]})
    assert level(notes_factory) == ("important", "notes.text may hold pii")
    notes_factory.declare_source(privacy={"text": ["pii"]}, sensitivity={"text": "general", "*": "core"})
    assert level(notes_factory) == ("general", "notes.text is declared general")
    assert level(notes_factory, "label") == ("core", "notes.label is declared core")


def test_the_highest_of_several_sources_wins(notes_factory: Factory) -> None:
    notes_factory.declare_source("more", sensitivity={"text": "core"})
    notes_factory.declare([], sources=["notes", "more"])
    assert level(notes_factory) == ("core", "more.text is declared core")


def test_a_redacted_column_is_lowered_only_by_declaration_with_its_reason(notes_factory: Factory) -> None:
    notes_factory.declare_source(sensitivity={"text": "important"})
    notes_factory.declare([REDACT])
    assert level(notes_factory)[0] == "important"
    lowered = {"text": {"to": "general", "reason": "addresses are redacted"}}
    notes_factory.declare([REDACT], regrade=lowered)
    assert level(notes_factory) == ("general", "regraded from important: addresses are redacted")
    notes_factory.declare([], regrade=lowered)
    with pytest.raises(SpecError, match=r"notes.yaml:\d+: `text` is regraded, but no step redacts it"):
        level(notes_factory)


@given(st.lists(st.sampled_from(LEVELS), min_size=1))
def test_the_highest_is_none_below_and_one_of_them(levels: list[str]) -> None:
    found = highest([ColumnSensitivity(each, "") for each in levels])  # type: ignore[arg-type]
    assert found.level in levels
    assert all(LEVELS.index(found.level) >= LEVELS.index(each) for each in levels)  # type: ignore[arg-type]


def test_a_release_above_its_bound_is_refused_and_a_declaration_is_a_patch(notes_factory: Factory) -> None:
    notes_factory.declare_source(sensitivity={"text": "important"})
    notes_factory.declare([REDACT], release=RELEASE)
    notes_factory.material(notes("one", "two"))
    notes_factory.made()
    project = notes_factory.project
    version = versions.find(project, "notes", "latest")
    why = "column `text` is important (notes.text is declared important), and `release.max_sensitivity` allows general"
    assert reasons(project.dataset("notes"), version) == [why]
    with pytest.raises(HardGateError) as refused:
        refuse(project.dataset("notes"), version)
    assert refused.value.exit_code == 4
    assert "| `text` | important 重要 | notes.text is declared important |" in sensitivity(version.manifest)

    notes_factory.declare([REDACT], release=RELEASE, regrade={"text": {"to": "general", "reason": "redacted"}})
    done = notes_factory.gold()
    assert (done.label, done.change["reasons"]) == ("1.0.1", ["sensitivity changed"])
    assert reasons(notes_factory.project.dataset("notes"), versions.find(notes_factory.project, "notes", "latest")) == []


def test_a_version_of_which_nothing_is_known_is_refused(notes_factory: Factory) -> None:
    notes_factory.material(notes("one", "two"))
    notes_factory.declare([], release={"license": "mit"})
    notes_factory.made()
    version = versions.find(notes_factory.project, "notes", "latest")
    assert "sensitivity" not in version.manifest["metadata"]
    notes_factory.declare([], release=RELEASE)
    assert reasons(notes_factory.project.dataset("notes"), version) == [
        "its register does not hold the sensitivity of its columns (lakehouse run notes)"
    ]


def test_the_command_shows_levels_with_their_reasons(notes_factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(notes_factory.root))
    notes_factory.declare_source(sensitivity={"text": "important"})
    shown = json.loads(CliRunner().invoke(cli, ["govern", "sensitivity", "--json"]).output)
    assert shown["bronze/notes"]["text"]["level"] == shown["gold/notes"]["text"]["level"] == "important"
    assert "important 重要" in CliRunner().invoke(cli, ["govern", "sensitivity", "notes"]).output
    assert "did you mean `notes`" in str(CliRunner().invoke(cli, ["govern", "sensitivity", "noets"]).exception)
