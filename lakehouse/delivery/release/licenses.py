"""Licences by their identifiers: those of the Hub, and of SPDX."""

from __future__ import annotations

import difflib
import re

HUB_LICENSES = frozenset(
    [
        "apache-2.0",
        "mit",
        "openrail",
        "bigscience-openrail-m",
        "creativeml-openrail-m",
        "bigcode-openrail-m",
        "afl-3.0",
        "artistic-2.0",
        "bsl-1.0",
        "bsd",
        "bsd-2-clause",
        "bsd-3-clause",
        "bsd-3-clause-clear",
        "c-uda",
        "cc",
        "cc0-1.0",
        "cc-by-2.0",
        "cc-by-2.5",
        "cc-by-3.0",
        "cc-by-4.0",
        "cc-by-sa-3.0",
        "cc-by-sa-4.0",
        "cc-by-nc-2.0",
        "cc-by-nc-3.0",
        "cc-by-nc-4.0",
        "cc-by-nd-4.0",
        "cc-by-nc-nd-3.0",
        "cc-by-nc-nd-4.0",
        "cc-by-nc-sa-2.0",
        "cc-by-nc-sa-3.0",
        "cc-by-nc-sa-4.0",
        "cdla-sharing-1.0",
        "cdla-permissive-1.0",
        "cdla-permissive-2.0",
        "wtfpl",
        "ecl-2.0",
        "epl-1.0",
        "epl-2.0",
        "etalab-2.0",
        "eupl-1.1",
        "eupl-1.2",
        "agpl-3.0",
        "gfdl",
        "gpl",
        "gpl-2.0",
        "gpl-3.0",
        "lgpl",
        "lgpl-2.1",
        "lgpl-3.0",
        "isc",
        "lppl-1.3c",
        "ms-pl",
        "mpl-2.0",
        "odc-by",
        "odbl",
        "osl-3.0",
        "postgresql",
        "ofl-1.1",
        "ncsa",
        "unlicense",
        "zlib",
        "pddl",
        "unknown",
        "other",
    ]
)
"""Licence identifiers that a card's header accepts (huggingface.co/docs/hub/repositories-licenses)."""


def license_header(given: str | None) -> dict[str, str]:
    """`license`, and `license_name` where the Hub has no identifier of its own for the terms."""
    if not given:
        return {"license": "unknown"}
    if given.lower() in HUB_LICENSES:
        return {"license": given.lower()}
    return {"license": "other", "license_name": re.sub(r"[^a-z0-9.-]+", "-", given.lower()).strip("-") or "custom"}


def is_known(given: str) -> bool:
    """Whether a licence is one of the Hub, an expression of SPDX identifiers (spdx.org/licenses), `proprietary`, or terms in words.

    An expression joins identifiers by AND, OR and WITH. `LicenseRef-NAME` is SPDX's way to name terms of one's own. Terms in words have
    a space, and are no expression.
    """
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    if given.lower() in HUB_LICENSES or given.lower() == "proprietary":
        return True
    try:
        canonicalize_license_expression(given)
    except InvalidLicenseExpression:
        return " " in given.strip() and suggestion(given) is None and not re.search(r"\b(AND|OR|WITH)\b", given)
    return True


def suggestion(given: str) -> str | None:
    """The identifier of the Hub that a mistyped one means."""
    plain = given.lower().replace(" ", "-")
    if plain in HUB_LICENSES:
        return plain
    return next(iter(difflib.get_close_matches(plain, sorted(HUB_LICENSES), n=1, cutoff=0.8)), None)
