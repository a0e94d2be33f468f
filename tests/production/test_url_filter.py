"""`url_filter`: datatrove's verdicts, a plain Python oracle, and lists as part of the identity."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from publicsuffixlist import PSLFILE, PublicSuffixList

from lakehouse.core.errors import RecipeError
from lakehouse.core.text.kernels import addresses, buffers
from lakehouse.production.engine.operator import Keep
from lakehouse.production.operators.quality.suffixes import suffixes
from tests.factory import Factory, notes

from .test_operators import plan, verdicts

DATATROVE = json.loads((Path(__file__).parent / "fixtures" / "datatrove_lists.json").read_text(encoding="utf-8"))
PSL = PublicSuffixList(accept_unknown=False, only_icann=True)
LINES = Path(PSLFILE).read_text(encoding="utf-8").partition("// ===END ICANN")[0].splitlines()
RULES = [line.strip().removeprefix("!") for line in LINES if line.strip() and not line.startswith("//")]

Lists = dict[str, list[str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lists")


def filtered(folder: Path, lists: Lists, **params: Any) -> Keep:
    files = {}
    for name, entries in lists.items():
        # A name for each content: a list is read once as long as its file is the same.
        files[name] = str(folder / f"{name}-{abs(hash(tuple(entries)))}")
        Path(files[name]).write_text("".join(f"{entry}\n" for entry in entries), encoding="utf-8")
    made = plan("url_filter", column="url", **files, **params)
    assert isinstance(made, Keep)
    return made


def reasons(made: Keep, *urls: str | None) -> list[str | None]:
    return verdicts(made, pl.DataFrame({"url": urls}, schema={"url": pl.String}))


def test_verdicts_are_datatroves(folder: Path) -> None:
    assert reasons(filtered(folder, DATATROVE["lists"]), *DATATROVE["urls"]) == DATATROVE["urls_verdicts"]
    assert len(set(DATATROVE["urls_verdicts"])) == 7


def registered(host: str) -> str | None:
    """The registered domain by publicsuffixlist."""
    data, offsets = buffers.utf8(pl.Series([host]))
    begins = addresses.domains(data, offsets, *suffixes().arrays)
    return bytes(data[begins[0, 0] :]).decode() or None


@given(st.sampled_from(RULES), st.lists(st.sampled_from(["a", "b-c", "www", "city", "xn--p1ai", "中国", "com"]), max_size=3))
@example("*.ck", ["www"])
@example("city.kobe.jp", ["x"])
@example("*.kobe.jp", ["a", "x", "city"])
def test_registered_domains_are_those_of_the_public_suffix_list(rule: str, labels: list[str]) -> None:
    host = ".".join([*labels, *([] if labels else ["a"]), rule.removeprefix("*.")])
    assert registered(host) == PSL.privatesuffix(host)


def test_suffixes_are_known_as_hosts_write_them() -> None:
    host = "www.xn--fsqu00a.xn--55qx5d.cn"  # www.例子.公司.cn
    assert registered(host) == host.removeprefix("www.")
    assert registered("www.例子.公司.cn") == "例子.公司.cn"


def oracle(url: str, lists: Lists, threshold: int) -> str | None:
    """datatrove's filter over hosts in lower case, addresses as domains, listed addresses without a scheme."""
    bare = re.sub(r"^(?:[A-Za-z0-9+.\-]+:)?//", "", url)
    host = re.split("[/?#]", bare)[0].rpartition("@")[2]
    host = host[: host.index("]") + 1] if host.startswith("[") and "]" in host else host.partition(":")[0]
    host = re.sub("[。．｡]", ".", host.strip().rstrip(".。．｡").lower())
    suffix = PSL.publicsuffix(host) if host and ".." not in host and host[0] not in ".[" else None
    domain = PSL.privatesuffix(host) if suffix else host
    if domain and domain in lists["domains"]:
        return "domain"
    if domain and host in lists["domains"]:
        return "subdomain"
    if {url, bare} & set(lists["urls"]):
        return "url"
    words = set(re.split("[^A-Za-z0-9]+", url))
    if words & set(lists["words"]):
        return "hard_blacklisted"
    if len(words & set(lists["soft_words"])) >= threshold:
        return "soft_blacklisted"
    joined = re.sub("[^A-Za-z0-9]+", "", url).lower()
    return "blacklisted_subword" if any(part in joined for part in lists["substrings"]) else None


LISTS = {
    "domains": ["a.com", "www.b.co.uk", "192.0.2.7", "[::1]", "localhost", "c.kobe.jp"],
    "urls": ["http://d.org/x", "d.org/y"],
    "words": ["hard", "h4"],
    "soft_words": ["soft", "mild", "weak"],
    "substrings": ["nasty", "18x"],
}
hosts = st.sampled_from(
    ["a.com", "A.com", "x.a.com", "b.co.uk", "www.b.co.uk", "192.0.2.7", "[::1]", "localhost", "d.org", "x.c.kobe.jp", "co.uk", "a.com."]
)
paths = st.lists(
    st.sampled_from([*"/?#.-_@:好", "x", "y", "hard", "Hard", "h4", "soft", "mild", "weak", "na-sty", "NASTY", "18", "x"]), max_size=6
)
urls = st.tuples(
    st.sampled_from(["http://", "https://", "", "//", "HTTP://"]), st.sampled_from(["", "me@", "me:pw@"]), hosts, paths.map("".join)
).map("".join)


