"""Characters read right, by encoding and label, for texts whose truth is known: translations of Django, encoded.

`python benchmarks/encodings.py [CHARACTERS ...]` prints a table a length (20, 60, 500, 4000). pip fetches Django once, which is not kept.
A cell is the mean of texts in all languages of an encoding; a wrong label is one of ISO-8859-1, UTF-8, US-ASCII and `x-unknown`.
"""

from __future__ import annotations

import gettext
import random
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from lakehouse.core.text.encoding import decoded

PACKAGE = "django==5.2.19"
TEXTS = 20
ENCODINGS: Mapping[str, tuple[str, str]] = {  # the right label, and languages
    "utf-8": ("utf-8", "zh_Hans ru fr"),
    "utf-16-le": ("utf-16le", "zh_Hans ru en_GB"),
    "utf-16-be": ("utf-16be", "zh_Hant de"),
    "gb18030": ("gb2312", "zh_Hans"),
    "big5": ("big5", "zh_Hant"),
    "cp932": ("shift_jis", "ja"),
    "euc_jp": ("euc-jp", "ja"),
    "iso2022_jp": ("iso-2022-jp", "ja"),
    "cp949": ("ks_c_5601-1987", "ko"),
    "cp1250": ("windows-1250", "pl cs hu ro"),
    "cp1251": ("windows-1251", "ru bg uk"),
    "cp1252": ("iso-8859-1", "fr de es pt sv"),
    "cp1253": ("windows-1253", "el"),
    "cp1254": ("windows-1254", "tr"),
    "cp1255": ("windows-1255", "he"),
    "cp1256": ("windows-1256", "ar fa"),
    "cp874": ("tis-620", "th"),
    "koi8_r": ("koi8-r", "ru"),
    "iso8859_2": ("iso-8859-2", "pl cs hu"),
    "mac_roman": ("macintosh", "fr de es"),
    "cp437": ("cp437", "fr de es"),
}
WRONG = ("iso-8859-1", "utf-8", "us-ascii", "x-unknown")


def catalogues(folder: Path) -> dict[str, list[str]]:
    """The translations of each language that is read."""
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), PACKAGE], check=True)
    wanted = {language for _, languages in ENCODINGS.values() for language in languages.split()}
    found = {}
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        for language in wanted:
            with wheel.open(f"django/conf/locale/{language}/LC_MESSAGES/django.mo") as file:
                texts = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined, arg-type]
            found[language] = [text for key, text in texts.items() if key and isinstance(text, str) and text]
    return found


def planted(texts: list[str], encoding: str, size: int) -> Iterator[tuple[str, bytes]]:
    """Texts of a length, as the encoding can write them, and their bytes."""
    chance = random.Random(1)
    for _ in range(TEXTS):
        text = ""
        while len(text) < size:
            text += chance.choice(texts) + "\n"
        raw = text[:size].encode(encoding, "ignore")
        yield raw.decode(encoding), raw


def right(text: str, found: str) -> float:
    """The share of characters that are the same at the same place."""
    return sum(a == b for a, b in zip(text, found, strict=False)) / max(1, len(text), len(found))


def table(languages: Mapping[str, list[str]], size: int) -> None:
    """The cells of one length."""
    print(f"\n{size} characters\n\n| encoding | right label | no label | wrong label | ms a text |\n| --- | --- | --- | --- | --- |")
    for encoding, (label, codes) in ENCODINGS.items():
        cells, began, count = [], time.process_time(), 0
        for labels in ((label,), (None,), tuple(each for each in WRONG if encoding != "utf-8" or each != "utf-8")):
            shares = [
                right(text, decoded(raw, each).text)
                for code in codes.split()
                for text, raw in planted(languages[code], encoding, size)
                for each in labels
            ]
            cells.append(f"{sum(shares) / len(shares):.3f}")
            count += len(shares)
        print(f"| {encoding} | {' | '.join(cells)} | {1000 * (time.process_time() - began) / count:.1f} |", flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as fetched:
        known = catalogues(Path(fetched))
    for length in [int(each) for each in sys.argv[1:]] or [20, 60, 500, 4000]:
        table(known, length)
