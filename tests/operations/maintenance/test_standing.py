"""Downgrade, retire, reinstate: what a person says of a version, and what follows."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
import yaml
from click.testing import CliRunner

from lakehouse.cli import cli
from lakehouse.core import versions
from lakehouse.core.errors import HardGateError, MaintenanceError, NotFoundError
from lakehouse.core.project import Project
from lakehouse.delivery.release.bundle import write_bundle
from lakehouse.delivery.release.policy import refuse
from lakehouse.operations.maintenance.lifecycle import downgrade, needed, reinstate, retire
from tests.delivery.release.factory import make, new_project, reviews


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(tmp_path / "factory"))
    return new_project(tmp_path / "factory")


def graded(project: Project, version: str, grade: str = "B") -> None:
    payload = {"grade": grade, "rule": "grade/1", "because": ["as measured"], "screen": {}, "indicators": []}
    versions.record(project, "reviews", version, "graded", payload)


def said(*arguments: str) -> str:
    done = CliRunner().invoke(cli, list(arguments), env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output + str(done.exception)
    return done.output


def test_a_downgrade_stands_with_its_reason_until_it_is_taken_back(project: Project) -> None:
    version = make(project, reviews(1, 2))
    with pytest.raises(MaintenanceError, match="has no grade that could be lowered"):
        downgrade(project, "reviews", "1.0.0", "D", "half of it is spam", "li")
    assert versions.find(project, "reviews", "1.0.0").grade is None
    graded(project, version.version)
    text = said("version", "downgrade", "reviews", "1.0.0", "--to", "D", "--why", "half of it is spam", "--by", "li")
    assert "1.0.0" in text
    assert "downgraded to D by li: half of it is spam" in text
    assert downgrade(project, "reviews", "1.0.0", "D", "half of it is spam", "wang").unchanged
    assert versions.find(project, "reviews", "1.0.0").grade == "D"
    assert "D, lowered" in said("version", "list", "reviews")
    assert "1.0.0 lowered to D by li: half of it is spam" in said("version", "list", "reviews")
    card = (write_bundle(project, versions.find(project, "reviews", "1.0.0")).folder / "README.md").read_text(encoding="utf-8")
    assert "Lowered to **D**: half of it is spam." in card
    with pytest.raises(MaintenanceError, match="was measured B, which a downgrade cannot raise to A"):
        downgrade(project, "reviews", "1.0.0", "A", "no", "li")
    assert downgrade(project, "reviews", "1.0.0", "B", "the spam was another version's", "li").grade == "B"
    assert "lowered" not in said("version", "list", "reviews")
    with pytest.raises(MaintenanceError, match="a reason is needed"):
        downgrade(project, "reviews", "1.0.0", "C", "  ", "li")


def test_a_retired_release_is_refused_warned_about_and_reinstated_by_an_event(project: Project) -> None:
    old = make(project, reviews(1, 2))
    versions.record(project, "reviews", old.version, "released", {"label": "1.0.0"})
    new = make(project, reviews(1, 2, 3), "1.1.0")
    versions.record(project, "reviews", new.version, "released", {"label": "1.1.0"})
    text = said("version", "retire", "reviews", "1.1.0", "--why", "its source was withdrawn", "--superseded-by", "1.0.0", "--by", "li")
    assert "gold/reviews holds it until a run makes another" in text
    assert "lakehouse rollback reviews 1.0.0" in text
    assert "nothing to do" in said("version", "retire", "reviews", "1.1.0", "--why", "its source was withdrawn", "--superseded-by", "1.0.0")
    released = versions.released(project, "reviews")
    assert released is not None
    assert released.label == "1.0.0"
    with pytest.raises(HardGateError, match=r"it was retired: its source was withdrawn; superseded by 1.0.0"):
        refuse(project.dataset("reviews"), versions.find(project, "reviews", "1.1.0"))
    listed = said("version", "list", "reviews")
    assert "yes, retired" in listed
    assert "1.1.0 retired by li: its source was withdrawn; superseded by 1.0.0" in listed
    assert json.loads(said("status", "--json"))["datasets"][0]["retired"] == "its source was withdrawn; superseded by 1.0.0"
    make(project, reviews(1, 2, 3), "1.1.0")
    assert versions.find(project, "reviews", "1.1.0").retired, "made again, it is still retired"
    assert "reinstated by li: it was another source" in said(
        "version", "retire", "reviews", "1.1.0", "--undo", "--why", "it was another source", "--by", "li"
    )
    again = versions.released(project, "reviews")
    assert again is not None
    assert (again.label, again.retired) == ("1.1.0", None)
    with pytest.raises(MaintenanceError, match="is not retired"):
        reinstate(project, "reviews", "1.1.0", "again", "li")
    kept = versions.events(project, "reviews").filter(pl.col("event").is_in(["retired", "reinstated"]))["payload"].to_list()
    assert [json.loads(each)["reason"] for each in kept] == ["its source was withdrawn", "it was another source"]


def test_what_supersedes_must_be_another_version_that_stands(project: Project) -> None:
    make(project, reviews(1, 2))
    make(project, reviews(1, 2, 3), "1.1.0")
    with pytest.raises(MaintenanceError, match="it is the same version"):
        retire(project, "reviews", "1.0.0", "why", "li", "1.0.0")
    with pytest.raises(NotFoundError):
        retire(project, "reviews", "1.0.0", "why", "li", "9.9.9")
    retire(project, "reviews", "1.1.0", "why", "li")
    with pytest.raises(MaintenanceError, match="it is retired as well"):
        retire(project, "reviews", "1.0.0", "why", "li", "1.1.0")


def test_those_that_need_a_version_are_named(project: Project) -> None:
    old = make(project, reviews(1, 2))
    assert needed(project, old) == ["it is the version that gold holds"]
    versions.record(project, "reviews", old.version, "released", {"label": "1.0.0"})
    make(project, reviews(1, 2, 3), "1.1.0")
    assert needed(project, old) == ["it is the current release, reviews@v1.0.0"]
    versions.record(project, "reviews", old.version, "withdrawn", {})
    assert needed(project, old) == []
    file = project.root / "assets" / "datasets" / "reviews.yaml"
    declared = yaml.safe_load(file.read_text(encoding="utf-8"))
    pinned = {"held_out": {"dataset": "reviews", "content": old.content_id[:12]}}
    declared |= {"dataset": "others", "pilot": {**declared["pilot"], **pinned}}
    file.with_name("others.yaml").write_text(yaml.safe_dump(declared, allow_unicode=True), encoding="utf-8")
    project = Project.open(project.root)
    assert needed(project, old) == ["others pins it as its held-out set"]
    made = {"label": "2.0.0", "plan_id": "p", "content_id": "c", "gold": {"delta_version": 0}, "references": {"reviews": old.content_id}}
    versions.record(project, "others", "cccc11112222", "made", made)
    result = {"name": "train", "metrics": {}, "held_out": {"dataset": "reviews", "version": old.version}}
    versions.record(project, "others", "cccc11112222", "evaluated", result)
    assert needed(project, old)[1:] == ["others 2.0.0 was made with it", "others 2.0.0 was evaluated on it"]
    assert "still used: others pins it as its held-out set" in retire(project, "reviews", "1.0.0", "old", "li").consequences
