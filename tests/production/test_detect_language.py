"""Language of the whole text, among candidates, with its script; unsure texts stay."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.core.errors import RecipeError
from lakehouse.core.text.language import detected, detected_throughout
from lakehouse.core.text.writing import script
from tests.factory import Factory, notes

from .test_operators import plan

GERMAN = "Die Lieferung kam pünktlich und war sehr gut verpackt. "
ENGLISH = "The parcel came on time and it was packed very well. "


def found(expression: pl.Expr, *texts: str | None) -> list[dict[str, Any]]:
    return pl.DataFrame({"t": texts}, schema={"t": pl.String}).select(expression.alias("found"))["found"].to_list()


def test_a_text_of_two_languages_is_said_to_be_mixed() -> None:
    texts = [ENGLISH * 20, GERMAN * 20 + ENGLISH * 40, "快递很快，" * 200 + ENGLISH * 5, ENGLISH, None, " "]
    seen = found(detected_throughout("t", 8), *texts)
    assert [each["code"] for each in seen] == ["en", "en", "zh", "en", None, None]
    assert [each["share"] == 1 for each in seen[:4]] == [True, False, False, True]
    assert found(detected("t"), texts[1])[0]["code"] == "de"  # the beginning alone


@given(st.text(alphabet="abcdé \n快很好", max_size=700))
def test_one_window_is_the_beginning(text: str) -> None:
    one, other = found(detected_throughout("t", 1), text)[0], found(detected("t"), text)[0]
    assert (one["code"], one["score"]) == (other["code"], other["score"])


def test_candidates_narrow_the_choice() -> None:
    short = "Handy"
    assert found(detected("t", ("de", "fr")), short)[0]["code"] in ("de", "fr")
    assert found(detected("t", ("de",)), "快递很快")[0]["code"] == "de"
    with pytest.raises(RecipeError, match="no language `deu`"):
        plan("language", column="text", keep=["de"], candidates=["deu"])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("快递很快，包装完好。", "Hans"),
        ("這款手機的電池很耐用。", "Hant"),
        ("中文", "Hani"),
        ("今日はいい天気です", "Jpan"),
        ("오늘 天氣가 좋다", "Kore"),
        ("Посылка 1", "Cyrl"),
        ("the parcel 快", "Latn"),
        ("यह अच्छा है", "Deva"),
        ("12 !", None),
        (None, None),
    ],
)
def test_scripts_have_their_codes(text: str | None, code: str | None) -> None:
    assert script(pl.Series([text], dtype=pl.String)).to_list() == [code]


def test_unsure_texts_stay_and_columns_are_written(notes_factory: Factory) -> None:
    notes_factory.material(notes(ENGLISH, GERMAN, "ok", "快递很快，包装完好。"))
    notes_factory.declare([{"language": {"column": "text", "keep": ["en", "zh"], "sure_from": 0.9}}])
    notes_factory.made()
    assert notes_factory.fates() == {"01": ("dropped", "language", "other_language")}
    notes_factory.declare([{"detect_language": {"column": "text", "code": "label", "unknown_below": 0.9}}])
    notes_factory.made()
    assert notes_factory.rows("gold")["label"].to_list() == ["en", "de", None, "zh"]
    notes_factory.declare([{"language": {"column": "text"}}])
    notes_factory.made()
    assert notes_factory.fates() == {}
    with pytest.raises(RecipeError, match="writes nothing"):
        plan("detect_language", column="text", code=None)
