"""Two folders that share a lake: a collection that commits while another is under way is not taken for the other's own past."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lakehouse.core.errors import LockedError
from lakehouse.reserve.bronze import collect as module

from .conftest import Factory

ORDERS = b"id,item\n1,tea\n2,cup\n"


@pytest.fixture
def two(tmp_path: Path) -> tuple[Factory, Factory]:
    made = Factory(tmp_path / "here"), Factory(tmp_path / "there")
    for factory in made:
        factory.declare(key=["id"], options={"format": "csv"})
        factory.write("data/a.csv", ORDERS)
        factory.write("lakehouse.yaml", b"lake: ../lake\n")
    return made


@pytest.mark.parametrize("collected_before", [False, True])
def test_a_collection_beside_another_is_refused_and_succeeds_when_run_again(
    two: tuple[Factory, Factory], monkeypatch: pytest.MonkeyPatch, collected_before: bool
) -> None:
    here, there = two
    if collected_before:
        here.collect()
        for factory in two:
            factory.write("data/a.csv", ORDERS + b"3,pot\n")
    read = module.last_collection

    def read_while_another_collects(project: Any, name: str) -> Any:
        monkeypatch.setattr(module, "last_collection", read)
        found = read(project, name)
        there.collect()
        return found

    monkeypatch.setattr(module, "last_collection", read_while_another_collects)
    with pytest.raises(LockedError, match="another writer"):
        here.collect()
    again = here.collect()
    assert again.unchanged
    assert here.live()["item"].to_list() == ["tea", "cup", "pot"][: 3 if collected_before else 2]
