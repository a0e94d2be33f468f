"""DVC for releases, through its command line: one stage and one artifact a dataset, commit, push, and retrieval.

The only file that runs dvc. Its analytics and update check stay off.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from lakehouse.core.errors import NotFoundError, ReleaseError
from lakehouse.core.project import Project
from lakehouse.delivery.release import git
from lakehouse.delivery.release.dvc_remote import missing_remote

_OFF = {"DVC_NO_ANALYTICS": "1", "CI": "1"}
"""No analytics; `CI` is the variable with which DVC leaves out its check for updates."""


def tag_name(dataset: str, label: str) -> str:
    """The git tag of a release: `reviews@v1.3.0`, the form in which DVC's artifacts are tagged."""
    return f"{dataset}@v{label}"


def stage_name(dataset: str) -> str:
    """The name of a dataset's stage in dvc.yaml."""
    return f"release_{dataset}"


def require(project: Project, repository: git.Repository) -> None:
    """Refuse a project that DVC does not know.

    Raises:
        ReleaseError: no `.dvc` folder between the project and the top of its repository.
    """
    folder = project.root
    while not (folder / ".dvc").is_dir():
        if folder == repository.root or folder == folder.parent:
            how = "dvc init" if project.root == repository.root else "dvc init --subdir"
            raise ReleaseError(f"{project.root} is not under DVC, which keeps the released bytes", fix=how)
        folder = folder.parent


def declare(project: Project, dataset: str) -> Path:
    """Make sure dvc.yaml has the stage and the artifact of `dataset`; other entries, their order and comments stay.

    Raises:
        ReleaseError: dvc.yaml is not valid YAML or not a mapping.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    path = project.root / "dvc.yaml"
    yaml = YAML()
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    try:
        content: Any = yaml.load(text) or yaml.map()
        stages, artifacts = content.setdefault("stages", yaml.map()), content.setdefault("artifacts", yaml.map())
        changed = _set(stages, stage_name(dataset), _stage(project, dataset))
        # DVC's artifact names have no underscore.
        changed |= _set(artifacts, dataset.replace("_", "-"), _artifact(project, dataset))
    except (YAMLError, AttributeError, TypeError) as error:
        raise ReleaseError(
            f"dvc.yaml cannot be read: {str(error).splitlines()[0]}", where="dvc.yaml", fix="correct it; see dvc.org"
        ) from error
    if changed:
        out = io.StringIO()
        yaml.dump(content, out)
        temporary = path.with_name(".dvc.yaml.new")
        temporary.write_text(out.getvalue(), encoding="utf-8")
        temporary.replace(path)
    return path


def commit(project: Project, dataset: str) -> list[Path]:
    """Record the bundle in `releases/<dataset>` in dvc.lock and DVC's cache; the paths that git then has to hold."""
    declared = declare(project, dataset)
    run(project, "commit", "--force", stage_name(dataset))
    return [declared, project.root / "dvc.lock", project.root / "releases" / ".gitignore"]


def push(project: Project, dataset: str) -> str | None:
    """Send the bundle to the default remote; returns the remote's name, or None if no remote is configured.

    Raises:
        ReleaseError: several remotes and none is the default, or the remote cannot be reached.
    """
    name = remote(project)
    if name is not None:
        run(project, "push", "--remote", name, stage_name(dataset))
    return name


def remote(project: Project) -> str | None:
    """The name of the remote that a release goes to: the default one, else the only one, else None."""
    # `dvc remote list` wraps its table at the terminal's width; `config --list` gives one `key=value` a line.
    settings = dict(line.split("=", 1) for line in run(project, "config", "--list").splitlines() if "=" in line)
    if "core.remote" in settings:
        return settings["core.remote"]
    names = sorted(
        key.removeprefix("remote.").removesuffix(".url") for key in settings if key.startswith("remote.") and key.endswith(".url")
    )
    if len(names) > 1:
        raise ReleaseError(f"several DVC remotes and none is the default: {', '.join(names)}", fix="dvc remote default NAME")
    return names[0] if names else None


def is_locked(project: Project, dataset: str) -> bool:
    """Whether dvc.lock names a bundle of `dataset`."""
    lock = project.root / "dvc.lock"
    return lock.exists() and f"{stage_name(dataset)}:" in lock.read_text(encoding="utf-8")


def pull(project: Project, dataset: str, label: str | None = None, to: Path | None = None) -> Path:
    """Bring a released bundle back: the one that dvc.lock names, or with `label` that of its tag.

    Args:
        to: a folder that does not exist yet; default for the current bundle: `releases/<dataset>`.

    Raises:
        NotFoundError: no such tag, or the dataset was never released here.
        ReleaseError: `to` is taken, or neither cache nor remote holds the bytes.
    """
    repository = git.repository(project.root)
    require(project, repository)
    current = project.release_folder(dataset)
    if label is None and to is None:
        if not is_locked(project, dataset):
            raise NotFoundError(f"{dataset} was never released in this folder", fix=f"release it: lakehouse release {dataset}")
        run(project, "pull", "--force", stage_name(dataset))
        return current
    target = to or current.with_name(f"{dataset}-{label}")
    if target.exists():
        raise ReleaseError(f"{target} exists already", fix="name a folder that does not exist yet")
    arguments = ["get", str(repository.root), current.relative_to(repository.root).as_posix(), "--out", str(target)]
    revision = "HEAD"
    if label is not None:
        tag = tag_name(dataset, label.removeprefix("v"))
        if git.tagged_content(repository, tag) is None:
            raise NotFoundError(f"no release {tag} in this repository", fix="git tag --list shows them; git fetch --tags brings them")
        revision = tag
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        # A revision is always given: without one dvc does not see a project in a subfolder.
        run(project, *arguments, "--rev", revision)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise
    return target


def run(project: Project, *arguments: str) -> str:
    """Run dvc in the project folder; its standard output. Never with `--quiet`, which also hides the reason of a failure.

    Raises:
        ReleaseError: with dvc's own message.
    """
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments],
        cwd=project.root,
        env={**os.environ, **_OFF},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        messages = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR")] or lines[-1:] or ["no message"]
        what, fix = f"dvc {arguments[0]} failed: {messages[0]}", None
        if arguments[0] in ("pull", "get", "fetch") and (missing := missing_remote(project.root)) is not None:
            what, fix = missing
        raise ReleaseError(what, where=str(project.root), fix=fix)
    return done.stdout


def _stage(project: Project, dataset: str) -> dict[str, Any]:
    declaration = next(file for file in project.files("datasets") if file.stem == dataset)
    contract = project.dataset(dataset).contract.partition(":")[0]
    return {
        "cmd": f"lakehouse version bundle {dataset}",
        "deps": [declaration.relative_to(project.root).as_posix(), contract],
        "outs": [f"releases/{dataset}"],
    }


def _artifact(project: Project, dataset: str) -> dict[str, Any]:
    return {"path": f"releases/{dataset}", "type": "dataset", "desc": " ".join(project.dataset(dataset).description.split())}


def _set(mapping: Any, key: str, value: dict[str, Any]) -> bool:
    """Whether `mapping[key]` had to be changed; entries of the user's own below it stay."""
    if key in mapping and all(mapping[key].get(name) == wanted for name, wanted in value.items()):
        return False
    entry = mapping.setdefault(key, {})
    entry.update(value)
    return True
