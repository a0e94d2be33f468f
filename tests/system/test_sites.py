"""Two sites and a hub on one machine: raw data stays at its site, what was released arrives, whole."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import polars as pl
import pytest
import yaml
import zstandard

from .commands import called, called_json, run

CONTRACT = '''"""What a note promises."""

import pandera.polars as pa


class Notes(pa.DataFrameModel):
    """Notes with a topic."""

    text: str = pa.Field(str_length={{"min_value": 8}})
    topic: str = pa.Field(isin=["delivery", "quality"])
{more}'''
PII = ["email", "phone", "url", "ip", "cn_id", "national_id", "bank_card"]
SECRETS = {
    "north": ["13812345678", "北方秘密仓库", "SHORT-N", "customer-north-0001"],
    "south": ["alice@south.example", "SOUTHERN-LEDGER-ONLY", "SHORT-S", "customer-south-0001"],
}
"""What must not leave a site: a private datum, a dropped text, a quarantined one, a column that is not released."""


def rows(site: str) -> list[dict[str, str]]:
    private, dropped, short, _ = SECRETS[site]
    texts = [f"{'包裹很快就到了，谢谢' if site == 'north' else 'The parcel came early, thank you'} {at}" for at in range(40)]
    texts += [f"call me: {private} about the parcel", f"{dropped} {dropped} {dropped}", short]
    topics = ["delivery", "quality"]
    return [{"customer": f"customer-{site}-{at:04}", "text": text, "topic": topics[at % 2]} for at, text in enumerate(texts)]


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def declare(folder: Path, name: str, source: dict[str, object], dataset: dict[str, object], more: str = "") -> None:
    owner = {"description": "Notes.", "owner": "team:notes"}
    write(folder / f"assets/sources/{name}_raw.yaml", yaml.safe_dump({"source": f"{name}_raw", **owner, "license": "CC-BY-4.0", **source}))
    made = {
        "dataset": name,
        **owner,
        "contract": "contracts/notes.py:Notes",
        "splits": {"by": "cluster", "train": 0.8, "test": 0.2},
        **dataset,
    }
    write(folder / f"assets/datasets/{name}.yaml", yaml.safe_dump(made, sort_keys=False, allow_unicode=True))
    write(folder / "contracts/notes.py", CONTRACT.format(more=more))
    run_git(folder)


def run_git(folder: Path) -> None:
    if not (folder / ".git").exists():
        run(folder, "git", "init", "-q", "-b", "main")
        run(folder, sys.executable, "-m", "dvc", "init", "-q")
        write(folder / ".gitignore", "lake/\nmlruns/\nmlflow.db\n.lakehouse/\nraw/\n")
    run(folder, "git", "add", "-A")
    run(folder, "git", "commit", "-q", "-m", "Declarations")


def site_of(root: Path, name: str) -> Path:
    folder = root / name
    write(folder / "raw/notes.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows(name)))
    declare(
        folder,
        "notes",
        {"connector": {"files": {"path": "raw/notes.jsonl"}}, "key": ["customer"], "privacy": {"text": ["pii"]}},
        {
            "sources": ["notes_raw"],
            "on_violation": {"max_rate": 0.2},
            "recipe": [{"redact": {"column": "text", "kinds": PII}}, {"sensitive_words": {"column": "text", "file": "words.txt"}}],
            "release": {"license": "CC-BY-4.0", "forbid": ["pii"]},
        },
    )
    return folder


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    for name in SECRETS:
        folder = site_of(tmp_path, name)
        write(folder / "words.txt", SECRETS[name][1] + "\n")
        run_git(folder)
    made = tmp_path / "hub"
    settings = {"sites": {name: {"releases": f"../{name}/releases", "command": _command(tmp_path / name)} for name in SECRETS}}
    write(made / "lakehouse.yaml", yaml.safe_dump(settings))
    for name in SECRETS:
        source = {
            "connector": {"site": {"site": name, "dataset": "notes", "set": {"site": name}}},
            "key": ["row_id"],
            "license": "CC-BY-4.0",
        }
        declare(made, name, source, {"sources": [f"{name}_raw"], "recipe": []}, more="    site: str\n")
    owner = {"description": "Notes of all sites.", "owner": "team:notes", "contract": "contracts/notes.py:Notes"}
    every = {"dataset": "every", **owner, "sources": ["north_raw", "south_raw"], "splits": {"by": "cluster", "train": 1.0}}
    write(made / "assets/datasets/every.yaml", yaml.safe_dump(every))
    return made


def _command(folder: Path) -> list[str]:
    # What ssh would do: the site's own command, in the site's own folder.
    return ["env", f"LAKEHOUSE_PROJECT={folder}", "python", "-P", "-m", "lakehouse.cli"]


def held(folder: Path) -> bytes:
    """Every byte under a folder, and every text of every table and compressed blob under it."""
    out = []
    for file in sorted(folder.rglob("*")):
        if not file.is_file():
            continue
        data = file.read_bytes()
        out.append(data)
        if file.suffix == ".parquet" or data[:4] == b"PAR1":
            for column in pl.read_parquet(file):
                if column.dtype in (pl.String, pl.Binary):
                    out += [v if isinstance(v, bytes) else v.encode() for v in column.drop_nulls().to_list()]
        elif data[:4] == b"\x28\xb5\x2f\xfd":
            out.append(zstandard.ZstdDecompressor().stream_reader(data).read())
    return b"\n".join(out)


def test_only_what_a_site_releases_leaves_it(hub: Path) -> None:
    assert "nothing released" in called(hub, "source", "sites")
    assert "has released nothing" in called(hub, "collect", "north_raw", code=1)
    done = called_json(hub, "source", "sites", "--run")
    assert {(d["site"], d["outcome"], d["label"]) for d in done} == {("north", "released", "1.0.0"), ("south", "released", "1.0.0")}
    called(hub, "run", "every", "--to", "gold")
    rows_ = pl.read_delta(str(hub / "lake/gold/every"))
    assert sorted(rows_.columns) == sorted(["text", "topic", "site", *(c for c in rows_.columns if c[0] == "_")])
    # Forty plain notes and one with its private datum taken out, of each site; the dropped and the quarantined one stayed.
    assert dict(rows_.group_by("site").len().iter_rows()) == {"north": 41, "south": 41}
    everything = held(hub)
    for name, secrets in SECRETS.items():
        site = held(hub.parent / name)
        for secret in secrets[:3]:
            assert secret.encode() in site, secret
            assert secret.encode() not in everything, secret
    # The customer is a site's key: it is in the ids of rows, which say which row it was, and nowhere else.
    assert "site://north/notes@1.0.0/data/train" in called(hub, "row", "trace", rows_.filter(pl.col("site") == "north")["_row_id"][0])

    # What stands already is not fetched again; what is released anew is.
    assert called_json(hub, "collect", "north_raw")[0]["unchanged"]
    site = hub.parent / "north"
    more = json.dumps({"customer": "customer-north-9999", "text": "又一个包裹，很好很好很好", "topic": "quality"}, ensure_ascii=False)
    write(site / "raw/notes.jsonl", (site / "raw/notes.jsonl").read_text(encoding="utf-8") + more + "\n")
    (again,) = called_json(hub, "source", "sites", "north", "--run")
    assert again["label"] == "1.1.0"
    assert called_json(hub, "collect", "north_raw")[0]["added"] == 1
    source = hub / "assets/sources/south_raw.yaml"
    source.write_text(source.read_text(encoding="utf-8").replace("CC-BY-4.0", "CC0-1.0"), encoding="utf-8")
    assert "under `CC-BY-4.0`, the source declares `CC0-1.0`" in " ".join(called(hub, "collect", "south_raw", code=1).split())


def test_what_a_site_may_not_release_stays_and_a_bundle_that_was_changed_is_refused(hub: Path) -> None:
    north = hub.parent / "north"
    dataset = yaml.safe_load((north / "assets/datasets/notes.yaml").read_text(encoding="utf-8"))
    write(north / "assets/datasets/notes.yaml", yaml.safe_dump({**dataset, "recipe": []}))
    run_git(north)
    said = called(hub, "source", "sites", "--run", code=1)
    assert "refused" in said
    assert "released" in said
    assert not (north / "releases").exists()
    assert b"13812345678" not in held(hub)
    (file,) = (hub.parent / "south/releases/notes/data").glob("train*.parquet")
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert "not match its checksum" in called(hub, "collect", "south_raw", code=1)
    assert not (hub / "lake/bronze/south_raw").exists()
    manifest = hub.parent / "south/releases/notes/manifest.json"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace("data/train", "../../raw/train"), encoding="utf-8")
    assert "do not agree" in called(hub, "collect", "south_raw", code=1)
