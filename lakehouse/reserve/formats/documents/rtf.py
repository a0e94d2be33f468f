"""Rich text, by striprtf."""

from __future__ import annotations

from lakehouse.reserve.formats.documents.parts import DocumentText, lines
from lakehouse.reserve.formats.whole_files import Unreadable


def read(data: bytes, limit: int) -> DocumentText:
    """A document of RTF, which is ASCII; signs beyond are escaped in it.

    Raises:
        Unreadable: it is damaged.
    """
    from striprtf.striprtf import rtf_to_text

    try:
        return DocumentText(lines(rtf_to_text(data.decode("latin-1"), errors="replace")))
    except (ValueError, LookupError, IndexError) as error:
        raise Unreadable("damaged_document") from error
