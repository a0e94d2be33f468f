"""The name of a dataset from that of its material: of ASCII letters, since it names tables, files, tags and Python classes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from lakehouse.core.errors import SpecError
from lakehouse.core.project import Project
from lakehouse.core.spec import NAME

_LONGEST = 50
_HAN = re.compile(r"[\u3400-\u9fff\U00020000-\U000323af]")


@dataclass(frozen=True)
class DatasetName:
    """A name that is free.

    Attributes:
        note: what the user should know of it; None where it is the one asked for, or that of the material.
    """

    name: str
    note: str | None


def plain_name(called: str) -> str:
    """The name in ASCII letters, digits and `_`; empty where no letter has one.

    Accents go, and Chinese characters are written as they are read where pypinyin is installed (extra `chinese`).
    """
    stem = called.split(".")[0]
    text = "".join(f" {syllable} " for syllable in _read(stem)) if _HAN.search(stem) else stem
    latin = unicodedata.normalize("NFKD", text.casefold())
    latin = "".join(c for c in latin if not unicodedata.combining(c))
    name = re.sub(r"\W+", "_", latin, flags=re.ASCII)
    return re.sub("_+", "_", name).strip("_")[:_LONGEST].strip("_")


def _read(text: str) -> list[str]:
    """The text with its Chinese characters as syllables; as it is where nothing reads them."""
    try:
        from pypinyin import lazy_pinyin
    except ImportError:
        return [text]
    return list(lazy_pinyin(text))


def name_of(called: str) -> str:
    """A name for what is called so; `data` where its letters have none in ASCII."""
    name = plain_name(called)
    with_head = f"data_{name}".rstrip("_")
    return name if NAME.match(name) else with_head if NAME.match(with_head) else "data"


def free_name(project: Project, given: str | None, called: str) -> DatasetName:
    """The name of a new dataset.

    Args:
        given: by the user.
        called: the material, as a file is named.

    Raises:
        SpecError: the name is none, or taken; a name that says nothing of the material is numbered instead.
    """
    name = given or name_of(called)
    if not NAME.match(name):
        raise SpecError(f"`{name}` is no name for a dataset", fix="lower-case letters, digits and `_`, starting with a letter: --name NAME")
    taken = _taken(project, name)
    stem = called.split(".")[0]
    if given is None and not re.search("[a-z]", plain_name(called)):
        chosen = next(each for each in _numbered(name) if _taken(project, each) is None)
        why = "has no letter that a name of a dataset can have"
        return DatasetName(chosen, f"`{stem}` {why}, so the dataset is called `{chosen}`; to call it otherwise: --name NAME")
    if taken is not None:
        raise SpecError(f"{taken} exists", fix="give another name: --name NAME")
    if given is None and _HAN.search(stem):
        return DatasetName(name, f"`{stem}` is called `{name}`, as it is read; to call it otherwise: --name NAME")
    return DatasetName(name, None)


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}_{number}" for number in count(2))


def _taken(project: Project, name: str) -> str | None:
    """The file that has the name already."""
    files = (f"assets/datasets/{name}.yaml", f"assets/sources/{name}_raw.yaml", f"contracts/{name}.py")
    return next((file for file in files if (project.root / file).exists()), None)
