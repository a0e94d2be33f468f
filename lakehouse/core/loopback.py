"""Loopback addresses."""

from __future__ import annotations

from urllib.parse import urlsplit


def on_this_machine(url: str) -> bool:
    """Whether a URL is of this machine: a proxy of the environment is not asked for what runs here."""
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")
