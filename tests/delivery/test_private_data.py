"""Private data is looked for in what leaves, in every column of every type, declared or not."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.core.errors import HardGateError
from lakehouse.core.spec import Dataset, expand_privacy
from lakehouse.core.text.private_data import ORDER, redacted
from lakehouse.core.versions import Version
from lakehouse.delivery.release import private_data
from lakehouse.reserve.discovery.private_data import private_data as looked_through

PII = expand_privacy(["pii"])
VERSION = cast(Version, SimpleNamespace(label="1.0.0", version="abc"))


def _bundle(folder: Path, **columns: Any) -> Path:
    (folder / "data").mkdir(parents=True, exist_ok=True)
    pl.DataFrame(columns).write_parquet(folder / "data" / "train-00000-of-00001.parquet", row_group_size=2)
    return folder


def _dataset(**release: Any) -> Dataset:
    declared = {"dataset": "people", "description": "d", "owner": "team:x", "sources": ["s"], "contract": "contracts/people.py:People"}
    return Dataset.model_validate({**declared, "release": {"license": "other", **release}})


def test_every_column_is_looked_through(tmp_path: Path) -> None:
    folder = _bundle(
        tmp_path,
        text=["write to an@example.com", "call 13812345678", "nothing", "又是 an@example.com"],
        turns=[[{"role": "user", "content": "my mail is b@example.org"}], [], None, [{"role": "user", "content": "hi"}]],
        who=[{"ip": "10.1.2.3"}, {"ip": None}, None, {"ip": "none"}],
        tags=[["a"], ["http://example.com/x"], [], None],
        clean=["a", "b", "c", None],
        n=[1, 2, 3, 4],
        row_id=["s/1", "s/2", "s/3", "s/4"],
    )
    assert private_data.found(folder, PII) == {
        "text": {"email": 2, "phone": 1},
        "turns[].content": {"email": 1},
        "who.ip": {"ip": 1},
        "tags[]": {"url": 1},
    }
    assert private_data.found(folder, frozenset({"phone"})) == {"text": {"phone": 1}}
    assert private_data.found(folder, frozenset()) == {}


def test_numbers_that_are_of_a_kind_by_chance_are_not_refused(tmp_path: Path) -> None:
    numbers = [13812345678, 100, 2000, 30000]
    phones = [13812345678 + i for i in range(4)]
    folder = _bundle(tmp_path, n=numbers, code=[str(n) for n in numbers], phone=phones, mixed=[1, 2, *phones[:2]])
    assert private_data.found(folder, PII) == {"phone": {"phone": 4}, "mixed": {"phone": 2}}
    with pytest.raises(HardGateError) as refused:
        private_data.refuse(_dataset(forbid=["phone"]), VERSION, folder)
    assert "declare `phone`, `mixed` as `string` in the source" in (refused.value.fix or "")


def test_numbers_within_others_and_with_fractions_are_none(tmp_path: Path) -> None:
    folder = _bundle(
        tmp_path,
        place=[{"lat": i / 3, "lon": i / 7} for i in range(200)],
        vector=[[i / 11, i / 13] for i in range(200)],
        said=[f"it was 0.{4111111111111111 + i} then" for i in range(200)],
        wide=[str(100000000000000000 + 7919 * i) for i in range(200)],
        document=[json.dumps({"n": 9007199254740993 + 2 * i, "x": i / 7}) for i in range(200)],
    )
    assert private_data.found(folder, frozenset(ORDER)) == {}


def test_json_is_looked_through_by_what_it_says(tmp_path: Path) -> None:
    code = "Use:\n\n@app.route('/x')\n"
    folder = _bundle(
        tmp_path,
        messages=[[{"role": "user", "content": code}], [{"role": "user", "content": "mail c@example.org"}]],
        document=[
            json.dumps({"text": code, "to": [{"who": "a@example.org"}]}),
            '{"to": [{"who": "d\\u0040example.org"}], "c@example.com": 1}',
        ],
        tools=[json.dumps({"arguments": json.dumps({"text": code})}), json.dumps({"n": 13812345678})],
        broken=["{no json e@example.org", "[1, 2"],
    )
    assert private_data.found(folder, PII) == {
        "messages[].content": {"email": 1},
        "document.to[].who": {"email": 2},
        "document (keys)": {"email": 1},
        "broken": {"email": 1},
    }
    with pytest.raises(HardGateError) as refused:
        private_data.refuse(_dataset(forbid=["pii"]), VERSION, folder)
    assert '- redact: {column: "messages[].content", kinds: [email]}' in (refused.value.fix or "")


def test_names_of_columns_and_fields_leave_too(tmp_path: Path) -> None:
    for at, columns in enumerate(({"bob@example.com": [1]}, {"x": [{"tel_13812345678": 2}]})):
        with pytest.raises(HardGateError, match=r"names of its columns or fields hold (email|phone)"):
            private_data.refuse(_dataset(forbid=["pii"]), VERSION, _bundle(tmp_path / str(at), **columns))


def test_the_refusal_names_column_kind_count_and_step(tmp_path: Path) -> None:
    folder = _bundle(tmp_path, mail=["a@example.com", "b@example.com"], text=["x", "y"])
    with pytest.raises(HardGateError) as refused:
        private_data.refuse(_dataset(forbid=["pii"]), VERSION, folder)
    assert "column `mail` holds email in 2 rows" in refused.value.what
    assert "- redact: {column: mail, kinds: [email]}" in (refused.value.fix or "")
    private_data.refuse(_dataset(forbid=["phone"]), VERSION, folder)
    private_data.refuse(_dataset(), VERSION, folder)


def test_a_column_that_must_be_general_holds_no_private_data(tmp_path: Path) -> None:
    folder = _bundle(tmp_path, mail=["a@example.com"], site=["http://example.com"])
    with pytest.raises(HardGateError, match="column `mail` holds email"):
        private_data.refuse(_dataset(max_sensitivity="general"), VERSION, folder)
    private_data.refuse(_dataset(max_sensitivity="important"), VERSION, folder)


def test_ids_of_rows_leave_too(tmp_path: Path) -> None:
    with pytest.raises(HardGateError, match="ids of its rows hold email"):
        private_data.refuse(_dataset(forbid=["pii"]), VERSION, _bundle(tmp_path, text=["x"], row_id=["s/a@example.com"]))


_PIECES = st.sampled_from(
    [
        "a@b.cn",
        "13812345678",
        "+49 170 1234567",
        "10.0.0.1",
        "www.x.org/a",
        "sk-" + "a" * 32,
        "fe:ab:cd:ef:ab:cd:ef:ab",
        "你好",
        "word",
        "１３８１２３４５６７８",
        " ",
    ]
)


@given(st.lists(st.lists(_PIECES, max_size=4).map("".join), max_size=6))
def test_the_short_look_finds_what_redacting_each_text_finds(texts: list[str]) -> None:
    expected: dict[str, int] = {}
    for text in texts:
        rest = pl.Series([text])
        for kind in ORDER:
            cleaned = redacted(rest, [kind])
            if cleaned[0] != rest[0]:
                expected[kind] = expected.get(kind, 0) + 1
            rest = cleaned
    assert looked_through(pl.Series(texts, dtype=pl.String)).kinds == expected
