"""Codes and keys that `redact` finds where they are asked for, and numbers in full-width digits."""

from __future__ import annotations

import json
import time

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.core.text.identifiers import IBAN_LENGTH
from tests.production.test_operators import ALL, PRIVATE, changed, plan

EVERY = [*ALL, "national_id", "cn_uscc", "iban", "key"]
USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0A\n\nMIIEpAIBAAKCAQEA+/x\nabc=\n"
PEM += "-----END RSA PRIVATE KEY-----"
ABC = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789abcdefghijklmnopqrst"


def uscc(code: str) -> str:
    """17 characters with the check character of GB 32100-2015, whose published weights are written out."""
    weights = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
    return code + USCC[(31 - sum(USCC.index(c) * w for c, w in zip(code, weights, strict=True)) % 31) % 31]


def iban(country: str, account: str) -> str:
    digits = "".join(str(int(c, 36)) for c in f"{account}{country}00")
    return f"{country}{98 - int(digits) % 97:02d}{account}"


NEW = {
    # The company that runs the registry's published example, and codes made from their parts.
    "CN_USCC": ["91350100M000100Y43", uscc("91110108MA01G6T1X"), uscc("52440300MJL175112")],
    "IBAN": ["DE89370400440532013000", "GB29 NWBK 6016 1331 9268 19", "NO93-8601-1117-947", iban("MT", "MALT011000012345MTLCAST001S")],
    "KEY": [
        "AKIA" + "IOSFODNN7EXAMPLE",
        "ghp_" + ABC[:36],
        "github_pat_" + ABC[:22] + "_" + ABC + "abc",
        "xoxb-" + "123456789012-abcdefABCDEF",
        "AIza" + ABC[:33] + "-_",
        "sk-" + ABC[:48],
        "sk-proj-" + ABC + "-_x",
        "hf_" + "abcdefghijklmnopqrstuvwxyzABCDEFGH",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
        PEM,
        PEM.replace("RSA ", "").replace("AES", "DES"),
    ],
}


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in NEW.items() for value in values])
@pytest.mark.parametrize("around", ["{}", "the code {} here", "（{}）", "请查{}谢谢", "a, {}, b", "{}。"])
def test_redact_finds_codes_and_keys(kind: str, value: str, around: str) -> None:
    text = around.format(value)
    assert changed("redact", [text], kinds=EVERY) == [around.format(f"[{kind}]")]
    assert f"[{kind}]" not in str(changed("redact", [text], kinds=ALL))


@pytest.mark.parametrize(
    "kept",
    [
        "91350100M000100Y44",  # check character
        "X91350100M000100Y43",
        "DE88370400440532013000",  # check digits
        "DE8937040044053201300",  # one character short
        "QQ89370400440532013000",  # no such country
        "sk-learn-is-a-library-of-python-and-more-words",
        "AKIA in a sentence",
        "eyJ.eyJ.x",
        "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
        "task-force-of-the-united-nations-and-its-many-members",
    ],
)
def test_redact_leaves_what_only_looks_like_one(kept: str) -> None:
    assert changed("redact", [kept], kinds=["cn_uscc", "iban", "key"]) == [kept]


def test_redact_keeps_json_what_it_is() -> None:
    documents = [
        json.dumps({"code": "Use:\n\n@app.route('/x')", "to": ["an@example.org", 7, 13812345678, 1.5], "b@example.org": None}),
        json.dumps(['{"mail": "c@example.org"}', {"card": 4111111111111111}]),
        "[not JSON: d@example.org",
    ]
    found = changed("redact", documents, kinds=EVERY)
    assert [json.loads(str(text)) for text in found[:2]] == [
        {"code": "Use:\n\n@app.route('/x')", "to": ["[EMAIL]", 7, "[PHONE]", 1.5], "[EMAIL]": None},
        ['{"mail": "[EMAIL]"}', {"card": "[BANK_CARD]"}],
    ]
    assert found[2] == "[not JSON: [EMAIL]"


PEOPLE = {
    "EMAIL": [
        "jörg@example.de", "o'brien@example.org", "info@müller-straße.de", "josé.müller+tag@sub.example.co.uk", "пётр@пример.рф",
        "a@例子.中国", '"john doe"@example.org', "john [at] example [dot] com", "john(at)example.com", "john at example dot org",
        "x_1@xn--bcher-kva.example",
    ],
    "PHONE": [
        "+447700900123", "+1 (202) 555-0143", "+44 (0)20 7946 0123", "+33199001234", "0044 20 7946 0958", "(202) 555-0143", "202.555.0143",
        "06 12 34 56 78", "020 7946 0958", "8 (912) 345-67-89", "(0212) 345 67 89", "03-1234-5678", "010-2000-0000", "+86 138 0013 8000",
        "13800138000", "010-12345678", "(11) 96123-4567",
    ],
    "IP": ["2001:db8:85a3::8a2e:370:7334", "fe80::5054:ff:fe12:3456", "192.168.1.20", "2001:db8::1", "::ffff:192.0.2.128"],
    "NATIONAL_ID": [
        "536-90-4399", "RSSMRA85T10A562S", "529.982.247-25", "AB 12 34 56 C", "1 85 05 78 006 084 91", "131052-308T", "X-1234567-L",
        "12.531.909-2",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in PEOPLE.items() for value in values])
