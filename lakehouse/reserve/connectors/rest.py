"""`rest`: items of a paginated JSON interface."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self
from urllib.parse import urljoin

from pydantic import Field, model_validator

from lakehouse.core.errors import SourceError, SpecError
from lakehouse.core.hashing import digest
from lakehouse.core.runs.progress import Progress
from lakehouse.core.spec import Model
from lakehouse.reserve.connectors import CONNECTORS
from lakehouse.reserve.landing.landing import Landing, Piece, Remote, land_lines, lines_of
from lakehouse.reserve.material import RawFile, Value
from lakehouse.reserve.transport.web import Web, from_environment, no_secrets

PIECE_BYTES = 4 * 1024 * 1024
PIECE_SECONDS = 5.0
"""Pages are landed together up to this size or time: what a killed collection fetches again at most."""

Param = Annotated[str, Field(min_length=1)]


class Next(Model):
    """The request of the page after one; exactly one of the four.

    Attributes:
        cursor: path of the token in the body, sent back as the parameter `param`; without a token, the page was the last.
        url: path of the next page's address in the body.
        link: the `next` of the `Link` header (RFC 8288).
        page: the parameter that counts pages, from `start`; an empty page was the last.
        offset: the parameter that counts items, from 0; an empty page was the last.
    """

    cursor: str | None = None
    url: str | None = None
    link: Literal[True] | None = None
    page: Param | None = None
    offset: Param | None = None
    param: Param | None = None
    start: int = 1

    @model_validator(mode="after")
    def _check(self) -> Self:
        given = [name for name in ("cursor", "url", "link", "page", "offset") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("give one of cursor, url, link, page, offset")
        if (self.cursor is None) != (self.param is None):
            raise ValueError("`cursor` needs `param`, the parameter that takes it; the others do not know it")
        return self


class Since(Model):
    """Only what is new is asked for: the greatest value of `field` seen is sent as the parameter `param`."""

    field: str
    param: Param
    first: str | int | None = Field(default=None, description="Sent at the first collection.")


@dataclass(frozen=True, kw_only=True)
class Rest:
    """A paginated interface."""

    url: str
    params: Mapping[str, Value]
    headers: Mapping[str, str]
    items: str | None
    next: Next | None
    since: Since | None
    web: Mapping[str, Any]
    max_pages: int
    set: Mapping[str, Value]

    @property
    def identity(self) -> str:
        """Over address, parameters and paths; not over how patiently they are asked."""
        return digest([self.url, dict(self.params), self.items, *(m.model_dump() if m else None for m in (self.next, self.since))])

    @property
    def grows(self) -> bool:
        """With `since`, what was collected before is not asked for again."""
        return self.since is not None

    def fetch(self, landing: Landing, progress: Progress) -> None:
        """Page after page, landed together."""
        state = dict(landing.cursor or {})
        if state.get("done"):  # of an interface that grows: its pages begin anew, behind the greatest value seen
            state = {"since": state.get("since")}
        seen = {json.dumps(state.get("at"), sort_keys=True)}
        held: list[bytes] = []
        size, began, pages = 0, time.monotonic(), 0
        with Web(self.headers, **self.web, declared=frozenset([self.url])) as web:
            while not state.get("done"):
                items, at = self._page(web, state)
                pages += 1
                held += (json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass") for item in items)
                size += sum(map(len, held[len(held) - len(items) :]))
                state = {"at": at, "done": at is None, "since": state.get("since"), "newest": self._newest(state.get("newest"), items)}
                if state["done"]:
                    state["since"] = state["newest"] if state["newest"] is not None else state["since"]
                if (asked := json.dumps(at, sort_keys=True)) in seen and at is not None:
                    raise SourceError(f"page {pages} leads back to one already read", where=self.url, fix="check `next:`")
                seen.add(asked)
                if pages >= self.max_pages and not state["done"]:
                    raise SourceError(f"more than {self.max_pages:,} pages", where=self.url, fix="check `next:`, or raise `max_pages:`")
                progress(f"{landing.source}: pages", pages, None)
                if held and (state["done"] or size >= PIECE_BYTES or time.monotonic() - began >= PIECE_SECONDS):
                    land_lines(landing, self.url, held, state)
                    held, size, began = [], 0, time.monotonic()

    def _page(self, web: Web, state: Mapping[str, Any]) -> tuple[list[Any], Any]:
        """The items of a page, and where the next one is; None behind the last."""
        how, at, params = self.next or Next.model_construct(), state.get("at"), _given(self.params)
        url = self.url
        if self.since and (value := state.get("since") if state.get("since") is not None else self.since.first) is not None:
            params[self.since.param] = value
        if how.page:
            params[how.page] = at = how.start if at is None else at
        elif how.offset:
            params[how.offset] = at = at or 0
        elif at is not None and how.cursor and how.param:
            params[how.param] = at
        elif at is not None:
            url, params = at, {}
        response = web.get(url, params)
        try:
            body = json.loads(response.content)
        except ValueError as error:
            raise SourceError(f"page is no JSON: {error}", where=url, fix="check `url`") from error
        items = _at(body, self.items) if self.items else body
        if not isinstance(items, list):
            found = f"`{self.items}` of the body" if self.items else "the body"
            raise SourceError(f"{found} is no list of items", where=url, fix="name the list with `items:`, such as `data.items`")
        if how.page or how.offset:
            step = 1 if how.page else len(items)
            return items, int(at or 0) + step if items else None
        if how.link:
            address = response.links.get("next", {}).get("url")
            return items, urljoin(str(response.url), address) if address else None
        if how.url:
            address = _at(body, how.url)
            return items, urljoin(str(response.url), address) if address else None
        return items, (_at(body, how.cursor) or None) if how.cursor else None

    def _newest(self, before: Any, items: list[Any]) -> Any:
        if self.since is None:
            return None
        values = [value for item in items if (value := _at(item, self.since.field)) is not None]
        if before is not None:
            values.append(before)
        try:
            return max(values, default=None)
        except TypeError as error:
            fix = "choose a field that holds only numbers, or only times as text"
            raise SourceError(f"the values of `{self.since.field}` have no order", where=self.url, fix=fix) from error

    def file(self, piece: Piece, landing: Landing) -> RawFile:
        """JSON lines."""
        return lines_of(piece, landing, self.set)


def _given(params: Mapping[str, Value]) -> dict[str, Any]:
    """Declared parameters, with `${NAME}` taken from the environment."""
    return {name: from_environment(value) if isinstance(value, str) else value for name, value in params.items()}


def _at(body: Any, path: str) -> Any:
    """The value at a path of names joined by points; None where there is none."""
    for name in path.split("."):
        body = body.get(name) if isinstance(body, dict) else None
    return body


@CONNECTORS.register(version=1)
def rest(
    url: str,
    params: dict[str, Value] | None = None,
    headers: dict[str, str] | None = None,
    items: str | None = None,
    next: Next | None = None,
    since: Since | None = None,
    per_second: Annotated[float, Field(gt=0)] | None = None,
    retries: Annotated[int, Field(ge=0, le=100)] = 5,
    timeout: Annotated[float, Field(gt=0)] = 60.0,
    max_pages: Annotated[int, Field(ge=1)] = 1_000_000,
    set: dict[str, Value] | None = None,
) -> Remote:
    """Items of a paginated JSON interface, one row an item; a killed collection goes on behind the last pages that have landed.

    A request is sent again after a broken connection, 408, 425, 429 and 5xx, after the pause that the server asks for. Give the source a
    `key:`, for places on pages change.

    Args:
        url: of the first page.
        params: of every request but those whose address the server gives.
        headers: `Authorization: "Bearer ${TOKEN}"` takes TOKEN from the environment; a credential written out is refused.
        items: path of the list in the body, such as `data.items`; without it, the body is the list.
        next: how the next page is asked for: `{cursor: meta.next, param: cursor}`, `{url: links.next}`, `{link: true}`, `{page: page}`
            (`start: 0` where they count from 0) or `{offset: offset}`; without it, there is one page.
        since: `{field: updated_at, param: updated_after}` asks later collections only for what is new; rows stay that do not come again,
            and an item that comes again is what it was last.
        per_second: requests a second at most.
        retries: how often a request is sent again.
        timeout: seconds without a byte.
        max_pages: of one collection; more is an error.
        set: constant columns of every row.
    """
    no_secrets(headers or {}, "headers")
    no_secrets(params or {}, "params")
    if next and next.cursor is None and next.url is None and next.link is None and since and since.param in (next.page, next.offset):
        raise SpecError(f"`since` and `next` both send the parameter `{since.param}`", fix="each needs its own")
    web = {"per_second": per_second, "retries": retries, "timeout": timeout}
    return Rest(
        url=url,
        params=params or {},
        headers=headers or {},
        items=items,
        next=next,
        since=since,
        web=web,
        max_pages=max_pages,
        set=set or {},
    )
