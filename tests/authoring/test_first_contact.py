"""Material of many kinds becomes a dataset without a file edited by hand: rows, columns and types are those that were brought."""

from __future__ import annotations

import io
import json
import random
import sqlite3
import wave
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml
from docx import Document
from openpyxl import Workbook
from PIL import Image

from lakehouse.authoring.add import add
from lakehouse.core import versions
from lakehouse.core.errors import SourceError, SpecError
from lakehouse.delivery.release import policy
from tests.authoring.desk import Desk

WORDS = ["the", "weather", "is", "nice", "today", "and", "we", "walk", "in", "park", "near", "river", "with", "our", "friends"]  # fmt: skip
HAN = ["这家", "餐厅", "味道", "很好", "服务", "不错", "价格", "便宜", "环境", "一般", "下次", "还来", "推荐", "太差", "再来"]  # fmt: skip


def _rows(n: int, row: Callable[[int, random.Random], Any]) -> list[Any]:
    chance = random.Random(5)
    return [row(i, chance) for i in range(n)]


def _texts(n: int) -> list[str]:
    """Texts that do not resemble each other."""
    return _rows(n, lambda i, c: " ".join(f"{c.choice(WORDS)}{c.randint(0, 999)}" for _ in range(20)))


def _csv(header: str, rows: list[str]) -> str:
    return "\n".join([header, *rows]) + "\n"


def test_a_european_table_in_a_code_page(desk: Desk) -> None:
    rows = [f"{1 + i}.{i:03d},50;{i},25;{1 + i % 28:02d}.03.2024;Köln;{'-' if i % 3 else '7'}" for i in range(60)]
    made = desk.add(desk.bring("Preise 2024.csv", _csv("Umsatz;Größe (cm);Tag;Stadt;Anzahl", rows).encode("cp1252")))
    gold = desk.gold(made.dataset)
    assert made.kind == "table"
    assert gold.schema == {"Umsatz": pl.Float64, "Größe (cm)": pl.Float64, "Tag": pl.Date, "Stadt": pl.String, "Anzahl": pl.Int64}
    assert gold["Umsatz"].to_list() == [1000 * (1 + i) + i + 0.5 for i in range(60)]
    assert gold["Anzahl"].to_list() == [None if i % 3 else 7 for i in range(60)]
    assert gold["Tag"][0] == date(2024, 3, 1)
    assert gold["Stadt"].unique().to_list() == ["Köln"]


def test_chinese_reviews_in_gbk(desk: Desk) -> None:
    rows = _rows(80, lambda i, c: f"{i}\t{''.join(c.choice(HAN) for _ in range(9))}{i}。\t{c.choice(['好评', '差评'])}")
    made = desk.add(desk.bring("评论.tsv", _csv("编号\t评论内容\t情感", rows).encode("gbk")))
    assert made.kind == "text"
    roles = {c.column: c.role for c in made.columns}
    assert roles == {"编号": "key", "评论内容": "text", "情感": "label"}
    gold = desk.gold(made.dataset)
    assert gold.height >= 75
    assert set(gold["情感"]) == {"好评", "差评"}
    near = [step for step in _declared(desk, made.files[1])["recipe"] if "dedup_minhash" in step]
    assert near[0]["dedup_minhash"]["unit"] == "characters"


def test_numbers_are_a_table_and_no_row_is_merged(desk: Desk) -> None:
    """Three values a column, many copies of each row: merging them would leave 27."""
    rows = _rows(300, lambda i, c: f"{c.choice([1, 2, 3])},{c.choice('xyz')},{c.choice([0.5, 1.5])},{c.choice(['yes', 'no'])}")
    made = desk.add(desk.bring("survey.csv", _csv("a,b,c,target", rows).encode()))
    declared = _declared(desk, made.files[1])
    assert "recipe" not in declared
    assert declared["pilot"]["evaluations"][0]["train"]["task"] == "tabular_classification"
    assert declared["splits"]["by"] == "row"
    assert desk.gold(made.dataset).height == 300
    text = (desk.root / made.files[2]).read_text()
    assert "isin=['no', 'yes']" in text
    assert "isin=[1, 2, 3]" in text


def test_a_number_to_be_predicted(desk: Desk) -> None:
    rows = _rows(120, lambda i, c: f"{c.gauss(0, 1):.16f},{i},{c.gauss(0, 9):.6f}")
    made = desk.add(desk.bring("houses.csv", _csv("x1,rooms,target", rows).encode()))
    train = _declared(desk, made.files[1])["pilot"]["evaluations"][0]["train"]
    assert train == {"task": "tabular_regression", "features": ["x1", "rooms"], "label": "target"}
    assert desk.gold(made.dataset).schema == {"x1": pl.Float64, "rooms": pl.Int64, "target": pl.Float64}


