"""Blobs are kept by their SHA-256, locally and on a remote store."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from lakehouse.core.errors import NotFoundError, StorageError
from lakehouse.core.project import Project, Settings
from lakehouse.core.storage.blobs import Blobs

PAGE = "一页".encode() * 1000
SHA256 = hashlib.sha256(PAGE).hexdigest()


@pytest.mark.parametrize("kind", ["folder", "url"])
def test_a_blob_is_kept_once_and_read_back(tmp_path: Path, kind: str) -> None:
    lake = "lake" if kind == "folder" else (tmp_path / "lake").as_uri()
    blobs = Blobs(Project(tmp_path, Settings(lake=lake)))
    assert not blobs.exists(SHA256)
    with pytest.raises(NotFoundError, match=f"no blob {SHA256}"):
        blobs.open(SHA256)
    for _ in range(2):
        sink = blobs.sink()
        sink.write(PAGE[:100])
        sink.write(PAGE[100:])
        assert sink.close() == SHA256
    assert blobs.path(SHA256).endswith(f"lake/blobs/{SHA256[:2]}/{SHA256}")
    with blobs.open(SHA256) as handle:
        assert handle.read() == PAGE
    unfinished = tmp_path / "lake" / "blobs" / ".unfinished" if kind == "folder" else tmp_path / ".lakehouse" / "blobs"
    assert list(unfinished.iterdir()) == []


def test_a_store_that_nobody_knows(tmp_path: Path) -> None:
    blobs = Blobs(Project(tmp_path, Settings(lake="nowhere://account/lake")))
    with pytest.raises(StorageError, match="Unable to recognise URL"):
        blobs.exists(SHA256)
