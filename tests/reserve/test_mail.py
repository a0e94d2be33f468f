"""Mails: their fields and texts in whatever encoding they came, own words apart from quoted ones, attachments by their facts."""

from __future__ import annotations

import base64
import email
import hashlib
from collections import Counter
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.authoring.source_file import write_source
from lakehouse.reserve.discovery.discover import discover
from lakehouse.reserve.formats.documents import mail
from lakehouse.reserve.formats.documents.mail_headers import text_of
from lakehouse.reserve.formats.documents.parts import DocumentText, lines
from lakehouse.reserve.formats.documents.quoting import parted
from lakehouse.reserve.formats.whole_files import Unreadable

from .conftest import Factory

LIMIT = 1 << 20
CHINESE = "朱镕基与陶喆谈了我们在上海的产品"
RUSSIAN = "Привет, как у вас дела сегодня"


def read(head: str, body: bytes = b"") -> DocumentText:
    return mail.read(b"From: a@example.org\r\n" + head.encode().replace(b"\n", b"\r\n") + b"\r\n\r\n" + body, LIMIT)


def plain(label: str | None, body: bytes, encoding: str = "8bit") -> str:
    charset = "" if label is None else f"; charset={label}"
    return read(f"Content-Type: text/plain{charset}\nContent-Transfer-Encoding: {encoding}", body).text


@pytest.mark.parametrize(
    ("label", "text", "encoding"),
    [
        ("gb2312", CHINESE, "gb18030"),
        ("GB_2312-80", CHINESE, "gb18030"),
        ("ks_c_5601-1987", "똠방각하가 왔습니다 뷁", "cp949"),
        ("shift_jis", "①これは㈱テスト～です", "cp932"),
        ("iso-8859-1", "“It’s fine” — café", "cp1252"),
        ("us-ascii", "Les élèves étaient déjà là, à côté du château", "cp1252"),
        ("us-ascii", CHINESE, "utf-8"),
        ("unknown-8bit", CHINESE, "utf-8"),
        ("x-unknown", CHINESE, "gb18030"),
        ("iso-8859-1", CHINESE, "utf-8"),
        ("iso-8859-1", CHINESE, "gb18030"),
        ("iso-8859-1", RUSSIAN, "koi8-r"),
        ("iso-8859-1", RUSSIAN, "cp1251"),
        ("utf-8", RUSSIAN, "cp1251"),
        (None, "この問題について、もう一度ご確認ください", "iso2022_jp"),
        (None, RUSSIAN, "koi8-r"),
    ],
)
def test_a_body_is_read_whatever_its_label_says(label: str | None, text: str, encoding: str) -> None:
    assert plain(label, text.encode(encoding)) == text
    assert plain(label, base64.b64encode(text.encode(encoding)), "base64") == text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("=?gb2312?B?" + base64.b64encode("朱镕基".encode("gbk")).decode() + "?=", "朱镕基"),
        ('"=?utf-8?Q?J=C3=BCrgen_M=C3=BCller?=" <j@example.org>', '"Jürgen Müller" <j@example.org>'),
        ("=?utf-8?B?5a6i5oi3?= =?utf-8?B?5Y+N6aaI?=", "客户反馈"),
        ("=?UTF-8?B?5a6i5o?=\r\n =?UTF-8?B?i35Y+N6aaI?=", "客户反馈"),
        ("=?utf-8*de?q?Gr=C3=BC=C3=9Fe?= aus Wien", "Grüße aus Wien"),
        ("=?unknown-8bit?B?" + base64.b64encode("客户反馈".encode("gbk")).decode().rstrip("=") + "?=", "客户反馈"),
        ("plain, =?not a word", "plain, =?not a word"),
    ],
)
def test_encoded_words_are_decoded_wherever_they_stand(raw: str, text: str) -> None:
    assert text_of(raw.encode()) == text


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "koi8-r"])
def test_a_field_of_bytes_beyond_ascii_is_read(encoding: str) -> None:
    subject = RUSSIAN if encoding == "koi8-r" else "客户反馈：产品质量很好"
    found = mail.read(b"From: a@example.org\nSubject: " + subject.encode(encoding) + b"\n\nhello\n", LIMIT)
    assert (found.title, found.author) == (subject, "a@example.org")


def test_html_under_plain_is_html_and_an_empty_alternative_is_passed_over() -> None:
    html = "<html><body><p>您好</p><p>第二段</p></body></html>"
    assert plain("utf-8", html.encode()) == "您好\n第二段"
    assert plain("utf-8", b"1 < 2 <p> is a tag") == "1 < 2 <p> is a tag"
    message = EmailMessage()
    message["From"] = "a@example.org"
    message.set_content("  \n")
    message.add_alternative(html, subtype="html")
    assert mail.read(bytes(message), LIMIT).text == "您好\n第二段"


