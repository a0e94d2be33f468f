"""The salt of a lake: finds are stored as keyed hashes. Equal finds are known to be equal; none can be guessed by trying."""

from __future__ import annotations

import hmac
import secrets
from contextlib import suppress

import polars as pl

from lakehouse.core.errors import LockedError
from lakehouse.core.project import Project


def salt_of(project: Project) -> bytes:
    """32 random bytes, made at the first call and kept in `system/salt` of the lake."""
    table = project.table("system", "salt")
    if not table.exists():
        with suppress(LockedError):  # another run has made it in this moment
            table.write(pl.DataFrame({"salt": [secrets.token_hex(32)]}), "append", after=-1)
    return bytes.fromhex(table.read(["salt"]).item(0, 0))


def hashed(matches: pl.Series, salt: bytes) -> pl.Series:
    """HMAC-SHA256 (RFC 2104) of each text, its first 32 hex digits; null stays null."""
    known = {text: hmac.digest(salt, text.encode("utf-8", "surrogatepass"), "sha256").hex()[:32] for text in matches.drop_nulls().unique()}
    return pl.Series([None if text is None else known[text] for text in matches], dtype=pl.String)
