"""Documents of Office 97 to 2003, real ones of Debian packages: their words are those that other readers find."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from lakehouse.reserve.discovery.discover import discover
from lakehouse.reserve.discovery.file_type import look
from lakehouse.reserve.formats.documents import old_office
from lakehouse.reserve.formats.whole_files import Unreadable

from .conftest import Factory

LIMIT = 32 * 1024 * 1024
MIMETYPE = "usr/share/gocode/src/github.com/gabriel-vasile/mimetype/testdata"
FILES = {
    "plain.doc": (
        "golang-github-gabriel-vasile-mimetype-dev",
        f"{MIMETYPE}/doc.doc",
        "76aac2cd71c58665c730916e13de28d5ef9127783c909de8ac4793d6f892862e",
    ),
    "plain.ppt": (
        "golang-github-gabriel-vasile-mimetype-dev",
        f"{MIMETYPE}/ppt.ppt",
        "e122a385f53f4c2a6ba7c3d7abeffa3c564df341495a99e0727ad8c121868076",
    ),
    "ethiopic.doc": (
        "fonts-sil-abyssinica",
        "usr/share/doc/fonts-sil-abyssinica/documentation/AbyssinicaSILTypeSample.doc.gz",
        "ba4d602d89466f64f8deff5dc2f68cf4a032a41d58e8e5429fd3607f4f23b37b",
    ),
    "tables.doc": (
        "geotranz-doc",
        "usr/share/doc/geotranz-doc/CCA_Test_Procedures.doc.gz",
        "d3796b8f505a0d39a8aeb1ffefa5c3283e324d5a9c0647751e4457bb627741e1",
    ),
}
"""Debian package, place in it, and SHA-256 of each file."""


def unpacked(package: str, folder: Path) -> Path:
    """A Debian package, fetched and unpacked."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        pytest.skip("NO APT: no Debian package can be fetched, old Office documents were not read")
    place = folder / package
    if not place.exists():
        part = folder / f"{package}.part"
        part.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["apt-get", "download", package], cwd=part, capture_output=True, text=True)
        debs = list(part.glob("*.deb"))
        if done.returncode or not debs:
            pytest.skip(f"NO REPOSITORY OF DEBIAN: {package} was not fetched, old Office documents were not read")
        subprocess.run(["dpkg-deb", "-x", str(debs[0]), str(part / "root")], check=True)
        (part / "root").rename(place)
    return place


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], bytes]:
    """The bytes of one of FILES."""
    folder = tmp_path_factory.mktemp("debian")

    def read(name: str) -> bytes:
        package, place, sha256 = FILES[name]
        file = unpacked(package, folder) / place
        data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        if hashlib.sha256(data).hexdigest() != sha256:
            pytest.skip(f"ANOTHER RELEASE: {package} holds another {file.name}, it was not read")
        return data

    return read


def words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", text))


needs_libreoffice = pytest.mark.skipif(old_office.converter() is None, reason="NO LIBREOFFICE: old Office documents were not converted")


@needs_libreoffice
def test_a_long_document_has_the_words_that_antiword_finds(real: Callable[[str], bytes], tmp_path: Path) -> None:
    data = real("tables.doc")
    found = old_office.read_doc(data, LIMIT)
    assert (found.title, found.author) == ("Test ID:", "BAE Systems")
    (tmp_path / "it.doc").write_bytes(data)
    antiword = unpacked("antiword", tmp_path)
    said = subprocess.run(
        [antiword / "usr/bin/antiword", "-m", "UTF-8.txt", tmp_path / "it.doc"],
        env={**os.environ, "ANTIWORDHOME": str(antiword / "usr/share/antiword")},
        capture_output=True,
        check=True,
    ).stdout.decode()
    common = (words(found.text) & words(said)).total()
    assert common / words(said).total() >= 0.99


@needs_libreoffice
def test_documents_and_presentations_are_items(factory: Factory, real: Callable[[str], bytes]) -> None:
    for name in ("plain.doc", "plain.ppt"):
        factory.write(f"data/{name}", real(name))
    factory.declare("data/*", options={"format": "document"})
    factory.collect()
    rows = {row["_uri"].rpartition("/")[2]: row for row in factory.live().iter_rows(named=True)}
    document, slides = rows["plain.doc"], rows["plain.ppt"]
    assert (document["format"], document["text"]) == ("doc", "Simple doc from Libre Writer v7.4.1.2")
    assert (slides["format"], slides["text"], slides["pages"]) == ("ppt", "zZZZZZZ", 1)


@needs_libreoffice
def test_what_is_no_document_inside_is_a_finding(real: Callable[[str], bytes]) -> None:
    with pytest.raises(Unreadable, match="damaged_document"):
        old_office.read_ppt(real("plain.ppt")[:3000], LIMIT)


@needs_libreoffice
def test_what_would_expand_beyond_its_limit_is_left(real: Callable[[str], bytes]) -> None:
    with pytest.raises(Unreadable, match="expands_too_much"):
        old_office.read_doc(real("plain.doc"), 1)


def test_without_a_converter_the_finding_says_what_is_missing(
    factory: Factory, real: Callable[[str], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(old_office, "converter", lambda: None)
    factory.write("data/plain.doc", real("plain.doc"))
    factory.declare("data/*", options={"format": "document"})
    factory.collect()
    row = factory.live().row(0, named=True)
    assert (row["_findings"], row["text"]) == (["needs_converter"], None)
    assert row["_blob"], "its bytes are kept"


def test_discovery_declares_a_folder_of_them(factory: Factory, real: Callable[[str], bytes], tmp_path: Path) -> None:
    for number in range(3):
        factory.write(f"data/{number}.doc", real("plain.doc"))
    found = look(factory.root / "data/0.doc")
    assert (found.type, found.format, found.mismatch) == ("application/msword", "document", None)
    assert discover(factory.root / "data").described is not None
