from pathlib import Path

import pytest
from hypothesis import settings

from lakehouse.core.project import Project

from .factory import Factory, new_factory

# The first call of a compiled kernel takes seconds; a deadline would blame the example that happened to come first.
settings.register_profile("factory", deadline=None)
settings.load_profile("factory")


@pytest.fixture
def notes_factory(tmp_path: Path) -> Factory:
    """A factory with the source and dataset `notes`, an empty recipe, and a contract that every non-empty text keeps."""
    return new_factory(tmp_path)


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's database without a run: making its tables costs seconds, copying them none."""
    from lakehouse.pilot.tracking.connection import connected

    root = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
        with connected(Project.open(root)) as mlflow:
            mlflow.search_experiments()
    return root / "mlflow.db"
