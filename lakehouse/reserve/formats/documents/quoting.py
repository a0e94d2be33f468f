"""The text of a mail in three parts: its writer's own words, what is quoted or forwarded, and the signature.

Each line is in one part, in its order: together they are the whole text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lakehouse.reserve.formats.documents.parts import html_tree, lines, text_of_tree

_QUOTED = re.compile(r"^\s{0,3}(?:>|\|\s|｜)")
_INTRODUCTION = re.compile(
    r"^\s*(?:"
    r"On\b.{6,300}\bwrote\s*:"
    r"|(?:在\s?.{4,200}|.{0,200}于\s?\d.{4,200}|.{2,200}[>\]）)]\s*)(?:写道|寫道)\s*[:：]"
    r"|Am\b.{6,300}\bschrieb\b.{0,200}:"
    r"|Le\b.{6,300}\ba écrit\s*:"
    r"|El\b.{6,300}\bescribió\s*:"
    r"|Il\b.{6,300}\bha scritto\s*:"
    r"|Em\b.{6,300}\bescreveu\s*:"
    r"|.{6,300}пишет\s*:"
    r"|\d{4}年.{4,200}(?:のメール|さん|>)\s*[:：]"
    r"|\d{4}년.{4,200}(?:작성|님이 쓴 글)\s*[:：]"
    r")\s*$",
    re.IGNORECASE,
)
"""The line before a quotation, in the words of mail programs."""
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
_LONGEST_SIGNATURE = 15
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
            following = next((each for each in body[at + length :] if each.strip()), "")
            rest_is_quoted = not _QUOTED.match(following)
            part = "own"
            yield "quoted", line
        elif _QUOTED.match(line):
            part = "own"
            yield "quoted", line
        elif part == "own" and _SIGNATURE.match(line) and (len(line) == 3 or sum(map(bool, body[at:])) <= _LONGEST_SIGNATURE):
            part = "signature"
            yield part, line
        else:
            yield part, line


def _introduction(body: list[str], at: int) -> int:
    """Lines of an introduction that begins here, which programs break at 76 characters; 0 for none."""
    for length in (1, 2, 3):
        if at + length <= len(body) and _INTRODUCTION.match(" ".join(each.strip() for each in body[at : at + length])):
            return length
    return 0


def _is_head(body: list[str], at: int) -> bool:
    """Whether the fields of a mail stand here: its sender, and below within three lines its date, receiver or subject, two of them."""
    filled = [each for each in body[at : at + 8] if each.strip()]
    return bool(filled) and bool(_HEAD.match(filled[0])) and sum(bool(_HEAD_NEXT.match(each)) for each in filled[1:4]) >= 2
