"""Blobs are kept by their SHA-256, locally and on a remote store."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from lakehouse.errors import NotFoundError, StorageError
from lakehouse.project import Project, Settings
from lakehouse.reserve.blobs import Blobs

PAGE = "一页".encode() * 1000
SHA256 = hashlib.sha256(PAGE).hexdigest()


@pytest.mark.parametrize("lake", ["lake", "memory://lake"])
def test_a_blob_is_kept_once_and_read_back(tmp_path: Path, lake: str) -> None:
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
    unfinished = tmp_path / "lake" / "blobs" / ".unfinished" if lake == "lake" else tmp_path / ".lakehouse" / "blobs"
    assert list(unfinished.iterdir()) == []


def test_a_store_whose_client_is_not_installed(tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    blobs = Blobs(Project(tmp_path, Settings(lake="adl://account/lake")))
    with pytest.raises(StorageError, match="need a package that is not installed"):
        blobs.exists(SHA256)
