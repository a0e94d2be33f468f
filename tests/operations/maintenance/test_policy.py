"""`maintenance` of a dataset: what is done about versions by their use and worth, and what is left alone."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from lakehouse.cli import cli
from lakehouse.core import versions
from lakehouse.core.errors import MaintenanceError, SpecError
from lakehouse.core.project import Project
from lakehouse.operations.maintenance.archive import restore
from lakehouse.operations.maintenance.grade import grade
from lakehouse.operations.maintenance.lifecycle import downgrade, reinstate, retire
from lakehouse.operations.maintenance.policy import last_use, maintain, plan
from lakehouse.operations.repair.tickets import Suspect, open_ticket
from lakehouse.pilot.tracking.connection import connected
from tests.delivery.release.factory import make, new_project, reviews
from tests.operations.maintenance.factory import clean_notes, made, new_line

LATER = datetime.now(UTC) + timedelta(days=200)


def ruled(project: Project, **rules: Any) -> Project:
    """The project with these rules of maintenance for its reviews."""
    file = project.root / "assets" / "datasets" / "reviews.yaml"
    declared = yaml.safe_load(file.read_text(encoding="utf-8"))
    file.write_text(yaml.safe_dump({**declared, "maintenance": rules}, allow_unicode=True), encoding="utf-8")
    return Project.open(project.root)


def said(project: Project, at: datetime | None = None) -> list[tuple[str, str, str]]:
    return [(step.label, step.action, step.why) for step in plan(project, "reviews", at)]


@pytest.fixture(scope="module")
def five_versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = new_project(tmp_path_factory.mktemp("five") / "factory")
    for minor in range(5):
        version = make(project, reviews(*range(10 * minor, 10 * minor + 4)), f"1.{minor}.0")
        if minor == 1:
            versions.record(project, "reviews", version.version, "released", {"label": "1.1.0"})
    return project.root


@pytest.fixture
def project(five_versions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Five versions, the second released, the fifth standing."""
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(tmp_path / "factory"))
    return Project.open(shutil.copytree(five_versions, tmp_path / "factory"))


def test_a_dataset_without_rules_is_told_how_to_declare_them(project: Project) -> None:
    with pytest.raises(MaintenanceError, match="reviews declares no `maintenance`"):
        plan(project, "reviews")
    mistakes: list[dict[str, Any]] = [{"archive": {"unused_days": 0}}, {"downgrade": {}}, {"retire": {"worse": True}}]
    for wrong in mistakes:
        with pytest.raises(SpecError):
            ruled(project, **wrong).dataset("reviews")


def test_unused_versions_are_archived_and_needed_ones_never(project: Project) -> None:
    project = ruled(project, archive={"unused_days": 180, "keep_last": 2})
    assert {action for _, action, _ in said(project)} == {"keep"}
    planned = said(project, LATER)
    assert [(label, action) for label, action, _ in planned] == [
        ("1.0.0", "archive"),
        ("1.1.0", "keep"),
        ("1.2.0", "archive"),
        ("1.3.0", "keep"),
        ("1.4.0", "keep"),
    ]
    assert planned[0][2].startswith("unused for 199 days (last ") or planned[0][2].startswith("unused for 200 days (last ")
    assert [why for _, action, why in planned if action == "keep"] == [
        "it is the current release, reviews@v1.1.0",
        "one of the last 2",
        "it is the version that gold holds",
    ]
    assert not any(v.archived for v in versions.versions(project, "reviews")), "a plan does nothing"
    maintain(project, "reviews", at=LATER)
    assert [v.label for v in versions.versions(project, "reviews") if v.archived] == ["1.0.0", "1.2.0"]
    events = versions.events(project, "reviews").height
    assert {step.action for step in maintain(project, "reviews", at=LATER)} == {"keep"}
    assert versions.events(project, "reviews").height == events, "a run again does nothing"
    restore(project, "reviews", "1.0.0", "li")
    assert last_use(project, versions.find(project, "reviews", "1.0.0"))[1] == "restored"
    assert said(project)[0][1:] == ("keep", "used 0 days ago (restored)")


def test_a_release_is_archived_only_once_it_is_retired(project: Project) -> None:
    project = ruled(project, archive={"unused_days": 180, "keep_last": 1})
    versions.record(project, "reviews", versions.find(project, "reviews", "1.3.0").version, "released", {"label": "1.3.0"})
    assert said(project, LATER)[1] == ("1.1.0", "keep", "it was released as 1.1.0")
    retire(project, "reviews", "1.1.0", "superseded", "li")
    assert said(project, LATER)[1][:2] == ("1.1.0", "archive")


