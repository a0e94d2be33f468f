"""Rules and pages of a crawl: scope, robots.txt, sitemaps, links."""

from __future__ import annotations

import gzip
import io
import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

from lakehouse.core.errors import SourceError
from lakehouse.core.text.encoding import decoded
from lakehouse.core.text.encoding_labels import label_of_markup

MAX_URL = 2000
"""Characters of an address; longer ones are a trap more often than a page."""
Kind = Literal["html", "text", "pdf"]
_KINDS: dict[Kind, tuple[str, ...]] = {
    "html": ("text/html", "application/xhtml+xml"),
    "text": ("text/plain", "text/markdown"),
    "pdf": ("application/pdf",),
}
_ROBOTS_BYTES = 512 * 1024
"""Of a robots.txt; what follows may be left out (RFC 9309, 2.5)."""
_SITEMAP_BYTES = 50 * 1024 * 1024
"""Of a sitemap, unpacked (sitemaps.org)."""
_SITEMAPS = 1000


@dataclass(frozen=True)
class Scope:
    """The addresses that belong to a crawl."""

    hosts: frozenset[str]
    prefixes: tuple[str, ...]
    include: tuple[re.Pattern[str], ...]
    exclude: tuple[re.Pattern[str], ...]

    def __contains__(self, url: str) -> bool:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or parts.netloc.rpartition("@")[2].lower() not in self.hosts or len(url) > MAX_URL:
            return False
        if self.prefixes and not (parts.path or "/").startswith(self.prefixes):
            return False
        return (not self.include or any(p.search(url) for p in self.include)) and not any(p.search(url) for p in self.exclude)


def same(url: str) -> str:
    """The common form of addresses of one page: order of the query and fragments do not distinguish pages."""
    from w3lib.url import canonicalize_url

    return canonicalize_url(url)


def absolute(base: str, link: str) -> str | None:
    """A link as an address without fragment; None where it is none."""
    from w3lib.url import safe_url_string

    try:
        return safe_url_string(urljoin(base, link.strip()).partition("#")[0])
    except ValueError:
        return None


@dataclass(frozen=True)
class Page:
    """The content of a page.

    Attributes:
        links: absolute addresses in the order of the page, each once; none of a page with `nofollow`.
        index: whether it wants to be kept.
        canonical: the address that it declares.
    """

    text: str
    title: str | None = None
    links: tuple[str, ...] = ()
    index: bool = True
    canonical: str | None = None


def page_of(url: str, content_type: str, body: bytes, robots_tag: str) -> Page:
    """An HTML page.

    Args:
        robots_tag: the header `X-Robots-Tag`.
    """
    from parsel import Selector
    from w3lib.encoding import http_content_type_encoding
    from w3lib.html import get_base_url

    text = decoded(body, http_content_type_encoding(content_type) or label_of_markup(body)).text
    found = Selector(text=text or " ", type="html")
    meta = [m.attrib.get("content", "") for m in found.css("meta") if m.attrib.get("name", "").lower() == "robots"]
    words = set(re.findall(r"[a-z]+", " ".join([robots_tag, *meta]).lower()))
    base = get_base_url(text, url)
    links: dict[str, None] = {}
    if words.isdisjoint({"nofollow", "none"}):
        for anchor in found.xpath("//a[@href] | //area[@href]"):
            if "nofollow" not in anchor.attrib.get("rel", "").lower().split() and (link := absolute(base, anchor.attrib["href"])):
                links[link] = None
    title = " ".join((found.xpath("string(//title)").get() or "").split())
    own = found.xpath("//link[contains(concat(' ', normalize-space(@rel), ' '), ' canonical ')]/@href").get()
    return Page(text, title or None, tuple(links), words.isdisjoint({"noindex", "none"}), absolute(base, own) if own else None)


