"""A clone says which remote it misses, and where it is likely to be."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lakehouse.delivery.release.dvc_remote import missing_remote


def _factory(root: Path, url: str | None) -> Path:
    (root / ".dvc").mkdir(parents=True)
    config = "[core]\n    remote = storage\n" + (f"['remote \"storage\"']\n    url = {url}\n" if url else "")
    (root / ".dvc" / "config").write_text(config if url else "[core]\n    analytics = false\n")
    return root


def test_a_remote_that_is_here_or_elsewhere_is_not_missing(tmp_path: Path) -> None:
    assert missing_remote(_factory(tmp_path / "a", "s3://bucket/prefix")) is None
    (tmp_path / "b" / "dvc-remote").mkdir(parents=True)
    assert missing_remote(_factory(tmp_path / "b", "../dvc-remote")) is None


def test_a_folder_that_stayed_behind_is_named_with_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    origin = _factory(tmp_path / "origin", "../dvc-remote")
    (origin / "dvc-remote").mkdir()
    clone = _factory(tmp_path / "clone", "../dvc-remote")
    subprocess.run(["git", "init", "-q", str(clone)], check=True)
    subprocess.run(["git", "-C", str(clone), "remote", "add", "origin", str(origin)], check=True)
    what, fix = missing_remote(clone) or ("", "")
    assert f"the DVC remote `storage` is the folder {clone / 'dvc-remote'}, which is not here" in what
    assert fix == f"dvc remote modify --local storage url {origin / 'dvc-remote'}"
    (clone / ".dvc" / "config.local").write_text(f"['remote \"storage\"']\n    url = {origin / 'dvc-remote'}\n")
    assert missing_remote(clone) is None


def test_no_remote_at_all(tmp_path: Path) -> None:
    what, fix = missing_remote(_factory(tmp_path / "a", None)) or ("", "")
    assert "no DVC remote is configured" in what
    assert fix == "dvc remote add -d NAME URL"
