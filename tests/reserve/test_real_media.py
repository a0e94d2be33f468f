"""Pictures aside, every ending that the docs list, with a file that a library or program of its kind wrote."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import odf.opendocument
import odf.table
import odf.text
import polars as pl
import pytest
import soundfile
import xlwt
from PIL import Image

from lakehouse.reserve.discovery.discover import discover
from lakehouse.reserve.discovery.file_type import look

from .conftest import Factory

SECONDS, RATE = 2.0, 48_000
TONE = 0.3 * np.sin(np.arange(int(SECONDS * RATE)) / 20)
STEREO = np.column_stack([TONE, TONE])
SOUNDFILE = {
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", None),
    "aiff": ("AIFF", "PCM_16"),
}
"""Container and codec by ending, in the words of libsndfile."""
SOUNDS = {
    "flac": ("flac", "flac"),
    "ogg": ("ogg", "vorbis"),
    "opus": ("ogg", "opus"),
    "mp3": ("mpeg audio", "mpeg audio"),
    "aiff": ("aiff", "pcm"),
    "m4a": ("mpeg-4", "aac"),
    "aac": ("adts", "aac"),
}
"""Container and codec by ending, in the words of MediaInfo."""
FILMS = {
    "mp4": ("mpeg4", "aac", "mpeg-4", "mpeg-4 visual"),
    "m4v": ("mpeg4", "aac", "mpeg-4", "mpeg-4 visual"),
    "mov": ("mpeg4", "aac", "mpeg-4", "mpeg-4 visual"),
    "mkv": ("mpeg4", "flac", "matroska", "mpeg-4 visual"),
    "webm": ("libvpx", "libvorbis", "webm", "vp8"),
    "avi": ("mpeg4", "pcm_s16le", "avi", "mpeg-4 visual"),
    "ogv": ("libtheora", "libvorbis", "ogg", "theora"),
}
"""Codecs in the words of ffmpeg; container and codec in those of MediaInfo."""


def ffmpeg(*arguments: str) -> None:
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *arguments], check=True, stdin=subprocess.DEVNULL)


def record(file: Path) -> Path:
    file.parent.mkdir(exist_ok=True)
    ending = file.suffix[1:]
    if ending in SOUNDFILE:
        container, codec = SOUNDFILE[ending]
        soundfile.write(file, STEREO, RATE, format=container, subtype=codec)
    else:
        ffmpeg("-f", "lavfi", "-i", f"sine=frequency=440:duration={SECONDS}:sample_rate={RATE}", "-ac", "2", "-c:a", "aac", str(file))
    return file


def shoot(file: Path) -> Path:
    file.parent.mkdir(exist_ok=True)
    picture, sound, *_ = FILMS[file.suffix[1:]]
    tone = ("-f", "lavfi", "-i", f"sine=duration={SECONDS}:sample_rate={RATE}")
    ffmpeg("-f", "lavfi", "-i", f"testsrc=duration={SECONDS}:size=160x120:rate=10", *tone, "-c:v", picture, "-c:a", sound, str(file))
    return file


def ending_of(row: dict[str, str]) -> str:
    return row["_uri"].partition("#")[0].rpartition(".")[2]


def test_every_kind_of_recording(factory: Factory) -> None:
    factory.declare()
    for ending in SOUNDS:
        found = look(record(factory.root / f"data/{ending}.{ending}"))
        assert (found.kind, found.mismatch) == ("audio", None), ending
    made = factory.collect()
    assert (made.added, made.findings) == (7, {})
    rows = factory.live().sort("_uri").to_dicts()
    assert {ending_of(row): (row["format"], row["codec"]) for row in rows} == SOUNDS
    assert {(row["sample_rate"], row["channels"]) for row in rows} == {(RATE, 2)}
    assert [row["duration_seconds"] for row in rows] == pytest.approx([SECONDS] * 7, abs=0.1)


def test_every_kind_of_film(factory: Factory) -> None:
    factory.declare()
    for ending in FILMS:
        found = look(shoot(factory.root / f"data/{ending}.{ending}"))
        assert (found.kind, found.mismatch) == ("video", None), ending
    made = factory.collect()
    assert (made.added, made.findings) == (7, {})
    rows = factory.live().sort("_uri").to_dicts()
    assert {ending_of(row): (row["format"], row["codec"]) for row in rows} == {e: f[2:] for e, f in FILMS.items()}
    assert {(row["width"], row["height"]) for row in rows} == {(160, 120)}
    assert [row["frame_rate"] for row in rows] == pytest.approx([10] * 7)
    assert [row["duration_seconds"] for row in rows] == pytest.approx([SECONDS] * 7, abs=0.15)
    assert all(row["audio_codec"] for row in rows)


def test_a_recording_that_ends_early_is_a_finding(factory: Factory) -> None:
    factory.declare()
    for ending in (e for e in SOUNDS if e != "flac"):  # a FLAC stream does not say how long it is in bytes
        file = record(factory.root / f"data/{ending}.{ending}")
        file.write_bytes(file.read_bytes()[: file.stat().st_size * 6 // 10])
    soundfile.write(factory.root / "data/wav.wav", STEREO, RATE)
    whole = (factory.root / "data/wav.wav").read_bytes()
    (factory.root / "data/wav.wav").write_bytes(whole[:-1000])
    assert factory.collect().findings == {"truncated_media": len(SOUNDS)}


def test_a_film_that_ends_early_is_a_finding(factory: Factory) -> None:
    factory.declare()
    for ending in FILMS:
        file = shoot(factory.root / f"data/{ending}.{ending}")
        file.write_bytes(file.read_bytes()[: file.stat().st_size * 6 // 10])
    assert factory.collect().findings == {"truncated_media": len(FILMS)}


def test_a_file_of_no_byte_has_a_fate(factory: Factory) -> None:
    factory.declare()
    record(factory.root / "data/a.flac")
    factory.write("data/b.flac", b"")
    made = factory.collect()
    assert (made.added, made.findings) == (2, {"empty_item": 1})


def test_a_folder_of_recordings_is_counted_by_its_files(factory: Factory) -> None:
    for ending in ("flac", "ogg", "mp3"):
        record(factory.root / f"data/{ending}.{ending}")
    found = discover(factory.root / "data")
    assert (found.rows, found.sampled, found.whole) == (3, 3, True)
    assert {group.type: group.files for group in found.groups} == {"audio/flac": 1, "audio/ogg": 1, "audio/mpeg": 1}
    assert "duration_seconds" in [column.name for column in found.columns]


def test_a_large_folder_of_pictures_is_counted_by_its_files(factory: Factory) -> None:
    rng = np.random.default_rng(5)
    sizes = 0
    for number in range(260):
        out = io.BytesIO()
        Image.fromarray(rng.integers(0, 255, (4 + number % 60, 20, 3), dtype=np.uint8)).save(out, "png")
        sizes += factory.write(f"data/{number:03}.png", out.getvalue()).stat().st_size
    found = discover(factory.root / "data")
    assert (found.rows, found.sampled, found.whole) == (260, 50, False)
    assert [(group.type, group.files, group.bytes) for group in found.groups] == [("image/png", 260, sizes)]


CELLS = [["名称", "数量", "价格"], ["苹果", 3, 1.5], ["pear", 4, 2.25]]


def as_xls() -> bytes:
    book = xlwt.Workbook()
    sheet = book.add_sheet("一")
    for row, cells in enumerate(CELLS):
        for column, cell in enumerate(cells):
            sheet.write(row, column, cell)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def as_ods() -> bytes:
    book = odf.opendocument.OpenDocumentSpreadsheet()
    table = odf.table.Table(name="一")
    for cells in CELLS:
        row = odf.table.TableRow()
        for cell in cells:
            number = {} if isinstance(cell, str) else {"value": str(cell)}
            made = odf.table.TableCell(valuetype="float" if number else "string", **number)
            made.addElement(odf.text.P(text=str(cell)))
            row.addElement(made)
        table.addElement(row)
    book.spreadsheet.addElement(table)
    out = io.BytesIO()
    book.write(out)
    return out.getvalue()


@pytest.mark.parametrize(("ending", "made"), [("xls", as_xls), ("ods", as_ods)])
def test_workbooks_of_other_kinds(factory: Factory, ending: str, made: object) -> None:
    assert callable(made)
    factory.declare()
    file = factory.write(f"data/a.{ending}", made())
    factory.collect()
    rows = factory.live().select("名称", "数量", "价格").sort("数量")
    assert rows.schema == {"名称": pl.String, "数量": pl.Int64, "价格": pl.Float64}
    assert rows.rows() == [tuple(cells) for cells in CELLS[1:]]
    assert (look(file).format, look(file).kind, look(file).mismatch) == ("excel", "table", None)


@pytest.mark.parametrize(
    ("ending", "kind"), [("odt", odf.opendocument.OpenDocumentText), ("odp", odf.opendocument.OpenDocumentPresentation)]
)
def test_documents_that_an_opendocument_library_wrote(factory: Factory, ending: str, kind: type) -> None:
    document = kind()
    place = document.text if ending == "odt" else document.presentation
    for text in ("第一段", "second"):
        place.addElement(odf.text.P(text=text)) if ending == "odt" else place.addElement(slide(document, text))
    out = io.BytesIO()
    document.write(out)
    factory.declare()
    file = factory.write(f"data/a.{ending}", out.getvalue())
    made = factory.collect()
    assert made.findings == {}
    row = factory.live().row(0, named=True)
    assert (row["text"], row["format"]) == ("第一段\nsecond", ending)
    assert (look(file).format, look(file).mismatch) == ("document", None)


def slide(document: object, text: str) -> object:
    from odf.draw import Frame, Page, TextBox
    from odf.style import MasterPage, PageLayout

    layout = PageLayout(name=f"layout-{text}")
    document.automaticstyles.addElement(layout)
    master = MasterPage(name=f"master-{text}", pagelayoutname=layout)
    document.masterstyles.addElement(master)
    page, frame, box = Page(masterpagename=master), Frame(width="10cm", height="5cm"), TextBox()
    box.addElement(odf.text.P(text=text))
    frame.addElement(box)
    page.addElement(frame)
    return page
