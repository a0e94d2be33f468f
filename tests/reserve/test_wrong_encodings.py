"""Files, names and documents in encodings that they do not name, or name wrongly: each is read in its own, or what is wrong is told."""

from __future__ import annotations

import io
import zipfile

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.authoring.source_file import write_source
from lakehouse.core.text.encoding import decoded, encoding
from lakehouse.core.text.encoding_labels import codec_of
from lakehouse.core.text.wrong_text import shares
from lakehouse.reserve.discovery.discover import discover
from lakehouse.reserve.formats.documents import rtf
from lakehouse.reserve.formats.member_names import decoded as names_decoded
from lakehouse.reserve.transport.crawling import page_of

from .conftest import Factory
from .test_media import zipped

CHINESE = "我们在上海的产品得到了很多客户的反馈"
TRADITIONAL = "我們在臺灣的產品得到了很多客戶的意見"
JAPANESE = "この製品についてのご意見をお聞かせください"
KOREAN = "이 제품에 대한 고객의 의견을 들려 주십시오"
RUSSIAN = "Мы получили много отзывов о нашем продукте"
TEXTS = {
    "gb18030": CHINESE,
    "big5": TRADITIONAL,
    "cp932": JAPANESE,
    "euc_jp": JAPANESE,
    "iso2022_jp": JAPANESE,
    "cp949": KOREAN,
    "cp1250": "Příliš žluťoučký kůň úpěl ďábelské ódy",
    "iso8859_2": "Zażółć gęślą jaźń, wyjątkowo źle się pisało",
    "cp1251": RUSSIAN,
    "koi8_r": RUSSIAN,
    "cp1252": "Les élèves français étaient déjà là, à côté du château",
    "cp1253": "Λάβαμε πολλά σχόλια για το προϊόν μας",
    "cp1254": "Ürünümüz hakkında çok sayıda görüş aldık, teşekkür ederiz; şimdi sıra sizde, değil mi?",
    "cp1255": "קיבלנו הרבה תגובות על המוצר שלנו",
    "cp1256": "تلقينا الكثير من التعليقات حول منتجنا",
    "cp874": "เราได้รับความคิดเห็นมากมายเกี่ยวกับสินค้าของเรา",
    "mac_roman": "Les élèves français étaient déjà là, à côté du château",
    "utf-16-le": CHINESE + "\n",
    "utf-16-be": RUSSIAN + "\n",
    "utf-8": CHINESE,
}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("label", [None, "iso-8859-1", "us-ascii", "x-unknown", "utf-8"])
def test_text_is_read_whatever_its_label(name: str, label: str | None) -> None:
    assert decoded(TEXTS[name].encode(name), label).text == TEXTS[name]


@pytest.mark.parametrize(
    ("label", "codec"),
    [
        ("gb2312", "gb18030"),
        (" GBK ", "gb18030"),
        ("iso-8859-1", "cp1252"),
        ("US-ASCII", "cp1252"),
        ("iso-8859-9", "cp1254"),
        ("ks_c_5601-1987", "cp949"),
        ("shift_jis", "cp932"),
        ("big5", "big5hkscs"),
        ("tis-620", "cp874"),
        ("cp437", "cp437"),
        ("unknown-8bit", None),
        ("x-unknown", None),
        ("rot13", None),
        ("unicode_escape", None),
        ("", None),
        (None, None),
    ],
)
def test_labels_are_read_as_the_standard_reads_them(label: str | None, codec: str | None) -> None:
    assert codec_of(label) == codec


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\ufeff\x1b~"), max_size=60))
def test_utf8_comes_through_as_it_was(text: str) -> None:
    assert decoded(text.encode(), None).text == text


@given(st.binary(max_size=200), st.sampled_from([None, "gb2312", "iso-8859-1", "utf-7", "iso-2022-jp", "x-unknown"]))
def test_any_bytes_become_text(data: bytes, label: str | None) -> None:
    decoded(data, label).text.encode()


