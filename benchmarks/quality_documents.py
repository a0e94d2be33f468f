"""Documents on which quality rules are compared: given ones, and made ones that provoke every rule."""

from __future__ import annotations

import html
import random
import re
from collections.abc import Iterator
from pathlib import Path

import polars as pl

_STOP = ["the", "be", "to", "of", "and", "that", "have", "with"]
_WORDS = re.findall(
    r"\S+",
    "river stone table morning quickly garden letter of a window paper yellow under bridge market slowly children music in winter "
    "travel history engine number water family question answer between mountain because 2024 3.14 x1 don't well-known café naïve Straße "
    "数据 工厂 质量 好评 Привет мир 한국어 عربي ελληνικά İstanbul coo\u212aies",
)
_PHRASES = (
    "Lorem ipsum dolor sit amet",
    "Please enable JavaScript now",
    "Read our Privacy Policy here",
    "This site uses cookies always",
    "By the terms of use you",
    "we use coo\u212aies on this",
    "a block { like this } one",
    "JAVASCRIPT and lorem IPSUM together",
    "cookie policy { and more }",
    "[1] [2] [3]",
    "[edit] something is here",
    "fact [12] said [citation needed] so",
    "[[3]4] odd one here",
    "[٣] Arabic digit there",
    "# # # #",
    "### head of it",
    "wait ... what … then",
    "......",
    "• item of list",
    "- dash at start",
    "–– ** !!",
    "{",
    "}",
    "w" * 1001,
    "w" * 1000 + " and the rest",
    "。。。 ！？",
    "好。坏！真的？",
    'He said (yes.) And "no." Then',
    "3.5 of 4.2",
    "a.b.c",
)
_ENDS = (".", ".", ".", "?", "!", '"', "'", "...", "…", "", "", ":", "。", "！", ".)", ' ."', " [1]", ". [2]", " ", "\t.", "؟", "\r")
_BREAKS = (
    "\n",
    "\n",
    "\n",
    "\n\n",
    "\n\n\n",
    "\r\n",
    "\r",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x1d",
    "\x1e",
    "\x85",
    "\u2028",
    "\u2029",
    "\n \n",
    "\n\t\n",
)
_BLANKS = (" ",) * 20 + ("  ", "\t", "\xa0", "\u3000", "\u2003", "\x1f", "\u200b", "\u1680", "\u202f", "\u205f")


def _line(draw: random.Random, plain: bool) -> str:
    if not plain and draw.random() < 0.12:
        return draw.choice(_PHRASES) + draw.choice(_ENDS)
    vocabulary = _STOP + _WORDS if draw.random() < 0.8 else draw.sample(_WORDS, 3)
    words = draw.choices(vocabulary, k=draw.choice((1, 2, 3, 5, 8, 12, 20)))
    blank = " " if plain else draw.choice(_BLANKS)
    start = "" if plain else draw.choice(("",) * 12 + ("- ", "• ", "  • ", "\u3000-", "* ", "\xa0"))
    return start + blank.join(words) + draw.choice(_ENDS[:7] if plain else _ENDS)


def synthetic(count: int, seed: int) -> Iterator[str]:
    """Made documents: prose, repeated lines and paragraphs and phrases, bullets, ellipses, hashes, braces, odd blanks and line ends."""
    draw = random.Random(seed)
    yield from ("", " ", "\n", "\n\n\n", "\r\n\r\n", "a", "…", "...", "\u3000", "a\n" * 60, "the of " * 60)
    # Joined without blanks, these word sequences are the same bytes.
    yield from ("ab c ab c " * 40, "a bc ab c abc " * 30, "a b c d ef g and a b c d e fg")
    yield "of the river " * 34_000
    for _ in range(count):
        plain = draw.random() < 0.3
        pool = [_line(draw, plain) for _ in range(draw.choice((1, 2, 4, 8, 20, 40)))]
        pieces: list[str] = []
        for _ in range(draw.choice((1, 3, 6, 12, 25, 40))):
            pieces.append(draw.choice(pool) if draw.random() < draw.choice((0.02, 0.1, 0.5)) else _line(draw, plain))
            pieces.append(draw.choice(_BREAKS[:5]) if plain or draw.random() < 0.8 else draw.choice(_BREAKS))
        text = "".join(pieces if draw.random() < 0.5 else pieces[:-1])
        if draw.random() < 0.15:
            text = text.replace(" ", draw.choice((" # ", " ... ", "… ", " 123 ", " -- ", "")), draw.choice((5, 20, 200)))
        if draw.random() < 0.1:
            bullet = draw.choice(("• ", "- ", " -"))
            text = "\n".join(bullet + line for line in text.split("\n"))
        yield text


def plain_text(page: str) -> str:
    """An HTML page's text, a line for every block."""
    page = re.sub(r"(?is)<(script|style|head)\b.*?</\1>|<!--.*?-->", "", page)
    page = re.sub(r"(?i)</?(p|div|li|ul|ol|h[1-6]|tr|table|pre|dd|dt|dl|br|section)\b[^>]*>", "\n", page)
    page = html.unescape(re.sub(r"<[^>]*>", "", page))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in page.split("\n"))).strip()


def given(path: Path) -> Iterator[str]:
    """Documents of a Delta table or Parquet file (column `text`), or of a folder of .html, .rst and .txt files, cut at 6,000 characters."""
    if (path / "_delta_log").exists() or path.suffix == ".parquet":
        table = pl.read_parquet(path) if path.is_file() else pl.read_delta(str(path))
        yield from table["text"].drop_nulls()
        return
    for file in sorted(path.rglob("*")):
        if file.suffix not in (".html", ".rst", ".txt") or not file.is_file():
            continue
        text = file.read_text(encoding="utf-8", errors="replace")
        lines = (plain_text(text) if file.suffix == ".html" else text).split("\n")
        part: list[str] = []
        for line in lines:
            part.append(line)
            if sum(map(len, part)) > 6000:
                yield "\n".join(part)
                part = []
        if part:
            yield "\n".join(part)
