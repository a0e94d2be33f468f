"""A gate whose metric cannot tell a damaged version from a good one: the run says so, and ends with the exit code of a failed gate."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from lakehouse.cli import cli

from .repair.loop import loop_factory, notes

PILOT = {
    "held_out": {"dataset": "notes_frozen"},
    "evaluations": [{"train": {"task": "text_classification", "input": "text", "label": "label", "seeds": [1]}}],
    "gates": [{"metric": "macro_f1", "at_least": 0.5}],
    "self_test": True,
}


@pytest.mark.slow
def test_an_untrusted_metric_fails_the_run_and_a_trusted_one_does_not(
    tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    factory = loop_factory(tmp_path, empty_store, pilot=PILOT)
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(tmp_path))
    # All words of a class stand in every note many times over: a third of the letters spoilt changes no score.
    easy = [{**row, "text": f"{row['text']} " + " ".join([str(row["label"]) * 2] * 30)} for row in notes(200)]
    factory.material(easy)
    factory.material(
        [{**row, "text": f"{row['text']} " + " ".join([str(row["label"]) * 2] * 30)} for row in notes(400, 99, 90_000)], "notes_frozen"
    )
    said = CliRunner().invoke(cli, ["run", "notes"], catch_exceptions=False)
    assert said.exit_code == 4
    assert "untrusted" in said.output
    factory.material(notes(300))
    factory.material(notes(400, 99, 90_000), "notes_frozen")
    said = CliRunner().invoke(cli, ["run", "notes"], catch_exceptions=False)
    assert said.exit_code == 0, said.output
    assert "untrusted" not in said.output
