"""Named functions that a declaration may call: operators, connectors, evaluations. The signature is the parameter schema."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import create_model

from lakehouse.core.code_digest import code_digest
from lakehouse.core.errors import SpecError
from lakehouse.core.spec import Call, Model, yamlfile

F = TypeVar("F", bound=Callable[..., Any])

_PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A registered function.

    Attributes:
        version: raised by hand when the function makes something else of the same rows and parameters.
        params: strict model of its keyword parameters; an unknown one is refused.
        path: the module's file.
        info: facts given at registration, e.g. the cardinality.
    """

    name: str
    version: int
    function: Callable[..., Any]
    params: type[Model]
    path: Path
    info: Mapping[str, Any]

    @property
    def ours(self) -> bool:
        """Whether it is part of this package, and no user's own."""
        return self.path.is_relative_to(_PACKAGE)

    def code(self) -> str:
        """Identity of what the function computes: its declared version; for one from outside this package the digest of its file."""
        declared = f"{self.name} {self.version}"
        return declared if self.ours else f"{declared} {code_digest(self.path)}"

    @property
    def summary(self) -> str:
        """First line of the docstring."""
        return (inspect.getdoc(self.function) or "").split("\n", 1)[0]


@dataclass
class Registry:
    """All functions of one kind; the modules of `package` register themselves when they are first asked for."""

    kind: str
    package: str
    _entries: dict[str, Entry] = field(default_factory=dict)
    _loaded: bool = False

    def register(self, *, version: int, **info: Any) -> Callable[[F], F]:
        """Register a function of keyword parameters under its own name.

        Args:
            version: part of every plan that uses the function. Raise it when the function makes something else of the same rows and
                parameters; the lock (`tools/identity.py`) shows when its code changed.
        """

        def add(function: F) -> F:
            name = function.__name__.rstrip("_")
            if name in self._entries:
                raise ValueError(f"{self.kind} `{name}` is registered twice")
            self._entries[name] = Entry(
                name=name, version=version, function=function, params=parameters(function), path=Path(inspect.getfile(function)), info=info
            )
            return function

        return add

    def entries(self) -> dict[str, Entry]:
        """All entries by name."""
        if not self._loaded:
            package = importlib.import_module(self.package)
            for module in pkgutil.walk_packages(package.__path__, prefix=f"{self.package}."):
                importlib.import_module(module.name)
            self._loaded = True
        return dict(sorted(self._entries.items()))

    def _load(self, name: str) -> None:
        """Import the module that is called as its function, as nearly all are; the others' libraries are then not needed."""
        package = importlib.import_module(self.package)
        for folder in map(Path, package.__path__):
            for file in folder.rglob(f"{name}.py"):
                importlib.import_module(".".join([self.package, *file.relative_to(folder).with_suffix("").parts]))

    def entry(self, call: Call, *, document: yamlfile.Document | None = None, loc: yamlfile.Loc = ()) -> Entry:
        """The entry that `call` names.

        Raises:
            SpecError: unknown name, with the nearest known one.
        """
        if not self._loaded and call.name not in self._entries and call.name.isidentifier():
            self._load(call.name)
        if call.name in self._entries:
            return self._entries[call.name]
        entries = self.entries()
        if call.name not in entries:
            where = document.where((*loc, call.name)) if document else None
            raise SpecError(f"unknown {self.kind} `{call.name}`", where=where, fix=yamlfile.suggest(call.name, entries))
        return entries[call.name]

    def bind(self, call: Call, *, document: yamlfile.Document | None = None, loc: yamlfile.Loc = ()) -> dict[str, Any]:
        """The validated parameters of `call`, defaults filled in.

        Raises:
            SpecError: unknown or missing parameter, wrong type; with file and line when the document is given.
        """
        entry = self.entry(call, document=document, loc=loc)
        source = document or yamlfile.Document(f"{self.kind} {call.name}", call.params, {}, {})
        model = yamlfile.validate(source, entry.params, call.params, (*loc, call.name))
        return {name: getattr(model, name) for name in entry.params.model_fields}


def parameters(function: Callable[..., Any]) -> type[Model]:
    """A strict model of a function's keyword parameters, read from its annotations and defaults."""
    hints = typing.get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        default = ... if parameter.default is inspect.Parameter.empty else parameter.default
        fields[name] = (hints[name], default)
    return create_model(f"{function.__name__}_parameters", __base__=Model, __config__=None, **fields)
