"""Packages of npm and Debian: pinned, fetched once by the registry's own client; registries on this machine, and the configured ones."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import random
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response

from lakehouse.core.errors import SourceError, SpecError
from lakehouse.reserve.transport import download
from lakehouse.reserve.transport.archive import open_member

from .conftest import Factory, killed
from .web_server import Served, serving

WORDS = "很好\n不错\n".encode()
MEMBERS = [{"path": "data/words.txt", "format": "lines"}]
needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="NO NPM: npm is not installed, no package of it was fetched")
needs_apt = pytest.mark.skipif(
    shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None, reason="NO APT: no Debian package was built or fetched"
)


def tarball() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in {"package/package.json": b'{"name": "words", "version": "1.0.0"}', "package/data/words.txt": WORDS}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


TARBALL = tarball()
INTEGRITY = "sha512-" + base64.b64encode(hashlib.sha512(TARBALL).digest()).decode()


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Served]:
    """An npm registry with one package."""

    def answer(path: str, n: int) -> Response:
        if path == "/words":
            dist = {"tarball": f"{served.url}/words.tgz", "integrity": INTEGRITY}
            version = {"name": "words", "version": "1.0.0", "dist": dist}
            return JSONResponse({"name": "words", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}})
        if path == "/words.tgz":
            return Response(served.files["words"], media_type="application/octet-stream")
        return PlainTextResponse("", 404)

    with serving(Served(faults=answer, files={"words": TARBALL})) as served:
        monkeypatch.setenv("npm_config_registry", f"{served.url}/")
        monkeypatch.setenv("npm_config_userconfig", str(tmp_path / "npmrc"))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield served


def declare_npm(factory: Factory, **changes: Any) -> None:
    given = {"index": "npm", "name": "words", "version": "1.0.0", "integrity": INTEGRITY, "members": MEMBERS, **changes}
    factory.declare(connector={"package": given})


def declare_debian(factory: Factory, sha256: str, **changes: Any) -> None:
    members = [{"path": "usr/share/words/words.txt"}]
    given = {"index": "debian", "name": "words", "version": "1.0-1", "sha256": sha256, "members": members, **changes}
    factory.declare(connector={"package": given})


def build(folder: Path, compression: str) -> Path:
    tree = folder / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "usr/share/words").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        "Package: words\nVersion: 1.0-1\nArchitecture: all\nMaintainer: a <a@b.example>\nDescription: words\n"
    )
    (tree / "usr/share/words/words.txt").write_bytes(WORDS)
    made = folder / "words_1.0-1_all.deb"
    subprocess.run(["dpkg-deb", f"-Z{compression}", "--root-owner-group", "--build", str(tree), str(made)], check=True, capture_output=True)
    return made


@pytest.fixture
def repository(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of Debian packages in a folder, the only one that apt-get knows; returns its package."""
    root = tmp_path_factory.mktemp("apt")
    repository = root / "repository"
    repository.mkdir()
    package = build(repository, "xz")
    about = f"Package: words\nVersion: 1.0-1\nArchitecture: all\nFilename: ./{package.name}\nSize: {package.stat().st_size}\n"
    (repository / "Packages").write_text(f"{about}SHA256: {hashlib.sha256(package.read_bytes()).hexdigest()}\n")
    (root / "sources.list").write_text(f"deb [trusted=yes] file:{repository} ./\n")
    for folder in ("state/lists/partial", "cache/archives/partial", "parts"):
        (root / folder).mkdir(parents=True)
    (root / "status").touch()
    settings = {
        "Etc::sourcelist": "sources.list",
        "Etc::sourceparts": "parts",
        "State": "state",
        "State::status": "status",
        "Cache": "cache",
    }
    lines = [f'Dir::{name} "{root / value}";' for name, value in settings.items()]
    (root / "apt.conf").write_text("\n".join([*lines, 'APT::Sandbox::User "root";', 'APT::Update::Post-Invoke-Success "";']) + "\n")
    monkeypatch.setenv("APT_CONFIG", str(root / "apt.conf"))
    subprocess.run(["apt-get", "update", "-q"], check=True, capture_output=True)
    return package


@needs_npm
def test_members_of_an_npm_package(factory: Factory, registry: Served) -> None:
    declare_npm(factory)
    made = factory.collect()
    assert factory.live().select("_uri", "text").rows() == [
        ("words-1.0.0.tgz!data/words.txt", "很好"),
        ("words-1.0.0.tgz!data/words.txt", "不错"),
    ]
    asked = len(registry.asked)
    assert factory.collect().unchanged
    assert (made.live, len(registry.asked)) == (2, asked)