def test_a_few_broken_places_do_not_make_another_encoding() -> None:
    data = bytearray(f"{CHINESE}。".encode("gb18030") * 20)
    data[101] = 0xFF
    for label in (None, "gb2312", "unknown-8bit"):
        found = decoded(bytes(data), label)
        assert (found.encoding, found.replaced > 0) == ("gb18030", True)
        assert found.text.count("客户") >= 19


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("客户反馈.txt", "gbk"),
        ("报告.doc", "gbk"),
        ("正在处理.txt", "gbk"),
        ("顧客回饋.txt", "big5"),
        ("お客様の声.txt", "cp932"),
        ("アルゼンチン.txt", "euc_jp"),
        ("고객 의견.txt", "cp949"),
        ("보고서.txt", "cp949"),
        ("отзывы клиентов.txt", "cp866"),
        ("Grüße.txt", "cp437"),
    ],
)
def test_a_short_name_is_read(name: str, codec: str) -> None:
    assert names_decoded([name.encode(codec)], "cp437") == [name]


def test_each_file_of_a_folder_is_read_in_its_own_encoding(factory: Factory) -> None:
    chosen = ("gb18030", "utf-8", "cp932", "koi8_r", "cp1252")
    for name in chosen:
        factory.write(f"data/{name}.txt", f"{TEXTS[name]}\n".encode(name) * 3)
    found = discover(factory.root / "data")
    assert any("5 encodings" in note for note in found.notes)
    assert "encoding:" not in write_source(factory.project, found, "shop").file.read_text()
    made = factory.collect()
    assert (made.added, made.findings) == (15, {})
    assert sorted(made.warnings) == [
        f"1 files declare no encoding and are read as {name}" for name in ("cp1252", "cp932", "gb18030", "koi8-r")
    ]
    assert set(factory.live()["text"]) == {TEXTS[name] for name in chosen}


def test_a_table_that_names_no_encoding_is_read_with_its_header(factory: Factory) -> None:
    factory.declare()
    factory.write("data/a.csv", f"编号,文本\n1,{CHINESE}\n".encode("gbk"))
    factory.write("data/b.csv", f"编号,文本\n2,{CHINESE}\n".encode())
    assert factory.collect().findings == {}
    assert factory.live().sort("编号")["文本"].to_list() == [CHINESE, CHINESE]


def test_html_is_read_by_its_declaration(factory: Factory) -> None:
    factory.declare()
    page = "<html><head><meta charset=gb2312></head><body>镕</body></html>"
    factory.write("data/a.html", page.encode("gbk") + b" " * 20)
    factory.write("data/b.html", f"<html><body>{RUSSIAN}</body></html>".encode("koi8-r"))
    assert factory.collect().findings == {}
    first, second = factory.live().sort("_uri")["text"]
    assert RUSSIAN in second
    assert "镕" in first


def test_a_page_of_a_site_is_read_by_the_same_rules() -> None:
    page = f"<html><head><title>镕</title></head><body>{CHINESE}</body></html>"
    for kind in ("text/html", "text/html; charset=gb2312", "text/html; charset=iso-8859-1", "text/html; charset=nonsense"):
        assert CHINESE in page_of("http://h.example/", kind, page.encode("gbk"), "").text


def test_a_stray_byte_is_damage_and_no_other_encoding(factory: Factory) -> None:
    factory.declare()
    factory.write("data/a.txt", b"one\ntw\xffo\nthree\n")
    made = factory.collect()
    assert (made.added, made.findings) == (3, {"invalid_utf8": 1})


@pytest.mark.parametrize(
    "head",
    [
        r"{\rtf1\ansi\ansicpg936 ",
        r"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fnil\fcharset134 SimSun;}}\f0 ",
        r"{\rtf1\ansi ",
    ],
)
def test_rich_text_is_read_by_its_code_page_and_without_one(head: str) -> None:
    escaped = "".join(f"\\'{byte:02x}" for byte in CHINESE.encode("gbk"))
    for body in (escaped.encode(), CHINESE.encode("gbk")):
        assert rtf.read(head.encode() + body + rb"\par}", 1).text == CHINESE


def test_rich_text_of_other_systems() -> None:
    assert rtf.read(rb"{\rtf1\mac caf\'8e\par}", 1).text == "café"
    assert rtf.read(rb"{\rtf1\pc caf\'82\par}", 1).text == "café"
    assert rtf.read(rb"{\rtf1\ansi caf\'e9\par}", 1).text == "café"
    assert rtf.read("{\\rtf1\\ansi 客户 😀\\par}".encode(), 1).text == "客户 😀"


