"""Git for releases: commits of the release's own paths only, and annotated tags that never move."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lakehouse.core.errors import ReleaseError

IDENTITY = ("-c", "user.name=data factory", "-c", "user.email=factory@localhost")
"""Used only where git knows no identity of its own, such as in a bare container."""


@dataclass(frozen=True)
class Repository:
    """A git work tree.

    Attributes:
        root: top of the work tree.
        folder: the project folder, at or below `root`; paths are given relative to it.
    """

    root: Path
    folder: Path


def repository(folder: Path) -> Repository:
    """The repository that holds `folder`.

    Raises:
        ReleaseError: there is none, or git is not installed.
    """
    done = _run(folder, "rev-parse", "--show-toplevel")
    if done.returncode:
        raise ReleaseError(
            f"{folder} is not in a git repository, so a release has no commit",
            fix="git init && dvc init   (in a subfolder of a repository: dvc init --subdir)",
        )
    return Repository(Path(done.stdout.strip()), folder)


def commit(repository: Repository, paths: Sequence[Path], message: str) -> str:
    """Commit `paths` in their present state and nothing else; returns the commit that HEAD then names.

    What the user has staged or changed elsewhere stays staged or changed. Paths that are missing or ignored are left out;
    with nothing to commit HEAD stays.

    Raises:
        ReleaseError: git refuses (a merge under way, a hook that fails).
    """
    names = [path.relative_to(repository.folder).as_posix() for path in paths if path.exists()]
    names = [name for name in names if _run(repository.folder, "check-ignore", "-q", "--", name).returncode]
    if names:
        _git(repository, "add", "--", *names)
        if _git(repository, "status", "--porcelain", "--", *names).strip():
            _git(repository, *_identity(repository), "commit", "--quiet", "--only", "-m", message, "--", *names)
    return _git(repository, "rev-parse", "HEAD").strip()


def changed(repository: Repository, paths: Sequence[Path]) -> list[str]:
    """Those of `paths` whose work tree content is not what HEAD holds, relative to the project folder."""
    names = [path.relative_to(repository.folder).as_posix() for path in paths]
    return [name for name in names if _git(repository, "status", "--porcelain", "--", name).strip()]


def tagged_content(repository: Repository, name: str) -> str | None:
    """The content that the tag `name` names, or None if there is no such tag.

    Raises:
        ReleaseError: the tag exists but no release made it.
    """
    shown = _git(repository, "for-each-ref", "--format=%(objecttype)%0a%(contents)", f"refs/tags/{name}")
    if not shown.strip():
        return None
    found = re.search(r"^bundle: ([0-9a-f]{64})$", shown, re.MULTILINE)
    if not shown.startswith("tag\n") or found is None:
        raise ReleaseError(f"git tag {name} exists, but no release made it", fix=f"rename or delete it: git tag -d {name}")
    return found[1]


def tagged_commit(repository: Repository, name: str) -> str:
    """The commit of the tag `name`."""
    return _git(repository, "rev-parse", f"refs/tags/{name}^{{commit}}").strip()


def check_tag(repository: Repository, name: str, content: str) -> bool:
    """Whether the tag `name` exists for `content`.

    Raises:
        ReleaseError: it names other content, so it would have to move.
    """
    found = tagged_content(repository, name)
    if found is not None and found != content:
        raise ReleaseError(
            f"git tag {name} already names other content ({found[:12]}, now {content[:12]}); a released tag never moves",
            fix=f"make a version with a new label; only if the tag was never published: git tag -d {name}",
        )
    return found is not None


def tag(repository: Repository, name: str, at: str, content: str, message: str) -> str:
    """Set the annotated tag `name` on commit `at` for `content`; returns its commit.

    A tag of the same content stays where it is.

    Raises:
        ReleaseError: the tag names other content.
    """
    if not check_tag(repository, name, content):
        _git(repository, *_identity(repository), "tag", "--annotate", name, at, "-m", f"{message}\n\nbundle: {content}")
    return tagged_commit(repository, name)


def _identity(repository: Repository) -> tuple[str, ...]:
    return IDENTITY if _run(repository.folder, "var", "GIT_COMMITTER_IDENT").returncode else ()


def _git(repository: Repository, *arguments: str) -> str:
    done = _run(repository.folder, *arguments)
    if done.returncode:
        verb = next(word for word in arguments if word[0] != "-" and "=" not in word)
        messages = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise ReleaseError(f"git {verb} refused: {messages[0] if messages else 'no message'}", where=str(repository.root))
    return done.stdout


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
    try:
        return subprocess.run(
            ["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8", check=False
        )
    except FileNotFoundError as error:
        raise ReleaseError("git is not installed", fix="install git, then run again") from error
