"""`jsonl`: one JSON object a line; its keys are the columns, nested values are kept as JSON text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
import polars as pl

from lakehouse.core.errors import ShapeError
from lakehouse.reserve.formats.columns import unify
from lakehouse.reserve.formats.json_text import as_json, as_text, members
from lakehouse.reserve.formats.splitting import Chunk, chunks, filled, lengths
from lakehouse.reserve.material import BadItem, Reading, good_rows, no_rows, own_name, with_bad

MEDIA_TYPE = "application/json"
_Lines = np.ndarray[Any, Any]
"""Numbers of lines in a chunk."""
_CONSTANT = re.compile(r"NaN|Infinity")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def read(handle: BinaryIO, reading: Reading, columns: list[str]) -> Iterator[pl.DataFrame]:
    """Objects as rows of text columns (numbers and nested values as JSON text), blank lines left out.

    In a column of `reading.json` texts are JSON too: `"1"` is a text there and `1` a number. `NaN` and `Infinity`, which Python writes
    though JSON has none of them, are numbers, and in such columns texts.

    A broken line is a row with the finding `invalid_utf8`, `malformed_json` or `not_an_object`; a value of another JSON type
    in a column of `reading.strict` is null with the finding `bad_value:<column>`.

    Raises:
        ShapeError: a key that is not among `columns`.
    """
    for chunk in chunks(handle, reading):
        if isinstance(chunk, BadItem):
            yield with_bad(no_rows(columns), [chunk])
            continue
        lines = np.flatnonzero(filled(chunk))
        good, odd, bad = _parsable(chunk, lines, columns)
        unknown = set(_kinds(_joined(chunk, good))) - set(columns) if len(good) else set()
        unknown |= {key for index in odd for key in members(chunk.line(index).decode())} - set(columns)
        if unknown:
            raise ShapeError(
                f"unknown keys {_listed(unknown)} at or after line {chunk.first}; known: {_listed(columns)}",
                fix="declare the new column under `columns:` of the source",
            )
        values = _last_of_key(_frame(_joined(chunk, good), columns).select(columns), chunk, good)
        values, good = _with_odd(values, chunk, good, odd)
        values = _as_json(values, chunk, good, reading.json & set(columns))
        sizes = lengths(chunk.data, chunk.starts[good], chunk.ends[good])
        rows = good_rows(values, pl.Series(chunk.first + good), pl.Series(sizes))
        out = with_bad(_strict(rows, chunk, good, reading.strict & set(columns)), bad)
        if not out.is_empty():
            yield out


def _last_of_key(rows: pl.DataFrame, chunk: Chunk, good: _Lines) -> pl.DataFrame:
    """The last value where an object has a key twice, as most parsers take it (RFC 8259, section 4); Polars takes the first.

    Only where a key stands in a chunk more often than there are lines may an object have it twice.
    """
    often = [name for name in rows.columns if _count(chunk.data, name) > len(good)]
    for at, index in enumerate(good.tolist() if often else []):
        line = chunk.line(index)
        if not any(_count(line, name) > 1 for name in often):
            continue
        twice: list[str] = []
        value = json.loads(line, object_pairs_hook=lambda pairs, twice=twice: _noting(pairs, twice))  # type: ignore[misc]
        for name in set(twice) & set(often):
            if name in value:
                rows = rows.with_columns(rows[name].clone().scatter(at, _text(value[name])))
    return rows


def _count(data: bytes, name: str) -> int:
    key = json.dumps(name, ensure_ascii=False).encode()
    return data.count(key + b":") + data.count(key + b" :")


def _noting(pairs: list[tuple[str, Any]], twice: list[str]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    twice += [name for name in set(names) if names.count(name) > 1]
    return dict(pairs)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str | None) else json.dumps(value, ensure_ascii=False)


def _with_odd(values: pl.DataFrame, chunk: Chunk, good: _Lines, odd: list[int]) -> tuple[pl.DataFrame, _Lines]:
    """The rows with those of lines that Polars' parser refuses, in the order of the lines."""
    if not odd:
        return values, good
    cells = [members(chunk.line(index).decode()) for index in odd]
    more = {name: [as_text(row.get(name, "null")) for row in cells] for name in values.columns}
    both = pl.concat([values, pl.DataFrame(more, schema=values.schema)])
    lines = np.concatenate([good, np.array(odd, dtype=np.int64)])
    order = np.argsort(lines)
    return both[order], lines[order]


def _as_json(rows: pl.DataFrame, chunk: Chunk, good: _Lines, names: frozenset[str]) -> pl.DataFrame:
    """The texts of columns that hold JSON within quotes, and numbers that JSON has not as texts.

    A regular expression finds the lines in which such a value may be; only those are parsed again.
    """
    for name in sorted(names):
        pattern = re.compile(_key(name) + rb'\s*:\s*(?:["N]|-?I|.*\b(?:NaN|Infinity)\b)')
        at = [n for n, index in enumerate(good.tolist()) if pattern.search(chunk.line(index))] if pattern.search(chunk.data) else []
        cells = [members(chunk.line(int(good[n])).decode()).get(name, "null") for n in at]
        changed = {n: as_json(raw) for n, raw in zip(at, cells, strict=True) if raw.startswith('"') or _CONSTANT.search(raw)}
        if changed:
            rows = rows.with_columns(rows[name].clone().scatter(list(changed), list(changed.values())))
    return rows


def _key(name: str) -> bytes:
    return rb'"' + re.escape(json.dumps(name, ensure_ascii=False)[1:-1].encode()) + rb'"'