def test_a_book_in_another_encoding_is_read(factory: Factory) -> None:
    manifest = '<manifest><item id="a" href="a.html"/></manifest><spine><itemref idref="a"/></spine>'
    package = f'<package xmlns="http://www.idpf.org/2007/opf">{manifest}</package>'
    container = '<container><rootfiles><rootfile full-path="p.opf"/></rootfiles></container>'
    book = zipped({"mimetype": "application/epub+zip", "META-INF/container.xml": container, "p.opf": package})
    out = io.BytesIO(book)
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("a.html", f'<html><head><meta charset="gbk"/></head><body><p>{CHINESE}</p></body></html>'.encode("gbk"))
    factory.declare()
    factory.write("data/a.epub", out.getvalue())
    assert factory.collect().findings == {}
    assert factory.live()["text"].to_list() == [CHINESE]


WRONG = {
    "UTF-8 as Windows-1252": "It’s “fine” — café".encode().decode("cp1252", "replace"),
    "UTF-8 as GBK": CHINESE.encode().decode("gb18030", "replace"),
    "GBK as Latin-1": CHINESE.encode("gbk").decode("latin-1"),
    "Windows-1251 as Latin-1": RUSSIAN.encode("cp1251").decode("latin-1"),
    "twice": "锟斤拷锟斤拷",
    "private use": "\ue001\ue002\ue003abc",
    "unassigned": "a\u0378b",
    "scripts change": "中ཀ文ཁ字ག",
}
CLEAN = [*TEXTS.values(), "ДжГ", "5 μm, αβγ", "iPhone и USB-кабель", "مرحبا iPhone", "ÅÅÅÅ-MM-DD", "Þórður Árnason", "漢字とかな、カタカナ"]


@pytest.mark.parametrize("kind", WRONG)
def test_garbled_text_has_its_share(kind: str) -> None:
    assert shares(pl.Series([WRONG[kind]]))["garbled_share"].item() >= 0.25


def test_text_as_people_write_it_is_not_garbled() -> None:
    measured = shares(pl.Series(CLEAN))
    assert measured["garbled_share"].to_list() == [0.0] * len(CLEAN)
    assert measured["replaced_share"].to_list() == [0.0] * len(CLEAN)
    empty = shares(pl.Series(["", " \n", None], dtype=pl.String))
    assert empty["garbled_share"].to_list() == [None, None, None]
    assert shares(pl.Series(["ab\ufffdc"]))["replaced_share"].to_list() == [0.25]


def test_what_is_wrong_is_told_by_a_collection_and_a_discovery(factory: Factory) -> None:
    mail = b"From: a@example.org\nTo: b@example.org\nDate: Sat, 28 Nov 2026 00:00:00 +0000\nContent-Type: text/plain; charset=utf-8\n\n"
    factory.write("data/a.eml", mail + WRONG["UTF-8 as Windows-1252"].encode())
    factory.write("data/b.eml", mail + b"as it should be")
    found = discover(factory.root / "data")
    assert any(note.startswith("garbled_text: 1 items") for note in found.notes)
    factory.declare()
    made = factory.collect()
    assert made.findings == {}
    assert any(warning.startswith("garbled_text: 1 items, on average ") for warning in made.warnings)


def test_no_text_has_no_encoding() -> None:
    assert encoding(b"\x00\x01\x02\x03" * 20) is None


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("id;price\n1;1,50 €\n2;2,30 €\n", "cp1252"),
        ("Größe;Preis;class\n1,5;2;a\n", "cp1252"),
        ("20 °C, 5 µm, 3 m² – a “word”, it’s", "cp1252"),
        ("Cena;zboží\n1;židle\n", "cp1250"),
        ("цена;товар\n1;стул\n", "cp1251"),
        ("A股大涨，T恤五折", "gbk"),
    ],
)
def test_a_few_letters_tell_enough(text: str, codec: str) -> None:
    found = encoding(text.encode(codec))
    assert found is not None
    assert text.encode(codec).decode(found.name) == text
