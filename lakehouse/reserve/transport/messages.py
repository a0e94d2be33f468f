"""Messages of streams as JSON lines: fields or text, with the place of each."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, Literal

Payload = Literal["json", "text"]
"""What a message holds: a `json` object, whose fields are columns, or `text`."""


def line_of(value: bytes | None, about: Mapping[str, Any], payload: Payload) -> bytes:
    """A message as one JSON text: `about` with the message's fields, or with its `text`.

    A field of the message comes before one of `about`. What is no JSON object, or no UTF-8, stays one broken line, in base64: it costs the
    item alone.
    """
    try:
        if payload == "text" or value is None:
            row = {**about, "text": value.decode("utf-8") if value is not None else None}
        else:
            fields = json.loads(value)
            if not isinstance(fields, dict):
                raise ValueError("no object")
            row = {**about, **fields}
    except ValueError:
        return base64.b64encode(value or b"")
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
