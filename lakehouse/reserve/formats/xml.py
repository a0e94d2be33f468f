"""`xml`: the elements of one name are items; attributes and children are columns, read as JSON lines are. Nothing is fetched."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

import polars as pl

from lakehouse.core.errors import SourceError
from lakehouse.core.lake.streams import Pieces
from lakehouse.reserve.formats import jsonl
from lakehouse.reserve.material import Reading

MEDIA_TYPE = "application/xml"
TEXT = "text"
"""The column of the text beside attributes or children. Of mixed content it is all text within, in its order."""
_FEED = 1 << 16


def shape(handle: BinaryIO, reading: Reading) -> dict[str, Any]:
    """Column types as those of JSON lines: `string`, or `json` of what repeats or nests.

    Raises:
        SourceError: as `records` does.
    """
    return dict(jsonl.shape(_lines(handle, reading), reading))


def read(handle: BinaryIO, reading: Reading, columns: list[str]) -> Iterator[pl.DataFrame]:
    """The records, whatever the file's size, some megabytes at a time; raises as `records` does."""
    yield from jsonl.read(_lines(handle, reading), reading, columns)


def _lines(handle: BinaryIO, reading: Reading) -> BinaryIO:
    return cast(BinaryIO, io.BufferedReader(_Records(handle, reading), _FEED))


class _Records(Pieces):
    def __init__(self, handle: BinaryIO, reading: Reading) -> None:
        super().__init__(handle)
        self._records = records(handle, reading)

    def piece(self) -> bytes | None:
        return next(self._records, None)


def records(handle: BinaryIO, reading: Reading) -> Iterator[bytes]:
    """A line of JSON for each element called `reading.record`, or for each child of the root, which must then have one name.

    Names lose their namespaces. A name that is twice in a record is a list, an attribute before the children of its name.

    Raises:
        SourceError: no XML, broken (with the line), entities of its own, nested too deeply, or more than `reading.max_item_bytes` in which
            no record ends.
    """
    etree = _library()
    name = reading.record
    parser = hardened(etree, None if name is None else name if name.startswith("{") else f"{{*}}{name}")
    opened: Any = None
    root, only = "", ""
    since = count = 0
    try:
        while True:
            block = handle.read(_FEED)
            if block:
                parser.feed(block)
            else:
                parser.close()
            since += len(block)
            for event, element in parser.read_events():
                if not root:
                    root = _checked(element)
                if event == "start" and opened is None and (name is not None or _is_child_of_root(element)):
                    opened = element
                elif event == "end" and element is opened:
                    known = name or _local(element)
                    if name is None and count and known != only:
                        raise SourceError(
                            f"the root has children of several names: `{only}`, `{known}`", fix=f"name the items: `record: {only}`"
                        )
                    only = known
                    yield json.dumps(_fields(element), ensure_ascii=False).encode() + b"\n"
                    opened, since, count = None, 0, count + 1
                    _freed(element)
            if not block:
                break
            if since > reading.max_item_bytes + _FEED:
                what = "record" if name is None else f"`{name}`"
                raise SourceError(
                    f"no {what} ends within {reading.max_item_bytes:,} bytes behind item {count}",
                    fix="check `record:`, or raise `max_item_bytes:`",
                )
    except etree.XMLSyntaxError as error:
        what = (error.msg or "it ends early").splitlines()[0]
        raise SourceError(f"broken XML in line {error.lineno or 1}: {what}", fix="fetch the file again, or take `format: text`") from error
    if not count and name is not None:
        raise SourceError(f"no element is called `{name}`", fix="check `record:`; `lakehouse discover` suggests one")


def hardened(etree: Any, tag: str | None) -> Any:
    """A parser that fetches nothing and expands nothing; depth and text are limited by libxml2 (256 elements, 10 MB)."""
    return etree.XMLPullParser(
        events=("start", "end"),
        tag=tag,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


def _library() -> Any:
    from lxml import etree

    return etree


def _checked(element: Any) -> str:
    """The root's name, once its document type is seen to declare no entities."""
    tree = element.getroottree()
    dtd = tree.docinfo.internalDTD
    if dtd is not None and next(dtd.iterentities(), None) is not None:
        raise SourceError("it declares entities, which are not expanded", fix="expand them by hand if the file can be trusted")
    return str(tree.getroot().tag)


def _is_child_of_root(element: Any) -> bool:
    parent = element.getparent()
    return parent is not None and parent.getparent() is None


def _local(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def _fields(element: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    twice: set[str] = set()
    for name, value in (*_attributes(element), *_children(element)):
        if name not in found:
            found[name] = value
        elif name in twice:
            found[name].append(value)
        else:
            found[name] = [found[name], value]
            twice.add(name)
    return found


def _attributes(element: Any) -> Iterator[tuple[str, str]]:
    for name, value in element.attrib.items():
        yield name.rpartition("}")[2], value


def _children(element: Any) -> Iterator[tuple[str, Any]]:
    if text := _own_text(element):
        yield TEXT, text
    for child in element:
        yield _local(child), _value(child)


def _value(element: Any) -> Any:
    """A text where there is nothing but text, marked up or not; else its fields."""
    text = _own_text(element)
    if not element.attrib and (text or not len(element)):
        return text or None
    return {**dict(_attributes(element)), TEXT: text} if text and len(element) else _fields(element)


def _own_text(element: Any) -> str:
    """Its text: nothing where it stands in its children only. Of mixed content the text of its children belongs to it (XML 1.0, 3.2.2)."""
    own = (element.text, *(child.tail for child in element))
    return "".join(element.itertext()).strip() if any(part and not part.isspace() for part in own) else ""


def _freed(element: Any) -> None:
    """Let go of the record's content, and of all before it: the tree stays as small as one record."""
    element.clear(keep_tail=False)
    while element is not None and (parent := element.getparent()) is not None:
        while element.getprevious() is not None:
            del parent[0]
        element = parent
