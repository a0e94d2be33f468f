"""Main text of web pages: what stays of a page, what is no page, what cannot be read."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.core.errors import MissingExtraError
from lakehouse.core.text.kernels import markup
from tests.factory import Factory, notes

from .test_operators import changed, plan

STORY = (
    "The river had been rising since noon, and by evening the lower fields stood under water. "
    "Nobody on the farm had seen it come so fast; the boats were carried to the yard before supper."
)
CHINESE = "这条河从中午开始涨水，到了傍晚，低处的田地已经全部被淹没。农场里没有人见过水来得这样快，晚饭之前大家就把船抬进了院子。"
PAGE = (
    "<!DOCTYPE html><html><head><title>Farm</title><script>track('x')</script><style>p {{color: red}}</style></head><body>"
    '<nav class="menu"><a href="/">Home</a> <a href="/about">About us</a></nav><main><article><h1>High water</h1>'
    '<p>{0}</p><p>{0} &amp; so on.</p></article></main><footer id="footer"><p>Copyright, all rights reserved</p></footer></body></html>'
)


@pytest.mark.parametrize("engine", ["resiliparse", "trafilatura"])
@pytest.mark.parametrize("story", [STORY, CHINESE])
def test_the_main_text_stays_and_the_rest_goes(engine: str, story: str) -> None:
    for favour in ("precision", "balanced"):
        [text] = changed("extract_text", [PAGE.format(story)], engine=engine, favour=favour)
        assert text is not None
        assert story in text
        assert "& so on." in text
        assert not any(part in text for part in ("About us", "Copyright", "track", "color", "<", "&amp;"))


def test_recall_keeps_all_that_can_be_seen() -> None:
    [text] = changed("extract_text", [PAGE.format(STORY)], favour="recall")
    assert text is not None
    assert "About us" in text
    assert "Copyright" in text
    assert "track" not in text


PLAIN = [
    "",
    "a < b && c > d",
    "std::vector<a> v; if (x <y> z)",
    "价格 <100 元>",
    "&amp; alone",
    "1 <i> 2",
    "List<String> body",
    "<3 you all!",
]


def test_what_is_no_page_passes_unchanged() -> None:
    assert changed("extract_text", [*PLAIN, None]) == [*PLAIN, None]


@given(st.lists(st.none() | st.text(alphabet="ab <&>;/!-好\n\0", max_size=40), max_size=4))
def test_text_without_closing_tags_passes_unchanged(column: list[str | None]) -> None:
    column = [None if text is None else text.replace("</", "< /") for text in column]
    assert changed("extract_text", column) == column


BROKEN = [
    "<html></html>",
    "<!doctype html>",
    "<body>" + "<div>" * 50_000 + "deep",
    "<html><body>\0\0</body></html>",
    "<script>only code</script>",
]


@pytest.mark.parametrize("engine", ["resiliparse", "trafilatura"])
def test_a_page_without_text_becomes_null(engine: str) -> None:
    assert changed("extract_text", BROKEN, engine=engine) == [None] * len(BROKEN)


TAGS = [
    "<html>",
    "<body>",
    "<p>",
    "</p>",
    "<div class='x'>",
    "</div>",
    "<table><tr><td>",
    "</table>",
    "<!--",
    "-->",
    "<![CDATA[",
    "<?xml ?>",
]


@given(st.lists(st.sampled_from([*TAGS, "text ", "好", "&#0;", "&#xD800;", "\0", "<", "'", '"', "</"]), max_size=25).map("".join))
def test_no_markup_is_an_exception(page: str) -> None:
    for engine in ("resiliparse", "trafilatura"):
        assert len(changed("extract_text", ["<html>" + page, None], engine=engine)) == 2


def test_only_pages_nested_without_sense_are_too_deep() -> None:
    rows = (
        "<table>"
        + "<tr><td>1<td>2" * 3000
        + "</table>"
        + "<p>text<br>" * 3000
        + "<UL><LI>a</UL>" * 3000
        + "<div><span>b</span></div>" * 3000
    )
    pages = [rows, "<div>" * 1001 + "</div>" * 1001, "<div>" * 999 + f"<p>{STORY}</p>" + "</div>" * 999]
    assert markup.deepest(pl.Series(pages)).tolist() == [2, 1001, 999]
    assert [text is None for text in changed("extract_text", pages, favour="recall")] == [False, True, False]


def test_pages_that_gave_nothing_are_quarantined_and_their_neighbours_are_not(notes_factory: Factory) -> None:
    notes_factory.material(notes(PAGE.format(STORY), "<html></html>", "no page at all"))
    notes_factory.declare([{"extract_text": {"column": "text", "to": "main"}}, {"text_length": {"column": "main", "at_least": 4}}])
    notes_factory.collect()
    notes_factory.silver()
    rows = notes_factory.rows("silver")
    assert rows["_row_id"].to_list() == ["notes/00", "notes/02"]
    assert rows["text"].to_list() == [PAGE.format(STORY), "no page at all"]
    assert rows["main"].str.starts_with("High water").to_list() == [True, False]
    assert notes_factory.fates() == {"01": ("quarantined", "text_length", "no_signal")}


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(module: str, *arguments: Any) -> Any:
        raise ImportError(module)

    monkeypatch.setattr("importlib.import_module", refusing)
    with pytest.raises(MissingExtraError, match=r"the extra `html`"):
        plan("extract_text", column="text")
