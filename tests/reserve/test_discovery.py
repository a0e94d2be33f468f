"""Discovery: what a file is by its content, what its columns hold, and a first source that is collected as it stands."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lakehouse.authoring.source_file import write_source
from lakehouse.cli.discover import discover_command
from lakehouse.core.errors import FactoryError, SourceError, SpecError
from lakehouse.core.project import Project
from lakehouse.core.text.encoding import encoding
from lakehouse.reserve.bronze.collect import collect
from lakehouse.reserve.discovery.column_form import form
from lakehouse.reserve.discovery.discover import Discovery, discover, discover_source
from lakehouse.reserve.discovery.drift import psi
from lakehouse.reserve.discovery.layout import layout
from lakehouse.reserve.discovery.picture import profile_picture
from lakehouse.reserve.discovery.sampling import ITEMS
from lakehouse.reserve.formats.columns import fitted

from .conftest import Factory

REVIEWS = [
    "这本书的内容很好，孩子看了以后非常喜欢，值得推荐给大家。",
    "房间很干净，服务员的态度也很好，下次来还会住在这里。",
    "电脑的速度太慢，用了不到一个月就坏了，真的很失望。",
    "送货很快，包装完好，就是说明书上没有中文，不太方便。",
]
JAPANESE = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。何でも薄暗いじめじめした所で泣いていた事だけは記憶している。"
FRENCH = "Les élèves français étaient déjà là, à côté du château; où êtes-vous allé cet été?"
TRADITIONAL = "這本書的內容很好，孩子看了以後非常喜歡，值得推薦給大家。電腦的速度太慢，用了不到一個月就壞了，真的很失望。"
ID, CARD, PHONE, MAIL = "11010519491231002X", "4111111111111111", "13812345678", "li.wei@example.com"


def reviews_csv(rows: int = 60) -> str:
    lines = (f'{i},"{REVIEWS[i % 4]}第{i}次",{("好", "差")[i % 2]}\n' for i in range(rows))
    return "编号,文本,标签\n" + "".join(lines)


def collected(factory: Factory, found: Discovery) -> pl.DataFrame:
    """The rows of bronze after the source that discovery writes was collected."""
    written = write_source(factory.project, found)
    made = collect(Project.open(factory.root), written.source)
    assert made.findings == {}
    return factory.project.table("bronze", written.source).read().sort("_row_id")


@pytest.mark.parametrize("name", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"])
def test_every_encoding_of_chinese_becomes_the_same_rows(factory: Factory, name: str) -> None:
    found = discover(factory.write("in/reviews.csv", reviews_csv().encode(name)))
    assert found.described is not None
    assert found.described.encoding is not None
    assert found.described.encoding.name == name
    assert found.described.encoding.confidence > 0.9
    assert [(c.name, c.type, c.role) for c in found.columns] == [
        ("编号", "int", "key"),
        ("文本", "string", "text"),
        ("标签", "string", "label"),
    ]
    rows = collected(factory, found)
    assert sorted(rows["编号"]) == list(range(60))
    assert rows.sort("编号")["文本"][5] == f"{REVIEWS[1]}第5次"


@pytest.mark.parametrize(
    ("text", "name"),
    [(JAPANESE, "cp932"), (JAPANESE, "euc_jp"), (TRADITIONAL, "big5hkscs"), (FRENCH, "cp1252"), ("".join(REVIEWS), "gb18030")],
)
def test_the_encoding_is_found(text: str, name: str) -> None:
    found = encoding(text.encode(name))
    assert found is not None
    assert found.name == name
    assert found.confidence >= 0.5


def test_broken_utf8_stays_utf8_and_its_lines_are_findings(factory: Factory) -> None:
    lines = [text.encode() for text in REVIEWS * 20]
    found = discover(factory.write("in/notes.txt", b"\n".join([*lines, b"\xff\xfe broken"])))
    assert found.described is not None
    assert found.described.encoding is not None
    assert (found.described.encoding.name, found.findings) == ("utf-8", {"invalid_utf8": 1})


def test_a_tsv_without_a_header(factory: Factory) -> None:
    data = "".join(f"{i}\t{REVIEWS[i % 4]}\t{i / 2}\n" for i in range(30)).encode()
    rows = collected(factory, discover(factory.write("in/plain.tsv", data)))
    assert rows.sort("column_1").select("column_1", "column_3").row(2) == (2, 1.0)


def test_a_json_array_becomes_json_lines(factory: Factory) -> None:
    items = [{"_id": i, "text": REVIEWS[i % 4], "tags": ["a", i]} for i in range(30)]
    found = discover(factory.write("in/items.json", json.dumps(items, ensure_ascii=False, indent=2).encode()))
    assert [(c.name, c.type) for c in found.columns] == [("_id", "int"), ("text", "string"), ("tags", "json")]
    assert collected(factory, found).sort("id")["text"].to_list() == [item["text"] for item in items]


@pytest.mark.parametrize("separator", [",", "\t", ";", "|"])
def test_the_separator_is_found(separator: str) -> None:
    text = "".join(separator.join(row) + "\n" for row in [("id", "name"), *((str(i), "a b") for i in range(20))])
    found = layout(text, "txt", whole=True)
    assert (found.structure, found.separator, found.header) == ("csv", separator, True)


def test_prose_with_commas_is_lines() -> None:
    assert layout("Well, yes.\nNo, not at all.\nIf so, then, perhaps.\nNever.\n", "txt", whole=True).structure == "lines"


def test_oranges_rows_of_types_are_skipped(factory: Factory) -> None:
    data = "Category\tText\nd\tstring\nclass\t\n" + "".join(f"{'ab'[i % 2]}\tsome words of text, number {i}\n" for i in range(40))
    assert collected(factory, discover(factory.write("in/news.tab", data.encode()))).height == 40


def test_a_picture_called_csv(factory: Factory) -> None:
    drawn = io.BytesIO()
    Image.new("RGB", (7, 5)).save(drawn, "png")
    found = discover(factory.write("in/table.csv", drawn.getvalue()))
    assert found.notes == ("table.csv is named .csv, but it is image/png",)
    assert collected(factory, found).select("format", "width", "height").row(0) == ("png", 7, 5)
    found = discover(factory.write("in/program.csv", b"\x7fELF" + bytes(64)))
    with pytest.raises(SourceError, match="is application/x-elf: no source can be written"):
        write_source(factory.project, found)


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("empty.csv", b"", "the file is empty"),
        ("junk.bin", bytes(range(256)) * 40, "no known format"),
        ("line.txt", b"x" * 33_600_000, "its first line is longer than"),
        ("cut.csv.gz", b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "ends early"),
    ],
)
def test_where_nothing_can_be_said_there_is_one_message(factory: Factory, name: str, data: bytes, says: str) -> None:
    with pytest.raises(SourceError, match=says) as error:
        discover(factory.write(f"in/{name}", data))
    assert error.value.fix


def test_an_empty_folder_and_a_missing_one(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no files"):
        discover(tmp_path)
    with pytest.raises(SourceError, match="does not exist"):
        discover(tmp_path / "nowhere")


def test_a_folder_of_several_kinds_declares_the_largest(factory: Factory) -> None:
    for i in range(4):
        factory.write(f"in/a{i}.jsonl", "".join(json.dumps({"text": t, "n": i}) + "\n" for t in REVIEWS).encode())
    factory.write("in/readme.md", b"# Notes\n")
    factory.write("in/empty.txt", b"")
    found = discover(factory.root / "in")
    assert {g.type: g.files for g in found.groups} == {"application/x-ndjson": 4, "text/plain": 1}
    assert "1 of its files: the file is empty" in found.notes
    assert collected(factory, found).height == 16


def people(rows: int = 60) -> str:
    return "姓名,手机,身份证,备注\n" + "".join(
        f"王小明{i},{PHONE},{ID},第{i}次请联系 {MAIL} 或者刷卡 {CARD} 谢谢大家\n" for i in range(rows)
    )


def test_private_data_is_counted_and_never_shown(factory: Factory, capsys: pytest.CaptureFixture[str]) -> None:
    file = factory.write("in/people.csv", people().encode())
    found = discover(file)
    assert {c.name: c.private for c in found.columns} == {
        "姓名": {},
        "手机": {"phone": 60},
        "身份证": {"cn_id": 60},
        "备注": {"email": 60, "bank_card": 60},
    }
    assert found.grading is not None
    assert (found.grading.classes, found.grading.grade) == (("personal",), "important")
    assert found.privacy == {"姓名": ["name"], "手机": ["phone"], "身份证": ["cn_id"], "备注": ["pii"]}
    assert found.keys == ()
    for arguments in ([str(file)], [str(file), "--json"]):
        discover_command.main(arguments, standalone_mode=False)
    printed = capsys.readouterr().out
    assert not any(value in printed for value in (ID, CARD, PHONE, MAIL, "王小明"))
    file = write_source(factory.project, found).file
    assert not any(value in file.read_text() for value in (ID, CARD, PHONE, MAIL, "王小明"))


def test_a_large_file_is_sampled_evenly_and_its_rows_are_estimated(factory: Factory) -> None:
    rows = 60_000  # sorted by label: the first rows alone would show one label
    data = "".join(f"{i}\t{'early' if i < rows // 2 else 'late'}\tsome text of row {i}\n" for i in range(rows)).encode()
    found = discover(factory.write("in/large.tsv", b"id\tlabel\ttext\n" + data))
    assert not found.whole
    assert found.sampled <= ITEMS
    assert found.rows == pytest.approx(rows, rel=0.02)
    label = next(c for c in found.columns if c.name == "label")
    assert label.values["early"] == pytest.approx(found.sampled / 2, rel=0.02)


def test_copies_and_languages(factory: Factory) -> None:
    words = [a + b + c for a in "bcdfghjk" for b in "aeiou" for c in "lmnprstvwx"]
    pick = random.Random(7)
    texts = [" ".join(pick.choices(words, k=60)) for _ in range(60)]
    near = [text.replace(text.split()[0], "other", 1) for text in texts[:20]]
    found = discover(factory.write("in/t.jsonl", "".join(json.dumps({"text": t}) + "\n" for t in [*texts, *texts[:20], *near]).encode()))
    assert found.copies is not None
    assert (found.copies.exact, found.copies.near) == (0.2, 0.4)
    found = discover(factory.write("in/zh.csv", reviews_csv().encode()))
    assert found.columns[1].languages == {"zh": 1.0}


def test_drift_against_the_last_collection(factory: Factory) -> None:
    def rows(positive: int) -> bytes:
        lines = ({"id": f"k{i}", "text": f"{REVIEWS[i % 4]}{i}", "label": "good" if i < positive else "bad"} for i in range(600))
        return "".join(json.dumps(line) + "\n" for line in lines).encode()

    factory.declare(columns={"id": "string", "text": "string", "label": "string"}, key=["id"])
    factory.write("data/a.jsonl", rows(300))
    assert "never collected: nothing to compare with" in discover_source(factory.project, "shop").notes
    factory.collect()
    same = {(m.what, m.measure): m.verdict for m in discover_source(factory.project, "shop").drift}
    assert set(same.values()) == {"same"}
    factory.write("data/a.jsonl", rows(540))
    found = discover_source(factory.project, "shop")
    told = {(m.what, m.measure): (m.verdict, m.evidence) for m in found.drift}
    assert told["label", "values"][0] == "another distribution"
    assert told["label", "values"][1] in ("bad: 50.0% before, 10.0% now", "good: 50.0% before, 90.0% now")
    assert told["text", "lengths"][0] == "same"
    assert profile_picture(found).startswith(b"\x89PNG")


def test_a_name_that_is_taken_or_none(factory: Factory) -> None:
    found = discover(factory.write("in/reviews.csv", reviews_csv().encode()))
    write_source(factory.project, found, "one")
    with pytest.raises(SpecError, match="exists"):
        write_source(factory.project, found, "one")
    with pytest.raises(SpecError, match="no name for a source"):
        write_source(factory.project, found, "One!")


def test_neither_a_path_nor_a_source(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(factory.root)
    with pytest.raises(FactoryError, match="no file, no folder and no declared source"):
        discover_command.main(["nothing"], standalone_mode=False)


@given(st.lists(st.one_of(st.none(), st.integers(-(10**6), 10**17).map(str)), min_size=1))
def test_whole_numbers_are_int(values: list[str | None]) -> None:
    found, known = form(pl.Series(values, dtype=pl.String)).type, [v for v in values if v is not None]
    # Eight digits that are all days of the calendar are dates.
    assert found == ("int" if known else "string") or (found == "date" and all(len(v) == 8 for v in known))


_MARKS = "0123456789.,eE-+/: truefalsTRUENA年月日"


@given(st.lists(st.one_of(st.none(), st.text(_MARKS, max_size=10)), min_size=1, max_size=8), st.sampled_from([",", ";"]))
def test_the_form_found_holds_every_value(values: list[str | None], separator: str) -> None:
    column = pl.Series("v", values, dtype=pl.String)
    found = form(column, separator)
    rows = column.to_frame().with_columns(pl.lit([], pl.List(pl.String)).alias("_findings"), pl.lit(None, pl.Binary).alias("_raw"))
    held = fitted(rows, {"v": found.dtype, "_findings": pl.List(pl.String()), "_raw": pl.Binary()}, {"v": found})
    assert held["_findings"].list.len().sum() == 0
    meant = column.str.strip_chars().is_in(found.nulls or []).sum()
    assert held["v"].null_count() == column.null_count() + meant
    if found.type == "int" and found.thousands is None and not found.nulls:
        assert [None if v is None else str(v) for v in held["v"]] == [None if v is None else v.strip() for v in values]


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=2, max_size=20))
def test_psi_is_symmetric_and_never_negative(counts: list[tuple[int, int]]) -> None:
    a, b = np.array(counts).T
    assert psi(a, b) == pytest.approx(psi(b, a))
    assert psi(a, b) >= 0
    assert psi(a, a) == pytest.approx(0)
