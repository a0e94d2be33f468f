"""Declarations as a person would write them: YAML with a line a column or step, each with its reason beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import yaml

Comments = Mapping[tuple[str | int, ...], str]
"""The reason of a key, written above it, or of an entry below a key, written beside it; by its place."""


def rendered(value: Mapping[str, Any], kind: Literal["source", "dataset"], comments: Comments) -> str:
    """The text of a declaration; a key with commented entries is written with a line each."""
    lines = [f"# yaml-language-server: $schema=../../.lakehouse/schema/{kind}.json"]
    for key, entry in value.items():
        within = {place[1]: words for place, words in comments.items() if len(place) == 2 and place[0] == key}
        if (key,) in comments:
            lines.append(f"# {_comment(comments[(key,)])}")
        if not within or not entry:
            lines += _key(key, entry)
            continue
        lines.append(f"{key}:")
        entries = entry.items() if isinstance(entry, Mapping) else enumerate(entry)
        for name, one in entries:
            shown = list(_key(str(name), one) if isinstance(entry, Mapping) else _item(one))
            if name in within:
                shown[0] += f"  # {_comment(within[name])}"
            lines += [f"  {line}" for line in shown]
    return "\n".join(lines) + "\n"


def _key(key: str, value: Any) -> Iterator[str]:
    """A key with its value, in one line unless it is nested deeply."""
    name = _flow(key)
    if _depth(value) <= 2:
        yield f"{name}: {_flow(value)}"
        return
    yield f"{name}:"
    for line in _block(value):
        yield f"  {line}"


def _block(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _key(key, each)
    else:
        for each in value:
            yield from _item(each)


def _item(value: Any) -> Iterator[str]:
    if not isinstance(value, Mapping) or len(value) != 1:
        yield f"- {_flow(value)}"
        return
    lines = [line for key, each in value.items() for line in _key(key, each)]
    yield from (f"{'-' if at == 0 else ' '} {line}" for at, line in enumerate(lines))


def _depth(value: Any) -> int:
    if not isinstance(value, Mapping | list) or not value:
        return 0
    return 1 + max(_depth(each) for each in (value.values() if isinstance(value, Mapping) else value))


class _Dumper(yaml.SafeDumper):
    """Writes a text with line ends or controls within double quotes, so that it stays in one line."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if value.isprintable() else '"')


_Dumper.add_representer(str, _text)


def _flow(value: Any) -> str:
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=True, width=1_000_000)
    return text.removesuffix("...\n").strip()


def _comment(words: str) -> str:
    """Words in one line; characters that YAML has no place for, such as U+0000 and line ends, are escaped."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in words)


def write(path: Path, text: str) -> None:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
