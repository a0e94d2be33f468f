"""Word, PowerPoint, OpenDocument and EPUB: zip archives of XML (ECMA-376, ISO/IEC 26300, EPUB 3), their text in reading order."""

from __future__ import annotations

import posixpath
import re
from typing import Any
from urllib.parse import unquote

from lakehouse.reserve.formats.documents.parts import DocumentText, Members, members, plain
from lakehouse.reserve.formats.whole_files import Unreadable

_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_CORE = "{http://purl.org/dc/elements/1.1/}"
_SLIDE = re.compile(r"^ppt/slides/slide(\d+)\.xml$")
_BREAKS = {"tab": "\t", "br": "\n", "cr": "\n", "line-break": "\n", "s": " "}


def read_docx(data: bytes, limit: int) -> DocumentText:
    """The paragraphs of a Word document, those of its tables among them."""
    with members(data, limit) as parts:
        root = parts.xml("word/document.xml")
        for element in list(root.iter("{*}Fallback")):  # repeats the element before it, for older readers
            element.getparent().remove(element)
        outer = [each for each in root.iter(f"{_WORD}p") if next(each.iterancestors(f"{_WORD}p"), None) is None]
        paragraphs = [_words(each, f"{_WORD}t") for each in outer]
        return DocumentText(_joined(paragraphs), *_core(parts, "docProps/core.xml"))


def read_pptx(data: bytes, limit: int) -> DocumentText:
    """The paragraphs of a presentation's slides, in their order."""
    with members(data, limit) as parts:
        slides = sorted((int(match[1]), name) for name in parts.names if (match := _SLIDE.match(name)))
        texts = [_joined([_words(each, f"{_DRAWING}t") for each in parts.xml(name).iter(f"{_DRAWING}p")]) for _, name in slides]
        return DocumentText("\n\n".join(text for text in texts if text), *_core(parts, "docProps/core.xml"), len(slides))


def read_odt(data: bytes, limit: int) -> DocumentText:
    """The headings and paragraphs of an OpenDocument text, presentation or sheet."""
    with members(data, limit) as parts:
        root = parts.xml("content.xml")
        paragraphs = [_words(each, None) for each in root.iter(f"{_TEXT}p", f"{_TEXT}h")]
        return DocumentText(_joined(paragraphs), *_core(parts, "meta.xml"))


def read_epub(data: bytes, limit: int) -> DocumentText:
    """The chapters of a book, in the order of its spine."""
    with members(data, limit) as parts:
        container = parts.xml("META-INF/container.xml")
        packages = [element.get("full-path") for element in container.iter("{*}rootfile")]
        if not packages:
            raise Unreadable("damaged_document")
        package = parts.xml(packages[0])
        items = {element.get("id"): element.get("href") for element in package.iter("{*}item")}
        folder = posixpath.dirname(packages[0])
        chapters = []
        for element in package.iter("{*}itemref"):
            if href := items.get(element.get("idref")):
                chapters.append(plain(parts.read(posixpath.normpath(posixpath.join(folder, unquote(href))))))
        return DocumentText("\n\n".join(chapter for chapter in chapters if chapter), *_properties(package))


def _words(paragraph: Any, run: str | None) -> str:
    """The text of a paragraph: that of its runs, or of all elements; tabs and breaks as such."""
    out = []
    for element in paragraph.iter():
        if not isinstance(element.tag, str):
            continue
        name = element.tag.rpartition("}")[2]
        if run is None or element.tag == run:
            out.append(element.text or "")
        if name in _BREAKS and element is not paragraph:
            out.append(_BREAKS[name])
        if run is None and element is not paragraph:
            out.append(element.tail or "")
    return "".join(out).strip()


def _joined(paragraphs: list[str]) -> str:
    return "\n".join(paragraph for paragraph in paragraphs if paragraph)


def _core(parts: Members, name: str) -> tuple[str | None, str | None]:
    return _properties(parts.xml(name)) if name in parts.names else (None, None)


def _properties(root: Any) -> tuple[str | None, str | None]:
    """Title and author in the words of Dublin Core."""
    title, author = (root.find(f".//{_CORE}{name}") for name in ("title", "creator"))
    return (None if title is None else title.text), (None if author is None else author.text)
