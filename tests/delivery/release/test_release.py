"""Real git and real DVC, each test its own repository."""

import subprocess
from pathlib import Path

import polars as pl
import pytest

from lakehouse.core import versions
from lakehouse.core.errors import LockedError, NotFoundError, ReleaseError
from lakehouse.core.project import Project
from lakehouse.delivery.release import bundle as bundles
from lakehouse.delivery.release import dvc as release_dvc
from lakehouse.delivery.release.release import release, releases, rollback

from .factory import content, dvc, git, make, new_project, reviews, under_version_control


def test_a_folder_without_git_or_dvc_is_refused_with_the_fix(project: Project) -> None:
    make(project, reviews(1, 2))
    with pytest.raises(ReleaseError, match="git init && dvc init"):
        release(project, "reviews")
    git(project.root, "init", "--quiet")
    with pytest.raises(ReleaseError, match="not under DVC") as refused:
        release(project, "reviews")
    assert refused.value.fix == "dvc init"
    assert not (project.root / "releases").exists()


def test_a_release_commits_tags_pushes_and_records_and_a_second_one_does_nothing(project: Project, tmp_path: Path) -> None:
    version = make(project, reviews(*range(12)))
    under_version_control(project, remote=tmp_path / "store")
    (project.root / "draft.txt").write_text("mine", encoding="utf-8")
    git(project.root, "add", "draft.txt")
    done = release(project, "reviews")
    assert (done.tag, done.remote, done.already, done.notes) == ("reviews@v1.0.0", "store", False, ())
    assert git(project.root, "show", "--name-only", "--format=", done.commit).split() == ["dvc.lock", "dvc.yaml", "releases/.gitignore"]
    assert git(project.root, "status", "--porcelain") == "A  draft.txt\n"
    assert git(project.root, "rev-parse", "reviews@v1.0.0^{commit}").strip() == done.commit
    assert versions.released(project, "reviews").version == version.version
    again = release(project, "reviews")
    assert again.already
    assert again.commit == done.commit
    assert len(releases(project, "reviews")) == 1


@pytest.mark.slow
def test_a_clean_clone_and_dvc_pull_bring_back_every_byte(project: Project, tmp_path: Path) -> None:
    make(project, reviews(*range(12)))
    under_version_control(project, remote=tmp_path / "store")
    first = content(release(project, "reviews").bundle.folder)
    make(project, reviews(*range(10)), "1.1.0")
    second = content(release(project, "reviews").bundle.folder)
    assert first != second
    git(tmp_path, "clone", "--quiet", str(project.root), "clone")
    clone = Project.open(tmp_path / "clone")
    dvc(clone.root, "pull", "--quiet")
    assert content(clone.root / "releases" / "reviews") == second
    assert bundles.verify_bundle(clone.root / "releases" / "reviews") == []
    older = release_dvc.pull(clone, "reviews", "1.0.0", tmp_path / "older")
    assert content(older) == first
    with pytest.raises(NotFoundError, match=r"no release reviews@v9\.0\.0"):
        release_dvc.pull(clone, "reviews", "9.0.0", tmp_path / "none")
    with pytest.raises(ReleaseError, match="exists already"):
        release_dvc.pull(clone, "reviews", "1.0.0", tmp_path / "older")
    assert release_dvc.pull(clone, "reviews") == clone.root / "releases" / "reviews"


@pytest.mark.slow
def test_a_project_in_a_subfolder_of_a_repository_is_released_and_pulled(tmp_path: Path) -> None:
    project = new_project(tmp_path / "top" / "sub" / "factory")
    make(project, reviews(*range(12)))
    under_version_control(project, remote=tmp_path / "store", top=tmp_path / "top")
    done = release(project, "reviews")
    assert content(release_dvc.pull(project, "reviews", "v1.0.0", tmp_path / "copy")) == content(done.bundle.folder)
    assert content(release_dvc.pull(project, "reviews", None, tmp_path / "now")) == content(done.bundle.folder)


@pytest.mark.slow
def test_a_rollback_restores_bytes_lock_and_register_and_leaves_the_tags(project: Project) -> None:
    old = make(project, reviews(*range(12)))
    under_version_control(project)
    first = release(project, "reviews")
    old_bytes, old_lock = content(first.bundle.folder), (project.root / "dvc.lock").read_text(encoding="utf-8")
    make(project, reviews(*range(10)), "1.1.0")
    with pytest.raises(ReleaseError, match="never released"):
        rollback(project, "reviews", "1.1.0")
    second = release(project, "reviews")
    back = rollback(project, "reviews", "1.0.0")
    assert not back.already
    assert content(back.bundle.folder) == old_bytes
    assert (project.root / "dvc.lock").read_text(encoding="utf-8") == old_lock
    assert git(project.root, "status", "--porcelain") == ""
    assert back.commit not in (first.commit, second.commit)
    assert versions.released(project, "reviews").version == old.version
    for tag, commit in ((first.tag, first.commit), (second.tag, second.commit)):
        assert git(project.root, "rev-parse", f"{tag}^{{commit}}").strip() == commit
    assert rollback(project, "reviews", "v1.0.0").already
    assert "no DVC remote" in back.notes[-1]


