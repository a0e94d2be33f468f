"""Word and PowerPoint files of 97 to 2003, converted by LibreOffice where this machine has it, and then read as their successors are."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from lakehouse.reserve.formats.documents import office
from lakehouse.reserve.formats.documents.parts import DocumentText
from lakehouse.reserve.formats.whole_files import Unreadable

_PROGRAMS = ("soffice", "libreoffice")
_SECONDS = 120
"""Longest that the conversion of one file may take."""


def converter() -> str | None:
    """The program that converts old Office files; None where there is none."""
    return next((found for program in _PROGRAMS if (found := shutil.which(program))), None)


def read_doc(data: bytes, limit: int) -> DocumentText:
    """The paragraphs of a .doc file.

    Raises:
        Unreadable: `needs_converter` without LibreOffice, `damaged_document` where it makes nothing of the file, and as `read_docx`.
    """
    return office.read_docx(_converted(data, "doc", "docx"), limit)


def read_ppt(data: bytes, limit: int) -> DocumentText:
    """The paragraphs of a .ppt file's slides.

    Raises:
        Unreadable: as `read_doc`.
    """
    return office.read_pptx(_converted(data, "ppt", "pptx"), limit)


def _converted(data: bytes, kind: str, successor: str) -> bytes:
    """The file as LibreOffice writes it in a profile of its own, so that conversions side by side do not meet."""
    program = converter()
    if program is None:
        raise Unreadable("needs_converter")
    with tempfile.TemporaryDirectory(prefix="lakehouse-office-") as folder:
        given, made = Path(folder, f"file.{kind}"), Path(folder, f"file.{successor}")
        given.write_bytes(data)
        profile = Path(folder, "profile").as_uri()
        command = [program, "--headless", f"-env:UserInstallation={profile}", "--convert-to", successor, "--outdir", folder, str(given)]
        try:
            subprocess.run(command, cwd=folder, env={**os.environ, "HOME": folder}, capture_output=True, timeout=_SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            raise Unreadable("damaged_document") from error
        if not made.is_file():
            raise Unreadable("damaged_document")
        return made.read_bytes()
