import shutil
from pathlib import Path

import pytest


@pytest.fixture
def tracked(tmp_path: Path, empty_store: Path) -> None:
    """A factory at `tmp_path` finds MLflow's tables made."""
    shutil.copyfile(empty_store, tmp_path / "mlflow.db")
