"""What runs of the whole factory share: evaluations as a user has them, and real data made once."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from .living import made_to_gold


@pytest.fixture(scope="module", autouse=True)
def _isolated(isolated: None) -> None:
    """On real data evaluations run in processes of their own, as they do for a user."""


@pytest.fixture(scope="session")
def living(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Callable[[Path, str], None]:
    """Copies a dataset of this repository into a folder: its declarations, its lake as far as gold, and an MLflow store without a run."""
    place = tmp_path_factory.getbasetemp()
    # Processes of one test run have a folder each, below one.
    place = place.parent if "PYTEST_XDIST_WORKER" in os.environ else place

    def copy(folder: Path, name: str) -> None:
        shutil.copytree(made_to_gold(place, name), folder, dirs_exist_ok=True)
        shutil.copyfile(empty_store, folder / "mlflow.db")

    return copy
