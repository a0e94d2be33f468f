"""A message (RFC 5322): its text, of several alternatives the plain one unless it is empty; attachments are listed, not read."""

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


def read(data: bytes, limit: int) -> DocumentText:
    """A message; its subject is the title, its sender the author.

    Raises:
        Unreadable: it has no headers of a message.
    """
    message = email.message_from_bytes(data, policy=email.policy.compat32)
    if not ({"from", "date", "message-id"} & {name.lower() for name in message.keys()}):  # noqa: SIM118 - a message has no other way
        raise Unreadable("not_a_document")
    try:
        texts = list(_texts(message))
        label = next(
            (each for each in map(_label, (part for part in message.walk() if part.get_content_maintype() == "text")) if each), None
        )
        parts = [_parted(part) for part in texts]
        return DocumentText(
            "\n".join(part.own for part in parts if part.own),
            mail_headers.field(message, "subject", label),
            mail_headers.field(message, "from", label),
            to=mail_headers.field(message, "to", label),
            date=mail_headers.date_of(message),
            message_id=mail_headers.identifier(message, "message-id"),
            in_reply_to=mail_headers.identifier(message, "in-reply-to"),
            attachments=tuple(_attachment(part, label) for part in _leaves(message) if _is_attached(part)),
            quoted="\n".join(part.quoted for part in parts if part.quoted),
            signature="\n".join(part.signature for part in parts if part.signature),
        )
    except (LookupError, ValueError, TypeError, AttributeError, RecursionError) as error:
        # Of messages that break their grammar, the library raises whatever its next step stumbles over.
        raise Unreadable("damaged_document") from error


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
    named = part.get_filename() is not None or part.get_content_disposition() == "attachment"
    return named or part.get_content_maintype() != "text"


def _attachment(part: Message, label: str | None) -> Attachment:
    data = _inner(part)[0].as_bytes() if part.get_content_maintype() == "message" and _inner(part) else _bytes(part)
    name = part.get_filename()
    text = mail_headers.text_of(name.encode("utf-8", "surrogateescape"), label) if name else None
    return Attachment(text, part.get_content_type(), len(data), hashlib.sha256(data).hexdigest())


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
