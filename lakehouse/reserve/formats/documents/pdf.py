"""PDF, by pypdf: the text layer, page by page; a scan has none."""

from __future__ import annotations

import io
import logging

from lakehouse.reserve.formats.documents.parts import DocumentText
from lakehouse.reserve.formats.whole_files import Unreadable


def read(data: bytes, limit: int) -> DocumentText:
    """A document of PDF.

    Raises:
        Unreadable: it is damaged, or opens with a password only.
    """
    from pypdf import PdfReader
    from pypdf.errors import DependencyError, FileNotDecryptedError, PyPdfError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # its messages are findings, or nothing
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise Unreadable("encrypted_document")
        pages = [page.extract_text().strip() for page in reader.pages]
        about = reader.metadata
        title, author = (None, None) if about is None else (about.title, about.author)
    except (FileNotDecryptedError, DependencyError) as error:
        raise Unreadable("encrypted_document") from error
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, OSError, ArithmeticError) as error:
        # Of damaged files pypdf raises whatever its next step stumbles over.
        raise Unreadable("damaged_document") from error
    return DocumentText("\n\n".join(page for page in pages if page), title, author, len(pages))
