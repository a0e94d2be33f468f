from pathlib import Path

import pytest
from hypothesis import settings

from .factory import Factory, new_factory

# The first call of a compiled kernel takes seconds; a deadline would blame the example that happened to come first.
settings.register_profile("factory", deadline=None)
settings.load_profile("factory")


@pytest.fixture
def notes_factory(tmp_path: Path) -> Factory:
    """A factory with the source and dataset `notes`, an empty recipe, and a contract that every non-empty text keeps."""
    return new_factory(tmp_path)
