"""The package connector: pinned, fetched once, read in place; every way it can fail is one message."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from lakehouse.core.errors import NotFoundError, SourceError, SpecError
from lakehouse.core.project import Project
from lakehouse.reserve.bronze import table as bronze
from lakehouse.reserve.bronze.collect import collect
from lakehouse.reserve.transport.archive import open_member

from .conftest import Factory

FILE = "shopdata-1.0-py3-none-any.whl"


def wheel() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in {
            "shopdata/good.txt": "很好\n不错\n",
            "shopdata/bad.txt": "差\n",
            "shopdata-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: shopdata\nVersion: 1.0\n",
            "shopdata-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            "shopdata-1.0.dist-info/RECORD": "",
        }.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), text)
    return out.getvalue()


SHA256 = hashlib.sha256(wheel()).hexdigest()
MEMBERS = [
    {"path": "shopdata/good.txt", "set": {"label": "positive"}},
    {"path": "shopdata/bad.txt", "format": "lines", "set": {"label": "negative"}},
]


@pytest.fixture
def index(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of distributions that pip is told to use instead of an index."""
    folder = tmp_path_factory.mktemp("index")
    (folder / FILE).write_bytes(wheel())
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


def declare(factory: Factory, **changes: object) -> None:
    factory.declare(connector={"package": {"name": "shopdata", "version": "1.0", "sha256": SHA256, "members": MEMBERS, **changes}})


def test_members_of_a_wheel(factory: Factory, index: Path) -> None:
    declare(factory, file=FILE)
    made = factory.collect()
    assert factory.live().select("_row_id", "_uri", "text", "label").rows() == [
        ("shop/shopdata/bad.txt:000000001", f"{FILE}!shopdata/bad.txt", "差", "negative"),
        ("shop/shopdata/good.txt:000000001", f"{FILE}!shopdata/good.txt", "很好", "positive"),
        ("shop/shopdata/good.txt:000000002", f"{FILE}!shopdata/good.txt", "不错", "positive"),
    ]
    assert [file.name for file in (factory.root / ".lakehouse" / "downloads").iterdir()] == [SHA256]
    (index / FILE).unlink()
    assert factory.collect().unchanged
    declare(factory, members=MEMBERS[:1])
    assert factory.collect().vanished == 1
    assert made.live == 3


def test_wrong_checksum(factory: Factory, index: Path) -> None:
    declare(factory, sha256="0" * 64)
    with pytest.raises(SourceError, match=r"shopdata 1.0 on the index has not the checksum 000000000000"):
        factory.collect()
    assert factory.lake_is_empty
    assert list((factory.root / ".lakehouse" / "downloads").iterdir()) == []


def test_damaged_download_is_fetched_again(factory: Factory, index: Path) -> None:
    factory.write(f".lakehouse/downloads/{SHA256}/{FILE}", b"half")
    declare(factory)
    assert factory.collect().live == 3


def test_missing_package_version_member_and_file(factory: Factory, index: Path) -> None:
    declare(factory, name="shopdatta")
    with pytest.raises(SourceError, match=r"the index has no shopdatta 1.0"):
        factory.collect()
    declare(factory, version="2.0")
    with pytest.raises(SourceError, match=r"the index has no shopdata 2.0(.|\n)*versions it has: 1.0"):
        factory.collect()
    declare(factory, members=[{"path": "shopdata/god.txt"}])
    with pytest.raises(SourceError, match=r"has no member `shopdata/god.txt`(.|\n)*did you mean `shopdata/good.txt`"):
        factory.collect()
    declare(factory, file="other-1.0-py3-none-any.whl")
    with pytest.raises(SourceError, match=rf"is {FILE}, not other"):
        factory.collect()


def test_no_network(factory: Factory, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    declare(factory)
    with pytest.raises(SourceError, match=r"the package index cannot be reached to fetch shopdata 1.0"):
        factory.collect()


def test_mistakes_in_the_declaration_name_the_line(factory: Factory) -> None:
    declare(factory, sha256="abc")
    with pytest.raises(SpecError, match=r"assets/sources/shop.yaml:\d+: `connector.package.sha256`"):
        factory.collect()
    declare(factory, members=[*MEMBERS, MEMBERS[0]])
    with pytest.raises(SpecError, match=r"assets/sources/shop.yaml:\d+: package shopdata lists the member `shopdata/good.txt` twice"):
        factory.collect()


def test_members_cannot_reach_outside(tmp_path: Path) -> None:
    outside = tmp_path / "secret.txt"
    outside.write_text("secret")
    archive = tmp_path / "a.tar.gz"
    with tarfile.open(archive, "w:gz") as out:
        link = tarfile.TarInfo("pkg/link.txt")
        link.type, link.linkname = tarfile.SYMTYPE, str(outside)
        out.addfile(link)
        folder = tarfile.TarInfo("pkg/folder")
        folder.type = tarfile.DIRTYPE
        out.addfile(folder)
        data = tarfile.TarInfo("pkg/data.txt")
        data.size = 3
        out.addfile(data, io.BytesIO(b"abc"))
    with open_member(archive, "data.txt") as handle:
        assert handle.read() == b"abc"
    for member in ("link.txt", "folder"):
        with pytest.raises(SourceError, match="the member is no plain file"):
            open_member(archive, member)
    with pytest.raises(SourceError, match="has no member"):
        open_member(archive, "../secret.txt")


def test_truncated_archive(factory: Factory) -> None:
    archive = factory.root / "a.tar.gz"
    with tarfile.open(archive, "w:gz") as out:
        data = tarfile.TarInfo("pkg/data.txt")
        data.size = 100_000
        out.addfile(data, io.BytesIO(bytes(i * i % 251 for i in range(100_000))))
    archive.write_bytes(archive.read_bytes()[:500])
    with pytest.raises(SourceError, match=r"a.tar.gz!pkg/data.txt: (the compressed file ends early|the file is damaged)"):
        open_member(archive, "pkg/data.txt").read()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "live", "labels"),
    [
        ("reviews_raw", 35_124, {"positive": 16_548, "negative": 18_576}),
        ("newsgroups_train_raw", 11_293, None),
        ("newsgroups_test_raw", 7_528, None),
    ],
)
def test_the_declared_sources_of_this_project(tmp_path: Path, name: str, live: int, labels: dict[str, int] | None) -> None:
    declared = Path(__file__).parents[2] / "assets" / "sources" / f"{name}.yaml"
    (tmp_path / "assets" / "sources").mkdir(parents=True)
    (tmp_path / "assets" / "sources" / declared.name).write_bytes(declared.read_bytes())
    project = Project.open(tmp_path)
    try:
        made = collect(project, name)
    except SourceError as error:
        if "cannot be reached" in error.what:
            pytest.skip(error.what)
        raise
    assert (made.live, made.findings) == (live, {})
    rows = bronze.table(project, name).read(["label", "text"])
    assert rows.null_count().sum_horizontal().item() == 0
    counted = dict(rows["label"].value_counts().iter_rows())
    assert len(counted) == (2 if labels else 20)
    if labels:
        assert counted == labels


def test_unknown_source(factory: Factory) -> None:
    with pytest.raises(NotFoundError, match="no source `shop`"):
        factory.collect()
