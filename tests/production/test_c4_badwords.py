"""`c4_badwords`: datatrove's verdicts, a plain Python oracle, and the share that stays."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lakehouse.core.errors import RecipeError
from lakehouse.production.engine.operator import Keep
from tests.factory import Factory, notes

from .test_operators import plan, verdicts

DATATROVE = json.loads((Path(__file__).parent / "fixtures" / "datatrove_lists.json").read_text(encoding="utf-8"))
WORDS = ["bad", "very bad", "c++", "坏", "ß", "Straße", "σας", "a|b", "(x)", "हिं", "sm"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lists")


def filtered(folder: Path, words: list[str], **params: Any) -> Keep:
    (folder / "words").write_text("".join(f"{word}\n" for word in words), encoding="utf-8")
    made = plan("c4_badwords", column="text", words_file=str(folder / "words"), **params)
    assert isinstance(made, Keep)
    return made


def found(made: Keep, column: list[str | None]) -> list[bool | None]:
    return pl.DataFrame({"text": column}, schema={"text": pl.String}).select(**made.signals)["badwords"].to_list()


@pytest.mark.parametrize("language", list(DATATROVE["bad_words"]))
def test_verdicts_are_datatroves(folder: Path, language: str) -> None:
    at = [i for i, (own, _) in enumerate(DATATROVE["texts"]) if own == language]
    made = filtered(folder, DATATROVE["bad_words"][language], language=language)
    wanted = [DATATROVE["texts_verdicts"][i] for i in at]
    assert found(made, [DATATROVE["texts"][i][1] for i in at]) == wanted
    assert set(wanted) == {True, False}


def oracle(text: str | None, language: str) -> bool | None:
    words = "|".join(re.escape(word.lower()) for word in WORDS if word != "sm")
    pattern = words if language == "zh" else rf"(?:\W|^)({words})(?:\W|$)"
    return None if text is None else re.search(pattern, text.lower()) is not None


pieces = st.sampled_from([*WORDS, *map(str.upper, WORDS), " ", "_", "\n", "²", "1", "é", "\u0301", "\u200d", "ि", "‿", "Ⅷ", "-", "好"])


@given(
    st.lists(st.none() | st.lists(pieces, max_size=5).map("".join) | st.text(max_size=10), min_size=1, max_size=8),
    st.sampled_from(["en", "hi", "zh"]),
)
@example(["bad", "bad\n", "\nbad", "badbad bad", "bad_", "_bad", "very  bad", "c++.", "c+++", "c++a", "ΣΑΣ", "STRASSE"], "en")
def test_verdicts_are_the_rule(folder: Path, column: list[str | None], language: str) -> None:
    assert found(filtered(folder, WORDS, language=language), column) == [oracle(text, language) for text in column]


def test_a_share_of_the_texts_stays_the_same_ones_each_time(folder: Path) -> None:
    texts = pl.DataFrame({"text": ["bad"] * 2000 + ["good", None]})
    made = filtered(folder, WORDS, keep_fraction=0.25, seed=3)
    kept = verdicts(made, texts)
    assert kept == verdicts(made, texts)
    assert 430 < kept[:2000].count(None) < 570
    assert kept[2000:] == [None, "no_signal"]
    assert kept != verdicts(filtered(folder, WORDS, keep_fraction=0.25, seed=4), texts)
    more = verdicts(filtered(folder, WORDS, keep_fraction=0.5, seed=3), texts)
    assert all(reason is None for reason, before in zip(more, kept, strict=True) if before is None)
    assert set(verdicts(filtered(folder, WORDS), texts)[:2000]) == {"badwords"}


def test_a_list_that_is_none_is_named(folder: Path) -> None:
    for words in ([], [" ", "sm"]):
        with pytest.raises(RecipeError, match="has no word"):
            filtered(folder, words)
    (folder / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match="cannot be read"):
        plan("c4_badwords", column="text", words_file=str(folder / "binary"))
    with pytest.raises(RecipeError, match="too many words for one pattern"):
        filtered(folder, [f"{number:x}{number * 2654435761:x}" for number in range(200_000)])


def test_through_the_engine_what_stays_measures_nothing_anew(notes_factory: Factory) -> None:
    from lakehouse.production.engine.recipe import compile_recipe

    notes_factory.write("lists/bad.txt", "bad\n坏\n")
    notes_factory.material(notes("A BAD text", "a badge", "很坏", None))
    notes_factory.declare([{"c4_badwords": {"column": "text", "words_file": "lists/bad.txt"}}])
    notes_factory.made()
    assert notes_factory.texts() == ["a badge", "很坏"]
    assert {row: (fate, rule) for row, (fate, _, rule) in notes_factory.fates().items()} == {
        "00": ("dropped", "badwords"),
        "03": ("quarantined", "no_signal"),
    }
    before = compile_recipe(notes_factory.project, "notes", dict.fromkeys(["id", "text", "label"], pl.String()))
    notes_factory.declare([{"c4_badwords": {"column": "text", "words_file": "lists/bad.txt", "keep_fraction": 1.0, "seed": 2}}])
    after = compile_recipe(notes_factory.project, "notes", dict.fromkeys(["id", "text", "label"], pl.String()))
    assert before.signal_keys == after.signal_keys
    notes_factory.write("lists/bad.txt", "坏\n")
    assert (
        compile_recipe(notes_factory.project, "notes", dict.fromkeys(["id", "text", "label"], pl.String())).signal_keys != after.signal_keys
    )
