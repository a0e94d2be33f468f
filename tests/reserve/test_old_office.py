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
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakehouse.reserve.discovery.discover import discover
from lakehouse.reserve.discovery.file_type import look
from lakehouse.reserve.formats.documents import powerpoint97, word97
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


def test_a_long_document_has_the_words_that_antiword_finds(real: Callable[[str], bytes], tmp_path: Path) -> None:
    data = real("tables.doc")
    found = word97.read(data, LIMIT)
    assert (found.title, found.author) == ("Test ID:", "BAE Systems")
    (tmp_path / "it.doc").write_bytes(data)
    antiword = unpacked("antiword", tmp_path)
    said = subprocess.run(
        [antiword / "usr/bin/antiword", "-m", "UTF-8.txt", tmp_path / "it.doc"],
        env={**os.environ, "ANTIWORDHOME": str(antiword / "usr/share/antiword")},
        capture_output=True,
        check=True,
    ).stdout.decode()
    assert words(found.text) == words(said)
    assert words(said).total() == 30_484


def test_signs_beyond_the_basic_plane_do_not_shift_the_parts_of_a_document(real: Callable[[str], bytes]) -> None:
    text = word97.read(real("ethiopic.doc"), LIMIT).text.splitlines()
    assert text[0] == "Abyssinica SIL Type Sample"
    assert "ꬑꬒꬓꬔꬕꬖ" in text
    assert text[-1] == "𞟠𞟡𞟢𞟣𞟤𞟥𞟦𞟨𞟩𞟪𞟫𞟭𞟮𞟰𞟱𞟲𞟳𞟴𞟵𞟶𞟷𞟸𞟹𞟺𞟻𞟼𞟽𞟾"


def test_documents_and_presentations_are_items(factory: Factory, real: Callable[[str], bytes]) -> None:
    for name in ("plain.doc", "plain.ppt"):
        factory.write(f"data/{name}", real(name))
    factory.write("data/broken.doc", real("plain.doc")[:3000])
    factory.declare("data/*", options={"format": "document"})
    factory.collect()
    rows = {row["_uri"].rpartition("/")[2]: row for row in factory.live().iter_rows(named=True)}
    document, slides = rows["plain.doc"], rows["plain.ppt"]
    assert (document["format"], document["text"]) == ("doc", "Simple doc from Libre Writer v7.4.1.2")
    assert (slides["format"], slides["text"], slides["pages"]) == ("ppt", "zZZZZZZ", 1)
    assert (slides["title"], slides["author"]) == ("PowerPoint 演示文稿", "Microsoft Office User")
    assert rows["broken.doc"]["_findings"] == ["damaged_document"]


def test_discovery_declares_a_folder_of_them(factory: Factory, real: Callable[[str], bytes], tmp_path: Path) -> None:
    for number in range(3):
        factory.write(f"data/{number}.doc", real("plain.doc"))
    found = look(factory.root / "data/0.doc")
    assert (found.type, found.format, found.mismatch) == ("application/msword", "document", None)
    assert discover(factory.root / "data").described is not None


def test_what_would_expand_beyond_its_limit_is_left(real: Callable[[str], bytes]) -> None:
    for read, name in ((word97.read, "plain.doc"), (powerpoint97.read, "plain.ppt")):
        with pytest.raises(Unreadable, match="expands_too_much"):
            read(real(name), 1)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_damaged_is_a_document_or_a_finding(real: Callable[[str], bytes], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["plain.doc", "plain.ppt"]))
    broken = bytearray(real(name))
    for _ in range(data.draw(st.integers(1, 8))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(broken)))
    read = word97.read if name.endswith("doc") else powerpoint97.read
    for each in (bytes(broken), bytes(broken[:cut])):
        try:
            assert len(read(each, LIMIT).text) <= LIMIT
        except Unreadable:
            continue
