import pytest

from lakehouse.core import versions
from lakehouse.core.errors import ReleaseError
from lakehouse.core.project import Project
from lakehouse.delivery.release.policy import reasons, refuse
from lakehouse.delivery.release.release import release

from .factory import make, reviews


def test_a_version_that_passed_everything_may_be_released(project: Project) -> None:
    assert reasons(project.dataset("reviews"), make(project, reviews(1, 2))) == []


def test_a_failed_gate_is_refused_with_its_numbers_before_anything_is_written(project: Project) -> None:
    make(project, reviews(1, 2), gates=False)
    with pytest.raises(ReleaseError) as refused:
        release(project, "reviews")
    assert "gate failed: macro_f1 on test >= 0.8, macro_f1 is 0.7, needed 0.8 (below)" in str(refused.value)
    assert not (project.root / "releases").exists()


def test_a_version_that_was_never_judged_is_refused(project: Project) -> None:
    version = make(project, reviews(1, 2), gates=None)
    assert "was not judged against its 1 gates" in reasons(project.dataset("reviews"), version)[0]


def test_the_newest_verdict_counts(project: Project) -> None:
    version = make(project, reviews(1, 2), gates=True)
    versions.record(project, "reviews", version.version, "gated", {"passed": False, "verdicts": []})
    found = reasons(project.dataset("reviews"), versions.find(project, "reviews", "latest"))
    assert found[0] == "its gates did not pass"


def test_a_gate_declared_after_the_verdict_is_refused_for_a_release_not_for_a_rollback(project: Project) -> None:
    version = make(project, reviews(1, 2))
    file = project.root / "assets" / "datasets" / "reviews.yaml"
    file.write_text(
        file.read_text(encoding="utf-8").replace("gates:\n", "gates:\n    - {metric: recall, at_least: 0.5}\n"), encoding="utf-8"
    )
    spec = Project.open(project.root).dataset("reviews")
    assert reasons(spec, version) == ["gate `recall on test >= 0.5` was declared after it was judged (lakehouse run reviews)"]
    assert reasons(spec, version, new_gates=False) == []


@pytest.mark.parametrize("carried", [["email"], ["pii"], ["phone", "age"]])
def test_a_forbidden_privacy_class_still_carried_is_refused(project: Project, carried: list[str]) -> None:
    version = make(project, reviews(1, 2), privacy={"text": carried, "label": []})
    with pytest.raises(ReleaseError, match="column `text` may still hold"):
        refuse(project.dataset("reviews"), version)


def test_a_class_that_is_not_forbidden_passes_and_an_unsaid_one_does_not(project: Project) -> None:
    spec = project.dataset("reviews")
    assert reasons(spec, make(project, reviews(1, 2), privacy={"text": ["age"], "gone": ["email"]})) == []
    assert reasons(spec, make(project, reviews(1, 3), privacy=None)) == ["its manifest does not name the privacy classes of its columns"]


def test_a_source_without_a_licence_is_refused_and_all_reasons_are_listed(project: Project) -> None:
    version = make(project, reviews(1, 2), gates=False, inputs=[{"source": "reviews_raw", "license": " "}])
    with pytest.raises(ReleaseError) as refused:
        refuse(project.dataset("reviews"), version)
    assert "source `reviews_raw` states no licence" in str(refused.value)
    assert "gate failed" in str(refused.value)


def test_a_dataset_without_a_release_declaration_is_refused_with_the_line_to_add(project: Project) -> None:
    version = make(project, reviews(1, 2))
    file = project.root / "assets" / "datasets" / "reviews.yaml"
    file.write_text(file.read_text(encoding="utf-8").split("release:")[0], encoding="utf-8")
    with pytest.raises(ReleaseError) as refused:
        refuse(Project.open(project.root).dataset("reviews"), version)
    assert "add `release:" in str(refused.value)
