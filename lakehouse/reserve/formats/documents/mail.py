"""A message (RFC 5322): its text, of alternatives the plain one unless it is empty; attachments are listed, attached mails are quoted."""

from __future__ import annotations

import email
import email.policy
import hashlib
import re
from collections.abc import Iterator
from email.message import Message

from lakehouse.core.text.encoding import decoded
from lakehouse.core.text.encoding_labels import label_of_markup
from lakehouse.reserve.formats.documents import mail_headers
from lakehouse.reserve.formats.documents.parts import Attachment, DocumentText
from lakehouse.reserve.formats.documents.quoting import MailText, parted, parted_html
from lakehouse.reserve.formats.whole_files import Unreadable

_HTML = re.compile(r"^\s*(?:<!doctype html|<\?xml[^>]*>\s*<html|<(?:html|head|body|meta|div|table|p|font|span|br)\b[^>]*>)", re.IGNORECASE)
_CLOSED = re.compile(r"</(?:html|body|div|table|p|font|span)\s*>|<br\s*/?>", re.IGNORECASE)
_DEEPEST = 50
_DEEPEST_MAIL = 5
"""Mails within mails whose text is read."""


def read(data: bytes, limit: int) -> DocumentText:
    """A message; its subject is the title, its sender the author.

    Raises:
        Unreadable: it has no headers of a message.
    """
    message = email.message_from_bytes(data, policy=email.policy.compat32)
    if not ({"from", "date", "message-id"} & {name.lower() for name in message.keys()}):  # noqa: SIM118 - a message has no other way
        raise Unreadable("not_a_document")
    try:
        return _read(message)
    except (LookupError, ValueError, TypeError, AttributeError, RecursionError) as error:
        # Of messages that break their grammar, the library raises whatever its next step stumbles over.
        raise Unreadable("damaged_document") from error


def _read(message: Message, depth: int = 0) -> DocumentText:
    label = next((each for each in map(_label, (part for part in message.walk() if part.get_content_maintype() == "text")) if each), None)
    parts = [_parted(part) for part in _texts(message)]
    attached = [part for part in _leaves(message) if _is_attached(part)]
    quoted = [part.quoted for part in parts] + [_passed_on(_inner(part)[0], depth) for part in attached if _is_message(part)]
    return DocumentText(
        "\n".join(part.own for part in parts if part.own),
        mail_headers.field(message, "subject", label),
        mail_headers.field(message, "from", label),
        to=mail_headers.field(message, "to", label),
        date=mail_headers.date_of(message),
        message_id=mail_headers.identifier(message, "message-id"),
        in_reply_to=mail_headers.identifier(message, "in-reply-to"),
        attachments=tuple(_attachment(part, label) for part in attached),
        quoted="\n".join(filter(None, quoted)),
        signature="\n".join(part.signature for part in parts if part.signature),
    )


def _passed_on(message: Message, depth: int) -> str:
    """The text of a mail that another one carries whole, below its sender and subject; empty deep within others."""
    if depth >= _DEEPEST_MAIL:
        return ""
    found = _read(message, depth + 1)
    head = [f"From: {found.author}" if found.author else None, f"Subject: {found.title}" if found.title else None]
    return "\n".join(filter(None, [*head, found.text, found.quoted, found.signature]))


def _is_message(part: Message) -> bool:
    return part.get_content_type() == "message/rfc822" and bool(_inner(part))


def _texts(part: Message, depth: int = 0) -> Iterator[Message]:
    """The parts that are the message's text, in their order; of alternatives one."""
    if depth > _DEEPEST or _is_attached(part):
        return
    if not part.is_multipart():
        if part.get_content_maintype() == "text":
            yield part
        return
    inner = [list(_texts(each, depth + 1)) for each in _inner(part)]
    if part.get_content_subtype() != "alternative":
        for each in inner:
            yield from each
        return
    filled = [each for each in inner if any(_bytes(text).strip() for text in each)]
    plain = [each for each in filled if each[0].get_content_subtype() == "plain" and _body(each[0]).strip()]
    html = [each for each in filled if each[0].get_content_subtype() == "html"]
    yield from (plain or html or filled or [[]])[0]


def _inner(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [each for each in payload if isinstance(each, Message)] if isinstance(payload, list) else []


def _leaves(part: Message, depth: int = 0) -> Iterator[Message]:
    """The parts without parts; an attached message is one of them."""
    if depth > _DEEPEST:
        return
    if part.get_content_maintype() == "multipart":
        for each in _inner(part):
            yield from _leaves(each, depth + 1)
    else:
        yield part


def _is_attached(part: Message) -> bool:
    """Whether a part is no text of the message: it has a name, says so, or is of another type."""
    if part.get_content_maintype() == "multipart":
        return False
    named = bool(part.get_filename()) or part.get_content_disposition() == "attachment"
    return named or part.get_content_maintype() != "text"


def _attachment(part: Message, label: str | None) -> Attachment:
    data = _message(part) if part.get_content_maintype() == "message" and _inner(part) else _bytes(part)
    return Attachment(_name(part, label), part.get_content_type(), len(data), hashlib.sha256(data).hexdigest())


def _message(part: Message) -> bytes:
    """The bytes of an attached message, as the library writes them; empty where it cannot write what it has read."""
    try:
        return b"\n".join(each.as_bytes() for each in _inner(part))
    except (LookupError, ValueError, TypeError, AttributeError):
        return b""


def _name(part: Message, label: str | None) -> str | None:
    """The file name of a part (RFC 2183, RFC 2231), also where it is written as an encoded word."""
    found = part.get_param("filename", None, "content-disposition") or part.get_param("name", None, "content-type")
    if isinstance(found, tuple):
        charset, _, text = found
        return decoded(text.encode("latin-1", "replace"), charset or label).text or None
    return mail_headers.text_of(str(found).encode("utf-8", "surrogateescape"), label) or None if found else None


def _parted(part: Message) -> MailText:
    body = _body(part)
    is_html = part.get_content_subtype() == "html" or (_HTML.match(body) and _CLOSED.search(body))
    return parted_html(body) if is_html else parted(body)


def _body(part: Message) -> str:
    data = _bytes(part)
    label = _label(part) or (label_of_markup(data) if part.get_content_subtype() == "html" else None)
    return decoded(data, label).text


def _bytes(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _label(part: Message) -> str | None:
    """The encoding that a part says to have (RFC 2046, 4.1.2)."""
    found = part.get_param("charset")
    return found[2] if isinstance(found, tuple) else str(found) if found else None
