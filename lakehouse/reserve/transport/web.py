"""Requests to servers of others: tried again where that helps, paced, with credentials from the environment."""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Self

import httpx

from lakehouse.core.errors import SourceError, SpecError
from lakehouse.core.loopback import on_this_machine

_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 60.0
"""Seconds between tries, doubled each time, unless the server gives the time (`Retry-After`, RFC 9110)."""
_REDIRECTS = 10
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SECRET = re.compile(r"authorization|cookie|token|secret|password|api-?_?key", re.IGNORECASE)


def no_secrets(given: Mapping[str, Any], what: str) -> None:
    """Refuse a credential that is written out: a declaration is shared.

    Raises:
        SpecError: a name such as `Authorization` whose value names no variable of the environment.
    """
    for name, value in given.items():
        if _SECRET.search(name) and not _VARIABLE.search(str(value)):
            raise SpecError(f"`{what}.{name}` is a credential, and this file is shared", fix=f'write {name}: "${{NAME}}", and export NAME')


def no_password(url: str) -> None:
    """Refuse a password that is written out in an address: a declaration is shared.

    Raises:
        SpecError: `//user:password@` whose password names no variable of the environment.
    """
    _user, _, password = url.partition("://")[2].rpartition("@")[0].partition(":")
    if password and not _VARIABLE.search(password):
        raise SpecError("`url` has a password in it, and this file is shared", fix="write ${NAME} in its place, and export NAME")


def from_environment(text: str) -> str:
    """`text` with each `${NAME}` replaced by that variable.

    Raises:
        SourceError: one that is not set.
    """

    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match[1])
        if not found:
            raise SourceError(f"the environment variable {match[1]} is not set", fix=f"export {match[1]}=...")
        return found

    return _VARIABLE.sub(value, text)


@dataclass
class Web:
    """A client for one source.

    Attributes:
        headers: sent with each request; `${NAME}` is taken from the environment.
        declared: addresses in which it is taken as well; one that a server gave is sent as it is, lest it name a variable of ours.
        retries: how often a request is sent again after a broken connection, a 408, 425, 429 or a 5xx.
        per_second: requests a second at most.
        timeout: seconds without a byte.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    retries: int = 5
    per_second: float | None = None
    timeout: float = 60.0
    declared: frozenset[str] = frozenset()
    _clients: dict[bool, httpx.Client] = field(default_factory=dict)
    _next: float = 0.0
    _origin: tuple[str, str, int | None] = ("", "", None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for client in self._clients.values():
            client.close()

    def get(self, url: str, params: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """A response with its body, of status 2xx or 304.

        Raises:
            SourceError: unreachable or refused, with the server's message.
        """
        with self.stream(url, params, headers) as response:
            try:
                response.read()
            except httpx.HTTPError as error:
                raise SourceError(f"the answer broke off: {error}", where=shown(url), fix="run it again; what has come is kept") from error
            return response

    def post(self, url: str, body: Any, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """The answer to a question that changes nothing, put as JSON.

        Raises:
            SourceError: unreachable or refused, with the server's message.
        """
        response = self._sent(url, None, headers, body=body)
        try:
            response.read()
        except httpx.HTTPError as error:
            raise SourceError(f"the answer broke off: {error}", where=shown(url), fix="run it again; what has come is kept") from error
        finally:
            response.close()
        return response

    @contextmanager
    def stream(
        self, url: str, params: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> Iterator[httpx.Response]:
        """A response whose body the caller reads, of status 2xx, 304 or 416.

        Raises:
            SourceError: unreachable or refused, with the server's message.
        """
        response = self._sent(url, params, headers)
        try:
            yield response
        finally:
            response.close()

    @contextmanager
    def answer(self, url: str, headers: Mapping[str, str] | None = None) -> Iterator[httpx.Response]:
        """A response whose body the caller reads, whatever its status is after all tries below 500; redirects are not followed.

        Raises:
            SourceError: unreachable, or a 5xx to the end.
        """
        response = self._sent(url, None, headers, as_it_is=True)
        try:
            yield response
        finally:
            response.close()

    def _sent(
        self,
        url: str,
        params: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None,
        *,
        as_it_is: bool = False,
        body: Any = None,
    ) -> httpx.Response:
        sent = {name: from_environment(value) for name, value in self.headers.items()} | dict(headers or {})
        client = self._client(url)
        pause = _FIRST_PAUSE
        for left in range(self.retries, -1, -1):
            self._paced()
            try:
                given = {"params": dict(params) if params else None, "headers": sent, "json": body}
                address = from_environment(url) if url in self.declared else url
                request = client.build_request("GET" if body is None else "POST", address, **given)
                self._origin = _origin(request.url)
                response = client.send(request, stream=True, follow_redirects=not as_it_is)
            except httpx.TooManyRedirects as error:
                raise SourceError(f"redirects more than {_REDIRECTS} times", where=shown(url), fix="check `url`") from error
            except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
                raise SourceError(f"is no address: {error}", where=shown(url), fix="check `url`") from error
            except httpx.TransportError as error:
                if not left:
                    message = str(error) or type(error).__name__
                    raise SourceError(f"cannot be reached: {message}", where=shown(url), fix="check `url` and the network") from error
                wait = None
            else:
                if response.is_success or response.status_code in (304, 416):
                    return response
                if as_it_is and response.status_code < 500 and (response.status_code not in _AGAIN or not left):
                    return response
                if response.status_code not in _AGAIN or not left:
                    raise _refusal(response, url)
                wait = _asked_wait(response)
                response.close()
            time.sleep(min(_LONGEST_PAUSE, pause * (0.5 + random.random()) if wait is None else wait))
            pause *= 2
        raise AssertionError("the last try returns or raises")

    def _client(self, url: str) -> httpx.Client:
        here = on_this_machine(url)
        if here not in self._clients:
            self._clients[here] = httpx.Client(
                timeout=httpx.Timeout(self.timeout, connect=min(10.0, self.timeout)),
                follow_redirects=True,
                max_redirects=_REDIRECTS,
                trust_env=not here,
                event_hooks={"request": [self._keep_credentials_here]},
            )
        return self._clients[here]

    def _keep_credentials_here(self, request: httpx.Request) -> None:
        """A redirect to another host takes no declared header with it: it may be a key."""
        if _origin(request.url) != self._origin:
            for name in self.headers:
                request.headers.pop(name, None)

    def _paced(self) -> None:
        if self.per_second:
            now = time.monotonic()
            if now < self._next:
                time.sleep(self._next - now)
            self._next = max(now, self._next) + 1 / self.per_second


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _refusal(response: httpx.Response, url: str) -> SourceError:
    try:
        message = " ".join(response.read()[:300].decode("utf-8", "replace").split())
    except httpx.HTTPError:
        message = ""
    fixes = {401: "check the credentials in the environment", 403: "check the credentials in the environment", 404: "check the address"}
    status = f"{response.status_code} {response.reason_phrase}".strip()
    fix = fixes.get(response.status_code, "see the server's message, and run it again; what has come is kept")
    response.close()
    return SourceError(f"the server answers {status}{f': {message}' if message else ''}", where=shown(url), fix=fix)


def _asked_wait(response: httpx.Response) -> float | None:
    """Seconds that the server asks to be left alone."""
    asked = response.headers.get("Retry-After", "").strip()
    if asked.isdecimal():
        return float(asked)
    try:
        return max(0.0, parsedate_to_datetime(asked).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def shown(url: str) -> str:
    """A URL as it may be shown: without its query, which may hold a key, and as declared."""
    return url.partition("?")[0]
