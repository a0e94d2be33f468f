"""Planted private data: which share is found, by kind and by country, and how much of what is found was planted.

    python benchmarks/private_data.py [--sentences 40]

Phone numbers are drawn from the numbering plans of Google's metadata (valid, random), written as people of the country write them, in
sentences that speak of phones and in sentences that do not. Decoys are what looks alike: dates, versions, sections, amounts, order numbers,
ISBNs, coordinates, hashes.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable

import phonenumbers
import polars as pl
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from lakehouse.core.text.phone_numbers import REGIONS
from lakehouse.core.text.private_data import ORDER, redacted

SPOKEN = ("call me at {} after noon", "my phone is {}", "Tel.: {}", "fax {}, please", "手机号{}，谢谢", "mobile: {}")
PLAIN = ("{} it is", "the office ({})", "ask {} about it", "见 {} 。")
DECOYS: tuple[Callable[[random.Random], str], ...] = (
    lambda r: f"{r.randrange(1990, 2030)}-{r.randrange(1, 13):02}-{r.randrange(1, 29):02} {r.randrange(24):02}:{r.randrange(60):02}:00",
    lambda r: f"{r.randrange(1, 29):02}.{r.randrange(1, 13):02}.{r.randrange(1990, 2030)}",
    lambda r: "version " + ".".join(str(r.randrange(40)) for _ in range(4)),
    lambda r: "section " + ".".join(str(r.randrange(1, 20)) for _ in range(5)),
    lambda r: f"order {r.randrange(10**9, 10**10)}",
    lambda r: f"order no. {r.randrange(10**7, 10**8)}",
    lambda r: f"{r.randrange(1, 999)},{r.randrange(1000):03},{r.randrange(1000):03}.{r.randrange(100):02} USD",
    lambda r: f"978-{r.randrange(10)}-{r.randrange(10**3):03}-{r.randrange(10**5):05}-{r.randrange(10)}",
    lambda r: f"{r.random() * 180:.8f}, {r.random() * 90:.8f}",
    lambda r: f"{r.getrandbits(128):032x}",
    lambda r: f"{r.randrange(10**3, 10**4)} {r.randrange(10**3, 10**4)} units",
    lambda r: f"pages {r.randrange(100, 999)}-{r.randrange(1000, 9999)}",
    lambda r: f"{r.randrange(10, 99)}:{r.randrange(10, 60)}:{r.randrange(10, 60)}.{r.randrange(1000):03}",
    lambda r: f"std::vector<int>::iterator it{r.randrange(10)}",
    lambda r: f"0x{r.getrandbits(64):016x}",
    lambda r: f"{r.randrange(10**17, 10**18)}",
    lambda r: f"ratio 0.{r.randrange(10**15, 10**16)}",
    lambda r: f"${r.randrange(1000, 9999)}.{r.randrange(100):02} of {r.randrange(100000, 999999)}",
)


def number_of(region: str, r: random.Random) -> phonenumbers.PhoneNumber:
    """A random valid number: that of the metadata's example with other last digits."""
    kind = r.choice((PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE))
    example = phonenumbers.example_number_for_type(region, kind)
    digits = str(example.national_number)
    while True:
        changed = digits[:-5] + "".join(str(r.randrange(10)) for _ in range(5))
        made = phonenumbers.PhoneNumber(
            country_code=example.country_code, national_number=int(changed), italian_leading_zero=example.italian_leading_zero
        )
        if phonenumbers.is_valid_number_for_region(made, region):
            return made


def phones(sentences: int) -> pl.DataFrame:
    """Recall by country: in international form in any sentence, in national form in sentences that speak of phones, and in others."""
    r = random.Random(7)
    rows = []
    for region in REGIONS:
        for form, templates, how in (
            ("international", (*SPOKEN, *PLAIN), PhoneNumberFormat.INTERNATIONAL),
            ("E.164", (*SPOKEN, *PLAIN), PhoneNumberFormat.E164),
            ("national, spoken of", SPOKEN, PhoneNumberFormat.NATIONAL),
            ("national, alone", PLAIN, PhoneNumberFormat.NATIONAL),
        ):
            for _ in range(sentences):
                written = phonenumbers.format_number(number_of(region, r), how)
                rows.append({"country": region, "form": form, "written": written, "text": r.choice(templates).format(written)})
    made = pl.DataFrame(rows)
    cleaned = redacted(made["text"], ["phone"])
    whole = pl.Series([text.replace(written, "[PHONE]") for text, written in made.select("text", "written").rows()])
    return made.with_columns(found=cleaned == whole)


def decoys(sentences: int) -> pl.DataFrame:
    """How often a text without private data is changed, by kind."""
    r = random.Random(11)
    texts = pl.Series("text", [f"see {r.choice(DECOYS)(r)} for more" for _ in range(sentences * 100)])
    rows = [{"kind": kind, "texts": len(texts), "changed": int((redacted(texts, [kind]) != texts).sum())} for kind in ORDER]
    wrong = texts.filter(redacted(texts, ["phone"]) != texts)
    sys.stderr.write("".join(f"  taken for a phone: {text}\n" for text in wrong.head(8)))
    return pl.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=40, help="of each country and form")
    given = parser.parse_args()
    found = phones(given.sentences)
    missed = found.filter(~pl.col("found"))
    sys.stderr.write(
        "".join(
            f"  missed ({c}, {f}): {t}\n"
            for c, f, t in missed.select("country", "form", "text").sample(min(25, missed.height), seed=1).rows()
        )
    )
    pl.Config.set_tbl_rows(100).set_tbl_hide_dataframe_shape(True).set_tbl_hide_column_data_types(True).set_tbl_formatting("MARKDOWN")
    table = found.pivot(on="form", index="country", values="found", aggregate_function="mean")
    print(table.with_columns(pl.exclude("country").round(2)))
    print(found.group_by("form", maintain_order=True).agg(recall=pl.col("found").mean().round(3), texts=pl.len()))
    print(decoys(given.sentences))


if __name__ == "__main__":
    main()