@needs_npm
def test_what_npm_says_is_one_message(factory: Factory, registry: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    for changes in ({"name": "wordz"}, {"version": "2.0.0"}):
        declare_npm(factory, **changes)
        with pytest.raises(SourceError, match=r"the index has no word[sz] [12].0.0"):
            factory.collect()
    declare_npm(factory, integrity="sha512-" + "A" * 86 + "==")
    with pytest.raises(SourceError, match=r"words 1.0.0 on the index has not the checksum AAAAAAAAAAAA"):
        factory.collect()
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    declare_npm(factory)
    with pytest.raises(SourceError, match=r"the package index cannot be reached to fetch words 1.0.0(.|\n)*npm config list"):
        factory.collect()
    monkeypatch.setattr(download.shutil, "which", lambda name: None)
    with pytest.raises(SourceError, match="fetched with npm, which is not installed"):
        factory.collect()
    assert list((factory.root / ".lakehouse" / "downloads").iterdir()) == []


@needs_apt
def test_members_of_a_debian_package(factory: Factory, repository: Path) -> None:
    sha256 = hashlib.sha256(repository.read_bytes()).hexdigest()
    declare_debian(factory, sha256)
    factory.collect()
    assert factory.live()["text"].to_list() == ["很好", "不错"]
    assert factory.collect().unchanged
    declare_debian(factory, "0" * 64)
    with pytest.raises(SourceError, match=r"words 1.0-1 on the index has not the checksum 000000000000"):
        factory.collect()
    for changes in ({"name": "wordz"}, {"version": "2.0-1"}):
        declare_debian(factory, "1" * 64, **changes)
        with pytest.raises(SourceError, match=r"the index has no word[sz] [12].0-1"):
            factory.collect()


@needs_apt
@pytest.mark.parametrize("compression", ["none", "gzip", "xz", "zstd"])
def test_debian_packages_are_read_however_they_are_packed_and_never_half(tmp_path: Path, compression: str) -> None:
    package = build(tmp_path, compression)
    with open_member(package, "usr/share/words/words.txt") as handle:
        assert handle.read() == WORDS
    with pytest.raises(SourceError, match="has no member"):
        open_member(package, "../words.txt")
    whole = package.read_bytes()
    package.write_bytes(whole[: len(whole) - 60])
    with pytest.raises(SourceError, match=r"words_1.0-1_all.deb!usr/share/words/words.txt: "):
        open_member(package, "usr/share/words/words.txt").read()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"integrity": None}, "package words of npm is pinned by `integrity:`"),
        ({"sha256": "0" * 64}, "package words of npm is pinned by `integrity:`, not by `sha256:`"),
        ({"index": "pypi"}, "package words of pypi is pinned by `sha256:`"),
        ({"integrity": "sha1-abc"}, "integrity"),
    ],
    ids=["none", "both", "other", "sha1"],
)
def test_a_mistake_in_the_declaration_is_told(factory: Factory, changes: dict[str, Any], words: str) -> None:
    declare_npm(factory, **changes)
    with pytest.raises(SpecError, match=words):
        factory.collect()


KILLED = """
import os, signal, subprocess, sys, threading
from pathlib import Path
from lakehouse.core.project import Project
from lakehouse.reserve.bronze.collect import collect

threading.Timer(float(sys.argv[2]), os.kill, (os.getpid(), signal.SIGKILL)).start()
while True:
    collect(Project.open(Path(sys.argv[1])), "shop")
"""


@needs_npm
@pytest.mark.slow
def test_three_kills_at_random_leave_nothing_half(factory: Factory, registry: Served) -> None:
    declare_npm(factory)
    generator = random.Random(5)
    for _ in range(3):
        killed(KILLED, factory.root, generator.uniform(0.1, 1.0))
    assert factory.collect().live == 2
    held = (factory.root / ".lakehouse" / "downloads").glob("[!.]*/*")
    assert [file.read_bytes() for file in held] == [TARBALL]


@needs_npm
def test_the_configured_registry_of_npm(factory: Factory) -> None:
    said = subprocess.run(["npm", "view", "is-odd@3.0.1", "dist.integrity", "--json", "--fetch-retries=0"], capture_output=True, text=True)
    if said.returncode:
        pytest.skip("NO REGISTRY OF NPM: it cannot be reached, nothing was fetched from it")
    members = [{"path": "README.md", "format": "text"}]
    declare_npm(factory, name="is-odd", version="3.0.1", integrity=json.loads(said.stdout), members=members)
    assert factory.collect().live == 1
    assert "is-odd" in factory.live()["text"][0]


@needs_apt
def test_the_configured_repository_of_debian(factory: Factory) -> None:
    said = subprocess.run(["apt-cache", "show", "--no-all-versions", "hello"], capture_output=True, text=True).stdout
    about = dict(line.split(": ", 1) for line in said.splitlines() if ": " in line)
    members = [{"path": "usr/share/doc/hello/copyright", "format": "text"}]
    if "SHA256" not in about:
        pytest.skip("NO REPOSITORY OF DEBIAN: apt-get knows no package, nothing was fetched")
    declare_debian(factory, about["SHA256"], name="hello", version=about["Version"], members=members)
    try:
        made = factory.collect()
    except SourceError as error:
        if "cannot be reached" in error.what:
            pytest.skip(error.what)
        raise
    assert made.live == 1
