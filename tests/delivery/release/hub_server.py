"""A Hub on the loopback interface: enough of its HTTP interface for the real client to create, push, tag and read a dataset.

In memory, one process. Endpoints and answers as huggingface_hub 2.4 asks for and reads them.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN = "hf_loopback"
LFS = (".parquet", ".png")


@dataclass
class Commit:
    oid: str
    message: str
    files: dict[str, bytes]


@dataclass
class Repo:
    private: bool
    commits: list[Commit]
    tags: dict[str, str] = field(default_factory=dict)

    def at(self, revision: str) -> Commit | None:
        """The commit that a branch, tag or oid names."""
        if revision == "main":
            return self.commits[-1]
        oid = self.tags.get(revision, revision)
        return next((commit for commit in self.commits if commit.oid == oid), None)


@dataclass
class Hub:
    """State of the server; `fail` answers 500 to the next request whose path contains it, once."""

    url: str = ""
    repos: dict[str, Repo] = field(default_factory=dict)
    lfs: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    fail: str | None = None


@contextmanager
def hub_server() -> Iterator[Hub]:
    """A running Hub at `hub.url`."""
    hub = Hub()

    class Handler(_Handler):
        state = hub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    state: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the test's output clean."""

    def do_GET(self) -> None:
        self._route("GET")

    def do_HEAD(self) -> None:
        self._route("HEAD")

    def do_POST(self) -> None:
        self._route("POST")

    def do_PUT(self) -> None:
        self._route("PUT")

    def _route(self, method: str) -> None:
        body = self._body()
        path = unquote(urlsplit(self.path).path)
        self.state.requests.append(f"{method} {path}")
        if self.state.fail and self.state.fail in path:
            self.state.fail = None
            return self._json(400, {"error": "the disk of the Hub is full"})
        if method == "PUT" and path.startswith("/lfs/"):
            oid = path.removeprefix("/lfs/")
            if hashlib.sha256(body).hexdigest() != oid:
                return self._json(400, {"error": "wrong digest"})
            self.state.lfs[oid] = body
            return self._json(200, {})
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._json(401, {"error": "Invalid username or password."})
        if path == "/api/validate-yaml":
            return self._json(200, {"errors": [], "warnings": []})
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if path.endswith(".git/info/lfs/objects/batch"):
            return self._lfs_batch(json.loads(body))
        parts = path.removeprefix("/api").removeprefix("/datasets/").split("/", 4)
        repo = self.state.repos.get("/".join(parts[:2]))
        if repo is None:
            return self._json(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
        action, revision = (parts[2] if len(parts) > 2 else "revision"), (parts[3] if len(parts) > 3 else "main")
        rest = parts[4] if len(parts) > 4 else ""
        return self._repository(repo, "/".join(parts[:2]), action, revision, rest, body)

    def _repository(self, repo: Repo, name: str, action: str, revision: str, rest: str, body: bytes) -> None:
        if action == "refs":
            tags = [{"name": tag, "ref": f"refs/tags/{tag}", "targetCommit": oid} for tag, oid in repo.tags.items()]
            branch = {"name": "main", "ref": "refs/heads/main", "targetCommit": repo.commits[-1].oid}
            return self._json(200, {"branches": [branch], "converts": [], "tags": tags})
        commit = repo.at(revision)
        if commit is None:
            return self._json(404, {"error": "Revision not found"}, {"X-Error-Code": "RevisionNotFound"})
        if action == "revision":
            siblings = [{"rfilename": path} for path in commit.files]
            return self._json(200, {"id": name, "sha": commit.oid, "private": repo.private, "siblings": siblings, "tags": []})
        if action == "tree":
            return self._json(200, [_entry(path, data) for path, data in sorted(commit.files.items())])
        if action == "preupload":
            return self._json(200, {"files": [_mode(file["path"], commit) for file in json.loads(body)["files"]]})
        if action == "commit":
            return self._commit(repo, name, body)
        if action == "tag":
            asked = json.loads(body)
            if asked["tag"] in repo.tags:
                return self._json(409, {"error": "Tag reference exists already"})
            repo.tags[asked["tag"]] = commit.oid
            return self._json(200, {})
        if action == "resolve":
            return self._resolve(commit, rest)
        return self._json(404, {"error": f"no action {action}"})

    def _create(self, asked: dict[str, Any]) -> None:
        name = f"{asked['organization']}/{asked['name']}"
        if name in self.state.repos:
            return self._json(409, {"error": "You already created this dataset repo", "url": f"{self.state.url}/datasets/{name}"})
        private = asked.get("private") or asked.get("visibility") == "private"
        first = Commit(hashlib.sha1(name.encode()).hexdigest(), "initial commit", {".gitattributes": b"*.parquet filter=lfs\n"})
        self.state.repos[name] = Repo(bool(private), [first])
        return self._json(200, {"url": f"{self.state.url}/datasets/{name}", "name": name, "id": name})

    def _lfs_batch(self, asked: dict[str, Any]) -> None:
        objects = []
        for wanted in asked["objects"]:
            upload = {"upload": {"href": f"{self.state.url}/lfs/{wanted['oid']}"}}
            objects.append({**wanted, **({} if wanted["oid"] in self.state.lfs else {"actions": upload})})
        self._json(200, {"transfer": "basic", "objects": objects}, {"Content-Type": "application/vnd.git-lfs+json"})

    def _commit(self, repo: Repo, name: str, body: bytes) -> None:
        files, message = dict(repo.commits[-1].files), ""
        for line in body.splitlines():
            item = json.loads(line)
            key, value = item["key"], item["value"]
            if key == "header":
                message = value["summary"]
            elif key == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif key == "lfsFile":
                files[value["path"]] = self.state.lfs[value["oid"]]
            elif key == "deletedFile":
                files.pop(value["path"])
            else:
                return self._json(400, {"error": f"unknown operation {key}"})
        oid = hashlib.sha1(repo.commits[-1].oid.encode() + body).hexdigest()
        repo.commits.append(Commit(oid, message, files))
        return self._json(200, {"success": True, "commitOid": oid, "commitUrl": f"{self.state.url}/datasets/{name}/commit/{oid}"})

    def _resolve(self, commit: Commit, path: str) -> None:
        if path not in commit.files:
            return self._json(404, {"error": "Entry not found"}, {"X-Error-Code": "EntryNotFound"})
        data = commit.files[path]
        return self._send(
            200, data, {"ETag": f'"{_oid(path, data)}"', "X-Repo-Commit": commit.oid, "Content-Type": "application/octet-stream"}
        )

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        data = b""
        while size := int(self.rfile.readline(), 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def _json(self, status: int, answer: Any, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(answer).encode(), {"Content-Type": "application/json", **(headers or {})})

    def _send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def _oid(path: str, data: bytes) -> str:
    """Git's blob id, or the SHA-256 of a file kept in LFS."""
    if path.endswith(LFS):
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _entry(path: str, data: bytes) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": "file", "path": path, "size": len(data), "oid": _oid(path, data)}
    if path.endswith(LFS):
        entry["lfs"] = {"oid": _oid(path, data), "size": len(data), "pointerSize": 130}
    return entry


def _mode(path: str, head: Commit) -> dict[str, Any]:
    known = {"oid": _oid(path, head.files[path])} if path in head.files else {}
    return {"path": path, "uploadMode": "lfs" if path.endswith(LFS) else "regular", "shouldIgnore": False, **known}
