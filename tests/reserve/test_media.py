"""Documents, pictures, recordings and films as items: their text and facts, their bytes by digest, what is wrong with them."""

from __future__ import annotations

import hashlib
import io
import math
import struct
import wave
import zipfile
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import dagster_webserver
import docx
import matplotlib
import numpy as np
import polars as pl
import pptx
import pypdf
import pytest
from PIL import Image

from lakehouse.core.errors import ShapeError
from lakehouse.core.storage.blobs import oversized_blobs

from .conftest import Factory

PARAGRAPHS = ["数据工厂的第一段。", "The second paragraph, with a tab\tin it."]


def as_docx() -> bytes:
    document = docx.Document()
    document.core_properties.title, document.core_properties.author = "工厂", "Ada"
    for paragraph in PARAGRAPHS:
        document.add_paragraph(paragraph)
    document.add_table(1, 1).cell(0, 0).text = "in a table"
    return saved(document.save)


def as_pptx() -> bytes:
    slides = pptx.Presentation()
    slides.core_properties.title, slides.core_properties.author = "工厂", "Ada"
    for paragraph in PARAGRAPHS:
        slides.slides.add_slide(slides.slide_layouts[5]).shapes.title.text = paragraph
    return saved(slides.save)


def as_pdf(password: str | None = None) -> bytes:
    import matplotlib.pyplot as plt

    out = io.BytesIO()
    with matplotlib.rc_context({"pdf.fonttype": 42}):
        figure = plt.figure(figsize=(4, 2))
        figure.text(0.1, 0.5, "The page says: measured, twelve")
        figure.savefig(out, format="pdf", metadata={"Title": "A page", "Author": "Ada"})
        plt.close(figure)
    if password is None:
        return out.getvalue()
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(out.getvalue()))
    writer.encrypt(password, algorithm="RC4-128")
    return saved(writer.write)


def as_odt() -> bytes:
    text = "".join(f"<text:p>{p.replace(chr(9), '<text:tab/>')}</text:p>" for p in PARAGRAPHS)
    names = 'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
    meta = 'xmlns:dc="http://purl.org/dc/elements/1.1/"'
    return zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "content.xml": f"<office:document-content {names}><office:body>{text}</office:body></office:document-content>",
            "meta.xml": f"<m {meta}><dc:title>工厂</dc:title><dc:creator>Ada</dc:creator></m>",
        }
    )


def as_epub() -> bytes:
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><dc:title>工厂</dc:title>'
        '<dc:creator>Ada</dc:creator></metadata><manifest><item id="b" href="two.xhtml"/><item id="a" href="one.xhtml"/></manifest>'
        '<spine><itemref idref="a"/><itemref idref="b"/></spine></package>'
    )
    page = "<html><head><title>x</title><style>p {{}}</style></head><body><p>{}</p></body></html>"
    return zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container><rootfiles><rootfile full-path="OPS/p.opf"/></rootfiles></container>',
            "OPS/p.opf": package,
            "OPS/one.xhtml": page.format(PARAGRAPHS[0]),
            "OPS/two.xhtml": page.format(PARAGRAPHS[1].replace("\t", " ")),
        }
    )


def as_rtf() -> bytes:
    escaped = "".join(f"\\u{ord(c)}?" if ord(c) > 127 else c for c in PARAGRAPHS[0])
    return ("{\\rtf1\\ansi " + escaped + "\\par " + PARAGRAPHS[1].replace("\t", "\\tab ") + "}").encode()


def as_eml() -> bytes:
    message = EmailMessage()
    message["Subject"], message["From"], message["Date"] = "工厂", "Ada <ada@example.org>", "Sat, 28 Nov 2026 00:00:00 +0000"
    message.set_content("\n".join(PARAGRAPHS))
    message.add_alternative("<p>not this</p>", subtype="html")
    message.add_attachment(b"\x00", maintype="application", subtype="octet-stream", filename="x.bin")
    return bytes(message)


def saved(save: Callable[[io.BytesIO], object]) -> bytes:
    out = io.BytesIO()
    save(out)
    return out.getvalue()


def zipped(members: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text, zipfile.ZIP_STORED if name == "mimetype" else None)
    return out.getvalue()


def kept(factory: Factory, sha256: str) -> bytes:
    """The bytes that were set aside."""
    with oversized_blobs(factory.project, "shop").open(sha256) as handle:
        return handle.read()


DOCUMENTS = {"docx": as_docx, "pptx": as_pptx, "odt": as_odt, "epub": as_epub, "rtf": as_rtf, "eml": as_eml}


def test_the_text_of_every_kind_of_document_is_read(factory: Factory) -> None:
    factory.declare()
    for ending, made in DOCUMENTS.items():
        factory.write(f"data/{ending}.{ending}", made())
    made = factory.collect()
    assert (made.added, made.findings) == (6, {})
    rows = {row["format"]: row for row in factory.live().to_dicts()}
    for kind, row in rows.items():
        lines = [line.replace("\t", " ") for line in row["text"].splitlines() if line]
        assert lines[:2] == [p.replace("\t", " ") for p in PARAGRAPHS], kind
        assert row["sha256"] == hashlib.sha256((factory.root / f"data/{kind}.{kind}").read_bytes()).hexdigest()
        assert kind == "rtf" or row["title"] == "工厂"
        assert kind == "rtf" or row["author"].startswith("Ada")
    assert rows["docx"]["text"].endswith("in a table")
    assert rows["pptx"]["pages"] == 2
    assert "not this" not in rows["eml"]["text"]
    for kind, row in rows.items():
        assert kept(factory, row["sha256"]) == (factory.root / f"data/{kind}.{kind}").read_bytes()
    assert factory.collect().unchanged