def judged(url: str, status: int, headers: Mapping[str, str], body: bytes | None, scope: Scope, keep: Collection[Kind]) -> dict[str, Any]:
    """What becomes of an answer: `row` with validators, or `why` there is none, with the `links` to follow.

    Args:
        body: None where it was too large.
    """
    from w3lib.encoding import http_content_type_encoding

    if status in (301, 302, 303, 307, 308):
        to = absolute(url, headers.get("Location", ""))
        return {"why": "redirect", "links": [to] if to else []}
    if status != 200 or body is None:
        return {"why": "too large" if status == 200 else f"status {status}", "links": []}
    content_type = headers.get("Content-Type", "")
    media = content_type.partition(";")[0].strip().lower()
    kind = next((name for name, types in _KINDS.items() if media in types), None)
    page = Page("")
    if kind == "html":
        page = page_of(url, content_type, body, headers.get("X-Robots-Tag", ""))
    elif kind == "text":
        page = Page(decoded(body, http_content_type_encoding(content_type)).text)
    if not page.index:
        return {"why": "noindex", "links": list(page.links)}
    if page.canonical and same(page.canonical) != same(url) and page.canonical in scope:
        return {"why": "canonical elsewhere", "links": [page.canonical, *page.links]}
    if kind not in keep:
        return {"why": f"media type {media or 'not said'}", "links": list(page.links)}
    row = {"url": url, "status": status, "media_type": media, "fetched_at": datetime.now(UTC).isoformat(), "title": page.title}
    row |= {"text": page.text if kind != "pdf" else None, "body": body.hex() if kind == "pdf" else None}
    row["links"] = json.dumps([link for link in page.links if link in scope], ensure_ascii=False)
    return {"etag": headers.get("ETag", ""), "modified": headers.get("Last-Modified", ""), "row": row}


@dataclass
class Robots:
    """The rules of each server, asked for once (RFC 9309).

    Attributes:
        ask: status and body (up to a number of bytes) at an address; raises SourceError where the server cannot be reached.
    """

    agent: str
    ask: Callable[[str, int], tuple[int, bytes]]
    obeyed: bool = True
    _known: dict[str, Any] = field(default_factory=dict)

    def allows(self, url: str) -> bool:
        """Whether the page may be asked for."""
        return not self.obeyed or self._of(url).can_fetch(url, self.agent)

    def delay(self, url: str) -> float:
        """Seconds between requests that the server asks for."""
        return float(self._of(url).crawl_delay(self.agent) or 0) if self.obeyed else 0.0

    def sitemaps(self, url: str) -> list[str]:
        """Those that it names."""
        return list(self._of(url).sitemaps)

    def _of(self, url: str) -> Any:
        from protego import Protego

        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin not in self._known:
            # Without an answer, no page may be asked for, and the caller gets an error; with a refusal, every page may (RFC 9309, 2.3.1).
            status, body = self.ask(f"{origin}/robots.txt", _ROBOTS_BYTES)
            self._known[origin] = Protego.parse(body.decode("utf-8", "replace") if status < 300 else "")
        return self._known[origin]


def sitemap(url: str, ask: Callable[[str, int], tuple[int, bytes]]) -> list[str]:
    """The pages of a sitemap, or of those that it lists.

    Raises:
        SourceError: unreachable, or no sitemap.
    """
    from lxml import etree

    left, seen, pages = [url], {url}, dict[str, None]()
    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True)
    while left:
        at = left.pop(0)
        status, body = ask(at, _SITEMAP_BYTES)
        try:
            if body[:2] == b"\x1f\x8b":
                with gzip.GzipFile(fileobj=io.BytesIO(body)) as packed:
                    body = packed.read(_SITEMAP_BYTES)
            root = etree.fromstring(body, parser) if status < 300 and body else None
        except (etree.XMLSyntaxError, OSError, EOFError):
            root = None
        if root is None or etree.QName(root).localname not in ("urlset", "sitemapindex"):
            raise SourceError(f"is no sitemap (status {status})", where=at, fix="check `sitemaps:`")
        places = [text.strip() for text in root.xpath("./*/*[local-name()='loc']/text()")]
        if etree.QName(root).localname == "urlset":
            pages |= dict.fromkeys(place for place in places if place)
        else:
            new = [place for place in places if place and place not in seen][: _SITEMAPS - len(seen)]
            seen |= set(new)
            left += new
    return list(pages)