@pytest.mark.parametrize("around", ["{}", "it was {} then", "（{}）", "a, {}, b", "see {}."])
def test_redact_finds_how_people_of_many_countries_write(kind: str, value: str, around: str) -> None:
    assert changed("redact", [around.format(value)], kinds=EVERY) == [around.format(f"[{kind}]")]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("PHONE", "call me at {612 34 56 78} tonight"),
        ("PHONE", "Tel.: {6123 4567}"),
        ("PHONE", "手机号是{5123 4567}。"),
        ("NATIONAL_ID", "my BSN is {111222333}"),
        ("NATIONAL_ID", "Aadhaar: {2341 2341 2346}"),
        ("NATIONAL_ID", "ИНН {7707083893}"),
    ],
)
def test_what_says_little_alone_is_found_behind_a_word_that_names_it(kind: str, said: str) -> None:
    value = said[said.index("{") + 1 : said.index("}")]
    text = said.replace("{", "").replace("}", "")
    assert changed("redact", [text], kinds=EVERY) == [text.replace(value, f"[{kind}]")]
    assert changed("redact", [f"the sum is {value} of it"], kinds=EVERY) == [f"the sum is {value} of it"]


@pytest.mark.parametrize(
    "kept",
    [
        "see section 1.2.3.4.5 of it", "version 1.2.3.4", "v10.0.19041.1", "Chrome/120.0.0.0", "firmware 3.1.2.9",
        "std::vector and Dead::Beef at 12:30:45", "2024-01-12 12:30:45", "31.12.2020", "978-3-16-148410-0", "1,234,567.89",
        "order 2024 0012 3456", "0.4763532086949333", "48.85661412, 2.35222193", "@app.route('/x')", "a@b", "x @ y", "arr[0] at 3 dot 5",
        "d41d8cd98f00b204e9800998ecf8427e", "100000000000007919", "ratio 12:30", "::1",
    ],
)  # fmt: skip
def test_redact_leaves_numbers_that_are_nobodys(kept: str) -> None:
    assert changed("redact", [kept], kinds=[*EVERY]) == [kept]


def test_redact_finds_an_account_number_in_groups_before_other_words() -> None:
    assert changed("redact", ["pay DE89 3704 0044 0532 0130 00 NOW OR 2 LATE"], kinds=["iban"]) == ["pay [IBAN] NOW OR 2 LATE"]


def test_redact_takes_a_private_key_that_is_cut_off() -> None:
    assert changed("redact", ["-----BEGIN PRIVATE KEY-----\nMIIEpA+/=\n!"], kinds=["key"]) == ["[KEY]!"]


@given(st.sampled_from(sorted(IBAN_LENGTH)), st.text("ABCXYZ0123456789", min_size=26, max_size=30))
def test_redact_knows_every_country(country: str, account: str) -> None:
    number = iban(country, account[: IBAN_LENGTH[country] - 4])
    assert changed("redact", [f"到{number}账户"], kinds=["iban"]) == ["到[IBAN]账户"] if len(number) == IBAN_LENGTH[country] else True


WIDE = {ord(c): chr(ord(c) + 0xFEE0) for c in map(chr, range(0x21, 0x7F))}


@pytest.mark.parametrize("kind", ["PHONE", "CN_ID", "BANK_CARD", "EMAIL", "CN_USCC"])
def test_redact_finds_numbers_in_full_width_digits(kind: str) -> None:
    for value in {**PRIVATE, **NEW}[kind]:
        if any(c.isdigit() for c in value):
            wide = value.translate(WIDE)
            found = changed("redact", [f"请打：{wide}，谢谢１２３"], kinds=EVERY)
            assert found == [f"请打：[{kind}]，谢谢１２３"] or kind == "EMAIL"
    assert changed("redact", ["１２３４５６，ＡＢＣ１２３"], kinds=EVERY) == ["１２３４５６，ＡＢＣ１２３"]


def test_redact_by_default_does_what_it_did() -> None:
    assert plan("redact", column="text").clears == {"text": frozenset({"email", "phone", "cn_id", "national_id", "bank_card", "ip"})}


@given(
    st.lists(
        st.one_of(
            st.sampled_from([v for values in {**PRIVATE, **NEW}.values() for v in values]),
            st.sampled_from([v.translate(WIDE) for values in {**PRIVATE, **NEW}.values() for v in values]),
            st.text(alphabet="好评 ab，。-12[１２ＡA", max_size=8),
        ),
        max_size=6,
    )
)
def test_redact_twice_is_redact_once_with_every_kind(parts: list[str]) -> None:
    once = changed("redact", ["，".join(parts)], kinds=EVERY)
    assert changed("redact", once, kinds=EVERY) == once


def test_redact_is_linear_in_hostile_texts() -> None:
    hostile = ["-----BEGIN PRIVATE KEY-----" * 4000, "１２３" + "A" * 300_000, "eyJ" * 100_000, "AB12 " * 60_000, "１２３ " * 60_000]
    started = time.process_time()
    assert pl.Series(changed("redact", hostile, kinds=EVERY)).len() == 5
    assert time.process_time() - started < 10
