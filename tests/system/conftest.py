import pytest


@pytest.fixture(scope="module", autouse=True)
def _isolated(isolated: None) -> None:
    """On real data evaluations run in processes of their own, as they do for a user."""
