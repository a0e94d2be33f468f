"""What a dataset is made from: the kind of its material and the role of each column, chosen from a discovery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

from lakehouse.core.spec import PII
from lakehouse.core.spec.column_type import made
from lakehouse.core.text.paths import text_paths
from lakehouse.reserve.discovery.columns import ColumnProfile, named_like_a_key, named_like_a_label
from lakehouse.reserve.discovery.discover import Discovery
from lakehouse.reserve.discovery.leaves import KEYS

Kind = Literal["text", "table", "chat", "preference", "instructions", "parallel", "documents", "images", "sounds", "films"]
_MEDIA: dict[str, Kind] = {"image": "images", "audio": "sounds", "video": "films", "document": "documents"}
_TURNS = (("role", "content"), ("from", "value"), ("speaker", "text"), ("role", "text"))
"""Fields of a turn in published chat data: of OpenAI's messages and of ShareGPT first."""
_QUESTIONS = ("instruction", "prompt", "question", "query", "input", "问题", "问", "指令")
_ANSWERS = ("output", "response", "completion", "answer", "answers", "target", "答案", "答", "回答", "回复")
_NESTED = ("chat", "preference")
_LONG, _LONG_CHINESE = 30, 10
"""Mean characters of a text that is cleaned and compared as one; shorter ones are names and titles."""
_DISTINCT = 0.3
"""Least share of distinct values of such a text: below it a column is of categories, and merging its copies would lose rows."""
CATEGORIES = 50
"""Most values of a column of categories that a contract lists and a model takes."""


