"""The name that a dataset gets from its material, in any script."""

from __future__ import annotations

import builtins
from typing import Any

import pytest

from lakehouse.authoring import naming
from tests.authoring.desk import Desk

ROWS = b"x,y\n" + b"1,2\n" * 60


@pytest.mark.parametrize(
    ("called", "name"),
    [
        ("Preise 2024.csv", "preise_2024"),
        ("Größe.csv", "grosse"),
        ("Café-Gäste.parquet", "cafe_gaste"),
        ("销售.csv", "xiao_shou"),
        ("2024销售Q1.csv", "data_2024_xiao_shou_q1"),
        ("продажи.csv", "data"),
        ("2024.csv", "data_2024"),
    ],
)
def test_names(called: str, name: str) -> None:
    assert naming.name_of(called) == name


def test_a_chinese_name_is_read_and_that_is_said(desk: Desk) -> None:
    made = desk.add(desk.bring("销售.csv", ROWS))
    assert made.dataset == "xiao_shou"
    assert "`销售` is called `xiao_shou`, as it is read; to call it otherwise: --name NAME" in made.notes


def test_names_that_cannot_be_read_are_numbered(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builtins, "__import__", _without_pypinyin(builtins.__import__))
    first, second = (desk.add(desk.bring(name, ROWS)) for name in ("销售.csv", "продажи.csv"))
    assert (first.dataset, second.dataset) == ("data", "data_2")
    said = "`продажи` has no letter that a name of a dataset can have, so the dataset is called `data_2`; to call it otherwise: --name NAME"
    assert said in second.notes
    assert desk.add(desk.bring("客户.csv", ROWS), name="customers").dataset == "customers"


def _without_pypinyin(real: Any) -> Any:
    def imported(name: str, *given: Any, **more: Any) -> Any:
        if name == "pypinyin":
            raise ImportError(name)
        return real(name, *given, **more)

    return imported
