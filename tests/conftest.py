"""What holds for all tests: their environment, how many examples Hypothesis tries, and the tiers (docs/testing.md)."""

import os
from pathlib import Path

# All processes of a test run share compiled kernels; read when numba is first imported.
os.environ["NUMBA_CACHE_DIR"] = os.environ.get("NUMBA_CACHE_DIR", str(Path(__file__).parents[1] / ".numba_cache"))

import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

from lakehouse.core.project import Project

from .factory import Factory, new_factory

# And compiled modules.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# An evaluation in a process of its own costs the start of an interpreter; the fixture `isolated` is for tests of just that.
os.environ["LAKEHOUSE_EVALUATIONS"] = "in_process"

# The first call of a compiled kernel takes seconds; a deadline would blame the example that happened to come first.
settings.register_profile("fast", deadline=None, max_examples=20)
settings.register_profile("ci", settings.get_profile("fast"), max_examples=100)
settings.load_profile("fast")

SLOW = ("system/",)
"""Places whose tests are slow."""
LINE = (
    *("assets/", "delivery/", "governance/catalogue/", "operations/"),
    *(f"production/test_{name}.py" for name in ("augment", "engine", "faults", "gold", "learnt_from", "tune")),
    *("pilot/test_in_process.py", "pilot/test_worker.py", "reserve/screening/test_screening.py"),
)
"""Places whose tests take a version down the line; so does every test of MLflow's store."""
LONG = (
    *("system/test_repair_real.py", "system/test_object_store.py", "system/test_training.py", "system/test_inference.py", "system/"),
    *("operations/", "production/test_augment_operators.py", "authoring/", "pilot/", "assets/", "delivery/"),
    *("production/test_dedup_lines.py", "production/test_faults.py", "production/test_survival.py", "production/"),
)
"""Places whose files take longest, in the order in which they are begun: a process that begins one last would work on while others rest."""


def _place(item: pytest.Item) -> str:
    return item.path.relative_to(Path(__file__).parent).as_posix()


def _begun(item: pytest.Item) -> int:
    return next((at for at, place in enumerate(LONG) if _place(item).startswith(place)), len(LONG))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_begun)
    for item in items:
        place = _place(item)
        if place.startswith(SLOW):
            item.add_marker("slow")
        if place.startswith(LINE) or "empty_store" in getattr(item, "fixturenames", ()):
            item.add_marker("line")


@pytest.fixture(scope="module")
def isolated() -> Iterator[None]:
    """Evaluations in processes of their own, as they run where nothing else is set."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.delenv("LAKEHOUSE_EVALUATIONS")
        yield


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
