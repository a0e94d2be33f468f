"""A message (RFC 5322), by the standard library: its plain text, or else that of its HTML; attachments are left out."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage

from lakehouse.reserve.formats.documents.parts import DocumentText, lines, plain
from lakehouse.reserve.formats.whole_files import Unreadable


def read(data: bytes, limit: int) -> DocumentText:
    """A message; its subject is the title, its sender the author.

    Raises:
        Unreadable: it has no headers of a message.
    """
    message = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    if not ({"from", "date", "message-id"} & {name.lower() for name in list(message)}):
        raise Unreadable("not_a_document")
    try:
        body = message.get_body(("plain", "html"))
        content = "" if body is None else str(body.get_content())
        text = plain(content.encode()) if body is not None and body.get_content_subtype() == "html" and content else lines(content)
        return DocumentText(text, str(message["subject"] or ""), str(message["from"] or ""))
    except (LookupError, ValueError, KeyError, AttributeError) as error:
        raise Unreadable("damaged_document") from error