@pytest.mark.parametrize("columns", ["class,from,import", "a,Class Label,Größe (m²)", "Config,schema,validate", ",x,", "row_id,Text,text"])
def test_any_name_of_a_column_comes_through(desk: Desk, columns: str) -> None:
    made = desk.add(desk.bring("none.csv", _csv(columns, [f"{i},{i * 2},v{i}" for i in range(60)]).encode()))
    gold = desk.gold(made.dataset)
    kept = [c.column for c in made.columns]
    assert gold.columns == kept
    assert gold.height == 60
    changed = [(old, new) for old, new in zip(columns.split(","), kept, strict=True) if old not in ("", new)]
    assert all(any(f"`{old}` is called `{new}`" in note for note in made.notes) for old, new in changed)


def test_parquet_of_every_type(desk: Desk) -> None:
    n = 60
    rows = pl.DataFrame(
        {
            "i8": pl.Series(range(n), dtype=pl.Int8),
            "u64": pl.Series([2**63 + i for i in range(n)], dtype=pl.UInt64),
            "f32": pl.Series([i / 7 for i in range(n)], dtype=pl.Float32),
            "day": [date(2024, 1, 1) + timedelta(days=i) for i in range(n)],
            "at": pl.Series([datetime(2024, 1, 1, i % 24) for i in range(n)]).dt.replace_time_zone("Asia/Shanghai"),
            "clock": [time(i % 24, 1) for i in range(n)],
            "dec": pl.Series([Decimal(i) / 100 for i in range(n)], dtype=pl.Decimal(9, 2)),
            "cat": pl.Series(["ab"[i % 2] for i in range(n)], dtype=pl.Categorical),
            "tags": [["x"] * (i % 3) for i in range(n)],
            "who": [{"name": f"n{i}", "age": i} for i in range(n)],
            "raw": [bytes([i]) for i in range(n)],
            "none": pl.Series([None] * n, dtype=pl.Null),
            "v.1 (x)": list(range(n)),
        }
    )
    file = io.BytesIO()
    rows.write_parquet(file)
    made = desk.add(desk.bring("types.parquet", file.getvalue()))
    gold = desk.gold(made.dataset)
    changed = {"u64": pl.Decimal(20, 0), "at": pl.Datetime("us", "UTC"), "clock": pl.String, "cat": pl.String, "none": pl.String}
    assert gold.schema == {name: changed.get(name, dtype) for name, dtype in rows.schema.items()}
    assert gold.select(c for c in rows.columns if c not in changed).equals(rows.select(c for c in rows.columns if c not in changed))


def test_nested_json_keeps_its_shape_and_what_has_none_is_json(desk: Desk) -> None:
    items = [
        {"text": text, "meta": {"url": f"u{i}", "n": i}, "tags": ["a", "b"], "counts": {f"w{i}": 1, f"v{i}": 2}}
        for i, text in enumerate(_texts(60))
    ]
    made = desk.add(desk.bring("pile.json", json.dumps(items).encode()))
    gold = desk.gold(made.dataset)
    assert gold.schema["meta"] == pl.Struct({"url": pl.String, "n": pl.Int64})
    assert gold.schema["tags"] == pl.List(pl.String)
    assert {c.column: c.type for c in made.columns}["counts"] == "json"
    assert [json.loads(each) for each in gold["counts"]] == [item["counts"] for item in items]


def test_an_object_around_the_items(desk: Desk) -> None:
    made = desk.add(
        desk.bring("squad.json", json.dumps({"version": "1", "data": [{"id": i, "q": f"what {i}"} for i in range(60)]}).encode())
    )
    assert desk.gold(made.dataset).shape == (60, 2)
    assert any("`version`" in note for note in made.notes)


def test_a_workbook_with_titles_and_sheets(desk: Desk) -> None:
    file = desk.brought / "report.xlsx"
    book = Workbook()
    first = book.active
    assert first is not None
    first.append(["made by hand"])
    sheet = book.create_sheet("Data")
    for row in (["Sales by region"], [], ["Region", 2022, 2023]):
        sheet.append(row)
    for i in range(60):
        sheet.append(["North" if i % 2 else "South", i * 1.5, i])
    book.save(file)
    made = desk.add(file)
    gold = desk.gold(made.dataset)
    assert gold.schema == {"Region": pl.String, "2022": pl.Float64, "2023": pl.Int64}
    assert gold.height == 60


