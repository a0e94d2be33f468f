"""One connection to an endpoint, for one request at a time that is sent once: what a load test measures."""

from __future__ import annotations

import os
from typing import Self

import httpx

from lakehouse.core.errors import EndpointError
from lakehouse.core.loopback import on_this_machine
from lakehouse.production.endpoint.completion import Failed, Refused, body_of, error_of, read


class Connection:
    """A connection that stays open between requests, and is closed at the end of its `with` block.

    Raises:
        EndpointError: the variable `key_env` holds no key.
    """

    def __init__(self, url: str, key_env: str | None, timeout: float) -> None:
        key = os.environ.get(key_env, "").strip() if key_env else ""
        if key_env and not key:
            raise EndpointError(f"the environment variable {key_env} holds no key for {url}", fix=f"export {key_env}=...")
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
        self._client = httpx.Client(headers=headers, timeout=timeout, trust_env=not on_this_machine(url))
        self._address = f"{url.rstrip('/')}/chat/completions"
        self._key = key

    def error_of(self, request: str) -> str | None:
        """Send a request (JSON text); None when a completion came, else what came instead."""
        try:
            response = self._client.post(self._address, content=body_of(request))
            if response.is_success:
                read(response)
                return None
        except (httpx.TransportError, httpx.InvalidURL, Failed, Refused) as error:
            return str(error) or type(error).__name__
        problem = f"HTTP {response.status_code}: {error_of(response)[0]}"
        return problem.replace(self._key, "***") if self._key else problem

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._client.close()
