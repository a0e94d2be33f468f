"""The text of a mail in three parts: its writer's own words, what is quoted or forwarded, and the signature.

Each line is in one part, in its order: together they are the whole text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lakehouse.reserve.formats.documents.parts import html_tree, lines, text_of_tree

_QUOTED = re.compile(r"^\s{0,3}(?:>|\|\s|｜)")
_ANCHORED = (
    r"On\b.{0,150}\d.{4,300}\bwrote\s*:"
    r"|[在于]\s?.{0,60}\d.{3,250}(?:写道|寫道)\s*[:：]"
    r"|Am\b.{0,150}\d.{4,300}\bschrieb\b.{0,200}:"
    r"|Le\b.{0,150}\d.{4,300}\ba écrit\s*:"
    r"|El\b.{0,150}\d.{4,300}\bescribió\s*:"
    r"|Il\b.{0,150}\d.{4,300}\bha scritto\s*:"
    r"|Em\b.{0,150}\d.{4,300}\bescreveu\s*:"
)
_BY_NAME = (
    r"|.{0,150}于\s?\d.{4,200}(?:写道|寫道)\s*[:：]"
    r"|.{0,150}\S@\S.{0,100}(?:写道|寫道|пишет|wrote)\s*[:：]"
    r"|\d.{4,200}пишет\s*:"
    r"|\d{4}年.{4,200}(?:のメール|さん|>)\s*[:：]"
    r"|\d{4}년.{4,200}(?:작성|님이 쓴 글)\s*[:：]"
)
_INTRODUCTION = re.compile(rf"^\s*(?:{_ANCHORED}{_BY_NAME})\s*$", re.IGNORECASE)
"""The line before a quotation, in the words of mail programs, which give a date or an address."""
_BROKEN = re.compile(rf"^\s*(?:{_ANCHORED})\s*$", re.IGNORECASE)
"""Those whose first word shows where they begin, for programs break them at 76 characters."""
_FORWARDED = re.compile(
    r"^\s*(?:-{2,}\s*(?:Original Message|Forwarded message|Forwarded by|Ursprüngliche Nachricht|Weitergeleitete Nachricht|Message d'origine"
    r"|Mensaje original|原始邮件|原始郵件|邮件原件|转发邮件|转发的邮件|轉寄郵件|元のメッセージ|원본 메시지|Пересылаемое сообщение).*"
    r"|Begin forwarded message:|_{20,})\s*$",
    re.IGNORECASE,
)
"""The line over a mail that is passed on whole."""
_HEAD = re.compile(r"^\s*\**(?:From|Von|De|Da|От|发件人|寄件者|差出人|보낸 사람)\**\s*[:：]")
_HEAD_NEXT = re.compile(
    r"^\s*\**(?:Sent|Date|Gesendet|Envoyé|Enviado|Datum|Дата|To|Subject"
    r"|发送时间|日期|收件人|主题|主旨|寄件日期|送信日時|보낸 날짜)\**\s*[:：]"
)
_SIGNATURE = re.compile(r"^--[ \u00a0]?$")
"""RFC 3676, 4.3; programs that cut spaces at the ends of lines leave two hyphens."""
_LOOKED_AHEAD = 20
"""Lines behind an introduction in which what it introduces begins."""
_LONGEST_SIGNATURE = 20
"""Lines below two hyphens without their space that may be a signature."""
_QUOTES = (
    "//blockquote|//*[contains(@class, 'gmail_quote')]|//*[contains(@class, 'yahoo_quoted')]|//*[contains(@class, 'protonmail_quote')]"
    "|//*[@class='moz-cite-prefix']|//*[@id='divRplyFwdMsg']|//*[@id='divRplyFwdMsg']/following-sibling::*"
    "|//*[@id='appendonsend']/following-sibling::*"
)
_SIGNATURES = "//*[contains(@class, 'gmail_signature')]|//*[contains(@class, 'moz-signature')]|//*[@id='Signature']"


@dataclass(frozen=True)
class MailText:
    """The three parts of a mail's text, each without empty lines."""

    own: str
    quoted: str = ""
    signature: str = ""


def parted(body: str) -> MailText:
    """The parts of plain text."""
    parts: dict[str, list[str]] = {"own": [], "quoted": [], "signature": []}
    for part, line in _told(re.split(r"\r\n|\r|\n", body)):
        parts[part].append(line)
    return MailText(*(lines("\n".join(parts[part])) for part in ("own", "quoted", "signature")))


def parted_html(html: str) -> MailText:
    """The parts of HTML: what programs mark as a quotation or a signature, and of the rest as of plain text."""
    root = html_tree(html.encode("utf-8", "replace"))
    if root is None:
        return MailText("")
    taken = {"quoted": _QUOTES, "signature": _SIGNATURES}
    apart: dict[str, list[str]] = {"quoted": [], "signature": []}
    for part, path in taken.items():
        for element in root.xpath(path):
            # One within another has left the tree with it.
            if element is not root and root in element.iterancestors():
                element.drop_tree()
                element.tail = None
                apart[part].append(text_of_tree(element))
    own = parted(text_of_tree(root))
    return MailText(own.own, *("\n".join(filter(None, [getattr(own, part), *apart[part]])) for part in ("quoted", "signature")))


def _told(body: list[str]) -> Iterator[tuple[str, str]]:
    """Each line with its part."""
    part, rest_is_quoted = "own", False
    introduced = 0
    for at, line in enumerate(body):
        if rest_is_quoted or introduced:
            introduced = max(0, introduced - 1)
            yield "quoted", line
        elif (_FORWARDED.match(line) and (not line.strip().startswith("_") or _is_head(body, at + 1))) or _is_head(body, at):
            rest_is_quoted = True
            yield "quoted", line
        elif length := _introduction(body, at):
            introduced = length - 1
            behind = range(at + length, min(len(body), at + length + _LOOKED_AHEAD))
            rest_is_quoted = not _QUOTED.match(next((body[place] for place in behind if body[place].strip()), ""))
            part = "own"
            yield "quoted", line
        elif _QUOTED.match(line):
            part = "own"
            yield "quoted", line
        elif part == "own" and _SIGNATURE.match(line) and (len(line) == 3 or len(body) - at <= _LONGEST_SIGNATURE):
            part = "signature"
            yield part, line
        else:
            yield part, line


def _introduction(body: list[str], at: int) -> int:
    """Lines of an introduction that begins here, which programs break at 76 characters; 0 for none."""
    if _INTRODUCTION.match(body[at]):
        return 1
    for length in (2, 3):
        lines_of_it = body[at : at + length]
        if len(lines_of_it) < length or not all(each.strip() for each in lines_of_it):
            return 0
        if _BROKEN.match(" ".join(each.strip() for each in lines_of_it)):
            return length
    return 0


def _is_head(body: list[str], at: int) -> bool:
    """Whether the fields of a mail stand here: its sender, and below within three lines its date, receiver or subject, two of them."""
    filled = [each for each in body[at : at + 8] if each.strip()]
    return bool(filled) and bool(_HEAD.match(filled[0])) and sum(bool(_HEAD_NEXT.match(each)) for each in filled[1:4]) >= 2
