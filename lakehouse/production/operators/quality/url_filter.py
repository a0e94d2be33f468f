"""Pages by their addresses."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.core.errors import RecipeError
from lakehouse.core.text.compiled import compiled
from lakehouse.core.text.kernels import addresses, buffers
from lakehouse.core.text.kernels.spans import word_table
from lakehouse.core.text.kernels.structs import struct
from lakehouse.production.engine.operator import OPERATORS, Keep, Verdict
from lakehouse.production.operators.quality.suffixes import suffixes

_Words = tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.int64]]
_SCHEME = r"^(?:[A-Za-z0-9+.\-]+:)?//"
_HOST = rf"^(?:{_SCHEME[1:]})?(?:[^/?#]*@)?(\[[^\]/?#]*\]|[^:/?#]*)"
_OTHER = "[^A-Za-z0-9]+"
_DOTS = {"。": ".", "．": ".", "｡": "."}
_BLANKS = "".join(chr(c) for c in range(0x3001) if chr(c).isspace())


@OPERATORS.register(
    version=1,
    cardinality="1:0",
    decides=("soft_word_threshold",),
    files=("domains", "urls", "words", "soft_words", "substrings"),
    packages=("publicsuffixlist",),
)
def url_filter(
    *,
    column: str,
    domains: str | None = None,
    urls: str | None = None,
    words: str | None = None,
    soft_words: str | None = None,
    soft_word_threshold: int = 2,
    substrings: str | None = None,
) -> Keep:
    """Drop a page whose address is on a block list or holds words of one (FineWeb, Penedo et al. 2024; datatrove's URLFilter).

    `column` holds addresses. The lists are UTF-8 files in the project folder, one entry a line, `#` before a comment; none is shipped.
    Reasons in this order: `domain` (the registered domain is in `domains`: `example.co.uk` of `a.b.example.co.uk`), `subdomain` (the whole
    host is), `url` (the whole address is in `urls`), `hard_blacklisted` (one of `words` is in it between characters other than ASCII
    letters and digits, in lower case), `soft_blacklisted` (at least `soft_word_threshold` different ones of `soft_words` do),
    `blacklisted_subword` (one of `substrings` is in its ASCII letters and digits, whatever their case and what is between them). What
    is registered says the ICANN section of the Public Suffix List. Beyond datatrove: hosts know no case, a host that is an address such as
    192.0.2.7 counts as a domain, and an entry of `urls` may leave out `https://`. Signals `domain`, `subdomain`, `url`, `hard_words`,
    `soft_words`, `subword`, as far as lists are given. A null address has no signals and is quarantined.

    Raises:
        RecipeError: no list at all, a list that cannot be read, or an entry of words without an ASCII letter or digit.

    Example:
        `{url_filter: {column: url, domains: lists/domains.txt, words: lists/words.txt}}`
    """
    url = pl.col(column)
    signals: dict[str, pl.Expr] = {}
    leaves: dict[str, Verdict] = {}
    if domains is not None:
        given = _readable(domains)
        host = url.str.extract(_HOST).str.strip_chars(_BLANKS).str.strip_chars_end("." + "".join(_DOTS)).str.to_lowercase()
        found = compiled(host.str.replace_many(_DOTS), lambda hosts: _domains(hosts, given), pl.Struct(dict.fromkeys(_HOSTS, pl.Boolean)))
        signals |= {name: found.struct.field(name) for name in _HOSTS}
        leaves |= {name: pl.col(name) for name in _HOSTS}
    if urls is not None:
        listed = _readable(urls)
        signals["url"] = compiled(url, lambda texts: _urls(texts, listed), pl.Boolean)
        leaves["url"] = pl.col("url")
    if words is not None:
        signals["hard_words"] = _hits(url, words)
        leaves["hard_blacklisted"] = pl.col("hard_words") > 0
    if soft_words is not None:
        signals["soft_words"] = _hits(url, soft_words)
        leaves["soft_blacklisted"] = pl.col("soft_words") >= soft_word_threshold
    if substrings is not None:
        squeezed = url.str.replace_all(_OTHER, "").str.to_lowercase()
        signals["subword"] = squeezed.str.contains_any(_normalised(substrings).to_list())
        leaves["blacklisted_subword"] = pl.col("subword")
    if not signals:
        raise RecipeError("url_filter has no list", fix="give one or more of `domains`, `urls`, `words`, `soft_words`, `substrings`")
    return Keep(signals, leaves)


_HOSTS = ("domain", "subdomain")


def _domains(hosts: pl.Series, file: Path) -> pl.Series:
    data, offsets = buffers.utf8(hosts)
    begins = addresses.domains(data, offsets, *suffixes().arrays)
    table = _table(file, file.stat().st_mtime_ns, True)
    found = [addresses.listed(data, np.ascontiguousarray(begins[:, at]), offsets[1:], *table) for at in (0, 1)]
    return struct(hosts, dict(zip(_HOSTS, found, strict=True)))


def _urls(texts: pl.Series, file: Path) -> pl.Series:
    table = _table(file, file.stat().st_mtime_ns, False)
    found = np.zeros(len(texts), dtype=np.bool_)
    for form in (texts, texts.str.replace(_SCHEME, "")):
        data, offsets = buffers.utf8(form)
        found |= addresses.listed(data, offsets[:-1], offsets[1:], *table)
    return struct(texts, {"url": found}).struct.field("url")


def _hits(url: pl.Expr, file: str) -> pl.Expr:
    data, offsets = buffers.utf8(_normalised(file))
    table = word_table(data, offsets)

    def count(texts: pl.Series) -> pl.Series:
        hits = addresses.word_hits(*buffers.utf8(texts), table, data, offsets)
        return struct(texts, {"hits": hits}).struct.field("hits")

    return compiled(url, count, pl.Int64)


@lru_cache(maxsize=4)
def _table(file: Path, changed: int, lower: bool) -> _Words:
    """The entries of a long list, as of `changed`, its time of change; read when they are first needed, once a process."""
    entries = _entries(file)
    data, offsets = buffers.utf8(entries.str.to_lowercase() if lower else entries)
    return word_table(data, offsets), data, offsets


def _readable(file: str) -> Path:
    """The path of a list that has entries; a mistake is reported before anything is measured."""
    _entries(Path(file))
    return Path(file)


def _entries(file: Path) -> pl.Series:
    try:
        lines = pl.read_lines(file, glob=False)["line"].str.strip_prefix("\ufeff")
    except (OSError, pl.exceptions.PolarsError) as error:
        raise RecipeError(f"the list {file} cannot be read: {error}", fix="give a UTF-8 file, one entry a line") from error
    entries = lines.filter(~lines.str.starts_with("#")).str.strip_chars()
    entries = entries.filter(entries != "")
    if entries.is_empty():
        raise RecipeError(f"the list {file} has no entry", fix="give one entry a line")
    return entries


def _normalised(file: str) -> pl.Series:
    entries = _entries(Path(file))
    words = entries.str.replace_all(_OTHER, "").str.to_lowercase()
    if (words == "").any():
        entry = entries.filter(words == "")[0]
        raise RecipeError(f"`{entry}` in {file} has no ASCII letter or digit, so no address holds it", fix="take it off the list")
    return words
