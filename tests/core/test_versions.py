"""The register: events fold into versions, found by id, label, latest, released."""

from __future__ import annotations

from typing import Any

import pytest

from lakehouse.core import versions
from lakehouse.core.errors import NotFoundError
from lakehouse.core.project import Project
from tests.factory import Factory


def made(project: Project, version: str, label: str, **manifest: Any) -> None:
    payload = {"label": label, "plan_id": "p" + version, "content_id": "c", "metadata": {"owner": "a"}, "gold": {"delta_version": 3}}
    versions.record(project, "notes", version, "made", payload | manifest)


def test_before_the_first_version(notes_factory: Factory) -> None:
    project = notes_factory.project
    assert versions.versions(project, "notes") == []
    assert versions.current(project, "notes") is None
    assert versions.released(project, "notes") is None
    with pytest.raises(NotFoundError, match="no version of notes was made yet") as caught:
        versions.find(project, "notes", "latest")
    assert caught.value.fix == "lakehouse run notes"


def test_events_fold_into_versions(notes_factory: Factory) -> None:
    project = notes_factory.project
    made(project, "aaaa11112222", "1.0.0")
    versions.record(project, "notes", "aaaa11112222", "evaluated", {"name": "train", "metrics": {"f1": 0.7}})
    versions.record(project, "notes", "aaaa11112222", "evaluated", {"name": "train", "metrics": {"f1": 0.9}})
    versions.record(project, "notes", "aaaa11112222", "gated", {"passed": True})
    versions.record(project, "notes", "aaaa11112222", "described", {"label": "1.0.1", "metadata": {"owner": "b"}})
    made(project, "bbbb33334444", "1.1.0")
    versions.record(project, "other", "cccc", "made", {"label": "1.0.0"})
    first, second = versions.versions(project, "notes")
    assert (first.label, first.labels, first.passed) == ("1.0.1", ("1.0.0", "1.0.1"), True)
    assert first.evaluations["train"]["metrics"] == {"f1": 0.9}
    assert first.manifest["metadata"] == {"owner": "b"}
    assert (first.plan_id, first.content_id, first.gold_version) == ("paaaa11112222", "c", 3)
    assert (second.label, second.passed, second.evaluations) == ("1.1.0", None, {})
    current = versions.current(project, "notes")
    assert current is not None
    assert current.version == "bbbb33334444"


def test_released_is_the_newest_release_that_was_not_withdrawn(notes_factory: Factory) -> None:
    project = notes_factory.project
    for version, label in (("aaaa11112222", "1.0.0"), ("bbbb33334444", "1.1.0")):
        made(project, version, label)
        versions.record(project, "notes", version, "released", {"label": label})
    assert versions.find(project, "notes", "released").label == "1.1.0"
    versions.record(project, "notes", "bbbb33334444", "withdrawn", {})
    assert versions.find(project, "notes", "released").label == "1.0.0"
    versions.record(project, "notes", "bbbb33334444", "released", {"label": "1.1.0"})
    found = versions.released(project, "notes")
    assert found is not None
    assert (found.label, found.released) == ("1.1.0", ("1.1.0",))


def test_a_version_is_found_by_id_label_and_word(notes_factory: Factory) -> None:
    project = notes_factory.project
    made(project, "aaaa11112222", "1.0.0")
    made(project, "aaaa33334444", "1.1.0")
    for reference in ("aaaa1", "aaaa11112222", "1.0.0", "v1.0.0"):
        assert versions.find(project, "notes", reference).version == "aaaa11112222"
    assert versions.find(project, "notes", "latest").version == "aaaa33334444"
    with pytest.raises(NotFoundError, match="`aaaa` matches several versions of notes") as caught:
        versions.find(project, "notes", "aaaa")
    assert caught.value.fix == "versions: 1.0.0 (aaaa11112222), 1.1.0 (aaaa33334444)"
    for reference in ("aaa", "1.0", "released"):
        with pytest.raises(NotFoundError, match="is no version"):
            versions.find(project, "notes", reference)


def test_labels_rise_by_part() -> None:
    assert versions.next_label(None, "major") == "1.0.0"
    assert versions.next_label("1.2.3", "major") == "2.0.0"
    assert versions.next_label("1.2.3", "minor") == "1.3.0"
    assert versions.next_label("1.9.9", "patch") == "1.9.10"


def test_a_version_is_named_by_plan_and_content() -> None:
    assert versions.version_id("p", "c") == versions.version_id("p", "c")
    assert len({versions.version_id(p, c) for p in "ab" for c in "ab"}) == 4