def test_parts_behind_the_first_are_text_too() -> None:
    message = EmailMessage()
    message["From"] = "a@example.org"
    message.set_content("The answer is below.")
    message.make_mixed()
    footer = EmailMessage()
    footer.set_content("Sent by the list.")
    message.attach(footer)
    assert mail.read(bytes(message), LIMIT).text == "The answer is below.\nSent by the list."


QUOTED = "在 2024年1月1日，李四 写道：\n> 我们什么时候开会？\n> 请回复。"
NOTHING = "On the whole I wrote: nothing.\n--verbose is an option\n1 > 0"
WITHOUT_SIGNS = '在 2024-01-01 10:00:00，"李四" <b@example.org> 写道：\n什么时候？'
PARTS = {
    "chinese": (f"好的，我同意。\n\n-- \n张三\n电话 123\n\n{QUOTED}\n", "好的，我同意。", QUOTED, "--\n张三\n电话 123"),
    "wrapped": (
        "Yes.\n\nOn Mon, 1 Jan 2024 at 10:00, Ada Lovelace and the whole committee\n<ada@example.org> wrote:\n> Shall we?\n",
        "Yes.",
        "On Mon, 1 Jan 2024 at 10:00, Ada Lovelace and the whole committee\n<ada@example.org> wrote:\n> Shall we?",
        "",
    ),
    "between": ("> one?\nYes.\n> two?\nNo.\n", "Yes.\nNo.", "> one?\n> two?", ""),
    "forwarded": (
        "See below.\n\n---------- Forwarded message ---------\nFrom: Bob\nDate: today\n\nHello\n",
        "See below.",
        "---------- Forwarded message ---------\nFrom: Bob\nDate: today\nHello",
        "",
    ),
    "outlook": (
        "收到。\n\n发件人: 李四\n发送时间: 2024年1月1日\n收件人: 张三\n主题: 会议\n\n什么时候？\n",
        "收到。",
        "发件人: 李四\n发送时间: 2024年1月1日\n收件人: 张三\n主题: 会议\n什么时候？",
        "",
    ),
    "by name": (
        "好的。\n\n张三 <a@example.org> 于2024年1月1日周一 10:00写道：\n\n> 开会？\n",
        "好的。",
        "张三 <a@example.org> 于2024年1月1日周一 10:00写道：\n> 开会？",
        "",
    ),
    "without signs": ('收到。\n\n在 2024-01-01 10:00:00，"李四" <b@example.org> 写道：\n什么时候？\n', "收到。", WITHOUT_SIGNS, ""),
    "own words": ("鲁迅（1919年）写道：\n“救救孩子”。\n", "鲁迅（1919年）写道：\n“救救孩子”。", "", ""),
    "none": (NOTHING, NOTHING, "", ""),
}


@pytest.mark.parametrize("kind", PARTS)
def test_own_words_stand_apart_from_quoted_ones_and_the_signature(kind: str) -> None:
    body, own, quoted, signature = PARTS[kind]
    found = read("Content-Type: text/plain; charset=utf-8", body.encode())
    assert (found.text, found.quoted, found.signature) == (own, quoted, signature)


def test_a_long_mail_is_parted_in_one_pass() -> None:
    for line in ("--", "On 1 Jan at noon Ada wrote:", "> a", "From: x"):
        assert parted(f"{line}\n> b\n" * 10_000)


def test_quotations_of_html_are_known_by_their_elements() -> None:
    html = (
        "<div>同意</div><div class='gmail_signature'>张三</div>"
        "<div class='gmail_quote'>李四 写道：<blockquote type='cite'><p>开会？</p><blockquote>早</blockquote></blockquote></div>after"
    )
    found = read("Content-Type: text/html; charset=utf-8", html.encode())
    assert (found.text, found.quoted, found.signature) == ("同意\nafter", "李四 写道：\n开会？\n早", "张三")


LINES = ["hello", "> quoted", "-- ", "--", "On 1 Jan at noon Ada wrote:", "在 1月1日中午，李四 写道：", "From: x", "Date: y", "To: z", ""]
WORDS = st.sampled_from([*LINES, " a b"])


@given(st.lists(WORDS, max_size=25))
def test_no_line_is_lost_or_doubled(body: list[str]) -> None:
    parts = parted("\n".join(body))
    together = [line for part in (parts.own, parts.quoted, parts.signature) for line in part.splitlines()]
    assert sorted(together) == sorted(lines("\n".join(body)).splitlines())


