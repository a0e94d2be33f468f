"""A model behind an OpenAI-compatible endpoint: `POST {url}/chat/completions`, many requests at a time, tried again where that helps.

Sent again is what meets a 408, 409, 429 or 5xx, a timeout, a broken connection, or an answer that is no JSON of this interface. All
requests wait while the endpoint asks for a pause (`Retry-After`, RFC 9110); 429, too many at a time, does not count as a try. An error of
one request is any other refusal (400, a content filter) and an answer without a text. What ends it all is an endpoint that is not there,
that refuses the key, has no such model or no credit, or fails several requests in a row however often they are sent.
"""

from __future__ import annotations

import asyncio
import json
import os
import queue
import random
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from lakehouse.core.errors import EndpointError
from lakehouse.core.loopback import on_this_machine
from lakehouse.production.endpoint.completion import Failed, Refused, body_of, error_of, read, wait_of
from lakehouse.production.engine.operator import Answer

_AGAIN = frozenset({408, 409})
_FAILED_IN_A_ROW = 5
"""So many requests in a row without an answer, each sent as often as allowed, are no accident."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
"""Seconds between tries: doubled each time."""
_LONGEST_WAIT = 600.0
"""Seconds without any answer that an endpoint with too many requests is waited for; a daily limit is not."""

_LATER = "run it again: answers that have come are kept"


@dataclass(frozen=True)
class Endpoint:
    """An endpoint; nothing is sent before `send`.

    Attributes:
        url: base URL, such as `https://host/v1`.
        key_env: name of the environment variable that holds the key; it is read when requests are sent, and never stored or shown.
        concurrency: requests at a time.
        timeout: seconds one try may take.
        retries: how often a request is sent again.
    """

    url: str
    key_env: str | None = None
    concurrency: int = 8
    timeout: float = 60.0
    retries: int = 5

    def send(self, requests: Sequence[str]) -> Iterator[Answer]:
        """The answers to `requests` (bodies as JSON text), each as it comes. Closing the iterator gives up what is under way.

        Raises:
            EndpointError: going on makes no sense; answers given before it hold.
        """
        if not requests:
            return
        conversation = _Conversation(self, self._key(), requests)
        thread = threading.Thread(target=conversation.run, name="endpoint", daemon=True)
        thread.start()
        try:
            for _ in requests:
                answer = conversation.outcome.get()
                if isinstance(answer, BaseException):
                    raise answer
                yield answer
        finally:
            conversation.stop()
            thread.join()

    def _key(self) -> str | None:
        if self.key_env is None:
            return None
        key = os.environ.get(self.key_env, "").strip()
        if not key:
            raise EndpointError(f"the environment variable {self.key_env} holds no key for {self.url}", fix=f"export {self.key_env}=...")
        if not (key.isascii() and key.isprintable()):
            raise EndpointError(f"the key in {self.key_env} has characters that no key has", fix="copy it again")
        return key


class _Conversation:
    """Requests under way, in an event loop of a thread of its own: the caller may take its time with each answer."""

    def __init__(self, endpoint: Endpoint, key: str | None, requests: Sequence[str]) -> None:
        self.endpoint = endpoint
        self.key = key
        self.requests = requests
        self.outcome: queue.SimpleQueue[Answer | BaseException] = queue.SimpleQueue()
        self.loop = asyncio.new_event_loop()
        self.sending: asyncio.Future[Any] | None = None
        self.stopped = False
        self.reached = False
        self.failed_in_a_row = 0
        self.open_at = 0.0
        self.answered_at = self.loop.time()

    def run(self) -> None:
        """Send everything."""
        try:
            self.loop.run_until_complete(self._all())
        except asyncio.CancelledError:
            pass
        except BaseException as error:  # raised again in the caller's thread
            self.outcome.put(error)
        finally:
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.close()

    def stop(self) -> None:
        """Give up what is under way; from another thread."""
        self.stopped = True
        try:
            self.loop.call_soon_threadsafe(lambda: self.sending.cancel() if self.sending else None)
        except RuntimeError:
            return  # the loop is closed: nothing is under way

    async def _all(self) -> None:
        numbers = iter(range(len(self.requests)))
        async with self._client() as client:
            workers = [
                asyncio.create_task(self._worker(client, numbers)) for _ in range(min(self.endpoint.concurrency, len(self.requests)))
            ]
            self.sending = asyncio.gather(*workers)
            if self.stopped:
                self.sending.cancel()
            try:
                await self.sending
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)

    def _client(self) -> httpx.AsyncClient:
        endpoint = self.endpoint
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {self.key}"} if self.key else {})}
        limits = httpx.Limits(max_connections=endpoint.concurrency, max_keepalive_connections=endpoint.concurrency)
        waits = httpx.Timeout(endpoint.timeout, connect=min(10.0, endpoint.timeout))
        try:
            # A proxy of the environment is not asked for what runs on this machine.
            return httpx.AsyncClient(headers=headers, limits=limits, timeout=waits, trust_env=not on_this_machine(endpoint.url))
        except (ImportError, ValueError, OSError, httpx.InvalidURL) as error:
            fix = "check HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE and the like; for SOCKS: pip install socksio"
            raise EndpointError(f"the environment's proxy or certificates cannot be used: {error}", fix=fix) from error

    async def _worker(self, client: httpx.AsyncClient, numbers: Iterator[int]) -> None:
        for number in numbers:
            self.outcome.put(await self._answer(client, number))

    async def _answer(self, client: httpx.AsyncClient, number: int) -> Answer:
        tries = pauses = 0
        while True:
            while (pause := self.open_at - self.loop.time()) > 0:
                await asyncio.sleep(pause)
            try:
                text, tokens = await self._try(client, self.requests[number])
            except Refused as error:
                self._answered()
                return Answer(number, None, str(error))
            except Failed as error:
                failure = error
            else:
                self._answered()
                return Answer(number, text, None, tokens)
            tries += not failure.busy
            if failure.unreached and (not self.reached or tries > self.endpoint.retries):
                raise EndpointError(f"{self.endpoint.url} cannot be reached: {failure}", fix="check the address, and that the server runs")
            if tries > self.endpoint.retries:
                return self._given_up(number, failure)
            if failure.wait > _LONGEST_WAIT or (failure.busy and self.loop.time() - self.answered_at > _LONGEST_WAIT):
                raise EndpointError(f"{self.endpoint.url} takes no more requests for now: {failure}", fix=_LATER)
            self.open_at = max(self.open_at, self.loop.time() + failure.wait)
            # Tries that failed together are not made again together.
            await asyncio.sleep(min(_FIRST_PAUSE * 2**pauses, _LONGEST_PAUSE) * random.uniform(0.5, 1.0))
            pauses += 1

    def _answered(self) -> None:
        self.failed_in_a_row, self.answered_at = 0, self.loop.time()

    def _given_up(self, number: int, failure: Failed) -> Answer:
        self.failed_in_a_row += 1
        if self.failed_in_a_row >= _FAILED_IN_A_ROW:
            times = self.endpoint.retries + 1
            raise EndpointError(
                f"{self.endpoint.url} has failed {self.failed_in_a_row} requests in a row, each sent {times} times: {failure}",
                fix=f"look at the server, lower `concurrency` or raise `timeout`, then {_LATER}",
            )
        return Answer(number, None, f"no answer in {self.endpoint.retries + 1} tries: {failure}")

    async def _try(self, client: httpx.AsyncClient, request: str) -> tuple[str, int | None]:
        """The text of one answer and its tokens."""
        try:
            async with asyncio.timeout(self.endpoint.timeout):
                response = await client.post(f"{self.endpoint.url.rstrip('/')}/chat/completions", content=body_of(request))
        except TimeoutError:
            raise Failed(f"no answer within {self.endpoint.timeout:g} s") from None
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
            raise Failed(str(error) or "the connection timed out", unreached=True) from error
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise EndpointError(f"{self.endpoint.url} is no address: {error}", fix="give `url: http://host:port/v1`") from error
        except httpx.TransportError as error:
            raise Failed(str(error) or type(error).__name__) from error
        self.reached = True
        if not response.is_success:
            raise self._refusal(response, request)
        return read(response)

    def _refusal(self, response: httpx.Response, request: str) -> Exception:
        """What an answer means that is not 200."""
        status, url = response.status_code, self.endpoint.url
        message, code = error_of(response)
        if self.key:
            message = message.replace(self.key, "***")
        outcome = f"HTTP {status}: {message}" if message else f"HTTP {status}"
        if status in (401, 403, 407):
            fix = f"check the key in {self.endpoint.key_env}" if self.key else "name the variable that holds the key: `key_env`"
            return EndpointError(f"{url} refuses access: {outcome}", fix=fix)
        if status == 402 or code == "insufficient_quota":
            return EndpointError(f"{url} has no credit left: {outcome}", fix=f"top it up, then {_LATER}")
        if status == 404:
            model = json.loads(request).get("model")
            return EndpointError(
                f"{url} has no model `{model}`, or is no such endpoint: {outcome}", fix="check `model` and `url` (ends in /v1?)"
            )
        if status < 400 or status == 405:
            return EndpointError(f"{url} is no such endpoint: {outcome}", fix="check `url` (ends in /v1?)")
        if status == 429 or status in _AGAIN or status >= 500:
            return Failed(outcome, wait=wait_of(response), busy=status == 429)
        return Refused(outcome)