@dataclass(frozen=True)
class ColumnChoice:
    """One column: its role, and why."""

    column: str
    type: str
    role: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What a dataset is made from.

    Attributes:
        texts: columns, or paths inside columns, whose texts are cleaned; the main one first.
        compared: the columns of which equal rows are copies; empty: no row is merged.
        number: the label is a number to be predicted, not a class.
        features: columns that a model of a table reads.
        beside: other texts within the columns of the texts, such as the roles of turns.
        private: private data found beside the texts, by column or path inside of it.
        sure: the label is named like one, or was given.
        questions: what only the user knows, a sentence each.
        candidates: the columns that may be the label, where that is the question.
    """

    kind: Kind
    columns: tuple[ColumnChoice, ...]
    texts: tuple[str, ...] = ()
    compared: tuple[str, ...] = ()
    label: str | None = None
    number: bool = False
    features: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    private: dict[str, list[str]] = field(default_factory=dict)
    sure: bool = False
    chinese: bool = False
    questions: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()


def choose(found: Discovery, *, text: str | None = None, label: str | None = None) -> Choices:
    """The kind of the material and the roles of its columns.

    Args:
        text: the column that the user calls the text; label: the one that she calls the label.
    """
    known = {column.name: column for column in found.columns}
    kind, texts, compared, roles = _kind(found, text)
    main = known.get(texts[0]) if texts else None
    chosen = known[label] if label is not None else _label(found, kind, texts)
    number = chosen is not None and _is_number(chosen)
    name = chosen.name if chosen is not None else None
    features = tuple(c.name for c in found.columns if kind == "table" and c.name != name and _is_feature(c))
    beside = tuple(path for c in found.columns for path in _other_texts(c) if path not in texts) if kind in _NESTED else ()
    private = {path: sorted({*PII, *c.private}) for c in found.columns for path in _private_texts(c) if path not in (*texts, *beside)}
    questions = []
    able = [c for c in found.columns if c.name not in texts and c.role not in ("key", "constant", "date")]
    sure = chosen is not None and (label is not None or named_like_a_label(chosen))
    if able and kind in ("table", "text", "images", "sounds") and not sure:
        guess = f"; `{name}` was taken" if name else ", and none is evaluated"
        questions.append(f"which column is the label? none is named like one{guess}: --label COLUMN")
    columns = [_choice(c, roles, name, number=number, features=features) for c in found.columns]
    speaks = main or next((c for c in found.columns if c.languages), None)
    language = next(iter(speaks.languages), "") if speaks is not None else ""
    return Choices(
        kind=kind,
        columns=tuple(columns),
        texts=texts,
        compared=compared,
        label=name,
        number=number,
        features=features,
        beside=beside,
        private=private,
        sure=sure,
        chinese=language in ("zh", "ja", "th"),
        questions=tuple(questions),
        candidates=tuple(c.name for c in able) if questions else (),
    )


def _private_texts(column: ColumnProfile) -> list[str]:
    """The places of a column with private data where a step has to look: all of its texts, of JSON those where some was found."""
    if not column.private:
        return []
    if column.type == "json":
        return [path for path in column.private_at if path != column.name and not path.endswith(KEYS)]
    inside = [str(path) for path in text_paths(column.name, column.form.dtype)]
    return [column.name] if column.form.dtype == pl.String else inside


def _kind(found: Discovery, text: str | None) -> tuple[Kind, tuple[str, ...], tuple[str, ...], dict[str, tuple[str, str]]]:
    """The kind, its texts, the columns by which copies are known, and the roles that the kind gives to columns."""
    known = {c.name: c for c in found.columns}
    media = _MEDIA.get(found.described.format) if found.described is not None else None
    if media is not None:
        if media == "documents":
            return media, ("text",), ("text",), {"text": ("text", "what the document says")}
        return media, (), ("sha256",), {"sha256": ("key", "the same bytes have the same digest")}
    if text is not None:
        return "text", (text, *(c.name for c in _long(found) if c.name != text)), (text,), {text: ("text", "as asked")}
    if {"chosen", "rejected"} <= set(known) and all(_path(known[name]) for name in ("chosen", "rejected")):
        sides = [_path(known[name]) for name in ("chosen", "rejected")]
        asked = [name for name in ("prompt", *_QUESTIONS) if name in known][:1]
        roles = {name: (name, "by its name") for name in ("chosen", "rejected", *asked)}
        return "preference", (*(p for p in [*sides, *(_path(known[n]) for n in asked)] if p),), (*asked, "chosen", "rejected"), roles
    if (turns := _turns(found.columns)) is not None:
        column, path, why = turns
        return "chat", (path, *(c.name for c in _long(found))), (column,), {column: ("turns", why)}
    if (pair := _question(known)) is not None:
        question, answer = pair
        more = [c.name for c in _long(found) if c.name not in pair]
        roles = {question: ("question", "by its name"), answer: ("answer", "by its name")}
        texts = tuple(name for name in (question, answer, *more) if known[name].form.dtype == pl.String and known[name].type != "json")
        return "instructions", texts, (question, answer), roles
    texts_found = _long(found)
    languages = [next(iter(c.languages), "") for c in texts_found]
    if len(texts_found) == 2 and len(set(languages)) == 2 and all(max(c.languages.values(), default=0) >= 0.8 for c in texts_found):
        roles = {c.name: ("text", f"in {code}") for c, code in zip(texts_found, languages, strict=True)}
        names = tuple(c.name for c in texts_found)
        return "parallel", names, names, roles
    main = max(texts_found, key=lambda c: c.length or 0, default=None)
    others = [c for c in found.columns if c is not main and c.role not in ("key", "constant")]
    single = [c for c in found.columns if c.form.dtype == pl.String and c.type != "json"]
    if main is None and len(found.columns) == 1 and single and (single[0].length or 0) > 0:
        main = single[0]
    if main is not None and ((main.length or 0) >= 80 or len(others) <= 4 or len(texts_found) * 3 >= len(found.columns)):
        rest = tuple(c.name for c in texts_found if c is not main)
        why = f"long ({main.length or 0:.0f} characters on average) and {main.distinct:.0%} of its values differ"
        compared = (main.name,) if main.distinct >= _DISTINCT else ()
        return "text", (main.name, *rest), compared, {main.name: ("text", why)}
    return "table", tuple(c.name for c in texts_found), (), {}


def _long(found: Discovery) -> list[ColumnProfile]:
    """Columns of texts that are long and mostly distinct."""
    out = []
    for column in found.columns:
        least = _LONG_CHINESE if next(iter(column.languages), "") in ("zh", "ja", "th", "ko") else _LONG
        if column.role == "text" and (column.length or 0) >= least and column.distinct >= _DISTINCT:
            out.append(column)
    return sorted(out, key=lambda c: -(c.length or 0))


def _turns(columns: Sequence[ColumnProfile]) -> tuple[str, str, str] | None:
    """The column of the turns of a conversation, the path of their texts, and why."""
    for column in columns:
        dtype = column.form.dtype
        if isinstance(dtype, pl.List) and isinstance(inner := made(dtype.inner), pl.Struct):
            names = {f.name for f in inner.fields}
            for who, what in _TURNS:
                if {who, what} <= names:
                    return column.name, f"{column.name}[].{what}", f"a list of turns with `{who}` and `{what}`"
        if column.type == "json" and column.name.lower() in ("messages", "conversations", "conversation", "dialogue", "turns"):
            keys = next(((w, t) for w, t in _TURNS if any(f'"{w}"' in e and f'"{t}"' in e for e in column.examples)), _TURNS[0])
            return column.name, f"{column.name}[].{keys[1]}", f"a list of turns with `{keys[0]}` and `{keys[1]}`, by its name"
    return None


def _other_texts(column: ColumnProfile) -> list[str]:
    """The paths of all texts in the turns of a column."""
    dtype = column.form.dtype
    if not isinstance(dtype, pl.List) or not isinstance(inner := made(dtype.inner), pl.Struct):
        return []
    return [f"{column.name}[].{f.name}" for f in inner.fields if f.dtype == pl.String]


def _path(column: ColumnProfile) -> str | None:
    """Where the texts of a column are: itself, or the texts of its turns."""
    if (turns := _turns([column])) is not None:
        return turns[1]
    return column.name if column.form.dtype == pl.String and column.type != "json" else None


def _question(known: dict[str, ColumnProfile]) -> tuple[str, str] | None:
    lower = {name.lower(): name for name in known}
    question = next((lower[name] for name in _QUESTIONS if name in lower and known[lower[name]].form.dtype == pl.String), None)
    answer = next(
        (lower[name] for name in _ANSWERS if name in lower and known[lower[name]].role in ("text", "key", "value", "label")), None
    )
    if question is None or answer is None or question == answer or known[answer].form.dtype != pl.String:
        return None
    return question, answer


def _label(found: Discovery, kind: Kind, texts: Sequence[str]) -> ColumnProfile | None:
    """The column that is predicted: one named like a label, else of a text the likeliest."""
    if kind not in ("text", "table", "images", "sounds", "documents"):
        return None
    able = [c for c in found.columns if c.name not in texts and c.role == "label" and c.name != "format" and len(c.values) <= 200]
    named = [c for c in found.columns if named_like_a_label(c) and c.name not in texts and c.role != "key"]
    for column in named:
        if column in able or (kind in ("table", "text") and column.form.dtype.is_numeric() and column.role != "constant"):
            return column
    if kind == "text":
        return next((c for c in able if c.type in ("string", "category", "bool")), None)
    return None


def _is_number(column: ColumnProfile) -> bool:
    return column.form.dtype.is_numeric() and column.role != "label"


def _is_feature(column: ColumnProfile) -> bool:
    """Whether a model of trees takes it: numbers, and categories of few values."""
    dtype = column.form.dtype
    if (
        column.is_private
        or column.role in ("constant", "text")
        or (column.role == "key" and named_like_a_key(column))
        or column.nulls == 1
        or isinstance(dtype, pl.Decimal)
    ):
        return False
    return dtype.is_numeric() or dtype == pl.Boolean or (dtype == pl.String and column.type != "json" and column.role == "label")


def _choice(
    column: ColumnProfile, roles: dict[str, tuple[str, str]], label: str | None, *, number: bool, features: Sequence[str]
) -> ColumnChoice:
    form = column.form
    written = [f"written {form.format}"] if form.format else []
    written += ["with a decimal comma"] if form.decimal == "," else []
    written += [f"{form.thousands!r} between thousands"] if form.thousands else []
    written += [f"no value: {', '.join(form.nulls)}"] if form.nulls else []
    written += [f"{column.nulls:.0%} empty"] if column.nulls >= 0.005 else []
    if column.private:
        written.append("private data: " + ", ".join(sorted(column.private)))
    if column.named:
        written.append(f"named like a {column.named.replace('_', ' ')}")
    if column.name in roles:
        role, why = roles[column.name]
    elif column.name == label:
        role = "target" if number else "label"
        why = "a number to be predicted" if number else f"{len(column.values)} values"
    elif column.role in ("date", "constant") or (column.role == "key" and (named_like_a_key(column) or column.least is None)):
        role, why = column.role, {"key": "unique, never empty", "date": "dates", "constant": "one value"}[column.role]
    elif column.role == "text":
        role, why = "text", f"{column.length or 0:.0f} characters on average"
    elif column.role == "label":
        role, why = "category", f"{len(column.values) or 'few'} values"
    elif form.dtype.is_numeric():
        role, why = "number", column.span or "numbers"
    else:
        role, why = "value", "kept as it is"
    return ColumnChoice(column.name, form.type, role, "; ".join([why, *written]))
