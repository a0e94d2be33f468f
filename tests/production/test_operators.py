"""Every operator against a plain Python oracle."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter, defaultdict
from typing import Any

import ftfy
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lakehouse.core.spec import Call
from lakehouse.production.engine.operator import OPERATORS, Change, Explode, Keep, Merge

texts = st.lists(st.none() | st.text(max_size=60), min_size=1, max_size=8)


def plan(name: str, **params: Any) -> Any:
    """What an operator gives for the parameters, as a recipe would bind them."""
    call = Call.model_validate({name: params})
    return OPERATORS.entry(call).function(**OPERATORS.bind(call))


def changed(name: str, column: list[str | None], **params: Any) -> list[str | None]:
    made = plan(name, column="text", **params)
    assert isinstance(made, Change)
    return pl.DataFrame({"text": column}, schema={"text": pl.String}).with_columns(**made.columns)["text"].to_list()


def exploded(name: str, column: list[str | None], **params: Any) -> list[list[str] | None]:
    made = plan(name, column="text", **params)
    assert isinstance(made, Explode)
    return pl.DataFrame({"text": column}, schema={"text": pl.String}).select(made.items.alias("items"))["items"].to_list()


def verdicts(made: Keep, rows: pl.DataFrame) -> list[str | None]:
    """The reason for which each row leaves; `no_signal` where no reason is known."""
    if not made.leaves:
        return [None] * rows.height
    seen = rows.with_columns(_row_id=pl.int_range(pl.len()).cast(pl.String), _cluster=pl.int_range(pl.len()).cast(pl.String))
    seen = seen.with_columns(**made.signals)
    answers = seen.select(**{reason: verdict for reason, verdict in made.leaves.items() if isinstance(verdict, pl.Expr)})
    out: list[str | None] = []
    for row in answers.iter_rows(named=True):
        unknown = "no_signal" if None in row.values() else None
        out.append(next((reason for reason, leaves in row.items() if leaves), unknown))
    return out


# fix_unicode

CONFIG = ftfy.TextFixerConfig(fix_character_width=False, uncurl_quotes=False, explain=False)


def ftfy_repair(text: str | None) -> str | None:
    return None if text is None else ftfy.fix_text(text, CONFIG)


@given(texts)
@example(["CafÃ© &amp; bar", "a&CounterClockwiseContourIntegral;", "line\u2028end\u2029", "\u206aold", "&#9;", "ﬁne", "a\r\nb\rc"])
def test_fix_unicode_is_ftfy_on_any_text(column: list[str | None]) -> None:
    assert changed("fix_unicode", column) == [ftfy_repair(text) for text in column]


@given(st.text(max_size=30), st.sampled_from(["latin-1", "windows-1252", "windows-1251", "macroman", "cp437", "iso-8859-2"]))
@example("商品很好，下次再来！", "macroman")
@example("商品很好，下次再来！", "windows-1252")
def test_fix_unicode_is_ftfy_on_garbled_text(text: str, codec: str) -> None:
    garbled = text.encode().decode(codec, errors="ignore")
    assert changed("fix_unicode", [garbled]) == [ftfy_repair(garbled)]


def test_fix_unicode_leaves_chinese_punctuation_alone() -> None:
    assert changed("fix_unicode", ["“好评”！ＡＢ，１２３"]) == ["“好评”！ＡＢ，１２３"]


# normalise_whitespace

BLANK = "\t\x0b\x0c \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"


def one_kind_of_blank(text: str | None) -> str | None:
    if text is None:
        return None
    text = "".join(c for c in text if c not in "\u200b\u2060\ufeff")
    text = re.sub("\r\n?|[\u2028\u2029\u0085]", "\n", text)
    lines = [re.sub(f"[{BLANK}]+", " ", line).strip(" ") for line in text.split("\n")]
    return re.sub("\n{3,}", "\n\n", "\n".join(lines)).strip(" \n")


@given(st.lists(st.none() | st.text(alphabet=BLANK + "\r\n\u2028\u2029\u200b\u2060\ufeffab好", max_size=40), min_size=1, max_size=5))
def test_normalise_whitespace_folds_blanks_and_is_idempotent(column: list[str | None]) -> None:
    once = changed("normalise_whitespace", column)
    assert once == [one_kind_of_blank(text) for text in column]
    assert changed("normalise_whitespace", once) == once


# redact


def card(digits: str) -> str:
    """`digits` with the last one such that Luhn holds."""
    for check in "0123456789":
        number = digits + check
        total = sum(int(d) if i % 2 == 0 else sum(divmod(int(d) * 2, 10)) for i, d in enumerate(reversed(number)))
        if total % 10 == 0:
            return number
    raise AssertionError


def resident(digits: str) -> str:
    weights = [2 ** (17 - i) % 11 for i in range(17)]
    rest = sum(int(d) * w for d, w in zip(digits, weights, strict=True)) % 11
    return digits + next(c for c in "0123456789X" if ((10 if c == "X" else int(c)) + rest) % 11 == 1)


PRIVATE = {
    "EMAIL": ["li.wei@example.com", "A+b@mail.example.co.uk"],
    "PHONE": ["13812345678", "+86 138-1234-5678", "010-62345678", "+1 415 555 0132"],
    "URL": ["https://example.com/a?b=c", "www.example.org/x"],
    "IP": ["192.168.1.254", "2001:0db8:0000:0000:0000:ff00:0042:8329"],
    "CN_ID": [resident("11010519491231002"), resident("44052418800101001")],
    "BANK_CARD": ["4111111111111111", "4111 1111 1111 1111", "3782-822463-10005", card("622202123456789012")],
}
ALL = ["email", "phone", "url", "ip", "cn_id", "bank_card"]


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in PRIVATE.items() for value in values])
@pytest.mark.parametrize("around", ["{}", "call {} now", "（{}）", "请打{}谢谢", "a, {}, b", "{}。"])
def test_redact_finds_every_kind_in_english_and_in_chinese_without_spaces(kind: str, value: str, around: str) -> None:
    assert changed("redact", [around.format(value)], kinds=ALL) == [around.format(f"[{kind}]")]


@pytest.mark.parametrize(
    "kept",
    [
        "订单号 4111111111111112，金额 128.00 元",  # fails Luhn
        "11010519491231002" + "1",  # fails the check character, and Luhn
        "1381234567",
        "1990-01-02 10:30:00",
        "版本 1.2.3 与 256.300.1.1",
        "a@b",
        "00000000000000000000",
        "SN4111111111111111X",
        "12 34 56 78 90 12 34 56",
    ],
)
def test_redact_leaves_other_numbers(kept: str) -> None:
    assert changed("redact", [kept], kinds=ALL) == [kept]


def test_redact_finds_a_card_among_other_numbers() -> None:
    text = "付款 4111 1111 1111 1111 20 次；20 4111 1111 1111 1111；4111 1111 1111 1111 5500 0000 0000 0004"
    assert changed("redact", [text], kinds=["bank_card"]) == ["付款 [BANK_CARD] 20 次；20 [BANK_CARD]；[BANK_CARD] [BANK_CARD]"]


def test_redact_only_the_kinds_that_are_asked_for() -> None:
    text = "13812345678 li@example.com"
    assert changed("redact", [text, None], kinds=["phone"]) == ["[PHONE] li@example.com", None]
    assert plan("redact", column="text", kinds=["phone"]).clears == {"text": frozenset({"phone"})}


@given(
    st.lists(
        st.one_of(st.sampled_from([v for values in PRIVATE.values() for v in values]), st.text(alphabet="好评 ab,。-12[", max_size=8)),
        max_size=6,
    )
)
def test_redact_twice_is_redact_once(parts: list[str]) -> None:
    once = changed("redact", ["，".join(parts)], kinds=ALL)
    assert changed("redact", once, kinds=ALL) == once


@given(st.text(alphabet=st.characters(exclude_categories=["Nd", "Cs"], exclude_characters="@:."), max_size=40))
def test_redact_changes_nothing_without_digits_and_signs(text: str) -> None:
    assert changed("redact", [text], kinds=ALL) == [text]


# text_length


@given(texts, st.integers(0, 20), st.none() | st.integers(0, 30), st.sampled_from(["characters", "words"]))
def test_text_length_counts_characters_or_words(column: list[str | None], least: int, most: int | None, unit: str) -> None:
    made = plan("text_length", column="text", at_least=least, at_most=most, unit=unit)

    def reason(text: str | None) -> str | None:
        if text is None:
            return "no_signal"
        # The blanks of UAX 44; Python's split() also cuts at the separators U+001C to U+001F.
        n = len(text) if unit == "characters" else len(re.findall(f"[^{BLANK}\n\r\u2028\u2029]+", text))
        return "too_short" if n < least else "too_long" if most is not None and n > most else None

    assert verdicts(made, pl.DataFrame({"text": column}, schema={"text": pl.String})) == [reason(text) for text in column]


# language


def test_language_knows_short_chinese_japanese_and_english() -> None:
    made = plan("language", column="text", keep=["zh", "en"], at_least=0.2)
    rows = pl.DataFrame(
        {
            "text": [
                "不错",
                "还行吧，物流很快",
                "iPhone 屏幕很清楚很好用",
                "これは素晴らしい商品です",
                "This is a very good product and I like it.",
                "Das ist ein sehr gutes Produkt, ich bin zufrieden.",
                None,
                "   ",
                "12345",
            ]
        }
    )
    reasons = verdicts(made, rows)
    assert reasons[:3] == [None, None, None]
    assert reasons[3] == "other_language"
    assert reasons[4] is None
    assert reasons[5] == "other_language"
    assert reasons[6] == reasons[7] == "no_signal"
    signals = rows.select(**made.signals)
    assert signals["code"].to_list()[:6] == ["zh", "zh", "zh", "ja", "en", "de"]
    assert signals["score"].drop_nulls().is_between(0, 1).all()


# dedup_exact


def survivors(made: Merge, rows: pl.DataFrame) -> dict[str, str]:
    seen = rows.sort("_row_id").with_row_index("_index").with_columns(**made.signals)
    stays = seen.select(pl.coalesce(made.survivor, "_index")).to_series()
    return dict(zip(seen["_row_id"], seen["_row_id"].gather(stays), strict=True))


@given(
    st.lists(st.tuples(st.none() | st.sampled_from(["a", "A", "ab", "", "1:a"]), st.none() | st.sampled_from(["a", "b", ""])), max_size=12),
    st.booleans(),
    st.randoms(),
)
def test_dedup_exact_keeps_the_first_of_equal_rows_in_any_order(pairs: list[tuple[Any, Any]], fold: bool, random: Any) -> None:
    ids = [f"s/{i:02}" for i in range(len(pairs))]
    expected, first = {}, {}
    for name, pair in zip(ids, pairs, strict=True):
        key = tuple(v.lower() for v in pair) if fold and None not in pair else pair
        expected[name] = name if None in pair else first.setdefault(key, name)
    order = random.sample(range(len(pairs)), len(pairs))
    rows = pl.DataFrame(
        {"_row_id": [ids[i] for i in order], "x": [pairs[i][0] for i in order], "y": [pairs[i][1] for i in order]},
        schema={"_row_id": pl.String, "x": pl.String, "y": pl.String},
    )
    assert survivors(plan("dedup_exact", columns=["x", "y"], ignore_case=fold), rows) == expected


# label_conflict


@given(
    st.lists(
        st.tuples(st.none() | st.sampled_from(["好评", "好评 ", "Good", "good", "bad"]), st.none() | st.sampled_from("pn")), min_size=1
    )
)
def test_label_conflict_sets_aside_every_row_of_a_contradiction(pairs: list[tuple[Any, Any]]) -> None:
    labels = defaultdict(set)
    for text, label in pairs:
        if text is not None and label is not None:
            labels[text.lower().strip()].add(label)
    expected = ["contradictory_label" if text is not None and len(labels[text.lower().strip()]) > 1 else None for text, _ in pairs]
    rows = pl.DataFrame(pairs, schema={"text": pl.String, "label": pl.String}, orient="row")
    made = plan("label_conflict", column="text", label="label")
    assert verdicts(made, rows) == expected
    assert made.action == "quarantine"
    assert plan("label_conflict", column="text", label="label", action="drop").action == "drop"


# chunk


@given(st.text(alphabet="ab好 \n\u3000\t😀", max_size=60), st.integers(1, 20))
def test_chunks_cover_all_text_and_none_is_too_long(text: str, at_most: int) -> None:
    (pieces,) = exploded("chunk", [text], at_most=at_most)
    assert pieces is not None
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert all(0 < len(piece) <= at_most and piece == piece.strip() for piece in pieces)
    if text.strip() and len(text.strip()) <= at_most:
        assert pieces == [text.strip()]


@given(st.lists(st.text(alphabet="ab好", min_size=1, max_size=5), max_size=12), st.integers(5, 30))
def test_chunks_never_cut_a_word_that_fits(words: list[str], at_most: int) -> None:
    (pieces,) = exploded("chunk", [" ".join(words)], at_most=at_most)
    assert pieces is not None
    assert Counter(word for piece in pieces for word in piece.split(" ") if word) == Counter(words)


def test_chunks_end_at_line_ends_then_at_blanks_then_anywhere() -> None:
    column = ["one two\nthree four five", "一二三四五六七", None, " \n ", "fits\nwhole"]
    assert exploded("chunk", column, at_most=12) == [["one two", "three four", "five"], ["一二三四五六七"], [], [], ["fits\nwhole"]]
    assert exploded("chunk", ["一二三四五六七"], at_most=3) == [["一二三", "四五六", "七"]]


@pytest.mark.parametrize("at_most", [2000, 100_000, 10_000_000])
def test_chunks_may_be_large(at_most: int) -> None:
    (pieces,) = exploded("chunk", ["好评 " * 70_000], at_most=at_most)
    assert pieces is not None
    assert sum(piece.count("好评") for piece in pieces) == 70_000
    assert max(map(len, pieces)) <= at_most


# sample


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 99))
def test_a_larger_sample_holds_the_smaller_one(one: float, other: float, seed: int) -> None:
    rows = pl.DataFrame({"x": range(200)})
    small, large = (
        {i for i, reason in enumerate(verdicts(plan("sample", share=share, seed=seed), rows)) if reason is None}
        for share in sorted((one, other))
    )
    assert small <= large


def test_a_sample_has_about_the_share_and_depends_on_its_seed() -> None:
    rows = pl.DataFrame({"x": range(20_000)})
    kept = [verdicts(plan("sample", share=0.3, seed=seed), rows).count(None) for seed in (1, 2)]
    assert all(5_700 < n < 6_300 for n in kept)
    assert kept[0] != kept[1]


def test_fraction_is_sha256_of_seed_and_key() -> None:
    from lakehouse.production.splits import fraction

    expected = int(hashlib.sha256("7:键".encode()).hexdigest()[:13], 16) / 2**52
    assert pl.DataFrame({"k": ["键"]}).select(fraction(pl.col("k"), 7)).item() == expected


def test_normal_form_c_is_part_of_the_repair() -> None:
    assert changed("fix_unicode", ["e\u0301"]) == [unicodedata.normalize("NFC", "e\u0301")]
