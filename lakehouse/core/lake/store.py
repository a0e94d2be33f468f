"""Where tables and blobs are kept, a folder or an object store: its options, and its refusals as errors."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pyarrow as pa

from lakehouse.core.errors import StorageError


def store_options(uri: str, declared: Mapping[str, str]) -> dict[str, str]:
    """The declared options of an object store, with bounds that make an unreachable store known within seconds.

    The libraries would try for three minutes. An endpoint that is declared with `http://` is meant so.
    """
    if "://" not in uri:
        return dict(declared)
    plain = {"allow_http": "true"} if any(value.startswith("http://") for value in declared.values()) else {}
    return {"max_retries": "3", "retry_timeout": "20s", "connect_timeout": "5s", **plain, **declared}


def object_store(uri: str, declared: Mapping[str, str]) -> Any:
    """The client of obstore for the store at a URL, by declared options and the credentials of the environment."""
    from obstore import store

    make: Any = store.from_url  # typed for one kind of store at a time
    options = store_options(uri, declared)
    client: dict[str, Any] = {key: options.pop(key) for key in ("connect_timeout", "timeout") if key in options}
    if options.pop("allow_http", options.pop("AWS_ALLOW_HTTP", "")).lower() == "true":
        client["allow_http"] = True
    retries = {"max_retries": int(options.pop("max_retries")), "retry_timeout": timedelta(seconds=20)}
    options.pop("retry_timeout")
    if uri.startswith("file://"):
        return make(uri, mkdir=True)
    return make(uri, config=options, client_options=client, retry_config=retries)


@contextmanager
def store_errors(place: str) -> Iterator[None]:
    """Turn a store's refusals into StorageError."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise storage_error(error, place) from error


_STORE_FAULTS = (
    ("NoSuchBucket", "the bucket does not exist", "create it, or correct `lake`"),
    ("169.254.169.254", "no credentials were found", "set those of the store in the environment, such as AWS_ACCESS_KEY_ID"),
    (
        r"InvalidAccessKeyId|SignatureDoesNotMatch|AccessDenied|InvalidClientTokenId|401 Unauthorized|403 Forbidden",
        "the store refuses these credentials",
        "check those in the environment, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and what they allow",
    ),
    (
        r"Connection refused|error sending request|dns error|tcp connect|timed out|client error \(Connect\)",
        "the store cannot be reached",
        "check the endpoint in `storage_options` and the network",
    ),
)
"""Messages of stores and their clients, each with a sentence and the way out."""


def storage_error(error: BaseException, place: str) -> StorageError:
    """A StorageError with the store's message, and the way out for the usual causes."""
    text = str(error)
    if getattr(error, "errno", None) == errno.ENOSPC or "No space left" in text or "os error 28" in text:
        return StorageError("the disk is full; nothing was committed", where=place, fix="free some space and run it again")
    if "://" in place or "Generic " in text:
        for pattern, what, fix in _STORE_FAULTS:
            if re.search(pattern, text):
                return StorageError(what, where=place, fix=fix)
    if getattr(error, "errno", None) in (errno.EACCES, errno.EROFS) or "Permission denied" in text:
        return StorageError("the lake cannot be written: permission denied", where=place, fix="check the owner of the lake's folder")
    return StorageError(f"the store refused: {text.splitlines()[0] if text else type(error).__name__}", where=place)
