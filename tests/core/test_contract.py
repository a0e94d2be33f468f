"""Contracts: every broken rule per row; what speaks of a table, or cannot load, is named."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest

from lakehouse.core.errors import ContractError
from lakehouse.core.spec.contract import Contract, Validation, loosened

HEAD = '''"""Orders."""

import pandera.polars as pa
import polars as pl


class Orders(pa.DataFrameModel):
    """An order a row."""

'''
BODY = """    id: str = pa.Field(unique=True, description="Number of the order.")
    price: float = pa.Field(ge=0, le=1000)
    note: str = pa.Field(nullable=True, str_length={"max_value": 5})
"""

clean_orders = pl.DataFrame({"_row_id": ["a", "b"], "id": ["1", "2"], "price": [1.0, 2.0], "note": [None, "好评"]})
hopeless_orders = pl.DataFrame(
    {
        "_row_id": ["a", "b", "c", "d", "e"],
        "id": ["1", "2", "2", None, "5"],
        "price": [-1.0, None, 5000.0, 1.0, 3.0],
        "note": ["太长太长太长", None, "ok", "ok", "ok"],
    }
)


def load(folder: Path, text: str, name: str = "Orders") -> Contract:
    (folder / "contracts").mkdir(exist_ok=True)
    (folder / "contracts/orders.py").write_text(text, encoding="utf-8")
    return Contract.load(folder, f"contracts/orders.py:{name}")


def broken(found: Validation) -> dict[str, list[str]]:
    return dict(found.invalid.select("_row_id", "_rules").iter_rows())


def test_clean_rows_keep_every_rule(tmp_path: Path) -> None:
    found = load(tmp_path, HEAD + BODY).validate(clean_orders)
    assert found.valid.equals(clean_orders)
    assert found.invalid.is_empty()
    assert "_rules" in found.invalid.columns


def test_every_broken_rule_of_every_row_is_named(tmp_path: Path) -> None:
    found = load(tmp_path, HEAD + BODY).validate(hopeless_orders)
    assert broken(found) == {
        "a": ["note:str_length(None, 5)", "price:greater_than_or_equal_to(0)"],
        "b": ["id:field_uniqueness", "price:not_nullable"],
        "c": ["id:field_uniqueness", "price:less_than_or_equal_to(1000)"],
        "d": ["id:not_nullable"],
    }
    assert found.valid["_row_id"].to_list() == ["e"]
    assert found.counts["id:field_uniqueness"] == 2


def test_no_rows_at_all_are_valid(tmp_path: Path) -> None:
    assert load(tmp_path, HEAD + BODY).validate(clean_orders.clear()).valid.is_empty()


ROW = "    @pa.{check}\n    def rule(cls, data):\n        return data.lazyframe.select({rule})\n"


def test_rules_of_rows_may_be_written_as_checks(tmp_path: Path) -> None:
    column = ROW.format(check='check("price")', rule="pl.col(data.key) != 13")
    whole = ROW.format(check="dataframe_check", rule='pl.col("price") < 20').replace("def rule", "def together")
    orders = pl.DataFrame({"_row_id": ["a", "b", "c"], "id": ["1", "2", "3"], "price": [13.0, 30.0, 5.0], "note": ["", "", ""]})
    assert broken(load(tmp_path, HEAD + BODY + column + whole).validate(orders)) == {"a": ["price:rule"], "b": ["Orders:together"]}


@pytest.mark.parametrize("check", ['check("price")', "dataframe_check"])
@pytest.mark.parametrize("limit", [0, 100])
def test_a_check_of_the_whole_table_is_refused_whether_it_holds_or_not(tmp_path: Path, check: str, limit: int) -> None:
    contract = load(tmp_path, HEAD + BODY + ROW.format(check=check, rule=f'pl.col("price").mean() > {limit}'))
    with pytest.raises(ContractError, match="check `rule` speaks of the whole table, not of a row"):
        contract.validate(clean_orders)


@pytest.mark.parametrize("check", ['check("price")', "dataframe_check"])
def test_a_check_that_raises_is_named(tmp_path: Path, check: str) -> None:
    contract = load(tmp_path, HEAD + BODY + f'    @pa.{check}\n    def rule(cls, data):\n        raise ZeroDivisionError("oh")\n')
    with pytest.raises(ContractError, match="check `rule` does not run: ZeroDivisionError"):
        contract.validate(clean_orders)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="the table lacks column `price`") as caught:
        load(tmp_path, HEAD + BODY).validate(clean_orders.drop("price"))
    assert caught.value.fix == "it has: id, note"


def test_a_column_of_another_type_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"column `price` does not fit the contract: .*Float64.*, found String"):
        load(tmp_path, HEAD + BODY).validate(clean_orders.with_columns(price=pl.lit("1")))


@pytest.mark.parametrize(
    ("text", "words", "where"),
    [
        ("import pandera.polars as pa\n\nx = 1 / 0\n", "ZeroDivisionError", "contracts/orders.py:3"),
        ("import pandera.polars as pa\nimport no_such_package\n", "ModuleNotFoundError", "contracts/orders.py:2"),
        ("class Orders(:\n", "SyntaxError", "contracts/orders.py:1"),
        ("class Orders:\n    pass\n", "no Pandera Polars model `Orders`", "contracts/orders.py"),
        (HEAD + "    x: Nope\n", "Nope", "contracts/orders.py:10"),
        (HEAD + '    x: str = pa.Field(alias="_x")\n', "names with a leading `_` belong to the system", "contracts/orders.py:Orders"),
    ],
)
def test_a_contract_that_does_not_load_is_named_with_its_line(tmp_path: Path, text: str, words: str, where: str) -> None:
    with pytest.raises(ContractError) as caught:
        load(tmp_path, text)
    assert words in caught.value.what
    assert caught.value.where == where


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"contract file contracts/other\.py does not exist"):
        Contract.load(tmp_path, "contracts/other.py:Orders")


def test_what_a_contract_no_longer_promises(tmp_path: Path) -> None:
    before = load(tmp_path, HEAD + BODY)
    after = load(
        tmp_path,
        HEAD + "    id: str = pa.Field(nullable=True)\n    price: int = pa.Field(ge=0)\n    more: str\n",
    )
    assert loosened(before.columns, before.columns) == []
    assert sorted(loosened(before.columns, after.columns)) == [
        "column `id` is no longer unique",
        "column `id` may now be null",
        "column `note` is gone",
        "column `price` changed type from Float64 to Int64",
        "column `price` no longer promises less_than_or_equal_to(1000)",
    ]
    assert loosened({}, after.columns) == []


def test_the_identity_of_a_contract_sees_rules_not_comments(tmp_path: Path) -> None:
    first = load(tmp_path, HEAD + BODY).hash
    assert load(tmp_path, HEAD + BODY + "    # a comment\n").hash == first
    assert load(tmp_path, HEAD + BODY.replace("1000", "999")).hash != first


def test_a_contract_changed_within_the_second_to_as_many_letters_is_the_changed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python's bytecode is known by the size of its source and the second of its change."""
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    file = tmp_path / "contracts/orders.py"
    file.parent.mkdir()
    for bound in ("1000", "2000"):
        file.write_text(HEAD + BODY.replace("1000", bound), encoding="utf-8")
        os.utime(file, (1_700_000_000, 1_700_000_000))
        found = Contract.load(tmp_path, "contracts/orders.py:Orders")
        assert f"less_than_or_equal_to({bound}" in str(found.columns["price"])
