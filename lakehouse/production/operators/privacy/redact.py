"""Private data replaced by a word for its kind."""

from __future__ import annotations

import polars as pl

from lakehouse.core.text.compiled import compiled
from lakehouse.core.text.private_data import Kind, redacted
from lakehouse.production.engine.operator import OPERATORS, Change


@OPERATORS.register(version=2, cardinality="1:1")
def redact(*, column: str, kinds: list[Kind] = ["email", "phone", "cn_id", "national_id", "bank_card", "ip"]) -> Change:  # noqa: B006 - read, never changed
    """Replace private data by marks such as `[EMAIL]` and `[PHONE]`; the column is then free of these classes.

    `email`: addresses of any script, quoted names, domains of other letters, and `name [at] example [dot] org`. `phone`: numbers with `+`
    or 00 and a calling code; Chinese mobile and land lines; numbers of 51 countries in the groups and with the trunk prefix of their
    country, and in any form behind a word such as `call` or `тел.`, by the metadata of Google's libphonenumber. `ip`: IPv4, and IPv6 in
    short form too, but no version or section numbers. `national_id`: social security, tax and identity numbers of 35 countries, with
    their check digits; those that are nine to eleven plain digits only behind a word that names them (see docs/private-data.md).

    A Chinese resident id must have a possible birth date and the check character of GB 11643-1999 (ISO 7064 MOD 11-2); a bank
    card must have 13 to 19 digits, together or in groups of at least three, and pass Luhn (ISO/IEC 7812-1), also with other numbers
    next to it. Other numbers stay.

    Three kinds are found only where they are asked for: `cn_uscc`, unified social credit codes with the check character of GB 32100-2015;
    `iban`, account numbers with their country's length and the check digits of ISO 13616, together or in groups; `key`, private keys,
    access keys and tokens known by their shape (PEM, JWT, AWS, Aliyun, GitHub, GitLab, Slack, Google, OpenAI, Hugging Face and others).
    `forbid: [pii]` does not speak of these three: declare and forbid them by their own words.

    Numbers in full-width digits are found as well; text next to one without a space between then turns narrow. Kinds are applied
    in the order url, key, email, cn_id, cn_uscc, iban, national_id, bank_card, ip, phone. A null stays null.

    Example:
        `{redact: {column: text, kinds: [email, phone]}}` turns `call 13812345678` into `call [PHONE]`.
    """
    wanted = frozenset(kinds)
    return Change({column: compiled(pl.col(column), lambda texts: redacted(texts, wanted), pl.String)}, clears={column: wanted})
