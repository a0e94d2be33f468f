"""XML: records become rows by their attributes and children; what is broken or hostile is one error."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.authoring.source_file import write_source
from lakehouse.core.errors import SourceError
from lakehouse.reserve.discovery.discover import discover
from lakehouse.reserve.formats import xml
from lakehouse.reserve.material import Reading

from .conftest import Factory

ORDERS = """<?xml version="1.0" encoding="{encoding}"?>
<!-- of May -->
<orders xmlns="urn:shop"><made><by>Ada</by></made><list>
<order id="1" rush="yes"><who>张三</who><price>1.5</price><tag>a</tag><tag>b</tag><to lang="zh">北京</to></order>
<order id="2"><who>Bo &amp; Co</who><price>20</price><tag>c</tag><to><city>Bonn</city></to></order>
</list></orders>"""


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
@pytest.mark.parametrize("record", ["order", "{urn:shop}order"])
def test_records_are_rows(factory: Factory, encoding: str, record: str) -> None:
    factory.declare(options={"record": record})
    factory.write("data/a.xml", ORDERS.format(encoding=encoding).encode(encoding))
    made = factory.collect()
    assert (made.added, made.findings) == (2, {})
    rows = factory.live().sort("id")
    assert rows.select("id", "rush", "who", "price").rows() == [("1", "yes", "张三", "1.5"), ("2", None, "Bo & Co", "20")]
    assert rows["to"].to_list() == ['{"lang": "zh", "text": "北京"}', '{"city": "Bonn"}']
    assert rows["tag"].to_list() == ['["a", "b"]', "c"]
    assert factory.collect().unchanged


def test_declared_types(factory: Factory) -> None:
    factory.declare(
        options={"record": "order"},
        columns={"id": "int", "price": "float", "who": "string", **dict.fromkeys(("rush", "tag", "to"), "string")},
    )
    factory.write("data/a.xml", ORDERS.format(encoding="utf-8").encode())
    factory.collect()
    assert factory.live().sort("id").select("id", "price").rows() == [(1, 1.5), (2, 20.0)]


def test_the_children_of_the_root_are_records_where_they_have_one_name(factory: Factory) -> None:
    factory.declare()
    factory.write("data/a.xml", b"<r><i><a>1</a></i><i><a>2</a></i></r>")
    factory.collect()
    assert sorted(factory.live()["a"]) == ["1", "2"]
    factory.write("data/a.xml", b"<r><i><a>1</a></i><j><a>2</a></j></r>")
    with pytest.raises(SourceError, match="children of several names: `i`, `j`"):
        factory.collect()


ABSTRACTS = """<papers>
<p n="1"><abstract>We melt H<sub>2</sub>O at <i>p</i> above <b>two <u>whole</u></b> bar.</abstract></p>
<p n="2"><abstract lang="de">Wir <i>schmelzen</i> Eis</abstract><abstract lang="en">Plain</abstract></p>
<p n="3">see <abstract>Of <i>all</i></abstract> and more</p>
<p n="4"><abstract><i>Marked up as a whole</i></abstract></p>
<p n="5"><abstract>
  <i>a</i>
  <i>b</i>
