"""PDFs whose text is not what they show: fonts without Unicode, scans, and what was filled into forms."""

from __future__ import annotations

import io

import pypdf
from PIL import Image
from pypdf.generic import ArrayObject, DictionaryObject, FloatObject, NameObject, NumberObject, TextStringObject

from lakehouse.reserve.formats.documents import pdf

from .conftest import Factory
from .test_media import as_pdf, saved

LIMIT = 1 << 20


def without_unicode() -> bytes:
    """A PDF whose fonts do not say which characters their glyphs are."""
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(as_pdf()))
    for number in range(1, len(writer._objects) + 1):
        found = writer.get_object(number)
        if isinstance(found, DictionaryObject) and "/ToUnicode" in found:
            del found["/ToUnicode"]
    return saved(writer.write)


def scan(pages: int = 2) -> bytes:
    pictures = [Image.new("RGB", (100, 100), (200, shade, 0)) for shade in range(pages)]
    out = io.BytesIO()
    pictures[0].save(out, format="PDF", save_all=True, append_images=pictures[1:])
    return out.getvalue()


def form(values: dict[str, str]) -> bytes:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(as_pdf()))
    fields = ArrayObject()
    for name, value in values.items():
        field = DictionaryObject(
            {
                NameObject("/Type"): NameObject("/Annot"),
                NameObject("/Subtype"): NameObject("/Widget"),
                NameObject("/FT"): NameObject("/Tx"),
                NameObject("/T"): TextStringObject(name),
                NameObject("/V"): TextStringObject(value),
                NameObject("/F"): NumberObject(4),
                NameObject("/Rect"): ArrayObject([FloatObject(x) for x in (10, 10, 90, 30)]),
            }
        )
        fields.append(writer._add_object(field))
    writer.pages[0][NameObject("/Annots")] = fields
    writer._root_object[NameObject("/AcroForm")] = writer._add_object(DictionaryObject({NameObject("/Fields"): fields}))
    return saved(writer.write)


def test_characters_of_fonts_without_unicode_are_counted(factory: Factory) -> None:
    assert pdf.read(as_pdf(), LIMIT).unmapped == 0
    factory.declare()
    factory.write("data/good.pdf", as_pdf())
    factory.write("data/wrong.pdf", without_unicode())
    made = factory.collect()
    assert made.findings == {}
    good, wrong = factory.live().sort("_uri").to_dicts()
    assert (good["garbled_share"], wrong["garbled_share"]) == (0.0, 1.0)
    assert wrong["pages_without_text"] == 0


def test_pages_without_a_text_layer_are_counted() -> None:
    writer = pypdf.PdfWriter()
    for data in (as_pdf(), scan()):
        writer.append(io.BytesIO(data))
    writer.add_blank_page(100, 100)
    found = pdf.read(saved(writer.write), LIMIT)
    assert (found.pages, found.pages_without_text) == (4, 2)
    assert found.text == "The page says: measured, twelve"


def test_what_was_filled_into_a_form_is_text() -> None:
    found = pdf.read(form({"name": "张三", "city": "上海", "empty": ""}), LIMIT)
    assert found.text.splitlines() == ["The page says: measured, twelve", "name: 张三", "city: 上海"]
