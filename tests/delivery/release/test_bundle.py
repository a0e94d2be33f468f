import json
import subprocess

import polars as pl
import pytest
import yaml
from click.testing import CliRunner

from lakehouse.cli import cli
from lakehouse.core import versions
from lakehouse.core.errors import ReleaseError
from lakehouse.core.project import Project
from lakehouse.delivery.release.bundle import read_bundle, verify_bundle, write_bundle

from .factory import COLUMNS, content, make, reviews


def test_a_bundle_holds_each_split_in_row_id_order_with_contract_columns_and_row_id(project: Project) -> None:
    version = make(project, reviews(11, 3, 2, 0, 1, 7))
    bundle = write_bundle(project, version)
    assert bundle.rows == {"train": 3, "validation": 2, "test": 1}
    train = pl.read_parquet(bundle.folder / "data" / "train-00000-of-00001.parquet")
    assert train.columns == ["text", "label", "row_id"]
    assert train["row_id"].to_list() == ["reviews_raw/002", "reviews_raw/003", "reviews_raw/007"]
    assert train["text"][0] == "评论 2，很好"
    assert bundle.folder == project.root / "releases" / "reviews"
    assert verify_bundle(bundle.folder) == []


def test_the_command_writes_the_bundle_again_and_says_how_many_rows(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    make(project, reviews(11, 3, 2, 0, 1, 7))
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(project.root))
    done = CliRunner().invoke(cli, ["version", "bundle", "reviews", "--version", "1.0.0"])
    assert done.exit_code == 0, done.exception
    assert "6 rows of reviews 1.0.0" in " ".join(done.output.split())
    shown = json.loads(CliRunner().invoke(cli, ["version", "bundle", "reviews", "--version", "1.0.0", "--json"]).output)
    assert (shown["label"], shown["rows"]) == ("1.0.0", {"train": 3, "validation": 2, "test": 1})


def test_the_same_version_gives_the_same_bytes_whatever_the_order_in_gold(project: Project) -> None:
    first = content(write_bundle(project, make(project, reviews(*range(12)))).folder)
    again = content(write_bundle(project, versions.find(project, "reviews", "latest")).folder)
    assert first == again
    project.table("gold", "reviews").write(reviews(*reversed(range(12))), "overwrite")
    shuffled = content(write_bundle(project, versions.find(project, "reviews", "latest")).folder)
    assert first == shuffled