@pytest.mark.parametrize(
    ("name", "item", "kind", "roles"),
    [
        (
            "alpaca",
            {"instruction": "do {i}", "input": "", "output": "done {i}"},
            "instructions",
            {"instruction": "question", "output": "answer"},
        ),
        (
            "dpo",
            {"prompt": "why {i}?", "chosen": "so {i}", "rejected": "no {i}"},
            "preference",
            {"chosen": "chosen", "rejected": "rejected"},
        ),
    ],
)
def test_pairs(desk: Desk, name: str, item: dict[str, str], kind: str, roles: dict[str, str]) -> None:
    items = [{key: value.format(i=i) for key, value in item.items()} for i in range(60)]
    made = desk.add(desk.bring(f"{name}.jsonl", "".join(json.dumps(each) + "\n" for each in items).encode()))
    assert made.kind == kind
    assert roles.items() <= {c.column: c.role for c in made.columns}.items()
    assert desk.gold(made.dataset).height == 60


def test_a_header_in_single_quotes(desk: Desk) -> None:
    rows = "".join(f"{i}\t{i / 7:.3f}\t{i % 2}\n" for i in range(60))
    made = desk.add(desk.bring("anes.csv", f"'popul'\t'TV news'\t'vote'\n{rows}".encode()))
    gold = desk.gold(made.dataset)
    assert gold.shape == (60, 3)
    assert gold.columns == ["popul", "TV news", "vote"]


def test_a_folder_of_several_formats_is_one_source(desk: Desk) -> None:
    for i, text in enumerate(_texts(4)):
        document = Document()
        document.add_paragraph(text)
        (desk.brought / "letters").mkdir(exist_ok=True)
        document.save(desk.brought / "letters" / f"{i}.docx")
        desk.bring(f"letters/{i}.eml", f"From: a@b.cn\nTo: c@d.cn\nDate: Mon, 01 Jan 2024 10:00:00 +0000\n\n{text[::-1]}\n".encode())
    assert desk.gold(desk.add(desk.brought / "letters").dataset).height == 8
    desk.bring("mixed/a.csv", b"x,y\n" + b"1,2\n" * 60)
    desk.bring("mixed/notes.docx", (desk.brought / "letters" / "0.docx").read_bytes())
    made = desk.add(desk.brought / "mixed")
    assert any("1 file of the folder is not read" in note for note in made.notes), made.notes


def test_chats_are_released_clean(desk: Desk) -> None:
    turns = [[{"role": "user", "content": f"mail a{i}@example.com {text}"}] for i, text in enumerate(_texts(60))]
    made = desk.add(desk.bring("chat.jsonl", "".join(json.dumps({"id": i, "messages": m}) + "\n" for i, m in enumerate(turns)).encode()))
    assert made.kind == "chat"
    gold = desk.gold(made.dataset)
    assert gold.height == 60
    assert all("[EMAIL]" in each[0]["content"] and each[0]["role"] == "user" for each in gold["messages"].to_list())
    version = versions.find(desk.project, made.dataset, "latest")
    assert not [reason for reason in policy.reasons(desk.project.dataset(made.dataset), version) if "may still hold" in reason]


def test_parallel_texts(desk: Desk) -> None:
    rows = _rows(60, lambda i, c: f'"{" ".join(c.sample(WORDS, 9))} {i}.","{"".join(c.choice(HAN) for _ in range(9))}{i}。"')
    made = desk.add(desk.bring("pairs.csv", _csv("en,zh", rows).encode()))
    assert made.kind == "parallel"
    assert {c.column: c.why for c in made.columns} == {"en": "in en", "zh": "in zh"}


def test_pictures_by_class(desk: Desk) -> None:
    for name in ("cat", "dog"):
        for i in range(3):
            file = io.BytesIO()
            Image.fromarray(np.full((8, 8, 3), 10 * i + len(name), dtype=np.uint8) + (name == "dog")).save(file, "PNG")
            desk.bring(f"pets/{name}/{i}.png", file.getvalue())
    made = desk.add(desk.brought / "pets")
    gold = desk.gold(made.dataset)
    assert made.kind == "images"
    assert sorted(gold["label"]) == ["cat"] * 3 + ["dog"] * 3
    assert all(data.startswith(b"\x89PNG") for data in gold["data"])
    assert sorted(gold["file"].unique()) == ["0.png", "1.png", "2.png"]


def test_sounds_by_class(desk: Desk) -> None:
    for name in ("low", "high"):
        for i in range(2):
            file = io.BytesIO()
            with wave.open(file, "wb") as out:
                out.setnchannels(1)
                out.setsampwidth(2)
                out.setframerate(8000)
                out.writeframes(bytes([i, len(name)]) * 800)
            desk.bring(f"tones/{name}/{i}.wav", file.getvalue())
    made = desk.add(desk.brought / "tones")
    assert made.kind == "sounds"
    assert sorted(desk.gold(made.dataset)["label"]) == ["high", "high", "low", "low"]


