from pathlib import Path

import pytest

from lakehouse.core.errors import ReleaseError
from lakehouse.delivery.release import git as release_git

from .factory import git


@pytest.fixture
def repository(tmp_path: Path) -> release_git.Repository:
    folder = tmp_path / "work" / "sub"
    folder.mkdir(parents=True)
    git(folder.parent, "init", "--quiet", "--initial-branch", "main")
    (folder / "user.txt").write_text("1", encoding="utf-8")
    release_git.commit(release_git.repository(folder), [folder / "user.txt"], "start")
    return release_git.repository(folder)


def test_only_the_named_paths_are_committed_and_the_users_work_stays_as_it_was(repository: release_git.Repository) -> None:
    folder = repository.folder
    (folder / "user.txt").write_text("2", encoding="utf-8")
    (folder / "staged.txt").write_text("s", encoding="utf-8")
    git(folder, "add", "staged.txt")
    (folder / "dvc.lock").write_text("l", encoding="utf-8")
    commit = release_git.commit(repository, [folder / "dvc.lock", folder / "missing"], "release")
    assert git(folder, "show", "--name-only", "--format=", commit).split() == ["sub/dvc.lock"]
    assert sorted(git(folder, "status", "--porcelain").splitlines()) == [" M sub/user.txt", "A  sub/staged.txt"]


def test_committing_again_makes_no_empty_commit(repository: release_git.Repository) -> None:
    (repository.folder / "dvc.lock").write_text("l", encoding="utf-8")
    first = release_git.commit(repository, [repository.folder / "dvc.lock"], "release")
    assert release_git.commit(repository, [repository.folder / "dvc.lock"], "release") == first


def test_an_ignored_path_is_left_out(repository: release_git.Repository) -> None:
    (repository.folder / ".gitignore").write_text("/releases\n", encoding="utf-8")
    (repository.folder / "releases").mkdir()
    (repository.folder / "releases" / ".gitignore").write_text("x", encoding="utf-8")
    before = git(repository.folder, "rev-parse", "HEAD").strip()
    assert release_git.commit(repository, [repository.folder / "releases" / ".gitignore"], "release") == before


def test_a_tag_is_annotated_and_stays_on_its_commit(repository: release_git.Repository) -> None:
    head = git(repository.folder, "rev-parse", "HEAD").strip()
    assert release_git.tag(repository, "reviews@v1.0.0", "HEAD", "a" * 64, "reviews 1.0.0") == head
    assert git(repository.folder, "cat-file", "-t", "reviews@v1.0.0").strip() == "tag"
    (repository.folder / "more").write_text("m", encoding="utf-8")
    release_git.commit(repository, [repository.folder / "more"], "more")
    assert release_git.tag(repository, "reviews@v1.0.0", "HEAD", "a" * 64, "again") == head


def test_a_tag_that_would_move_is_refused(repository: release_git.Repository) -> None:
    release_git.tag(repository, "reviews@v1.0.0", "HEAD", "a" * 64, "reviews 1.0.0")
    with pytest.raises(ReleaseError, match="already names other content"):
        release_git.tag(repository, "reviews@v1.0.0", "HEAD", "b" * 64, "reviews 1.0.0")


def test_a_tag_made_by_hand_is_not_taken_over(repository: release_git.Repository) -> None:
    git(repository.folder, "tag", "reviews@v1.0.0")
    with pytest.raises(ReleaseError, match="no release made it"):
        release_git.check_tag(repository, "reviews@v1.0.0", "a" * 64)


def test_no_repository_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="git init && dvc init"):
        release_git.repository(tmp_path)


def test_a_hook_that_refuses_is_reported_with_its_words(repository: release_git.Repository) -> None:
    hook = repository.root / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'not on a Friday' >&2\nexit 1\n", encoding="utf-8")
    hook.chmod(0o755)
    (repository.folder / "dvc.lock").write_text("l", encoding="utf-8")
    with pytest.raises(ReleaseError, match="git commit refused: not on a Friday"):
        release_git.commit(repository, [repository.folder / "dvc.lock"], "release")
