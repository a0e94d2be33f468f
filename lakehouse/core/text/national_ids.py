"""Numbers by which countries know people: social security, tax and identity numbers, verified by their rules (`stdnum`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class _Rule:
    """How a number is written, and what verifies it.

    Attributes:
        module: of `stdnum`; its `is_valid` knows check digits, dates and issued ranges. Empty where the form has all there is to check.
        written: its usual form.
        named: words near it that say what it is; without them, the form and its check digits are telling enough alone.
    """

    module: str
    written: str
    named: str = ""


_RULES = (
    _Rule("us.ssn", r"[0-9]{3}-[0-9]{2}-[0-9]{4}"),
    _Rule("us.ssn", r"[0-9]{3} ?[0-9]{2} ?[0-9]{4}", r"\bssn\b|social security"),
    _Rule("us.itin", r"9[0-9]{2}-[0-9]{2}-[0-9]{4}"),
    # The prefixes that are given out (HM Revenue and Customs, NIM39110).
    _Rule("", r"(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z](?: [0-9]{2} [0-9]{2} [0-9]{2} |[0-9]{6})[A-D]"),
    _Rule("gb.utr", r"[0-9]{5} ?[0-9]{5}", r"\butr\b|taxpayer"),
    _Rule("ca.sin", r"[0-9]{3}[ \-]?[0-9]{3}[ \-]?[0-9]{3}", r"\bsin\b|social insurance|assurance sociale"),
    _Rule("au.tfn", r"[0-9]{3} ?[0-9]{3} ?[0-9]{2,3}", r"\btfn\b|tax file"),
    _Rule("de.idnr", r"[0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}", r"steuer|\btin\b|idnr|id-nr"),
    _Rule("fr.nir", r"[12378] ?[0-9]{2} ?[0-9]{2} ?[0-9][0-9AB] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}"),
    _Rule("it.codicefiscale", r"[A-Za-z]{6}[0-9]{2}[A-EHLMPR-Ta-ehlmpr-t][0-9]{2}[A-Za-z][0-9]{3}[A-Za-z]"),
    _Rule("es.nie", r"[XYZ]-?[0-9]{7}-?[A-Z]"),
    _Rule("es.dni", r"[0-9]{8}-?[A-Z]", r"\bdni\b|\bnif\b|identidad"),
    _Rule("pt.nif", r"[0-9]{3} ?[0-9]{3} ?[0-9]{3}", r"\bnif\b|contribuinte"),
    _Rule("nl.bsn", r"[0-9]{4}\.?[0-9]{2}\.?[0-9]{3}", r"\bbsn\b|burgerservice|sofi"),
    _Rule("be.nn", r"[0-9]{2}\.[0-9]{2}\.[0-9]{2}-[0-9]{3}\.[0-9]{2}"),
    _Rule("pl.pesel", r"[0-9]{11}", r"pesel"),
    _Rule("se.personnummer", r"(?:[0-9]{2})?[0-9]{6}[\-+][0-9]{4}"),
    _Rule("fi.hetu", r"[0-9]{6}[\-+A-F][0-9]{3}[0-9A-Y]"),
    _Rule("dk.cpr", r"[0-9]{6}-[0-9]{4}", r"\bcpr\b|personnummer"),
    _Rule("no.fodselsnummer", r"[0-9]{6} ?[0-9]{5}"),
    _Rule("br.cpf", r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}"),
    _Rule("br.cpf", r"[0-9]{11}", r"\bcpf\b"),
    _Rule("br.cnpj", r"[0-9]{2}\.[0-9]{3}\.[0-9]{3}/[0-9]{4}-[0-9]{2}"),
    _Rule("mx.curp", r"[A-Z]{4}[0-9]{6}[HM][A-Z]{5}[0-9A-Z][0-9]"),
    _Rule("in_.aadhaar", r"[2-9][0-9]{3}[ \-]?[0-9]{4}[ \-]?[0-9]{4}", r"aadha+r|\buid(?:ai)?\b|आधार"),
    _Rule("in_.pan", r"[A-Z]{3}[ABCFGHLJPTK][A-Z][0-9]{4}[A-Z]", r"\bpan\b|permanent account"),
    _Rule("kr.rrn", r"[0-9]{6}-[0-9]{7}"),
    _Rule("jp.cn", r"[0-9]{13}", r"法人番号"),
    _Rule("tr.tckimlik", r"[0-9]{11}", r"kimlik|\btc\b|\btckn\b"),
    _Rule("ru.inn", r"[0-9]{10}(?:[0-9]{2})?", r"\binn\b|инн"),
    _Rule("za.idnr", r"[0-9]{13}", r"\bid\b|identity"),
    _Rule("il.idnr", r"[0-9]{9}", r"teudat|תעודת|זהות"),
    _Rule("sg.uen", r"[0-9]{8,9}[A-Z]", r"\buen\b"),
    _Rule("my.nric", r"[0-9]{6}-[0-9]{2}-[0-9]{4}"),
    _Rule("th.pin", r"[0-9]-[0-9]{4}-[0-9]{5}-[0-9]{2}-[0-9]"),
    _Rule("ar.cuit", r"(?:20|23|24|27|30|33|34)-[0-9]{8}-[0-9]"),
    _Rule("cl.rut", r"[0-9]{1,2}\.[0-9]{3}\.[0-9]{3}-[0-9Kk]"),
    _Rule("", r"[A-Z]{1,2}[0-9]{6}\([0-9A]\)", r"\bhkid\b|hong kong id|身份證|身份证"),
)
_REACH = 40
_ALONE = "|".join(sorted({rule.written for rule in _RULES if not rule.named}))
_WORDS = "|".join(sorted({rule.named for rule in _RULES if rule.named}))
# Look-around is for the exact patterns alone.
CANDIDATES = rf"(?-u:\b)(?:{_ALONE.replace('(?!BG|GB|NK|KN|TN|NT|ZZ)', '')})|(?i:{_WORDS})"
"""Pattern without look-around, for Polars, of texts that may hold one."""


def places(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of every number of a text that is one of a country by its form and check digits, from the left.

    One whose form says little, as nine digits do, counts only behind a word that names it.
    """
    end = -1
    for start, stop in sorted({*_found(text)}, key=lambda place: (place[0], -place[1])):
        if start >= end:
            yield start, stop
            end = stop


def _found(text: str) -> Iterator[tuple[int, int]]:
    for rule, pattern, named in _patterns():
        if named is not None and not named.search(text):
            continue
        for hit in pattern.finditer(text):
            about = named is None or named.search(text[max(0, hit.start() - _REACH) : hit.start()])
            if about and _valid(rule.module, hit.group()):
                yield hit.span()


@cache
def _patterns() -> tuple[tuple[_Rule, re.Pattern[str], re.Pattern[str] | None], ...]:
    edge = r"(?<![0-9A-Za-z_])(?<![0-9][.,\-/])(?:{})(?![0-9A-Za-z_]|[.,\-/][0-9])"
    return tuple((rule, re.compile(edge.format(rule.written)), re.compile(f"(?i){rule.named}") if rule.named else None) for rule in _RULES)


def _valid(module: str, number: str) -> bool:
    return not module or bool(_checker(module).is_valid(number))


@cache
def _checker(module: str) -> Any:
    return import_module(f"stdnum.{module}")