def shape(handle: BinaryIO, reading: Reading) -> dict[str, str]:
    """Column types of all objects: `int`, `float`, `bool`, `string`, `json`, or `null` when no value was seen."""
    found: dict[str, str] = {}
    for chunk in chunks(handle, reading):
        if isinstance(chunk, BadItem):
            continue
        good, odd, _ = _parsable(chunk, np.flatnonzero(filled(chunk)), ["_"])
        for kinds in (_kinds(_joined(chunk, good)) if len(good) else {}, *(_kinds_of_line(chunk.line(index)) for index in odd)):
            for name, kind in kinds.items():
                found[name] = unify(found.get(name, "null"), kind)
    return found


def _frame(data: bytes, columns: list[str]) -> pl.DataFrame:
    # With an empty schema Polars would not parse the lines at all.
    schema = dict.fromkeys(columns or ["_"], pl.String())
    try:
        return pl.read_ndjson(data, schema=schema) if data else pl.DataFrame(schema=schema)
    except OSError as error:  # Polars took the first bytes of a broken line for compressed data
        raise pl.exceptions.ComputeError(str(error)) from error


def _joined(chunk: Chunk, lines: _Lines) -> bytes:
    if len(lines) == len(chunk.ends):
        return chunk.data
    return b"".join(chunk.data[chunk.starts[i] : chunk.ends[i] + 1] for i in lines.tolist())


def _parsable(chunk: Chunk, lines: _Lines, columns: list[str]) -> tuple[_Lines, list[int], list[BadItem]]:
    """The lines that hold an object, those of them that only Python's parser takes, and the broken ones.

    Polars parses the chunk at once and refuses it as a whole; only then are lines looked at one by one. A lone surrogate
    (RFC 8259 section 8.2) would pass as another character, so lines with a surrogate escape are looked at too.
    """
    if not _SURROGATE.search(chunk.data):
        try:
            if _frame(chunk.data, columns).height == len(lines):
                return lines, [], []
        except pl.exceptions.ComputeError:
            pass
    bad: dict[int, str] = {}
    for index in lines.tolist():
        if finding := _finding(chunk.line(index)):
            bad[index] = finding
    whole = np.array([i for i in lines.tolist() if i not in bad], dtype=np.int64)
    odd = _refused(chunk, whole, columns)
    good = np.array([i for i in whole.tolist() if i not in set(odd)], dtype=np.int64)
    items = [BadItem(chunk.first + i, len(chunk.line(i)), finding, raw=chunk.line(i)) for i, finding in sorted(bad.items())]
    return good, odd, items


def _finding(line: bytes) -> str | None:
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        return "invalid_utf8"
    except (ValueError, RecursionError):
        return "malformed_json"
    if not isinstance(value, dict):
        return "not_an_object"
    if _SURROGATE.search(line):
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:
            return "malformed_json"
    return None


def _refused(chunk: Chunk, lines: _Lines, columns: list[str]) -> list[int]:
    """Lines that Python's parser takes and Polars' does not (numbers beyond a double, `NaN`, `Infinity`), found by halving."""
    try:
        if _frame(_joined(chunk, lines), columns).height == len(lines):
            return []
    except pl.exceptions.ComputeError:
        pass
    if len(lines) == 1:
        return [int(lines[0])]
    half = len(lines) // 2
    return _refused(chunk, lines[:half], columns) + _refused(chunk, lines[half:], columns)


_KINDS: dict[type[pl.DataType], str] = {
    pl.Int64: "int",
    pl.Float64: "float",
    pl.Boolean: "bool",
    pl.String: "string",
    pl.Null: "null",
    pl.List: "json",
    pl.Struct: "json",
}


def _kinds(data: bytes) -> dict[str, str]:
    """Keys of the objects in `data` with the JSON type that holds all their values."""
    try:
        schema = pl.scan_ndjson(data, infer_schema_length=None).collect_schema()
    except (pl.exceptions.SchemaError, pl.exceptions.ComputeError):
        # Nested values of one key that have no common type: one object at a time.
        found: dict[str, str] = {}
        for line in data.split(b"\n"):
            for name, kind in (_kinds_of_line(line) if line.strip() else {}).items():
                found[name] = unify(found.get(name, "null"), kind)
        return found
    return {name: _KINDS.get(type(dtype), "string") for name, dtype in schema.items()}


def _kinds_of_line(line: bytes) -> dict[str, str]:
    return {name: _kind(value) for name, value in json.loads(line).items()}


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return "string"
    names = {int: "int", float: "float", str: "string", dict: "json", list: "json", type(None): "null"}
    return names[type(value)]


def _strict(rows: pl.DataFrame, chunk: Chunk, good: _Lines, strict: frozenset[str]) -> pl.DataFrame:
    """Null the values of `strict` columns that are no JSON strings.

    A regular expression finds the few lines in which such a value may be; only those are parsed again.
    """
    for name in sorted(strict):
        pattern = re.compile(_key(name) + rb'\s*:\s*[^"\sn]')
        if not pattern.search(chunk.data):
            continue
        raws: list[bytes | None] = [None] * len(good)
        for at, index in enumerate(good.tolist()):
            line = chunk.line(index)
            if pattern.search(line) and not isinstance(json.loads(line).get(name), str | None):
                raws[at] = line
        wrong = pl.Series("_wrong", raws, dtype=pl.Binary)
        column = own_name(name)
        finding = pl.lit([f"bad_value:{column}"], dtype=pl.List(pl.String))
        rows = rows.with_columns(wrong).with_columns(
            pl.when(pl.col("_wrong").is_null()).then(pl.col(column)).alias(column),
            pl.coalesce("_wrong", "_raw").alias("_raw"),
            pl.when(pl.col("_wrong").is_null()).then("_findings").otherwise(pl.col("_findings").list.concat(finding)).alias("_findings"),
        )
        rows = rows.drop("_wrong")
    return rows


def _listed(names: Any) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names)) or "none"