def test_mail(desk: Desk) -> None:
    for i in range(5):
        head = f"From: a{i}@example.com\nTo: b@example.org\nDate: Mon, 01 Jan 2024 10:00:00 +0000\nSubject: Order {i}\n\n"
        desk.bring(f"mail/{i}.eml", (head + _texts(5)[i] + "\n").encode())
    made = desk.add(desk.brought / "mail")
    assert made.kind == "documents"
    assert set(desk.gold(made.dataset)["title"]) == {f"Order {i}" for i in range(5)}


def test_a_sqlite_file(desk: Desk) -> None:
    file = desk.brought / "shop.db"
    with sqlite3.connect(file) as database:
        database.execute("create table orders(id integer primary key, item text, price real)")
        database.executemany("insert into orders values(?, ?, ?)", [(i, "fig" if i % 2 else "pear", i * 1.25) for i in range(60)])
        database.execute("create table notes(n text)")
    database.close()
    with pytest.raises(SpecError, match="the database has 2 tables"):
        desk.add(file)
    made = desk.add(file, table="orders")
    assert desk.gold(made.dataset).schema == {"id": pl.Int64, "item": pl.String, "price": pl.Float64}
    assert not Path(_declared(desk, made.files[0])["connector"]["sql"]["url"].removeprefix("sqlite:///")).is_absolute()


def test_a_delta_table(desk: Desk) -> None:
    rows = pl.DataFrame({"k": range(60), "v": [f"value {i}" for i in range(60)]})
    rows.write_delta(str(desk.brought / "table"))
    assert desk.gold(desk.add(desk.brought / "table").dataset).equals(rows)


def test_paths_are_relative_and_raw_data_stays_out_of_git(desk: Desk) -> None:
    made = desk.add(desk.bring("a.csv", b"x,y\n1,2\n"))
    assert _declared(desk, made.files[0])["connector"]["files"]["path"] == "data/a.csv"
    assert any("git does not take" in note for note in made.notes)
    assert all(str(desk.root) not in (desk.root / file).read_text() for file in made.files)


@pytest.mark.parametrize("data", [b"", b"\x7fELF" + bytes(200), b"PK\x03\x04broken"])
def test_what_cannot_be_read_leaves_nothing_behind(desk: Desk, data: bytes) -> None:
    before = sorted(desk.root.rglob("*"))
    with pytest.raises(SourceError):
        desk.add(desk.bring("a.bin", data))
    assert [path for path in sorted(desk.root.rglob("*")) if path.is_file()] == [path for path in before if path.is_file()]


def test_a_person_is_asked_for_the_label_only_where_none_is_named(desk: Desk) -> None:
    asked: list[tuple[list[str], str | None]] = []

    def ask(columns: Sequence[str], guessed: str | None) -> str | None:
        asked.append((list(columns), guessed))
        return "outcome"

    rows = _rows(60, lambda i, c: f"{i},{c.random():.3f},{'xy'[i % 2]}")
    made = add(desk.project, str(desk.bring("trial.csv", _csv("n,dose,outcome", rows).encode())), ask=ask)
    assert asked == [(["dose", "outcome"], None)], "`n` is a key"
    assert made.questions == ()
    assert _declared(desk, made.files[1])["pilot"]["evaluations"][0]["train"]["label"] == "outcome"
    add(desk.project, str(desk.bring("named.csv", _csv("n,dose,label", rows).encode())), ask=ask)
    assert len(asked) == 1


def test_names_that_are_taken_or_wrong(desk: Desk) -> None:
    file = desk.bring("a.csv", b"x,y\n1,2\n")
    desk.add(file)
    with pytest.raises(SpecError, match=r"assets/datasets/a.yaml exists"):
        desk.add(file)
    with pytest.raises(SpecError, match="no name for a dataset"):
        desk.add(file, name="A B")
    with pytest.raises(SpecError, match="has no column `z`"):
        desk.add(desk.bring("b.csv", b"x,y\n1,2\n"), label="z")


def _declared(desk: Desk, file: str) -> Any:
    return yaml.safe_load((desk.root / file).read_text(encoding="utf-8"))


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_phone_numbers_that_are_numbers_are_taken_out(desk: Desk, ending: str) -> None:
    table = pl.DataFrame({"k": range(60), "contact": [13812345600 + i if i % 10 == 0 else i for i in range(60)]})
    out = io.BytesIO()
    table.write_csv(out) if ending == "csv" else table.write_parquet(out)
    made = desk.add(desk.bring(f"ints.{ending}", out.getvalue()))
    assert any("`contact`: whole numbers, read as text" in note for note in made.notes)
    gold = desk.gold(made.dataset).sort("k")
    assert gold["contact"].to_list() == ["[PHONE]" if i % 10 == 0 else str(i) for i in range(60)]
