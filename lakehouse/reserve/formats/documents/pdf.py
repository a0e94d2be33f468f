"""PDF, by PDFium: the text layer, page by page, and the values of form fields; a scan has none."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from threading import Lock
from typing import Any

from lakehouse.reserve.formats.documents.parts import DocumentText
from lakehouse.reserve.formats.whole_files import Unreadable

_ONE_AT_A_TIME = Lock()
"""PDFium may be called by one thread at a time."""
_HYPHEN = re.compile("\ufffe\r?\n?")
"""What PDFium gives for a hyphen that only parts a word at the end of a line."""
_LOOKED_AT = 500
"""Characters of a page whose fonts are asked for their Unicode, at even distances."""
_PATHS = 20
_WRONG_PASSWORD = 4
_WIDGET, _FILLED = 20, (4, 5, 6)
"""Of annotations those of form fields (ISO 32000-2, 12.5.6.19); of these combination fields, lists and texts."""


def read(data: bytes, limit: int) -> DocumentText:
    """A document of PDF.

    Raises:
        Unreadable: it is damaged, or opens with a password only.
    """
    import pypdfium2

    with _ONE_AT_A_TIME:
        try:
            document = pypdfium2.PdfDocument(data)
        except pypdfium2.PdfiumError as error:
            raise Unreadable("encrypted_document" if error.err_code == _WRONG_PASSWORD else "damaged_document") from error
        try:
            return _read(document)
        except (pypdfium2.PdfiumError, ValueError, OverflowError, MemoryError) as error:
            raise Unreadable("damaged_document") from error
        finally:
            document.close()


def _read(document: Any) -> DocumentText:
    from pypdfium2 import raw

    if document.get_formtype() != raw.FORMTYPE_NONE:
        document.init_forms()  # before the pages are loaded
    texts, without_text, unmapped, asked = [], 0, 0, 0
    fields: set[str] = set()
    for number in range(len(document)):
        page = document.get_page(number)
        layer = page.get_textpage()
        text = _HYPHEN.sub("", layer.get_text_range()).replace("\r\n", "\n").replace("\r", "\n").strip()
        without_text += not text and _shows(raw, page)
        places = range(0, layer.count_chars(), max(1, layer.count_chars() // _LOOKED_AT))
        unmapped += sum(raw.FPDFText_HasUnicodeMapError(layer, place) == 1 for place in places)
        asked += len(places)
        # A field may stand on several pages, with one value.
        filled = {name: value for name, value in _values(raw, document.formenv, page) if name not in fields}
        fields |= filled.keys()
        texts.append("\n".join([text, *(f"{name}: {value}" for name, value in filled.items())]).strip())
        layer.close()
        page.close()
    about = document.get_metadata_dict()
    return DocumentText(
        "\n\n".join(text for text in texts if text),
        about.get("Title"),
        about.get("Author"),
        len(texts),
        pages_without_text=without_text,
        unmapped=unmapped / max(1, asked),
    )


def _shows(raw: Any, page: Any) -> bool:
    """Whether a page may show text: a picture, a form with content of its own, or more paths than rules and frames have."""
    count = raw.FPDFPage_CountObjects(page)
    kinds = {raw.FPDFPageObj_GetType(raw.FPDFPage_GetObject(page, number)) for number in range(min(count, _PATHS))}
    return count > _PATHS or bool(kinds & {raw.FPDF_PAGEOBJ_IMAGE, raw.FPDF_PAGEOBJ_FORM, raw.FPDF_PAGEOBJ_SHADING})


def _values(raw: Any, form: Any, page: Any) -> Iterator[tuple[str, str]]:
    """Name and value of each filled field of a page's form."""
    if form is None:
        return
    for number in range(raw.FPDFPage_GetAnnotCount(page)):
        annotation = raw.FPDFPage_GetAnnot(page, number)
        if not annotation:
            continue
        if raw.FPDFAnnot_GetSubtype(annotation) == _WIDGET and raw.FPDFAnnot_GetFormFieldType(form, annotation) in _FILLED:
            name = _wide(raw, raw.FPDFAnnot_GetFormFieldName, form, annotation)
            value = _wide(raw, raw.FPDFAnnot_GetFormFieldValue, form, annotation)
            if value:
                yield name, value
        raw.FPDFPage_CloseAnnot(annotation)


def _wide(raw: Any, call: Any, form: Any, annotation: Any) -> str:
    """A text that PDFium writes as UTF-16LE, ended by a zero."""
    size = call(form, annotation, None, 0)
    buffer = ctypes.create_string_buffer(size)
    call(form, annotation, ctypes.cast(buffer, ctypes.POINTER(raw.FPDF_WCHAR)), size)
    return buffer.raw[: max(0, size - 2)].decode("utf-16-le", "replace").strip()
