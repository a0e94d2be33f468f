"""Responses of an OpenAI-compatible endpoint: completions, errors in whatever form, and the time to wait."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx


class Refused(Exception):
    """One request will get no answer, whatever is done."""


class Failed(Exception):
    """One try went wrong; another may not.

    Attributes:
        wait: seconds that the endpoint asks to wait.
        busy: it has too many requests; nothing is wrong with this one.
        unreached: no connection came about.
    """

    def __init__(self, why: str, *, wait: float = 0.0, busy: bool = False, unreached: bool = False) -> None:
        super().__init__(why)
        self.wait = wait
        self.busy = busy
        self.unreached = unreached


def body_of(request: str) -> bytes:
    """What is sent for a request (a JSON object as text): with `"stream": false`, which some servers do not take for granted.

    It is no part of the request that answers are kept by: it changes how an answer comes, not its content.
    """
    return f'{request.rstrip()[:-1]},"stream":false}}'.encode()


def read(response: httpx.Response) -> tuple[str, int | None]:
    """The text of a completion and its tokens.

    Raises:
        Failed: it is no completion.
        Refused: it has no text.
    """
    try:
        streamed = response.headers.get("Content-Type", "").startswith("text/event-stream")
        answer = _joined(response.text) if streamed else response.json()
        choices, usage = answer["choices"], answer.get("usage") or {}
        message = choices[0]["message"] if choices else {}
        text, end = message.get("content"), choices[0].get("finish_reason") if choices else None
        refusal, tokens = message.get("refusal"), usage.get("total_tokens")
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        raise Failed(f"the answer is no chat completion: {response.text[:80]!r}") from None
    if end == "content_filter":
        raise Refused("the endpoint's content filter stopped the answer")
    if not isinstance(text, str) or not text.strip():
        raise Refused(f"an empty answer: {_text(str(refusal or end or 'no choice'))[:200]}")
    return _text(text), tokens if type(tokens) is int and 0 <= tokens < 1 << 63 else None


def _joined(events: str) -> dict[str, Any]:
    """The completion whose chunks are server-sent events: some servers stream whatever is asked."""
    text, end, refusal, usage = [], None, None, None
    for line in events.splitlines():
        data = line.removeprefix("data:").strip()
        if not line.startswith("data:") or data == "[DONE]":
            continue
        chunk = json.loads(data)
        usage = chunk.get("usage") or usage
        for choice in chunk["choices"][:1]:
            delta = choice.get("delta") or {}
            text.append(delta.get("content") or "")
            end, refusal = choice.get("finish_reason") or end, delta.get("refusal") or refusal
    if end is None:
        raise ValueError("the answer broke off between two chunks")
    return {"choices": [{"message": {"content": "".join(text), "refusal": refusal}, "finish_reason": end}], "usage": usage}


def error_of(response: httpx.Response) -> tuple[str, str | None]:
    """Message and code of an error, in whatever form it comes; one line."""
    try:
        body: Any = response.json()
    except (ValueError, RecursionError):
        body = response.text
    if isinstance(body, dict):
        body = body.get("error", body.get("message", body.get("detail", body)))
    code = None
    if isinstance(body, dict):
        code, body = body.get("code") or body.get("type"), body.get("message", body)
    return " ".join(_text(str(body)).split())[:300], code if isinstance(code, str) else None


def wait_of(response: httpx.Response) -> float:
    """Seconds that `Retry-After` asks for, by a number or a date."""
    given = response.headers.get("Retry-After", "").strip()
    try:
        return max(0.0, float(given))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(given)
    except ValueError:
        return 0.0
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _text(body: str) -> str:
    """`body` with a replacement character for each half of a surrogate pair: JSON may hold them, a text does not."""
    return body.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