def test_a_folder_of_mails_is_discovered_and_collected(factory: Factory) -> None:
    attached = b"\x00\x01" * 50
    for number in range(3):
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = "Ada <ada@example.org>", "张三 <b@example.org>", f"信 {number}"
        message["Date"], message["Message-ID"] = "Sat, 28 Nov 2026 08:00:00 +0800", f"<{number}@example.org>"
        if number:
            message["In-Reply-To"] = f"<{number - 1}@example.org>"
        message.set_content(f"第 {number} 封信，关于我们的产品和服务的一些意见，请您查收并回复。\n\n-- \nAda\n")
        message.add_attachment(attached, maintype="image", subtype="png", filename="图.png")
        factory.write(f"data/{number}.eml", bytes(message))
    found = discover(factory.root / "data")
    assert (found.rows, found.text) == (3, "text")
    write_source(factory.project, found, "shop")
    made = factory.collect()
    assert (made.added, made.findings) == (3, {})
    row = factory.live().sort("message_id").row(1, named=True)
    assert row["text"].startswith("第 1 封信")
    assert (row["signature"], row["quoted"], row["to"]) == ("--\nAda", None, "张三 <b@example.org>")
    assert (row["message_id"], row["in_reply_to"]) == ("1@example.org", "0@example.org")
    assert row["date"] == datetime(2026, 11, 28, 0, 0, tzinfo=UTC)
    facts = {"name": "图.png", "media_type": "image/png", "bytes": 100, "sha256": hashlib.sha256(attached).hexdigest()}
    assert row["attachments"] == [facts]
    assert (row["garbled_share"], row["replaced_share"], row["pages_without_text"]) == (0.0, 0.0, None)
    assert factory.collect().unchanged


def test_a_mail_that_is_attached_whole_is_quoted() -> None:
    inner, outer = EmailMessage(), EmailMessage()
    inner["From"], inner["Subject"] = "bob@example.org", "会议"
    inner.set_content("什么时候？\n")
    outer["From"] = "ada@example.org"
    outer.set_content("See the mail.\n")
    outer.add_attachment(inner)
    found = mail.read(bytes(outer), LIMIT)
    assert (found.text, found.quoted) == ("See the mail.", "From: bob@example.org\nSubject: 会议\n什么时候？")
    assert found.attachments is not None
    assert [each.media_type for each in found.attachments] == ["message/rfc822"]


@pytest.mark.parametrize(
    "name",
    [
        "filename*=gb2312'zh'%D6%EC%E9F%BB%F9.txt",
        'filename="=?gb2312?B?1uzpRrv5LnR4dA==?="',
        "filename*0*=utf-8''%E6%9C%B1;\n filename*1*=%E9%95%95%E5%9F%BA.txt",
    ],
)
def test_the_name_of_an_attachment_is_read(name: str) -> None:
    found = read(f"Content-Type: application/octet-stream\nContent-Disposition: attachment; {name}", b"12345")
    assert found.attachments is not None
    assert [(each.name, each.bytes) for each in found.attachments] == [("朱镕基.txt", 5)]


def outcome(data: bytes) -> DocumentText | str:
    """What a message says, or the finding of one that is set aside."""
    try:
        return mail.read(data, LIMIT)
    except Unreadable as error:
        return error.finding


def test_the_messages_of_the_standard_library_are_read() -> None:
    messages = sorted((Path(email.__file__).parents[1] / "test" / "test_email" / "data").glob("msg_*.txt"))
    if not messages:
        pytest.skip("this Python came without its tests")
    for file in messages:
        found = outcome(file.read_bytes())
        leaves = [part for part in email.message_from_bytes(file.read_bytes()).walk() if not part.is_multipart()]
        if isinstance(found, str):
            assert found == "not_a_document", file.name
        elif len(leaves) == 1 and leaves[0].get_content_type() == "text/plain" and not leaves[0].get_filename():
            payload = leaves[0].get_payload(decode=True)
            assert isinstance(payload, bytes)
            together = "\n".join(part for part in (found.text, found.quoted, found.signature) if part)
            assert Counter(lines(payload.decode("latin-1")).splitlines()) <= Counter(together.splitlines()), file.name


NAMES = [b"Subject: ", b"Date: ", b"To: ", b"Content-Type: ", b"Content-Transfer-Encoding: ", b"Content-Disposition: ", b"\n"]
VALUES = [
    *(b"text/plain; charset=gb2312\n", b"text/html; charset=x\n", b"multipart/alternative; boundary=b\n", b"message/rfc822\n"),
    *(b"base64\n", b"quoted-printable\n", b"=?gb2312?B?xxx?=\n", b"attachment; filename*=x'y'%ff\n"),
    *(b"--b\n", b"--b--\n", b"\xd6\xec\n"),
]


@given(st.lists(st.one_of(st.sampled_from(NAMES), st.sampled_from(VALUES), st.binary(max_size=12)), max_size=20))
def test_any_message_is_read_or_set_aside(pieces: list[bytes]) -> None:
    found = outcome(b"From: a@example.org\n" + b"".join(pieces))
    assert found in ("damaged_document", "not_a_document") or isinstance(found, DocumentText)


@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 32 Foo 2024 99:99:99", "Thu, 1 Jan 99999 00:00:00 +0000"])
def test_a_date_that_is_none_is_null(date: str) -> None:
    assert read(f"Date: {date}").date is None
