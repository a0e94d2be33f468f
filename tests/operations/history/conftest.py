from pathlib import Path

import pytest

from lakehouse.core.project import Project
from tests.delivery.release.factory import new_project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    for name in ("LAKEHOUSE_LAKE", "LAKEHOUSE_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    return new_project(tmp_path / "factory")
