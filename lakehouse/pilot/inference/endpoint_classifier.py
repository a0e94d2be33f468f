"""Labels and texts from a model behind an OpenAI-compatible endpoint, by the operator `generate`: each request is sent once, ever."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Annotated, Any, NotRequired

import polars as pl
from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from lakehouse.core.errors import RecipeError
from lakehouse.core.project import Project
from lakehouse.core.runs.progress import silent
from lakehouse.pilot.evaluation import DataOrigin
from lakehouse.pilot.inference.privacy import may_leave
from lakehouse.production.endpoint.answers import answered
from lakehouse.production.engine.operator import SEED, Ask
from lakehouse.production.operators.augment.generate import generate

NO_ANSWER = "(no answer)"
"""The label where an answer names no class, or several, or there is none: never the true one, so it counts as an error."""
PROMPT = "Which of these labels fits the text best: {labels}? Answer with the label alone.\n\nText: {text}"
PARAPHRASE = (
    "Rewrite this text in other words of the same language. Keep its meaning and its tone. Answer with the new text alone.\n\n{text}"
)


class EndpointSettings(TypedDict):
    """A model behind `POST {url}/chat/completions`. In the prompt `{text}` is the text and `{labels}` the names of the labels."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # type: ignore[misc]

    url: str
    model: str
    prompt: NotRequired[str]
    system: NotRequired[str]
    names: NotRequired[dict[str, str]]
    """What a label is called in the prompt and in answers, by label; others by themselves."""
    key_env: NotRequired[str]
    may_send: NotRequired[list[str]]
    temperature: NotRequired[Annotated[float, Field(ge=0)]]
    max_tokens: NotRequired[Annotated[int, Field(ge=1)]]
    concurrency: NotRequired[Annotated[int, Field(ge=1)]]
    timeout: NotRequired[Annotated[float, Field(gt=0)]]


@dataclass(frozen=True, kw_only=True)
class EndpointClassifier:
    """A classifier that is asked.

    Attributes:
        column: what the texts are called in messages and in what is known about privacy.
        names: by label, what it is called in the prompt and in answers.
    """

    project: Project
    ask: Ask
    classes: tuple[str, ...]
    names: dict[str, str]
    column: str

    @classmethod
    def declared(cls, endpoint: EndpointSettings, column: str, classes: tuple[str, ...], origin: DataOrigin) -> EndpointClassifier:
        """The classifier of a declaration.

        Raises:
            RecipeError: `names` of labels that are not there or that two share, a wrong prompt or address, or values that may not be sent.
            NotFoundError: there is no project to keep answers in.
        """
        given = endpoint.get("names", {})
        if unknown := sorted(set(given) - set(classes)):
            raise RecipeError(f"`names` of the endpoint name no label of the train rows: {', '.join(unknown)}", fix=_labels(classes))
        names = {label: given.get(label, label) for label in classes}
        if len({_plain(name) for name in names.values()}) < len(names):
            raise RecipeError("two labels have one name, so that no answer could tell them apart", fix="give each a `names` of its own")
        ask = _ask(origin, endpoint, column, endpoint.get("prompt", PROMPT), 16)
        return cls(project=origin.project, ask=ask, classes=classes, names=names, column=column)

    def requests(self, texts: pl.Series) -> pl.Series:
        """The whole request of each text as JSON text."""
        return _requests(self.ask, texts, ", ".join(self.names.values()))

    def labels(self, texts: pl.Series) -> pl.Series:
        """The label that the answer to each text names.

        Raises:
            EndpointError: the model cannot be asked; the answers that came are kept.
        """
        given = answered(self.project, self.ask, self.requests(texts), silent)["text"]
        found = {text: self.label_of(text) for text in given.unique().drop_nulls()}
        return given.replace_strict(found, default=NO_ANSWER, return_dtype=pl.String).fill_null(NO_ANSWER).alias("predicted")

    def label_of(self, answer: str) -> str:
        """The label that an answer is, or the only one that it names; NO_ANSWER otherwise.

        Case, marks around it and spaces do not count. A name of Latin letters or digits is found as a whole word. Of names within one
        another (`good`, `not good`) the longer one counts where it stands.
        """
        plain_answer = _plain(answer)
        by_name = {_plain(name): label for label, name in self.names.items()}
        if plain_answer in by_name:
            return by_name[plain_answer]
        either = "|".join(_whole(name) for name in sorted(by_name, key=lambda name: (-len(name), name)) if name)
        named = {by_name[match] for match in re.findall(either, plain_answer)} if either else set()
        return named.pop() if len(named) == 1 else NO_ANSWER


def paraphrases(endpoint: EndpointSettings, column: str, texts: pl.Series, origin: DataOrigin) -> pl.Series:
    """What a model writes for each text; null where it did not answer.

    Raises:
        RecipeError: a wrong prompt or address, or values that may not be sent.
        EndpointError: the model cannot be asked; the answers that came are kept.
    """
    ask = _ask(origin, endpoint, column, endpoint.get("prompt", PARAPHRASE), 512)
    return answered(origin.project, ask, _requests(ask, texts, ""), silent)["text"].str.strip_chars()


def _ask(origin: DataOrigin, endpoint: EndpointSettings, column: str, prompt: str, max_tokens: int) -> Ask:
    if "{text}" not in prompt:
        raise RecipeError(
            "the prompt of the endpoint does not hold `{text}`, so it would ask the same of every row", fix="write {text} in it"
        )
    params: dict[str, Any] = {name: value for name, value in endpoint.items() if name not in ("names", "prompt")}
    ask = generate(column=column, prompt=prompt, **{"temperature": 0.0, "max_tokens": max_tokens} | params)
    if unknown := sorted(set(ask.requests.meta.root_names()) - {"text", "labels", SEED}):
        raise RecipeError(f"the prompt of the endpoint has the place `{{{unknown[0]}}}`", fix="it knows {text} and {labels}")
    if ask.may_send is not None:
        may_leave(origin, column, ask.may_send)
    return replace(ask, may_send=None)


def _requests(ask: Ask, texts: pl.Series, labels: str) -> pl.Series:
    frame = pl.DataFrame({"text": texts.fill_null(""), "labels": [labels] * len(texts)}, schema={"text": pl.String, "labels": pl.String})
    return frame.with_columns(pl.lit(0, pl.UInt64).alias(SEED)).select(ask.requests.alias("request")).to_series()


def _plain(text: str) -> str:
    return re.sub(r"^[\W_]+|[\W_]+$", "", text).casefold()


def _whole(name: str) -> str:
    before = r"(?<![0-9a-z])" if re.match(r"[0-9a-z]", name) else ""
    after = r"(?![0-9a-z])" if re.search(r"[0-9a-z]$", name) else ""
    return before + re.escape(name) + after


def _labels(classes: tuple[str, ...]) -> str:
    return f"labels: {', '.join(classes[:20])}"
