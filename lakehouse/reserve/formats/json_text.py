"""JSON as it is written: the elements of an array and the values of an object as pieces of the text, none of them read into a number."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import BinaryIO

from lakehouse.core.errors import SourceError

_LONGEST = 256 * 1024 * 1024
"""Characters of one element, or of a value beside the array, that are held."""
_BLOCK = 1024 * 1024
_SPACES = re.compile(r"[ \t\r\n\ufeff]*")
_DECODER = json.JSONDecoder()
_CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b')
_SHOWN = 5


class _Cursor:
    """A place in the text of a stream; what lies behind it is let go."""

    def __init__(self, handle: BinaryIO) -> None:
        self._handle, self._decoder = handle, codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._buffer, self._place, self._ended = "", 0, False

    def next(self) -> str:
        """The next character that is no space, not yet passed; empty at the end."""
        while True:
            self._place = _end(_SPACES.match(self._buffer, self._place))
            if self._place < len(self._buffer) or not self._more():
                return self._buffer[self._place : self._place + 1]

    def passes(self, mark: str) -> bool:
        """Whether the next character is `mark`; then it is passed."""
        found = self.next() == mark
        self._place += found
        return found

    def value(self) -> tuple[str, object]:
        """The next value, as text and as Python has it; raises ValueError where there is none."""
        self.next()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._buffer, self._place)
                if end < len(self._buffer) or self._ended or self._buffer[end - 1] in '"}]':
                    text, self._place = self._buffer[self._place : end], end
                    return text, value
            except ValueError:
                if self._ended or len(self._buffer) - self._place > _LONGEST:
                    raise
            except RecursionError as error:
                raise ValueError("nested too deep to be read") from error
            self._more(max(_BLOCK, len(self._buffer) - self._place))

    def _more(self, size: int = _BLOCK) -> bool:
        data = self._handle.read(size)
        self._ended = not data
        self._buffer, self._place = self._buffer[self._place :] + self._decoder.decode(data, final=self._ended), 0
        return not self._ended


def _end(found: re.Match[str] | None) -> int:
    assert found is not None
    return found.end()


def elements(handle: BinaryIO, record: str | None) -> Iterator[bytes]:
    """The elements of an array as one line of JSON each, as they are written.

    Args:
        record: where the array is in the object that the file is, `data` or `result.data.items`; without it the file is the array, or one
            element itself.

    Raises:
        SourceError: no array and no object, no array at `record`, or broken JSON, with the number of the element before.
    """
    text = _Cursor(handle)
    first, number = text.next(), 0
    if first not in ("[", "{"):
        raise SourceError("no JSON array, and no object", fix="take `format: jsonl` for lines, or `text`")
    try:
        if first == "{" and record is None:
            yield _line(text.value()[0])
            depth, number = 0, 1
        else:
            depth = _depth_of(text, record) if first == "{" and record is not None else 0
            text.passes("[")
            while not text.passes("]"):
                if number and not text.passes(","):
                    raise ValueError("a comma is missing")
                yield _line(text.value()[0])
                number += 1
        for _ in range(depth):
            while not text.passes("}"):
                if not text.passes(","):
                    raise ValueError("the object around the array does not end")
                _key(text)
                text.value()
        if text.next():
            raise ValueError("there is more text behind the end")
    except ValueError as error:
        raise SourceError(f"damaged JSON behind item {number}: {error}", fix="fetch the file again") from error


def _depth_of(text: _Cursor, record: str) -> int:
    """Move to the array at a path of keys, of which one may hold points itself; returns in how many objects it is."""
    found: list[str] = []
    depth = _within(text, record, "", found)
    if not depth:
        listed = ", ".join(f"`{each}`" for each in found[:_SHOWN]) or "none"
        raise SourceError(f"the object has no array at `{record}`", fix=f"check `record:`; its arrays of objects: {listed}")
    return depth


def _within(text: _Cursor, rest: str, above: str, found: list[str]) -> int:
    """The depth of the array below the object that begins here; 0: it is not there, and the object is passed."""
    text.passes("{")
    begun = False
    while not text.passes("}"):
        if begun and not text.passes(","):
            raise ValueError("a comma is missing")
        begun = True
        key = _key(text)
        if key == rest and text.next() == "[":
            return 1
        if rest.startswith(f"{key}.") and text.next() == "{":
            if depth := _within(text, rest[len(key) + 1 :], f"{above}{key}.", found):
                return depth + 1
        else:
            found += _arrays(text.value()[1], f"{above}{key}")
    return 0


def _key(text: _Cursor) -> str:
    key = text.value()[1]
    if not isinstance(key, str) or not text.passes(":"):
        raise ValueError("a key is missing")
    return key


def _arrays(value: object, path: str) -> list[str]:
    """The paths of the arrays of objects in a value."""
    if isinstance(value, list):
        return [path] if value and isinstance(value[0], dict) else []
    return [each for key, one in value.items() for each in _arrays(one, f"{path}.{key}")] if isinstance(value, dict) else []


def _line(text: str) -> bytes:
    """Text in one line: a line end in JSON is a space between values."""
    return text.replace("\r", " ").replace("\n", " ").encode("utf-8", "surrogateescape") + b"\n"


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]')


def arrays_of(head: str) -> tuple[dict[str, int], tuple[str, ...]]:
    """The arrays of objects in a JSON object: how many objects the text shows of each, by the path of its keys; and the object's keys.

    Args:
        head: the first characters, cut anywhere.
    """
    counts: dict[str, int] = {}
    keys: list[str] = []
    above: list[str | None] = []  # the key under which each open object or array stands; None: an array holds it
    opened: list[str] = []
    last = key = ""
    for found in _TOKEN.finditer(head):
        token = found[0]
        if token in "[{":
            inside = bool(opened) and opened[-1] == "["
            if token == "{" and inside and opened.count("[") == 1:
                path = ".".join(each for each in above[1:] if each is not None)
                counts[path] = counts.get(path, 0) + 1
            above.append(None if inside else key)
            opened.append(token)
        elif token in "]}":
            if opened:
                above.pop()
                opened.pop()
        elif token == ":" and last.startswith('"') and opened and opened[-1] == "{":
            try:
                key = str(json.loads(last))
            except ValueError:
                continue
            if len(opened) == 1:
                keys.append(key)
        last = token
    return counts, tuple(keys)


def members(text: str) -> dict[str, str]:
    """The values of an object by their keys, as they are written; of a key that is given twice the last (RFC 8259, section 4).

    Raises:
        ValueError: no object.
    """
    found: dict[str, str] = {}
    place = _end(_SPACES.match(text)) + 1
    while True:
        place = _end(_SPACES.match(text, place))
        if text.startswith("}", place):
            return found
        place = _end(_SPACES.match(text, place + text.startswith(",", place)))
        key, place = _DECODER.raw_decode(text, place)
        place = _end(_SPACES.match(text, _end(_SPACES.match(text, place)) + 1))
        _, end = _DECODER.raw_decode(text, place)
        found[key], place = text[place:end], end


def as_json(raw: str) -> str | None:
    """A written value as JSON that any parser reads: null is no value, and numbers that JSON has not, as Python writes them, are texts."""
    return None if raw == "null" else _CONSTANT.sub(lambda found: found[0] if found[0][0] == '"' else f'"{found[0]}"', raw)


def as_text(raw: str) -> str | None:
    """A written value as the text of a column: a text without its quotes, anything else as it is written."""
    return None if raw == "null" else str(json.loads(raw)) if raw.startswith('"') else raw