def test_a_pdf_is_read_page_by_page_and_one_with_a_password_is_set_aside(factory: Factory) -> None:
    factory.declare()
    factory.write("data/a.pdf", as_pdf())
    factory.write("data/b.pdf", as_pdf("secret"))
    factory.write("data/c.pdf", as_pdf()[:900])
    made = factory.collect()
    assert made.findings == {"damaged_document": 1, "encrypted_document": 1}
    row = factory.live().filter(pl.col("text").is_not_null()).row(0, named=True)
    assert "measured, twelve" in row["text"]
    assert (row["title"], row["author"], row["pages"]) == ("A page", "Ada", 1)


def bomb() -> bytes:
    return zipped({"word/document.xml": "<w>" + " " * 5_000_000 + "</w>"})


def entities() -> bytes:
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 9))
    text = f'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY l0 "ha">{levels}]><w>&l8;</w>'
    return zipped({"word/document.xml": text})


@pytest.mark.parametrize(
    ("name", "data", "finding"),
    [
        ("a.docx", bomb(), "expands_too_much"),
        ("a.docx", entities(), "expands_too_much"),
        ("a.docx", as_docx()[:3000], "damaged_document"),
        ("a.docx", zipped({"word/x.xml": "<a/>"}), "damaged_document"),
        ("a.pdf", b"MZ\x90\0 not a document", "not_a_document"),
        ("a.eml", b"just words", "not_a_document"),
        ("a.png", b"<html></html>", "not_an_image"),
        ("a.mp3", b"<html></html>", "not_audio"),
        ("a.mp4", b"<html></html>", "not_video"),
    ],
)
def test_what_cannot_be_read_is_a_finding_and_its_bytes_are_kept(factory: Factory, name: str, data: bytes, finding: str) -> None:
    factory.declare(max_item_bytes=1_000_000)
    factory.write(f"data/{name}", data)
    made = factory.collect()
    assert made.findings == {finding: 1}
    row = factory.live().row(0, named=True)
    assert kept(factory, row["_blob"]) == data


def picture(kind: str, **options: object) -> bytes:
    pixels = np.random.default_rng(3).integers(0, 255, (30, 40, 3), dtype=np.uint8)
    return saved(lambda out: Image.fromarray(pixels).save(out, kind, **options))


def test_pictures_come_with_their_facts_and_their_bytes_where_these_are_declared(factory: Factory) -> None:
    factory.declare()
    about = Image.Exif()
    about[274] = 6
    about.get_ifd(0x8769)[36867] = "2026:11:28 10:00:00"
    about.get_ifd(0x8825)[1] = "N"
    for kind in ("png", "jpeg", "webp", "gif", "tiff", "bmp"):
        factory.write(f"data/{kind}.{kind if kind != 'jpeg' else 'jpg'}", picture(kind, **({"exif": about} if kind == "jpeg" else {})))
    factory.write("data/cut.png", picture("png")[:500])
    made = factory.collect()
    assert made.findings == {"damaged_image": 1}
    rows = {row["format"]: row for row in factory.live().to_dicts() if row["format"]}
    assert {(row["width"], row["height"]) for row in rows.values()} == {(40, 30)}
    assert (rows["jpeg"]["orientation"], rows["jpeg"]["taken_at"]) == (6, "2026:11:28 10:00:00")
    assert (rows["gif"]["mode"], rows["png"]["mode"]) == ("P", "RGB")
    factory.declare(columns={"sha256": "string", "data": "binary", "width": "int"}, path="data/png.png", max_vanished=1.0)
    (factory.root / "lake").rename(factory.root / "old")
    factory.collect()
    assert factory.live()["data"].to_list() == [(factory.root / "data/png.png").read_bytes()]
    factory.declare(columns={"wide": "int"}, path="data/png.png")
    (factory.root / "lake").rename(factory.root / "older")
    with pytest.raises(ShapeError, match=r"the format has no column \['wide'\]"):
        factory.collect()


def sound(seconds: float, rate: int = 8000) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"".join(struct.pack("<h", int(9000 * math.sin(n / 5))) for n in range(int(seconds * rate))))
    return out.getvalue()


def test_recordings_and_films_come_with_what_their_containers_say(factory: Factory) -> None:
    factory.declare()
    factory.write("data/a.wav", sound(1.5))
    factory.collect()
    row = factory.live().row(0, named=True)
    assert (row["format"], row["codec"], row["sample_rate"], row["channels"]) == ("wave", "pcm", 8000, 1)
    assert row["duration_seconds"] == pytest.approx(1.5, abs=0.01)
    film = next(Path(dagster_webserver.__file__).parent.rglob("Dagster_world.mp4"))
    (factory.root / "lake").rename(factory.root / "old")
    (factory.root / "data/a.wav").unlink()
    factory.write("data/world.mp4", film.read_bytes())
    factory.collect()
    row = factory.live().row(0, named=True)
    assert (row["format"], row["codec"]) == ("mpeg-4", "avc")
    assert row["duration_seconds"] > 1
    assert (row["width"], row["height"]) == (240, 240)
