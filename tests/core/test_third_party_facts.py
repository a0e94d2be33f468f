"""What other libraries do that we lean on. A failure here says which assumption of ours an upgrade has broken."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import polars_hash as plh
import pyarrow as pa
import pytest
import yaml
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError

REPOSITORY = Path(__file__).parents[2]


def test_pandera_checks_only_the_schema_of_a_lazyframe() -> None:
    import pandera.polars as pan

    class Orders(pan.DataFrameModel):
        price: int = pan.Field(ge=0)

    Orders.validate(pl.LazyFrame({"price": [-1]})).collect()
    with pytest.raises(pan.errors.SchemaErrors):
        Orders.validate(pl.DataFrame({"price": [-1]}), lazy=True)


def test_pandera_blames_row_0_for_a_check_of_the_whole_table() -> None:
    import pandera.polars as pan

    class Orders(pan.DataFrameModel):
        price: int

        @pan.check("price")
        def high(cls, data: Any) -> Any:
            return data.lazyframe.select(pl.col(data.key).mean() > 5)

    with pytest.raises(pan.errors.SchemaErrors) as caught:
        Orders.validate(pl.DataFrame({"price": [9, 0, 0]}), lazy=True)
    assert caught.value.failure_cases["index"].to_list() == [0]


def test_yaml_reads_no_as_false() -> None:
    assert yaml.safe_load("[en, no]") == ["en", False]


def test_a_dagster_selection_string_works_beside_dvc() -> None:
    script = "import dagster as dg; print(type(dg.AssetSelection.from_string('key:\"gold/reviews\"+')).__name__); import dvc.config"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_polars_hash_is_sha256() -> None:
    words = ["", "a", "好评", "x" * 1000]
    found = pl.DataFrame({"w": words}).select(plh.concat_str(pl.col("w")).chash.sha2_256()).to_series().to_list()
    assert found == [hashlib.sha256(word.encode()).hexdigest() for word in words]


def test_an_unstable_hash_is_used_nowhere() -> None:
    files = [file for folder in ("lakehouse", "assets", "contracts") for file in (REPOSITORY / folder).rglob("*.py")]
    assert len(files) > 50
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert ".hash_rows(" not in text, file
        assert ".hash(" not in text, file


def frame(**columns: Any) -> pa.Table:
    return pl.DataFrame(columns).to_arrow(compat_level=pl.CompatLevel.oldest())


def test_vacuum_keeps_pinned_versions(tmp_path: Path) -> None:
    for n in range(3):
        write_deltalake(str(tmp_path), frame(n=[n]), mode="overwrite")
    DeltaTable(str(tmp_path)).vacuum(retention_hours=0, keep_versions=[0], dry_run=False, enforce_retention_duration=False, full=True)
    assert pl.read_delta(str(tmp_path), version=0)["n"].to_list() == [0]
    with pytest.raises(Exception, match="parquet"):
        pl.read_delta(str(tmp_path), version=1)


def test_a_merged_schema_casts_in_silence(tmp_path: Path) -> None:
    write_deltalake(str(tmp_path), frame(n=[1]))
    write_deltalake(str(tmp_path), frame(n=["2"], new=["x"]), mode="append", schema_mode="merge")
    assert sorted(pl.read_delta(str(tmp_path))["n"].cast(pl.String)) == ["1", "2"]
    with pytest.raises(DeltaError):
        write_deltalake(str(tmp_path), frame(n=[1], other=[2]), mode="append")


def test_delta_refuses_a_type_it_has_not(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="type"):
        write_deltalake(str(tmp_path), frame(c=pl.Series([1], dtype=pl.Duration("us"))))
    assert not DeltaTable.is_deltatable(str(tmp_path))


def test_appends_at_once_both_commit_and_nothing_else_does(tmp_path: Path) -> None:
    write_deltalake(str(tmp_path), frame(n=[0]))
    first, second = DeltaTable(str(tmp_path)), DeltaTable(str(tmp_path))
    write_deltalake(first, frame(n=[1]), mode="append")
    write_deltalake(second, frame(n=[2]), mode="append")
    assert sorted(pl.read_delta(str(tmp_path))["n"]) == [0, 1, 2]
    stale = DeltaTable(str(tmp_path))
    write_deltalake(str(tmp_path), frame(n=[3]), mode="overwrite")
    for mode in ("overwrite", "append"):
        with pytest.raises(CommitFailedError):
            write_deltalake(stale, frame(n=[4]), mode=mode)


def test_commit_metadata_is_flat_and_transactions_are_kept(tmp_path: Path) -> None:
    properties = CommitProperties(custom_metadata={"factory.plan": "p"}, app_transactions=[Transaction("run", 7)])
    write_deltalake(str(tmp_path), frame(n=[0]), commit_properties=properties)
    table = DeltaTable(str(tmp_path))
    assert table.history()[0]["factory.plan"] == "p"
    assert table.transaction_version("run") == 7


def test_history_is_numbered_right_only_from_the_newest_version(tmp_path: Path) -> None:
    for n in range(3):
        write_deltalake(str(tmp_path), frame(n=[n]), mode="overwrite")
    assert [entry["version"] for entry in DeltaTable(str(tmp_path)).history()] == [2, 1, 0]
    assert [entry["version"] for entry in DeltaTable(str(tmp_path), version=0).history()] != [0]


def test_root_names_see_through_functions_and_not_through_selectors() -> None:
    seen = (
        pl.when(pl.col("a") > 1).then(pl.col("b").map_batches(lambda s: s, return_dtype=pl.String)).otherwise(pl.col("c").first().over("d"))
    )
    assert set(seen.meta.root_names()) == {"a", "b", "c", "d"}


def test_a_regular_expression_has_a_boundary_of_ascii_words_and_a_limit_of_size() -> None:
    chinese = pl.Series(["电话13812345678谢谢"])
    assert chinese.str.contains(r"(?-u:\b)1[0-9]{10}(?-u:\b)").item()
    assert not chinese.str.contains(r"\b1[0-9]{10}\b").item()
    with pytest.raises(pl.exceptions.ComputeError, match="exceeds size limit"):
        chinese.str.extract_all("(?s).{1,100000}\n|.{1,100000}")


def test_a_range_over_a_window_needs_a_column() -> None:
    """`int_range(len())` in a window gives the first row for every group; the row index as a column does not."""
    rows = pl.DataFrame({"g": ["a", "b", "a"]})
    assert rows.select(pl.int_range(pl.len()).first().over("g")).to_series().to_list() == [0, 0, 0]
    assert rows.with_row_index("at").select(pl.col("at").first().over("g")).to_series().to_list() == [0, 1, 0]


def test_chardet_tells_a_short_name_in_gbk_from_korean() -> None:
    import chardet

    found = chardet.detect_all("客户反馈.txt".encode("gbk"), ignore_threshold=True, compat_names=False)
    assert found[0]["encoding"] == "gb18030"
    assert found[0]["confidence"] > 1.5 * max(each["confidence"] for each in found if each["encoding"] in ("cp949", "euc_kr"))


def test_requests_is_content_with_this_chardet() -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", "import requests"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