@given(st.lists(urls | st.text(max_size=30).filter(lambda text: "." not in text), min_size=1, max_size=8), st.integers(1, 3))
@example(["", "[", "[::1", "://", "http://", "http:///", "@", "http://[a]b/c", "好"], 2)
def test_verdicts_are_the_rules(folder: Path, column: list[str], threshold: int) -> None:
    made = filtered(folder, LISTS, soft_word_threshold=threshold)
    assert reasons(made, *column) == [oracle(url, LISTS, threshold) for url in column]


def test_what_goes_beyond_datatrove(folder: Path) -> None:
    made = filtered(folder, LISTS)
    found = reasons(made, "https://X.A.COM/", "http://192.0.2.7/", "http://[::1]:80/", "https://d.org/y", "https://d.org/x")
    assert found == ["domain", "domain", "domain", "url", None]


def test_only_what_is_listed_is_measured(folder: Path) -> None:
    assert set(filtered(folder, {"words": ["bad"]}).signals) == {"hard_words"}
    assert list(filtered(folder, LISTS).signals) == ["domain", "subdomain", "url", "hard_words", "soft_words", "subword"]


def test_a_null_address_is_no_signal(folder: Path) -> None:
    assert reasons(filtered(folder, LISTS), None, "https://fine.net") == ["no_signal", None]
    assert reasons(filtered(folder, {"domains": ["a.com"]}), None, "https://a.com") == ["no_signal", "domain"]


def test_lists_may_hold_comments_blank_lines_and_other_line_ends(folder: Path) -> None:
    (folder / "odd").write_bytes("\ufeffone\r\n\r\n# two\r\n three \r\nFo-ur".encode())
    made = plan("url_filter", column="url", words=str(folder / "odd"))
    found = reasons(made, "http://x/one", "http://x/two", "http://x/three", "http://x/four")
    assert found == ["hard_blacklisted", None, "hard_blacklisted", "hard_blacklisted"]


def test_a_list_that_changes_is_read_anew(folder: Path) -> None:
    file = folder / "changing"
    file.write_text("a.com\n")
    assert reasons(plan("url_filter", column="url", domains=str(file)), "http://a.com", "http://b.com") == ["domain", None]
    file.write_text("b.com\nc.com\n")
    assert reasons(plan("url_filter", column="url", domains=str(file)), "http://a.com", "http://b.com") == [None, "domain"]


def test_what_is_no_list_is_named(folder: Path) -> None:
    with pytest.raises(RecipeError, match="no list"):
        plan("url_filter", column="url")
    with pytest.raises(RecipeError, match=r"`坏` in .* has no ASCII letter or digit"):
        filtered(folder, {"words": ["bad", "坏"]})
    for name in LISTS:
        with pytest.raises(RecipeError, match="has no entry"):
            filtered(folder, {name: ["# nothing"]})
        (folder / "binary").write_bytes(b"\xff\xfe\x00")
        with pytest.raises(RecipeError, match="cannot be read"):
            plan("url_filter", column="url", **{name: str(folder / "binary")})


def test_through_the_engine_a_threshold_measures_nothing_anew(notes_factory: Factory) -> None:
    from lakehouse.production.engine.recipe import compile_recipe

    notes_factory.write("lists/domains.txt", "bad.com\n")
    notes_factory.write("lists/soft.txt", "bet\nodds\n")
    notes_factory.material(notes("https://x.bad.com/", "https://fine.com/bet/odds", "https://fine.com/bet", None))
    step = {"column": "text", "domains": "lists/domains.txt", "soft_words": "lists/soft.txt"}
    notes_factory.declare([{"url_filter": step}])
    notes_factory.made()
    assert notes_factory.texts() == ["https://fine.com/bet"]
    assert {row: (fate, rule) for row, (fate, _, rule) in notes_factory.fates().items()} == {
        "00": ("dropped", "domain"),
        "01": ("dropped", "soft_blacklisted"),
        "03": ("quarantined", "no_signal"),
    }
    columns = dict.fromkeys(["id", "text", "label"], pl.String())
    before = compile_recipe(notes_factory.project, "notes", columns)
    notes_factory.declare([{"url_filter": {**step, "soft_word_threshold": 3}}])
    after = compile_recipe(notes_factory.project, "notes", columns)
    assert before.signal_keys == after.signal_keys
    notes_factory.made()
    assert sorted(map(str, notes_factory.texts())) == ["https://fine.com/bet", "https://fine.com/bet/odds"]
    notes_factory.write("lists/domains.txt", "fine.com\n")
    assert compile_recipe(notes_factory.project, "notes", columns).signal_keys != after.signal_keys
    notes_factory.made()
    assert notes_factory.texts() == ["https://x.bad.com/"]
