"""The dictionary and the hidden Markov model of jieba, from its installed package."""

from __future__ import annotations

import ast
import importlib.util
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import polars as pl

from lakehouse.core.errors import MissingExtraError
from lakehouse.core.text.kernels import segment, trie

_STATES = "BEMS"
_ONE_AT_A_TIME = Lock()


def folder() -> Path:
    """The folder of the installed jieba.

    Raises:
        MissingExtraError: it is not.
    """
    package = importlib.util.find_spec("jieba")
    if package is None or package.origin is None:
        raise MissingExtraError("`segment_chinese`", "chinese")
    return Path(package.origin).parent


def model() -> segment.SegmenterModel:
    """jieba's dictionary (of equal words the last) and model, read once a process. A word of frequency 0 only begins others."""
    # Polars calls kernels on several threads, and CPython 3.11 cannot parse literals on two at once (its issue 106905).
    with _ONE_AT_A_TIME:
        return _model()


@lru_cache(maxsize=1)
def _model() -> segment.SegmenterModel:
    lines = pl.Series((folder() / "dict.txt").read_text(encoding="utf-8").splitlines(), dtype=pl.String)
    parts = lines.str.strip_chars().str.split(" ")
    entries = pl.DataFrame({"word": parts.list.get(0), "times": parts.list.get(1).cast(pl.Int64)})
    unique = entries.unique("word", keep="last", maintain_order=True)
    times = unique["times"].to_numpy()
    logarithms = np.array([float(np.log(t)) if t else -1.0 for t in times.tolist()])
    words = trie.build(unique["word"])
    weights = np.where(words.words >= 0, logarithms[words.words], -1.0)
    moves = np.full((4, 4), segment.IMPOSSIBLE)
    for state, row in _table("prob_trans").items():
        for following, value in row.items():
            moves[_STATES.index(state), _STATES.index(following)] = value
    emit = np.full((segment.LAST_HAN - segment.FIRST_HAN + 1, 4), segment.IMPOSSIBLE)
    for state, row in _table("prob_emit").items():
        for character, value in row.items():
            if segment.FIRST_HAN <= ord(character) <= segment.LAST_HAN:
                emit[ord(character) - segment.FIRST_HAN, _STATES.index(state)] = value
    begin = _table("prob_start")
    start = np.array([begin[state] for state in _STATES])
    return segment.SegmenterModel(
        words=words, weights=weights, total=float(np.log(int(entries["times"].sum()))), start=start, moves=moves, emit=emit
    )


def _table(name: str) -> dict[str, Any]:
    """A table of the model: the literal in its module, read without running jieba."""
    text = (folder() / "finalseg" / f"{name}.py").read_text(encoding="utf-8")
    found: dict[str, Any] = ast.literal_eval(text[text.index("{") :])
    return found