</abstract></p></papers>"""


def test_mixed_content_keeps_its_order(factory: Factory) -> None:
    factory.declare()
    factory.write("data/a.xml", ABSTRACTS.encode())
    factory.collect()
    rows = {n: (text, abstract) for n, text, abstract in factory.live().select("n", "text", "abstract").rows()}
    assert rows == {
        "1": (None, "We melt H2O at p above two whole bar."),
        "2": (None, '[{"lang": "de", "text": "Wir schmelzen Eis"}, {"lang": "en", "text": "Plain"}]'),
        "3": ("see Of all and more", "Of all"),
        "4": (None, '{"i": "Marked up as a whole"}'),
        "5": (None, '{"i": ["a", "b"]}'),
    }


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 9))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"<r>\n<i><a>1</a></i>\n<i><a>2</b></i>\n</r>", "broken XML in line 3"),
        (b"<r>\n<i><a>1</a></i>\n<i>", "broken XML in line 3"),
        (b"no mark-up", "broken XML in line 1"),
        (b"<r><j/></r>", "no element is called `i`"),
        (f'<!DOCTYPE r [<!ENTITY l0 "ha">{LAUGHS}]><r><i>&l8;</i></r>'.encode(), "entit"),
        (b'<!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/passwd">]><r><i>&f;</i></r>', "entities"),
        (f'<!DOCTYPE r [<!ENTITY l0 "ha">{LAUGHS}]><r><i a="&l8;"/></r>'.encode(), "entit"),
        (b"<r><i>" + b"<a>" * 100_000 + b"</a>" * 100_000 + b"</i></r>", "broken XML in line 1: .*depth"),
        (b"<r><i><a>" + b"x " * 700_000 + b"</a></i></r>", "no `i` ends within 1,000,000 bytes"),
        (b"<r><i>" + b"<a>xyz</a>" * 200_000 + b"</i></r>", "no `i` ends within 1,000,000 bytes"),
    ],
)
def test_what_is_broken_or_hostile_is_one_error_that_names_the_file(factory: Factory, data: bytes, says: str) -> None:
    factory.declare(options={"record": "i"}, max_item_bytes=1_000_000)
    factory.write("data/a.xml", data)
    with pytest.raises(SourceError, match=says) as error:
        factory.collect()
    assert error.value.where == "data/a.xml"
    assert factory.lake_is_empty


def test_memory_does_not_grow_with_the_file() -> None:
    class Endless(io.RawIOBase):
        def __init__(self) -> None:
            self.parts: Iterator[bytes] = iter([b"<r><g>", *[b"<i><a>%s</a></i></g><g>" % (b"x" * 1000)] * 40_000, b"</g></r>"])

        def read(self, size: int = -1) -> bytes:
            return b"".join(part for part, _ in zip(self.parts, range(60), strict=False))

    reading = Reading(sink=lambda: pytest.fail("no item is oversized"), record="i")
    before = resident()
    assert sum(1 for _ in xml.records(Endless(), reading)) > 39_000  # type: ignore[arg-type]
    assert resident() - before < 20_000_000


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


NAMES = st.sampled_from(["a", "b", "c"])
WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1, max_size=8)


@given(st.lists(st.dictionaries(NAMES, WORDS, min_size=1), min_size=1, max_size=20), st.booleans())
def test_what_is_written_as_attributes_or_children_is_read_back(rows: list[dict[str, str]], attributes: bool) -> None:
    def said(row: dict[str, str]) -> str:
        if attributes:
            return f"<i {' '.join(f'{k}={quoteattr(v)}' for k, v in row.items())}/>"
        return f"<i>{''.join(f'<{k}>{escape(v)}</{k}>' for k, v in row.items())}</i>"

    data = f"<r>{''.join(map(said, rows))}</r>".encode()
    reading = Reading(sink=lambda: pytest.fail("no item is oversized"))
    ours = pl.concat(list(xml.read(io.BufferedReader(io.BytesIO(data)), reading, ["a", "b", "c"])))  # type: ignore[arg-type]
    assert ours.select("a", "b", "c").to_dicts() == [{name: row.get(name) for name in "abc"} for row in rows]


MIME = Path("/usr/share/mime/packages/freedesktop.org.xml")


@pytest.mark.skipif(not MIME.is_file(), reason="needs the Debian package shared-mime-info")
def test_the_media_types_of_freedesktop_are_discovered_and_collected(factory: Factory) -> None:
    factory.write("data/types.xml", MIME.read_bytes())
    found = discover(factory.root / "data/types.xml")
    assert found.described is not None
    assert (found.described.format, found.described.record) == ("xml", "mime-type")
    written = write_source(factory.project, found, "shop")
    assert "record: mime-type" in written.file.read_text()
    made = factory.collect()
    assert made.findings == {}
    assert made.added == found.rows == MIME.read_bytes().count(b"<mime-type ")
    rows = factory.live()
    assert "image/png" in rows["type"].to_list()


def test_pages_and_drawings_are_no_records(factory: Factory) -> None:
    head = b'<?xml version="1.0"?>\n'
    factory.write("data/a.xml", head + b'<svg xmlns="http://www.w3.org/2000/svg"><g/><g/></svg>')
    found = discover(factory.root / "data/a.xml")
    assert found.described is not None
    assert found.described.record is None
