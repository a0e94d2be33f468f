"""The yield of each step: what is reported, what fails, and what is declared where it is meant."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from lakehouse.cli.run import run_command
from lakehouse.core import versions
from lakehouse.core.errors import ReleaseError, SpecError, YieldError
from lakehouse.core.spec import YieldBounds
from lakehouse.delivery.release.policy import reasons, refuse
from lakehouse.production.engine.balance import Balance
from lakehouse.production.engine.yields import low_yields
from tests.factory import Factory, notes

COPIES = [*["同一段话，重复了许多次"] * 60, "另外一段话"]
"""Sixty copies of a text and one other: two of sixty-one rows stay."""
EXACT = [{"dedup_exact": {"columns": ["text"]}}]


def step(name: str, entered: int, out: int, operator: str = "text_length", created: int = 0, **gone: int) -> Balance:
    left = {"merged": 0, "dropped": 0, "quarantined": 0} | gone
    return Balance(step=name, operator=operator, entered=entered, created=created, out=out, **left)


def found(*steps: Balance, **declared: Any) -> dict[str, bool]:
    """The steps that keep too few rows, and whether they fail."""
    return {low.step: low.fails for low in low_yields(YieldBounds(**declared), steps)}


def test_a_step_below_half_is_reported_and_one_below_a_twentieth_fails() -> None:
    assert found(step("a", 100, 50, dropped=50)) == {}
    assert found(step("a", 100, 49, dropped=51)) == {"a": False, "all": False}
    assert found(step("a", 100, 5, merged=95)) == {"a": False, "all": False}
    assert found(step("a", 3_000_000, 229, merged=2_999_771)) == {"a": True, "all": True}
    assert found(step("a", 100, 60, dropped=40), step("b", 60, 36, merged=24)) == {"all": False}
    assert found(step("a", 100, 0, dropped=100)) == {"a": True}
    assert found(step("contract", 100, 4, "contract", quarantined=96)) == {"contract": True, "all": True}


def test_what_is_declared_is_meant_and_less_than_that_fails() -> None:
    bounds = {"least": {"a": 0.02, "all": 0.02}}
    assert found(step("a", 100, 3, merged=97), **bounds) == {}
    assert found(step("a", 100, 1, merged=99), **bounds) == {"a": True, "all": True}
    assert found(step("a", 100, 30, merged=70), warn_below=0.2, fail_below=0.1) == {}


def test_a_sample_is_not_judged_for_what_it_was_asked_to_do() -> None:
    sampled = step("sample", 1000, 10, "sample", dropped=990)
    assert found(sampled) == {}
    assert found(sampled, step("a", 10, 4, dropped=6)) == {"a": False, "all": False}


def test_rows_that_are_divided_or_varied_hide_nothing() -> None:
    assert found(step("chunk", 100, 1000, "chunk", created=996, dropped=96)) == {"chunk": True}
    assert found(step("a", 100, 40, dropped=60), step("typos", 40, 400, "augment", created=360)) == {"a": False, "all": False}


def test_a_run_that_keeps_too_few_rows_leaves_gold_as_it_was(notes_factory: Factory) -> None:
    notes_factory.material(notes("第一段话", "第二段话"))
    notes_factory.declare(EXACT)
    before = notes_factory.made()[1]
    notes_factory.material(notes(*COPIES))
    with pytest.raises(YieldError) as caught:
        notes_factory.made()
    said = str(caught.value)
    assert "notes: step dedup_exact keeps 2 of 61 rows (3.3 %), below 5 % (duplicate 59)" in said
    assert "gold stays as it was" in said
    assert "yield: {least: {dedup_exact: 0.03}}" in said
    assert "assets/datasets/notes.yaml:" in said
    current = versions.current(notes_factory.project, "notes")
    assert current is not None
    assert (current.version, notes_factory.rows("gold").height) == (before.version, 2)
    notes_factory.declare(EXACT, **{"yield": {"least": {"dedup_exact": 0.03, "all": 0.03}}})
    assert notes_factory.made()[1].rows == 2
    assert notes_factory.gold().low_yields == ()


def test_a_low_yield_is_printed_and_stands_in_the_register(notes_factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    notes_factory.material(notes(*["同一段话"] * 4, "另外一段话"))
    notes_factory.declare(EXACT)
    monkeypatch.chdir(notes_factory.root)
    shown = CliRunner().invoke(run_command, ["notes", "--to", "gold"])
    assert "warning step dedup_exact keeps 2 of 5 rows (40 %), below 50 % (duplicate 3)" in " ".join(shown.output.split())
    assert "declare `yield: {least: {dedup_exact: 0.40}}`" in " ".join(shown.output.split())
    current = versions.current(notes_factory.project, "notes")
    assert current is not None
    assert [(low["step"], low["fails"]) for low in current.manifest["low_yields"]] == [("dedup_exact", False), ("all", False)]


def test_a_version_that_kept_too_few_rows_is_not_released(notes_factory: Factory) -> None:
    notes_factory.material(notes(*COPIES))
    meant = {"yield": {"least": {"dedup_exact": 0.03, "all": 0.03}}, "release": {"license": "CC0-1.0"}}
    notes_factory.declare(EXACT, **meant)
    notes_factory.made()
    current = versions.current(notes_factory.project, "notes")
    assert current is not None
    refuse(notes_factory.project.dataset("notes"), current)
    notes_factory.declare(EXACT, release=meant["release"])
    with pytest.raises(ReleaseError, match="step dedup_exact keeps 2 of 61 rows"):
        refuse(notes_factory.project.dataset("notes"), current)
    assert reasons(notes_factory.project.dataset("notes"), current, new_gates=False) == []


def test_bounds_of_a_step_that_there_is_not_are_refused(notes_factory: Factory) -> None:
    notes_factory.material(notes("x"))
    notes_factory.declare(EXACT, **{"yield": {"least": {"dedup_exakt": 0.1}}})
    notes_factory.collect()
    with pytest.raises(SpecError, match=r"`dedup_exakt`, which is no step\n.*did you mean `dedup_exact`"):
        notes_factory.silver()
    notes_factory.declare(EXACT, **{"yield": {"fail_below": 0.6}})
    with pytest.raises(SpecError, match="`fail_below` is above `warn_below`"):
        notes_factory.project.dataset("notes")
