"""Repairs in the dialect of Data-Juicer against plain Python."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lakehouse.core.errors import RecipeError

from .test_operators import changed, plan

LINK = (
    r"(?i)\b((?:[a-z][\w-]+:(?:\/{1,3}|[a-z0-9%])|www\d{0,3}[.]|[a-z0-9.\-]+[.][a-z]{2,4}\/)(?:[^\s()<>]+|\(([^\s()<>]+|"
    r"(\([^\s()<>]+\)))*\))+(?:\(([^\s()<>]+|(\([^\s()<>]+\)))*\)|[^\s`!()\[\]{};:'\".,<>?«»“”‘’]))"
)
IP = (
    r"(?:(?:1[0-9][0-9]\.)|(?:2[0-4][0-9]\.)|(?:25[0-5]\.)|(?:[1-9][0-9]\.)|(?:[0-9]\.)){3}(?:(?:1[0-9][0-9])|(?:2[0-4][0-9])|"
    r"(?:25[0-5])|(?:[1-9][0-9])|(?:[0-9]))|([\da-fA-F]{1,4}:){7}[\da-fA-F]{1,4}"
)
EMAIL = r"[A-Za-z0-9.\-+_]+@[a-z0-9.\-+_]+\.[a-z]+"


def pieces(*some: str, most: int = 12) -> st.SearchStrategy[list[str | None]]:
    return st.lists(st.none() | st.lists(st.sampled_from(some), max_size=most).map("".join), min_size=1, max_size=5)


# Few pieces: on an open bracket Python's own engine takes time exponential in what follows; the compiled one does not.
@given(
    pieces(
        "http://",
        "https:",
        "ftp://",
        "www.",
        "www2.",
        "a.org/",
        "好",
        "é",
        "\u212a",
        "\n",
        "x",
        "-",
        ".",
        "(",
        ")",
        " ",
        "<",
        "?q=1",
        "，",
        most=6,
    )
)
@example(["see http://a.org/x(y). and www.b.com!", "mail a.org/", "点http://a.org/b，好"])
def test_clean_links(column: list[str | None]) -> None:
    assert changed("clean_links", column) == [text and re.sub(LINK, "", text) for text in column]


@given(pieces("a", "B.c", "@", "x.org", ".", "+", "_", " ", "好", "X.ORG", "@@"), st.sampled_from(["", "[EMAIL]", "$1", r"\1"]))
def test_clean_email(column: list[str | None], repl: str) -> None:
    assert changed("clean_email", column, repl=repl) == [text and re.sub(EMAIL, lambda _: repl, text) for text in column]


@given(pieces("1", "25", "255", "192.168.", "10.0.0.1", ".", "好", " ", "ab:", "1:2:3:4:", ":", "٣", "f"))
def test_clean_ip(column: list[str | None]) -> None:
    assert changed("clean_ip", column) == [text and re.sub(IP, "", text) for text in column]


@pytest.mark.parametrize("name", ["clean_links", "clean_email", "clean_ip"])
def test_a_pattern_of_the_recipes_own(name: str) -> None:
    assert changed(name, ["room 12, room 7", None], pattern=r"room (\d+)", repl="$1") == ["$1, $1", None]
    with pytest.raises(RecipeError, match="no regular expression"):
        plan(name, column="text", pattern=r"(?<=a)b")


SIGNS = {
    "，": ",", "。": ".", "、": ",", "„": '"', "”": '"', "“": '"', "«": '"', "»": '"', "」": '"', "「": '"', "《": '"', "》": '"', "´": "'",
    "∶": ":", "：": ":", "？": "?", "！": "!", "（": "(", "）": ")", "；": ";", "–": "-", "—": " - ", "．": ". ", "～": "~",
    "’": "'", "…": "...", "━": "-", "〈": "<", "〉": ">", "【": "[", "】": "]", "％": "%", "►": "-",
}  # fmt: skip


@given(st.lists(st.none() | st.text(alphabet="".join(SIGNS) + "好a1１ ", max_size=40), min_size=1, max_size=5))
def test_punctuation_normalization(column: list[str | None]) -> None:
    expected = [text and "".join(SIGNS.get(c, c) for c in text) for text in column]
    assert changed("punctuation_normalization", column) == expected


def test_clean_html() -> None:
    pages = {
        "<p>a &lt; b &amp;&amp; c</p>": "a < b && c",
        "<ol><li>一</li><li>二</li></ol>": "\n*\n*一\n*二",
        "x < y and y > z": "x < y and y > z",
        "<a title='>' href=\"b\">c</a><br/>": "c",
        "a<script>if (a < b) {}</script><STYLE>p {}</style >b<!-- <p> -->c<!DOCTYPE html>": "abc",
        "&eacute;&#x4e2d;&#20013;&nosuch;": "é中中&nosuch;",
        "plain": "plain",
        "<p>one</p><p>two</p>three<br>four": "one\ntwo\nthree\nfour",
        "<table><tr><td>a</td><td class=x>b</td></tr> <tr><th>c</th> <th>d</th></tr></table>": "a\tb\nc\td",
        "<h2>题</h2>正文<div>一</div><div>二<br/>三</div>": "题\n正文\n一\n二\n三",
        "<ul><li class=x>a</li><LI>b</LI></ul>after": "\n*a\n*b\nafter",
        "<pre>if x:\n    y()\n</pre><p>then</p>": "if x:\n    y()\nthen",
        "H<sub>2</sub>O <b>is</b> <link>water<thing>": "H2O is water",
        "<p>one</p>\r\n<p>two</p>": "one\r\ntwo",
    }
    assert changed("clean_html", [*pages, None]) == [*pages.values(), None]


@given(st.lists(st.text(alphabet="ab<>&; 好\n", max_size=30), min_size=1, max_size=4))
def test_clean_html_leaves_escaped_text_as_it_was(column: list[str]) -> None:
    expected = [text if text.strip(" ") else "" for text in column]
    assert changed("clean_html", [f"<div>{html.escape(text)}</div>" for text in column]) == expected


def without_notice(text: str) -> str:
    comment = re.search(r"/\*[^*]*\*+(?:[^/*][^*]*\*+)*/", text)
    if comment:
        return text[: comment.start()] + text[comment.end() :] if "copyright" in comment.group().lower() else text
    lines = text.split("\n")
    while lines and (not lines[0] or lines[0].startswith(("//", "#", "--"))):
        lines.pop(0)
    return "\n".join(lines)


@given(pieces("/*", "*/", "*", "/", "Copyright", " ", "\n", "//", "#", "--", "x = 1", "版权"))
@example(["# a\n\n// b\nx = 1\n# c", "#", "\n\n", "x", "", "/* a */ /* copyright */", "/* COPYRIGHT **/x"])
def test_clean_copyright(column: list[str | None]) -> None:
    assert changed("clean_copyright", column) == [None if text is None else without_notice(text) for text in column]
