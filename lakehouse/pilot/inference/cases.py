"""Behavioural tests as they are declared (CheckList, Ribeiro, Wu, Guestrin and Singh 2020), and the texts they are tried on."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import Field, ValidationError, model_validator

from lakehouse.core.errors import SpecError
from lakehouse.core.spec import Call, Model, Name, yamlfile
from lakehouse.pilot.evaluation import DataOrigin
from lakehouse.pilot.inference.noise import CheckedNoise

_MOST = 20_000
"""Texts that the templates of one test may make."""


class TextCases(Model):
    """What all tests declare.

    Attributes:
        texts: tried as they are; `templates` hold places `{slot}`, for which every combination of the slots' values is tried.
        allowed: share of cases that may fail.
        cost: of one failure, in whatever unit the business counts.
    """

    name: Name
    texts: list[str] = Field(default_factory=list)
    templates: list[str] = Field(default_factory=list)
    slots: dict[str, Annotated[list[str], Field(min_length=1)]] = Field(default_factory=dict)
    allowed: float = Field(default=0.0, ge=0, le=1)
    cost: float = Field(default=0.0, ge=0)

    def written(self) -> list[str]:
        """The texts, and those that the templates make, each once."""
        out = list(self.texts)
        for template in self.templates:
            places = list(dict.fromkeys(re.findall(r"\{([^{}]*)\}", template)))
            for values in itertools.product(*(self.slots[place] for place in places)):
                filled = dict(zip(places, values, strict=True))
                out.append(re.sub(r"\{([^{}]*)\}", lambda match, filled=filled: filled[match[1]], template))  # type: ignore[misc]
        return list(dict.fromkeys(out))

    @model_validator(mode="after")
    def _slots_are_there(self) -> TextCases:
        number = 0
        for template in self.templates:
            places = set(re.findall(r"\{([^{}]*)\}", template))
            if unknown := sorted(places - set(self.slots)):
                raise ValueError(f"template {template!r} has the place {{{unknown[0]}}}, for which `slots` has no values")
            product = 1
            for place in places:
                product *= len(self.slots[place])
            number += product
        if number > _MOST:
            raise ValueError(f"the templates make {number:,} texts, more than {_MOST:,}")
        if not (self.texts or self.templates or self.of_sets):
            raise ValueError("no texts to try: give `texts`, `templates` with `slots`, or, where no label is expected, `rows`")
        return self

    @property
    def of_sets(self) -> int:
        """How many rows of each set are tried as well."""
        return 0


class MinimumFunction(TextCases):
    """Texts that must get the label `expect`."""

    kind: Literal["minimum_function"] = "minimum_function"
    expect: str


class Invariance(TextCases):
    """A change that must not change the prediction: the pairs of `replace`, each where its first text is, or a `noise`.

    `rows` tries so many rows of the set as well, chosen by the hash of their ids. Texts that the change leaves as they are are no cases.
    """

    kind: Literal["invariance"] = "invariance"
    replace: list[Annotated[list[str], Field(min_length=2, max_length=2)]] = Field(default_factory=list)
    noise: Annotated[Any, CheckedNoise] | None = None
    rows: int = Field(default=0, ge=0)

    @property
    def of_sets(self) -> int:
        """How many rows of each set are tried as well."""
        return self.rows

    @model_validator(mode="after")
    def _one_change(self) -> Invariance:
        if bool(self.replace) == (self.noise is not None):
            raise ValueError("give either `replace` or `noise`")
        if any(not old for old, _ in self.replace):
            raise ValueError("`replace` has a pair whose first text is empty")
        return self


class Direction(TextCases):
    """Text that is added must not let the probability of `label` fall, or rise, by more than `tolerance`."""

    kind: Literal["direction"] = "direction"
    add: str = Field(min_length=1)
    where: Literal["end", "start"] = "end"
    label: str
    must_not: Literal["fall", "rise"]
    tolerance: float = Field(default=0.0, ge=0, le=1)
    rows: int = Field(default=0, ge=0)

    @property
    def of_sets(self) -> int:
        """How many rows of each set are tried as well."""
        return self.rows


Test = MinimumFunction | Invariance | Direction
KINDS: dict[str, type[Test]] = {"minimum_function": MinimumFunction, "invariance": Invariance, "direction": Direction}


def read(declared: Sequence[Any], file: str | None = None, origin: DataOrigin | None = None) -> list[Test]:
    """The tests of a declaration, then those of a case file: YAML in the project folder of `origin` with the one key `tests`.

    Raises:
        SpecError: a test that is none, or two of one name; for a case file with its line. NotFoundError: no such file.
    """
    tests = _tests(declared, yamlfile.Document("behaviour", {"tests": list(declared)}, {}, {}))
    if file is not None:
        document = yamlfile.read((origin or DataOrigin()).file(file), file)
        if set(document.data) != {"tests"} or not isinstance(document.data["tests"], list):
            raise SpecError("a case file has the one key `tests`, a list", where=document.where(), fix="tests: [{minimum_function: ...}]")
        tests += _tests(document.data["tests"], document)
    if not tests:
        raise SpecError("behaviour has no tests", fix="declare `tests` or a file of them: `cases`")
    names = [test.name for test in tests]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SpecError(f"two tests are named `{twice[0]}`", fix="give each a name of its own")
    return tests


def _tests(declared: Sequence[Any], document: yamlfile.Document) -> list[Test]:
    out: list[Test] = []
    for at, each in enumerate(declared):
        try:
            call = Call.model_validate(each)
        except ValidationError as error:
            fix = f"write it as `kind: {{...}}`, of the kinds {', '.join(KINDS)}"
            raise SpecError(f"behavioural test {at + 1} is none", where=document.where(("tests", at)), fix=fix) from error
        if call.name not in KINDS:
            where = document.where(("tests", at, call.name)) if document.lines else None
            raise SpecError(f"unknown kind of behavioural test `{call.name}`", where=where, fix=yamlfile.suggest(call.name, KINDS))
        out.append(yamlfile.validate(document, KINDS[call.name], call.params, ("tests", at, call.name)))
    return out


def replaced(texts: pl.Series, pairs: Sequence[Sequence[str]]) -> pl.Series:
    """`texts` with the first of each pair exchanged for its second, from the left, the longest first; what was put in stays."""
    ordered = sorted(pairs, key=lambda pair: -len(pair[0]))
    olds, news = [old for old, _ in ordered], [new for _, new in ordered]
    return texts.str.replace_many(olds, news, leftmost=True)
