"""Push a bundle to a Hugging Face Hub: one commit and one tag, or nothing when it is there already.

The endpoint is `HF_ENDPOINT`, the token `HF_TOKEN` or the one that
`hf auth login` stored.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.core.errors import ReleaseError
from lakehouse.core.hashing import file_digest
from lakehouse.delivery.release.bundle import SUMS, Bundle

if TYPE_CHECKING:
    from huggingface_hub import HfApi

DEFAULT_ENDPOINT = "https://huggingface.co"


@dataclass(frozen=True, kw_only=True)
class Push:
    """What a push did.

    Attributes:
        files: the bundle's files, relative paths.
        commit: commit of the tag in the repository; None for a dry run.
        sent: a commit or a tag was made.
        reason: why nothing was sent, else empty.
    """

    repo: str
    endpoint: str
    tag: str
    files: tuple[str, ...]
    bytes: int
    commit: str | None
    sent: bool
    reason: str = ""


def push(bundle: Bundle, repo: str, label: str, *, private: bool = True, dry_run: bool = False) -> Push:
    """Make `repo` hold exactly the bundle, tagged `v<label>`.

    Raises:
        ReleaseError: the tag names other content, the Hub refuses, or it cannot be reached.
    """
    from httpx2 import HTTPError  # the client of huggingface_hub 2
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import HfHubHTTPError

    endpoint = os.environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT
    tag, files = f"v{label.removeprefix('v')}", (*bundle.files, SUMS)
    token = get_token()
    if dry_run or not token:
        reason = "dry run" if dry_run else "no token: set HF_TOKEN or run `hf auth login`"
        return Push(repo=repo, endpoint=endpoint, tag=tag, files=files, bytes=bundle.bytes, commit=None, sent=False, reason=reason)
    try:
        return _push(HfApi(endpoint=endpoint, token=token), bundle, repo, tag, files, endpoint, private)
    except HfHubHTTPError as error:
        raise ReleaseError(f"the Hub refused: {_first_line(error)}", where=f"{endpoint}/datasets/{repo}") from error
    except (RuntimeError, ValueError) as error:
        # The client's own words for a file that could not be sent and for a card header that the Hub does not accept.
        raise ReleaseError(f"the push failed: {_first_line(error)}", where=f"{endpoint}/datasets/{repo}", fix="run it again") from error
    except (HTTPError, OSError) as error:
        raise ReleaseError(
            f"the Hub cannot be reached: {_first_line(error)}", where=endpoint, fix="try again; nothing is sent twice"
        ) from error


def _push(api: HfApi, bundle: Bundle, repo: str, tag: str, files: tuple[str, ...], endpoint: str, private: bool) -> Push:
    api.create_repo(repo, repo_type="dataset", private=private, exist_ok=True)
    refs = api.list_repo_refs(repo, repo_type="dataset")
    tags = {ref.name: ref.target_commit for ref in refs.tags}
    # An annotated tag's target may be the tag object, so the tag's name, not its target, is read back.
    if tag in tags and _content(api, repo, tag) != bundle.digest:
        raise ReleaseError(
            f"tag {tag} of {repo} already names other content; a released tag never moves",
            where=f"{endpoint}/datasets/{repo}",
            fix="make a version with a new label",
        )
    if tag in tags and _content(api, repo, "main") == bundle.digest:
        return Push(
            repo=repo,
            endpoint=endpoint,
            tag=tag,
            files=files,
            bytes=bundle.bytes,
            commit=tags[tag],
            sent=False,
            reason="the Hub holds this bundle already",
        )
    done = api.upload_folder(
        repo_id=repo,
        repo_type="dataset",
        folder_path=bundle.folder,
        commit_message=f"{bundle.dataset} {tag}",
        commit_description=f"version {bundle.version}, bundle {bundle.digest}",
        delete_patterns=["*"],
    )
    if tag not in tags:
        api.create_tag(
            repo, repo_type="dataset", tag=tag, revision=done.oid, tag_message=f"{bundle.dataset} {tag}\n\nbundle: {bundle.digest}"
        )
    return Push(repo=repo, endpoint=endpoint, tag=tag, files=files, bytes=bundle.bytes, commit=tags.get(tag, done.oid), sent=True)


def _content(api: HfApi, repo: str, revision: str) -> str | None:
    """Digest of the checksum list at `revision`: it names every file, so it identifies the whole bundle. None if there is none."""
    from huggingface_hub.errors import EntryNotFoundError, RevisionNotFoundError

    with tempfile.TemporaryDirectory() as folder:
        try:
            return file_digest(Path(api.hf_hub_download(repo, SUMS, repo_type="dataset", revision=revision, local_dir=folder)))
        except (EntryNotFoundError, RevisionNotFoundError):
            return None


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
