"""Texts that a language model writes."""

from __future__ import annotations

from urllib.parse import urlsplit

import polars as pl

from lakehouse.core.errors import RecipeError
from lakehouse.core.hashing import canonical
from lakehouse.core.spec import expand_privacy
from lakehouse.core.text.templates import filled
from lakehouse.production.endpoint.endpoint import Endpoint
from lakehouse.production.engine.operator import OPERATORS, SEED, Ask

_SEEDS = 1 << 31
"""Servers take a seed as a signed 32-bit number."""
_HERE = ("127.0.0.1", "localhost", "::1")


@OPERATORS.register(version=1, cardinality="1:1", seeded=True, transport=("url", "key_env", "concurrency", "timeout", "may_send"))
def generate(
    *,
    column: str,
    prompt: str,
    model: str,
    url: str,
    key_env: str | None = None,
    may_send: list[str] = [],  # noqa: B006 - read, never changed
    system: str | None = None,
    temperature: float = 0.7,
    max_tokens: int = 512,
    concurrency: int = 8,
    timeout: float = 60.0,
) -> Ask:
    """Make `column` what a language model answers to `prompt`, in which `{name}` becomes the value of the row's column `name`.

    The model is behind an OpenAI-compatible endpoint (`POST {url}/chat/completions`): a service, or a model on this machine, served by
    llama.cpp (`llama-server -m model.gguf --port 8080`: `url: http://127.0.0.1:8080/v1`), Ollama (`http://127.0.0.1:11434/v1`) or vLLM
    (`http://127.0.0.1:8000/v1`). `key_env` names the environment variable that holds the key. Each variant has a `seed` of its own in its
    request, `{{` and `}}` are braces, and `system` is sent as it is. Each request is sent once, ever, whatever else changes: answers are
    kept in `system/answers`. A row with a null value asks nothing. A variant whose request is refused is set aside with the reason; an
    answer that reaches `max_tokens` stays, cut as it is. The values in the prompt go to that
    address: where it is not this machine, a column that may hold a privacy class which `may_send` does not name is refused.

    Raises:
        RecipeError: a brace that opens or closes nothing, an address that is none, or a number out of its range.

    Example:
        `{generate: {column: text, prompt: "Rewrite in other words: {text}", model: qwen2.5-7b-instruct, url: "http://127.0.0.1:8080/v1"}}`
    """
    _check(url, temperature=temperature >= 0, max_tokens=max_tokens > 0, concurrency=concurrency > 0, timeout=timeout > 0)
    messages = pl.struct(filled(prompt).alias("content")).struct.json_encode().str.strip_suffix("}")
    first = "" if system is None else canonical({"content": system, "role": "system"}) + ","
    # The text of hashing.canonical for the body as a dictionary: sorted keys, no spaces.
    body = pl.concat_str(
        pl.lit(f'{{"max_tokens":{max_tokens},"messages":[{first}'),
        messages,
        pl.lit(f',"role":"user"}}],"model":{canonical(model)},"seed":'),
        (pl.col(SEED) % _SEEDS).cast(pl.String),
        pl.lit(f',"temperature":{canonical(temperature)}}}'),
    )
    requests = pl.when(filled(prompt).is_not_null()).then(body)
    allowed = None if urlsplit(url).hostname in _HERE else expand_privacy(may_send)
    return Ask(column, requests, Endpoint(url.rstrip("/"), key_env, concurrency, timeout).send, allowed)


def _check(url: str, **holds: bool) -> None:
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        known = False
    if not known:
        raise RecipeError("`url` is no address of an endpoint", fix="give `url: http://host:port/v1`")
    if parts.username is not None or parts.query or parts.fragment:
        raise RecipeError("`url` holds a user or a query", fix="put the key in the environment and name the variable: `key_env`")
    for name, fine in holds.items():
        if not fine:
            raise RecipeError(f"generate: `{name}` is out of its range", fix=f"correct `{name}`")