def test_the_manifest_holds_evaluations_and_gates(project: Project) -> None:
    bundle = write_bundle(project, make(project, reviews(*range(6))))
    text = (bundle.folder / "manifest.json").read_text(encoding="utf-8")
    manifest = json.loads(text)
    assert manifest["evaluations"]["train"]["metrics"] == {"test": {"macro_f1": 0.9}}
    assert manifest["gates"]["passed"] is True
    assert text == json.dumps(manifest, sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def test_sha256sum_accepts_the_checksums(project: Project) -> None:
    bundle = write_bundle(project, make(project, reviews(*range(6))))
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=bundle.folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(bundle.files)


@pytest.mark.parametrize("name", ["data/train-00000-of-00001.parquet", "README.md", "manifest.json", "images/splits.png"])
def test_one_flipped_byte_is_found(project: Project, name: str) -> None:
    folder = write_bundle(project, make(project, reviews(*range(6)))).folder
    path = folder / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert any(name in problem or "no bundle" in problem for problem in verify_bundle(folder))


def test_a_missing_and_a_foreign_file_are_found(project: Project) -> None:
    folder = write_bundle(project, make(project, reviews(*range(6)))).folder
    (folder / "README.md").unlink()
    (folder / "notes.txt").write_text("x", encoding="utf-8")
    assert verify_bundle(folder) == ["README.md is missing", "notes.txt is not in SHA256SUMS"]
    assert "no bundle" in verify_bundle(folder / "nowhere")[0]


def test_other_rows_under_right_checksums_are_found(project: Project) -> None:
    bundle = write_bundle(project, make(project, reviews(*range(6))))
    path = bundle.folder / "data" / "test-00000-of-00001.parquet"
    before = read_bundle(bundle.folder).files["data/test-00000-of-00001.parquet"]
    pl.read_parquet(path).with_columns(text=pl.lit("forged")).write_parquet(path)
    from lakehouse.core.hashing import file_digest

    sums = bundle.folder / "SHA256SUMS"
    sums.write_text(sums.read_text(encoding="utf-8").replace(before, file_digest(path)), encoding="utf-8")
    assert verify_bundle(bundle.folder) == ["the rows are not those of the version: their content id differs"]


def test_gold_that_is_not_what_was_recorded_is_refused_and_the_old_bundle_stays(project: Project) -> None:
    old = content(write_bundle(project, make(project, reviews(*range(6)))).folder)
    broken = make(project, reviews(*range(7)), "1.1.0", content_id="0" * 64)
    with pytest.raises(ReleaseError, match="not the content recorded for"):
        write_bundle(project, broken)
    assert content(project.release_folder("reviews")) == old


def test_no_rows_and_a_column_named_row_id_are_refused(project: Project) -> None:
    with pytest.raises(ReleaseError, match="has no rows"):
        write_bundle(project, make(project, reviews(1).clear()))
    rows = reviews(1, 2).with_columns(row_id=pl.lit("x"))
    with pytest.raises(ReleaseError, match="column `row_id`"):
        write_bundle(project, make(project, rows, columns={**COLUMNS, "row_id": COLUMNS["text"]}))


def test_what_a_killed_run_left_in_staging_does_not_reach_the_bundle(project: Project) -> None:
    version = make(project, reviews(*range(6)))
    litter = project.state / "bundles" / "reviews" / "data"
    litter.mkdir(parents=True)
    (litter / "train-00000-of-00001.parquet").write_bytes(b"half")
    assert verify_bundle(write_bundle(project, version).folder) == []


def test_datasets_loads_the_folder_with_splits_features_and_text(
    project: Project, tmp_path: "pytest.TempPathFactory", monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = reviews(*range(12)).with_columns(
        score=pl.lit(0.5),
        stars=pl.col("_row_id").str.len_chars().cast(pl.Int32),
        spam=pl.lit(False),
        tags=pl.concat_list(pl.lit("a"), "label"),
        meta=pl.struct(pl.lit(1).cast(pl.Int64).alias("page"), pl.lit("zh").alias("lang")),
        day=pl.date(2026, 11, 1),
        raw=pl.col("text").cast(pl.Binary),
        seen=pl.datetime(2026, 11, 1, time_unit="us", time_zone="UTC"),
    )
    extra = {
        name: {"type": "x", "nullable": True, "unique": False, "description": None, "checks": []} for name in rows.columns if name[0] != "_"
    }
    bundle = write_bundle(project, make(project, rows, columns={**extra, **COLUMNS}))
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    from datasets import DownloadMode, load_dataset

    loaded = load_dataset(str(bundle.folder), cache_dir=str(tmp_path / "cache"), download_mode=DownloadMode.FORCE_REDOWNLOAD)
    assert {name: split.num_rows for name, split in loaded.items()} == bundle.rows
    assert set(loaded["train"].features) == {*extra, "row_id"}
    first = loaded["train"][0]
    assert (first["text"], first["row_id"], first["meta"], first["tags"]) == (
        "评论 2，很好",
        "reviews_raw/002",
        {"page": 1, "lang": "zh"},
        ["a", "negative"],
    )
    assert first["day"].year == 2026
    assert first["seen"].utcoffset() is not None
    assert first["raw"] == "评论 2，很好".encode()


def test_the_card_tells_licence_balance_rules_reasons_scores_and_identity(project: Project) -> None:
    version = make(project, reviews(*range(6)), violations={"label:isin": 3}, quarantined=3, privacy={"text": ["name"]})
    card = (write_bundle(project, version).folder / "README.md").read_text(encoding="utf-8")
    head = yaml.safe_load(card.split("---\n")[1])
    assert head["license"] == "mit"
    assert head["language"] == ["zh"]
    assert head["task_categories"] == ["text-classification"]
    assert head["size_categories"] == ["n<1K"]
    assert [feature["name"] for feature in head["dataset_info"]["features"]] == ["text", "label", "row_id"]
    for words in (
        "中文商品评论",
        "| 1 | `text_length` | 12 | 0 | 6 | 0 | 6 | 0 |",
        "| `text` | String | not null; str_length(2, None) | The review as written. |",
        "| contract | label:isin | 3 |",
        "| train | test | macro_f1 | 0.9 |",
        "passed",
        "Column `text` may hold personal data: name.",
        "| `reviews_raw` |  | MIT | raw |  | 12 | `cccccccccccc` |",
        version.version,
        version.content_id,
    ):
        assert words in card
    assert "None |" not in card
    assert "| None" not in card


def test_a_card_of_a_bare_manifest_is_still_written(project: Project) -> None:
    bare = dict.fromkeys(("metadata", "contract", "recipe", "splits", "balance", "violations", "privacy", "leaks", "parents", "inputs"))
    bundle = write_bundle(project, make(project, reviews(1, 2), gates=None, **bare))
    assert verify_bundle(bundle.folder) == []
    assert "license: unknown" in (bundle.folder / "README.md").read_text(encoding="utf-8")


def test_terms_in_words_become_a_named_licence(project: Project) -> None:
    version = make(project, reviews(1, 2), metadata={"license": "Research use only"})
    head = yaml.safe_load((write_bundle(project, version).folder / "README.md").read_text(encoding="utf-8").split("---\n")[1])
    assert (head["license"], head["license_name"]) == ("other", "research-use-only")
