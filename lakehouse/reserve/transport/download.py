"""Fetch a pinned distribution with the client of its registry, once."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal

from lakehouse.core.errors import SourceError
from lakehouse.core.hashing import file_digest
from lakehouse.core.lake.store import storage_error

Index = Literal["pypi", "npm", "debian"]
"""The kind of registry; its client's configuration names it."""

_NETWORK = (
    "Failed to establish", "Name or service not known", "Temporary failure", "timed out", "Connection refused", "Network is unreachable",
    "ProxyError", "SSLError", "Max retries exceeded", "Could not connect", "Failed to fetch", "ECONNREFUSED", "ENOTFOUND", "ETIMEDOUT",
    "EAI_AGAIN", "ECONNRESET", "CERT_", "SELF_SIGNED",
)  # fmt: skip
"""Words of pip, npm and apt when no registry answers."""


def fetch(cache: Path, index: Index, name: str, version: str, checksum: str, file: str | None) -> Path:
    """The distribution of `name` `version` with that checksum: `cache/<checksum in hexadecimal digits>/<file>`.

    pip compares the checksum (`--hash`) before it looks inside. Of a source distribution it then reads the metadata, for which it
    runs the distribution's own build step in an environment of its own: only a pinned file ever runs. npm and apt-get run nothing of it.

    Args:
        checksum: SHA-256 in hexadecimal digits; of npm its `integrity`, `sha512-` and base64.

    Raises:
        SourceError: no such package or version, another checksum, no network, or no client installed; nothing is kept.
        StorageError: the cache cannot be written.
    """
    folder = cache / (checksum if index != "npm" else base64.b64decode(checksum.removeprefix("sha512-")).hex())
    held = sorted(folder.glob("*")) if folder.is_dir() else []
    if held and _checksum(held[0], index) == checksum:
        return _named(held[0], file)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix=".unfinished-") as temporary:
            target = Path(temporary) / "files"
            target.mkdir()
            _download(target, index, name, version, checksum, file)
            found = next(iter(target.iterdir()), None)
            if found is None or _checksum(found, index) != checksum:
                raise _wrong_checksum(name, version, checksum)
            folder.mkdir(exist_ok=True)
            found = _named(found, file)
            return found.replace(folder / found.name)
    except OSError as error:
        raise storage_error(error, str(cache)) from error


def _checksum(file: Path, index: Index) -> str:
    if index != "npm":
        return file_digest(file)
    with file.open("rb") as handle:
        return "sha512-" + base64.b64encode(hashlib.file_digest(handle, "sha512").digest()).decode()


def _named(found: Path, file: str | None) -> Path:
    if file is not None and found.name != file:
        raise SourceError(f"the distribution with this checksum is {found.name}, not {file}", fix="correct `file:` or the checksum")
    return found


def _download(target: Path, index: Index, name: str, version: str, checksum: str, file: str | None) -> None:
    if index == "pypi":
        if importlib.util.find_spec("pip") is None:
            raise SourceError("packages are fetched with pip, which is not installed", fix="python -m ensurepip, or: uv pip install pip")
        command = _pip(target, name, version, checksum, file)
    else:
        client = {"npm": "npm", "debian": "apt-get"}[index]
        if shutil.which(client) is None:
            raise SourceError(f"packages of {index} are fetched with {client}, which is not installed", fix=f"install {client}")
        command = ["apt-get", "download", "-q", f"{name}={version}"]
        if index == "npm":
            command = ["npm", "pack", f"{name}@{version}", "--ignore-scripts", "--no-update-notifier", "--loglevel=error"]
            command += [
                "--fetch-retries=1",
                "--fetch-retry-mintimeout=1000",
                "--fetch-retry-maxtimeout=5000",
                f"--cache={target.parent / 'cache'}",
            ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=target)
    if done.returncode:
        raise _explained(done.stdout + done.stderr, index, name, version, checksum)


def _pip(target: Path, name: str, version: str, sha256: str, file: str | None) -> list[str]:
    requirements = target.parent / "requirements.txt"
    requirements.write_text(f"{name}=={version} --hash=sha256:{sha256}\n", encoding="utf-8")
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
    return command


def _wrong_checksum(name: str, version: str, checksum: str) -> SourceError:
    short = checksum.removeprefix("sha512-")[:12]
    return SourceError(
        f"{name} {version} on the index has not the checksum {short}...", fix="check `version:` and the checksum; do not trust the file"
    )


def _explained(output: str, index: Index, name: str, version: str, checksum: str) -> SourceError:
    """A client's failure as one message."""
    if "DO NOT MATCH THE HASHES" in output:
        return _wrong_checksum(name, version, checksum)
    if any(sign in output for sign in _NETWORK):
        settings = {"pypi": "pip config list", "npm": "npm config list", "debian": "apt-get update"}[index]
        return SourceError(f"the package index cannot be reached to fetch {name} {version}", fix=f"check the network and `{settings}`")
    missing = ("No matching distribution", "Could not find a version", "E404", "ETARGET", "Unable to locate package", "was not found")
    if any(sign in output for sign in missing):
        known = output.partition("from versions: ")[2].partition(")")[0].splitlines()
        listed = known[0] if known and known[0] != "none" else ""
        return SourceError(
            f"the index has no {name} {version}", fix=f"versions it has: {listed[-200:]}" if listed else "check `name:` and `version:`"
        )
    last = [line.strip() for line in output.splitlines() if line.strip().lower().startswith(("error", "npm err", "e:"))]
    client = {"pypi": "pip", "npm": "npm", "debian": "apt-get"}[index]
    return SourceError(f"{client} could not fetch {name} {version}: {last[-1] if last else 'it gave no reason'}", fix="fetch it by hand")