def test_use_by_others_counts(project: Project) -> None:
    project = ruled(project, archive={"unused_days": 180, "keep_last": 1})
    old = versions.find(project, "reviews", "1.0.0")
    payload = {"label": "2.0.0", "plan_id": "p", "content_id": "c", "references": {"reviews": old.content_id}}
    versions.record(project, "others", "cccc11112222", "made", payload)
    assert last_use(project, old)[1] == "used by others"
    ticket = open_ticket(
        project,
        old,
        "report",
        "wrong",
        [Suspect(row="reviews_raw/000", given="negative", suggested="positive", p_given=None, split="train")],
        {},
        set(),
    )
    assert ticket is not None
    assert said(project, LATER)[0] == ("1.0.0", "keep", f"ticket {ticket.ticket} on its rows is open")


def test_a_version_that_users_complain_about_is_lowered_once(project: Project) -> None:
    project = ruled(project, downgrade={"reported": 0.3, "to": "C"})
    version = versions.find(project, "reviews", "1.4.0")
    rows = [Suspect(row=f"reviews_raw/{n:03}", given="negative", suggested=None, p_given=None, split="train") for n in (40, 41)]
    open_ticket(project, version, "report", "wrong", rows, {}, set())
    assert said(project)[-1][1] == "keep", "it has no grade"
    payload = {"grade": "A", "rule": "grade/1", "because": [], "screen": {}, "indicators": []}
    for each in ("1.3.0", "1.4.0"):
        versions.record(project, "reviews", versions.find(project, "reviews", each).version, "graded", payload)
    assert said(project)[-1] == ("1.4.0", "downgrade", "reports name 2 of its rows (50.00%), 30.00% allowed")
    assert said(project)[-2][:2] == ("1.3.0", "keep")
    maintain(project, "reviews")
    assert versions.find(project, "reviews", "1.4.0").grade == "C"
    assert said(project)[-1][1] == "keep"
    assert downgrade(project, "reviews", "1.4.0", "A", "the report was wrong", "li").grade == "A"
    assert said(project)[-1][1] == "keep", "what a person has taken back stays"


def test_the_command_says_what_it_would_do_and_does_it(project: Project) -> None:
    ruled(project, archive={"unused_days": 1, "keep_last": 1})
    dry = CliRunner().invoke(cli, ["version", "maintain", "reviews", "--dry-run", "--json"])
    assert dry.exit_code == 0, dry.exception
    assert {step["action"] for step in json.loads(dry.output)["datasets"]["reviews"]} == {"keep"}
    done = CliRunner().invoke(cli, ["version", "maintain", "reviews"], env={"COLUMNS": "200"})
    assert "used 0 days ago" in done.output


@pytest.mark.slow
def test_a_version_surely_worse_than_the_standing_one_is_retired(tmp_path: Path, empty_store: Path) -> None:
    factory = new_line(tmp_path / "factory", maintenance={"retire": {"worse_by": 0.01}})
    (factory.root / "mlflow.db").write_bytes(empty_store.read_bytes())
    other = {"positive": "negative", "negative": "positive"}
    factory.material([{**note, "label": other[note["label"]]} for note in clean_notes(120)])
    first = made(factory)
    assert [step.why for step in plan(factory.project, "notes")] == ["it is the version that gold holds"]
    factory.material(clean_notes(120))
    second = made(factory)
    grade(factory.project, "notes", second)
    (step, kept) = maintain(factory.project, "notes")
    assert (step.label, step.action, kept.action) == (first, "retire", "keep")
    assert step.why.startswith(f"worse than {second}: macro_f1 on held_out 0.")
    old, new = (versions.find(factory.project, "notes", label) for label in (first, second))
    assert old.retired is not None
    assert (old.retired["by"], old.retired["superseded_by"]["label"]) == ("policy", second)
    with connected(factory.project) as mlflow:
        runs = {v.label: mlflow.MlflowClient().get_run(v.evaluations["train"]["run_id"]).data for v in (old, new)}
    assert runs[first].tags["factory.retired"] == step.why
    assert "factory.retired" not in runs[second].tags
    assert (runs[second].tags["factory.grade"], runs[second].metrics["grade.completeness"]) == (new.grade, 1.0)
    reinstate(factory.project, "notes", first, "it was the only one with both labels swapped", "li")
    assert [step.action for step in plan(factory.project, "notes")] == ["keep", "keep"], "what a person has reinstated stays"
    with connected(factory.project) as mlflow:
        assert "factory.retired" not in mlflow.MlflowClient().get_run(old.evaluations["train"]["run_id"]).data.tags
