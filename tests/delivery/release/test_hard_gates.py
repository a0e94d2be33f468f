from typing import Any

import pytest
import yaml

from lakehouse.core import versions
from lakehouse.core.errors import HardGateError, ReleaseError
from lakehouse.core.project import Project
from lakehouse.delivery.release.policy import reasons, refuse
from lakehouse.delivery.release.release import rollback
from lakehouse.operations.maintenance.lifecycle import retire

from .factory import make, reviews


def terms(project: Project, **changes: Any) -> Project:
    """The project with other terms of release."""
    file = project.root / "assets" / "datasets" / "reviews.yaml"
    declared = yaml.safe_load(file.read_text(encoding="utf-8"))
    declared["release"] |= changes
    file.write_text(yaml.safe_dump(declared, allow_unicode=True), encoding="utf-8")
    return Project.open(project.root)


def graded(project: Project, version: str, grade: str, **screen: float | None) -> versions.Version:
    payload = {"grade": grade, "rule": "grade/1", "because": ["worst essential: accuracy C"], "screen": screen, "indicators": []}
    versions.record(project, "reviews", version, "graded", payload)
    return versions.find(project, "reviews", version)


def test_a_version_below_the_least_grade_is_refused_with_the_reason(project: Project) -> None:
    project = terms(project, grade="B")
    version = make(project, reviews(1, 2))
    assert reasons(project.dataset("reviews"), version) == [
        "it has no grade, and `release.grade` asks for B (lakehouse version grade reviews --version 1.0.0)"
    ]
    worse = graded(project, version.version, "C")
    with pytest.raises(HardGateError, match=r"its grade is C, and `release.grade` asks for B \(worst essential: accuracy C\)") as refused:
        refuse(project.dataset("reviews"), worse)
    assert refused.value.exit_code == 4
    for enough in ("B", "A"):
        assert reasons(project.dataset("reviews"), graded(project, version.version, enough)) == []


def test_a_downgrade_counts_until_the_version_is_graded_again(project: Project) -> None:
    project = terms(project, grade="B")
    version = graded(project, make(project, reviews(1, 2)).version, "A")
    versions.record(project, "reviews", version.version, "downgraded", {"grade": "D", "reason": "half of it is spam"})
    lowered = versions.find(project, "reviews", "1.0.0")
    assert lowered.grade == "D"
    assert reasons(project.dataset("reviews"), lowered) == ["its grade is D, and `release.grade` asks for B (half of it is spam)"]
    assert graded(project, version.version, "A").grade == "A"


def test_a_licence_that_is_not_allowed_is_refused(project: Project) -> None:
    version = make(project, reviews(1, 2))
    assert reasons(terms(project, allow=["mit"]).dataset("reviews"), version) == []
    assert reasons(terms(project, allow=["CC0-1.0"]).dataset("reviews"), version) == [
        "source `reviews_raw` has licence MIT, which `release.allow` does not list"
    ]


def test_what_is_found_beyond_a_bound_is_refused_and_what_was_not_measured_as_well(project: Project) -> None:
    project = terms(project, screen={"contradiction": 0.01, "slice": 0.3})
    version = make(project, reviews(1, 2))
    assert "it was not screened for contradiction, slice" in reasons(project.dataset("reviews"), version)[0]
    found = graded(project, version.version, "B", contradiction=0.02, slice=0.3)
    assert reasons(project.dataset("reviews"), found) == ["screening: contradiction is 0.0200, and `release.screen` allows 0.01"]
    assert "not screened for slice" in reasons(project.dataset("reviews"), graded(project, version.version, "B", contradiction=0.0))[0]


def test_hard_gates_come_before_scores_and_a_failed_score_alone_is_no_hard_gate(project: Project) -> None:
    version = make(project, reviews(1, 2), gates=False)
    with pytest.raises(ReleaseError) as refused:
        refuse(project.dataset("reviews"), version)
    assert not isinstance(refused.value, HardGateError)
    found = reasons(terms(project, grade="A").dataset("reviews"), version)
    assert "no grade" in found[0]
    assert "gate failed" in found[1]


def test_a_retired_version_is_not_released(project: Project) -> None:
    version = make(project, reviews(1, 2))
    versions.record(project, "reviews", version.version, "retired", {"reason": "its source was withdrawn"})
    found = versions.find(project, "reviews", version.version)
    assert reasons(project.dataset("reviews"), found) == ["it was retired: its source was withdrawn"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"grade": "B"}, "its grade is C"),
        ({"allow": ["CC0-1.0"]}, "does not list"),
        ({"forbid": ["email"]}, "may still hold email"),
        ({"screen": {"slice": 0.1}}, "screening: slice is 0.4000"),
        ({}, "it was retired: its source was withdrawn; superseded by 1.1.0"),
    ],
    ids=["grade", "licence", "private data", "screening", "retired"],
)
def test_a_roll_back_is_held_to_every_hard_gate(project: Project, changes: dict[str, Any], reason: str) -> None:
    old = make(project, reviews(1, 2), privacy={"text": ["email"]})
    graded(project, old.version, "C", slice=0.4)
    versions.record(project, "reviews", old.version, "released", {"label": "1.0.0"})
    new = make(project, reviews(1, 2, 3), "1.1.0")
    versions.record(project, "reviews", new.version, "released", {"label": "1.1.0"})
    if not changes:
        retire(project, "reviews", "1.0.0", "its source was withdrawn", "li", "1.1.0")
    with pytest.raises(HardGateError, match=reason):
        rollback(terms(project, **changes), "reviews", "1.0.0")
    assert len(versions.events(project, "reviews").filter(event="released")) == 2