@pytest.mark.slow
def test_a_version_evaluated_or_described_again_since_still_rolls_back_to_its_released_bytes(project: Project) -> None:
    old = make(project, reviews(*range(12)))
    under_version_control(project)
    first = release(project, "reviews")
    old_bytes = content(first.bundle.folder)
    versions.record(project, "reviews", old.version, "evaluated", {"name": "train", "metrics": {"test": {"macro_f1": 0.95}}})
    assert release(project, "reviews").already
    versions.record(project, "reviews", old.version, "described", {"label": "1.0.1", "metadata": {"license": "mit"}})
    assert release(project, "reviews").tag == "reviews@v1.0.1"
    back = rollback(project, "reviews", "1.0.0")
    assert content(back.bundle.folder) == old_bytes
    assert back.label == "1.0.0"


@pytest.mark.slow
def test_a_run_killed_after_any_step_is_finished_by_the_next(project: Project, tmp_path: Path) -> None:
    version = make(project, reviews(*range(12)))
    under_version_control(project, remote=tmp_path / "store")

    class Killed(BaseException):
        """Stands for the process ending here."""

    def kill_at(step: str):
        def progress(what: str, done: int, total: int | None) -> None:
            if what == step:
                raise Killed

        return progress

    for step in ("bundle", "dvc commit", "git", "dvc push"):
        with pytest.raises(Killed):
            release(project, "reviews", progress=kill_at(step))
        assert versions.released(project, "reviews") is None
    done = release(project, "reviews")
    assert not done.already
    assert versions.released(project, "reviews").version == version.version
    assert git(project.root, "log", "--format=%s").split("\n")[:2] == ["Release reviews@v1.0.0", "start"]


def test_a_tag_that_would_move_is_refused_and_the_standing_bundle_stays(project: Project) -> None:
    make(project, reviews(*range(12)))
    under_version_control(project)
    before = content(release(project, "reviews").bundle.folder)
    make(project, reviews(*range(9)), "1.0.0")
    with pytest.raises(ReleaseError, match=r"git tag reviews@v1\.0\.0 already names other content"):
        release(project, "reviews")
    assert content(project.release_folder("reviews")) == before


@pytest.mark.slow
def test_a_damaged_bundle_is_written_again(project: Project) -> None:
    make(project, reviews(*range(12)))
    under_version_control(project)
    folder = release(project, "reviews").bundle.folder
    before = content(folder)
    (folder / "README.md").write_text("edited", encoding="utf-8")
    release(project, "reviews")
    assert content(folder) == before


def test_dvc_yaml_keeps_other_stages_their_order_and_comments(project: Project) -> None:
    make(project, reviews(1, 2))
    path = project.root / "dvc.yaml"
    ours = "# ours\nstages:\n  zeta:  # first\n    cmd: echo 中文\n  alpha:\n    cmd: echo 2\n"
    path.write_text(ours + "params:\n  - p.yaml\n", encoding="utf-8")
    release_dvc.declare(project, "reviews")
    text = path.read_text(encoding="utf-8")
    assert text.startswith(ours + "  release_reviews:\n")
    assert "params:\n  - p.yaml\n" in text
    assert "- contracts/reviews.py" in text
    release_dvc.declare(project, "reviews")
    assert path.read_text(encoding="utf-8") == text
    path.write_text("stages: [", encoding="utf-8")
    with pytest.raises(ReleaseError, match=r"dvc\.yaml cannot be read"):
        release_dvc.declare(project, "reviews")
    assert path.read_text(encoding="utf-8") == "stages: ["


def test_a_release_while_another_process_holds_the_dataset_is_refused(project: Project) -> None:
    make(project, reviews(1, 2))
    import sys

    code = (
        "import sys, pathlib\nfrom lakehouse.core.runs.lock import locked\nfrom lakehouse.core.project import Project\n"
        "with locked(Project.open(pathlib.Path(sys.argv[1])), 'dataset reviews'):\n    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(project.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LockedError, match="dataset reviews is being made by process"):
            release(project, "reviews")
    finally:
        holder.communicate("")


@pytest.mark.slow
def test_uncommitted_declarations_are_noted(project: Project) -> None:
    make(project, reviews(1, 2))
    under_version_control(project)
    file = project.root / "contracts" / "reviews.py"
    file.write_text(file.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    done = release(project, "reviews")
    assert done.notes[0] == (
        "not committed to git, so that neither the tag nor a clone has it: git add contracts/reviews.py && git commit -m 'Add reviews'"
    )
    assert pl.read_parquet(done.bundle.folder / "data").height == 2
