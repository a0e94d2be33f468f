"""A recipe compiled: steps bound to operators, with the identity of every signal and value, privacy classes and column lineage."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import polars as pl

from lakehouse.core import versions
from lakehouse.core.errors import FactoryError, NotFoundError, RecipeError, SpecError
from lakehouse.core.hashing import digest, file_digest
from lakehouse.core.labels import decisions
from lakehouse.core.project import Project
from lakehouse.core.registry import Entry
from lakehouse.core.row_model import BRONZE
from lakehouse.core.spec import Augmentation, Call, Dataset, expand_privacy, yamlfile
from lakehouse.core.text.paths import TextPath
from lakehouse.production.engine import places
from lakehouse.production.engine.carried import Carried
from lakehouse.production.engine.columns import Held, check_texts, held_columns, made_by
from lakehouse.production.engine.operator import OPERATORS, Ask, Change, Cut, Explode, Keep, Merge, Plan
from lakehouse.production.engine.yields import check_steps
from lakehouse.reserve.bronze import table as bronze


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a recipe.

    Attributes:
        name: the operator's name, `_2`, `_3` ... added where it repeats.
        stage: number of 1:N steps before it; rows of one stage share their ids.
        signals: stored column (`<step>__<signal>`) to its identity: operator code, measuring parameters, and how its columns came to be.
        reads: the dataset it refers to.
        model: identity of what it learns from that dataset: code, measuring parameters, and the content it is learnt from.
        paths: the paths among its parameters.
    """

    name: str
    operator: str
    cardinality: str
    params: Mapping[str, Any]
    code: str
    plan: Plan
    stage: int
    signals: Mapping[str, str]
    reads: str | None = None
    model: str | None = None
    paths: tuple[TextPath, ...] = ()

    def signal_expressions(self) -> dict[str, pl.Expr]:
        """Stored column name to the expression that measures it."""
        given = self.plan.signals if isinstance(self.plan, Keep | Merge | Cut) else {}
        return {f"{self.name}__{signal}": expression for signal, expression in given.items()}


@dataclass(frozen=True)
class Variants:
    """One augmentation, compiled.

    Attributes:
        name: of its steps; `_2`, `_3` ... added where it repeats.
        steps: operator, parameters, code version and plan of each, in order.
        columns: own columns that its steps change.
        key: identity of how the values of those come about.
    """

    name: str
    declared: Augmentation
    steps: tuple[tuple[str, Mapping[str, Any], str, Change | Ask], ...]
    columns: tuple[str, ...]
    key: str

    def identity(self) -> dict[str, Any]:
        """What of it belongs to a plan id."""
        chosen = self.declared.model_dump(exclude={"steps"})
        steps = [{"operator": operator, "code": code, "params": dict(params)} for operator, params, code, _ in self.steps]
        return {"name": self.name, "steps": steps, **chosen}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A compiled recipe.

    Attributes:
        variants: what is made of its rows once they are split.
        columns: own columns that leave it, in order.
        values_key: identity of how those columns' values come about.
        privacy: classes each column may still carry.
        lineage: per column the source columns it is made from.
    """

    steps: tuple[Step, ...]
    columns: tuple[str, ...]
    values_key: str
    privacy: Mapping[str, frozenset[str]]
    lineage: Mapping[str, frozenset[str]]
    variants: tuple[Variants, ...] = ()

    @property
    def signal_keys(self) -> dict[str, str]:
        """All stored signal columns with their identities."""
        return {column: key for step in self.steps for column, key in step.signals.items()}

    @property
    def stages(self) -> int:
        """Number of stages: one more than there are 1:N steps."""
        return 1 + sum(isinstance(step.plan, Explode) for step in self.steps)

    @property
    def references(self) -> list[str]:
        """Datasets that steps refer to."""
        return sorted({step.reads for step in self.steps if step.reads})

    def identity(self) -> list[dict[str, Any]]:
        """What of the recipe belongs to a plan id: operator, code version and parameters, in order."""
        return [{"step": s.name, "operator": s.operator, "code": s.code, "params": dict(s.params)} for s in self.steps]


def source_columns(project: Project, dataset: Dataset) -> dict[str, pl.DataType]:
    """Own columns of a dataset's sources with their types; sources may have different columns, not different types.

    Raises:
        NotFoundError: a source was not collected yet.
        RecipeError: two sources disagree on a column's type.
    """
    columns: dict[str, pl.DataType] = {}
    for source in dataset.sources:
        table = bronze.table(project, source)
        if not table.exists():
            raise NotFoundError(f"source {source} was not collected yet", fix=f"lakehouse collect {source}")
        for name, dtype in table.schema().items():
            if name in BRONZE:
                continue
            if columns.setdefault(name, dtype) != dtype:
                raise RecipeError(
                    f"column `{name}` is {columns[name]} in one source and {dtype} in {source}",
                    where=f"dataset {dataset.dataset}",
                    fix="declare the same type under `columns:` of both sources",
                )
    return columns


def compile_recipe(
    project: Project, name: str, columns: Mapping[str, pl.DataType] | None = None, calls: Sequence[Call] | None = None
) -> Recipe:
    """Compile the recipe of dataset `name`.

    Args:
        columns: own columns of its sources with their types, or None to leave the check of column names to the run; types that the
            sources declare are checked all the same.
        calls: another recipe in place of the declared one, step for step.

    Raises:
        SpecError: unknown operator, parameter or column, with file and line.
    """
    dataset = project.dataset(name)
    privacy: dict[str, frozenset[str]] = {}
    for source in dataset.sources:
        for column, classes in project.source(source).privacy.items() if source in project.sources else ():
            privacy[column] = privacy.get(column, frozenset()) | expand_privacy(classes)
    held = held_columns(project, dataset, columns)
    compiler = _Compiler(project, project.datasets[name].document, columns, held, privacy)
    for index, call in enumerate(dataset.recipe if calls is None else calls):
        compiler.add(index, call)
    for call in decided(project, dataset):
        compiler.add(len(dataset.recipe), call)
    check_steps(dataset.yields, [step.name for step in compiler.steps], compiler.document)
    for index, declared in enumerate(dataset.augment):
        compiler.vary(index, declared)
    return compiler.recipe()


def decided(project: Project, dataset: Dataset) -> list[Call]:
    """The steps at the end of a recipe that carry out what was decided about single rows, where the dataset declares `repair`."""
    if dataset.repair is None:
        return []
    made = decisions.read(project.root / dataset.decisions)
    steps = {"correct_rows": any(each.set for each in made), "drop_rows": any(each.drop for each in made)}
    return [Call.model_validate({name: {"file": dataset.decisions}}) for name, wanted in steps.items() if wanted]


class _Bound(NamedTuple):
    """A call with its operator: parameters with the digests of files they name, code version, plan, and the paths it names."""

    entry: Entry
    params: dict[str, Any]
    code: str
    plan: Plan
    paths: tuple[TextPath, ...]


class _Compiler:
    """Follows columns through the steps: how each came to be (`chains`), what it is made from, what it may still carry."""

    def __init__(
        self,
        project: Project,
        document: yamlfile.Document,
        columns: Mapping[str, pl.DataType] | None,
        held: dict[str, Held],
        privacy: dict[str, frozenset[str]],
    ) -> None:
        self.project = project
        self.document = document
        self.columns_known = columns is not None
        self.held = held
        self.order = list(columns or {})
        self.chains = {c: f"source:{c}:{dtype}" for c, dtype in (columns or {}).items()}
        self.carried = Carried(privacy, {c: frozenset([c]) for c in columns or {}})
        self.steps: list[Step] = []
        self.stage = 0
        self.variants: list[Variants] = []
        self.cut: dict[str, str] = {}

    def bound(self, loc: yamlfile.Loc, call: Call) -> _Bound:
        """A call bound to its operator, and to what its paths lead to."""
        where = self.document.where((*loc, call.name))
        entry = OPERATORS.entry(call, document=self.document, loc=loc)
        params = OPERATORS.bind(call, document=self.document, loc=loc)
        files = {name: self.project.root / params[name] for name in entry.info.get("files", ()) if params.get(name) is not None}
        for file in files.values():
            if not file.is_file():
                raise SpecError(f"no file {file}", where=where, fix="give a path in the project folder")
        check_texts(entry, params, self.held, where)
        paths = places.paths_of(params, self.held, self.chains if self.columns_known else None, where)
        try:
            plan: Plan = entry.function(**params | {name: str(file) for name, file in files.items()})
        except FactoryError as error:
            error.where = error.where or where
            raise
        params |= {f"{name}_content": file_digest(file) for name, file in files.items()}
        if not paths:
            return _Bound(entry, params, entry.code(), plan, ())
        plan = places.bound(entry, plan, paths, self.held, where)
        if isinstance(plan, Change):
            ((text, path),) = paths.items()
            free = self.carried.cleared_at(path, plan.clears[path.root], column := self.held.get(path.root))
            # Before the columns are known, the path may as well be the name of a column.
            plan = Change(plan.columns, {path.root: free} if column else {path.root: free, text: free})
        return _Bound(entry, params, f"{entry.code()} {places.VERSION}", plan, tuple(paths.values()))

    def add(self, index: int, call: Call) -> None:
        """Follow a step of the recipe."""
        loc: yamlfile.Loc = ("recipe", index)
        entry, params, code, plan, paths = self.bound(loc, call)
        if entry.info.get("seeded") or isinstance(plan, Ask):
            where = self.document.where((*loc, call.name))
            raise SpecError(f"`{call.name}` makes variants of rows", where=where, fix="declare it under `augment`, not in the recipe")
        measuring = [code, {k: v for k, v in params.items() if k not in entry.info.get("decides", ())}, *_versions(entry)]
        reads = params.get(entry.info.get("reads", ""))
        model, learnt_from = None, None
        if isinstance(plan, Keep | Change) and plan.model is not None and self.columns_known:
            learnt_from = versions.current(self.project, str(reads))
            model = digest([measuring, learnt_from.content_id if learnt_from else None])
            measuring.append(model)
        repeats = sum(step.operator == call.name for step in self.steps)
        name = call.name if repeats == 0 else f"{call.name}_{repeats + 1}"
        loc = (*loc, call.name)
        signals: dict[str, str] = {}
        if isinstance(plan, Keep | Merge | Cut):
            signals = {f"{name}__{s}": digest([s, self.chain(e, measuring, loc)]) for s, e in plan.signals.items()}
        elif isinstance(plan, Change):
            signals = {f"{name}__changed": self.change(plan, measuring, loc, keeps=entry.ours or bool(paths))}
            if model is not None and learnt_from is not None:
                self.carried.take_in({column: learnt_from.manifest.get("privacy", {}).get(column, ()) for column in plan.columns})
        elif self.cut:
            what, fix = f"rows are divided after `{next(iter(self.cut.values()))}`", "put the step that divides them before it"
            raise SpecError(what, where=self.document.where(loc), fix=fix)
        else:
            cut = self.chain(plan.items, measuring, loc)
            self.chains = {c: digest([cut, c, key]) for c, key in self.chains.items()} | {plan.column: cut}
            self.follow({plan.column: plan.items}, {})
            self.hold({plan.column: plan.items.explode()}, keeps=False)
        if isinstance(plan, Cut):
            # What is cut out of a row is part of its `_content`; how it is cut, of the values' identity.
            self.chains[plan.column] = digest([measuring, self.chains.get(plan.column)])
            self.cut[plan.column] = name
        self.steps.append(
            Step(
                name=name,
                operator=call.name,
                cardinality=entry.info["cardinality"],
                params=params,
                code=code,
                plan=plan,
                stage=self.stage,
                signals=signals,
                reads=reads,
                model=model,
                paths=paths,
            )
        )
        self.stage += isinstance(plan, Explode)

    def vary(self, index: int, declared: Augmentation) -> None:
        """Follow the steps of an augmentation. What its variants may carry, the dataset may carry."""
        chains, carried, held = dict(self.chains), self.carried.copy(), dict(self.held)
        self.cut = {}  # variants are made of what a recipe has left
        steps: list[tuple[str, Mapping[str, Any], str, Change | Ask]] = []
        changed: dict[str, None] = {}
        for at, call in enumerate(declared.steps):
            loc: yamlfile.Loc = ("augment", index, "steps", at)
            entry, params, code, plan, paths = self.bound(loc, call)
            if not isinstance(plan, Change | Ask):
                where, fix = self.document.where((*loc, call.name)), "variants are made by steps that are `1:1`"
                raise SpecError(f"`{call.name}` is {entry.info['cardinality']}: it makes no variants", where=where, fix=fix)
            if isinstance(plan, Change) and plan.model is not None:
                where, fix = self.document.where((*loc, call.name)), "put it into the recipe: variants have the columns of their row"
                raise SpecError(f"`{call.name}` reads another dataset: it makes no variants", where=where, fix=fix)
            if isinstance(plan, Ask):
                self.check_sent(plan, (*loc, call.name))
            made = plan if isinstance(plan, Change) else Change({plan.column: plan.requests})
            for column in made.columns if self.columns_known else ():
                if column not in self.chains:
                    where = self.document.where((*loc, call.name))
                    raise SpecError(f"no column `{column}`", where=where, fix="a variant has the columns of its row: name one of these")
            params = {name: value for name, value in params.items() if name not in entry.info.get("transport", ())}
            self.change(made, [code, params, *_versions(entry)], (*loc, call.name), keeps=entry.ours or bool(paths))
            changed |= dict.fromkeys(made.columns)
            steps.append((call.name, params, code, plan))
        for column in [*declared.where, *([declared.even] if declared.even else [])] if self.columns_known else ():
            if column not in self.chains:
                where = self.document.where(("augment", index))
                raise SpecError(f"no column `{column}`", where=where, fix=yamlfile.suggest(column, self.chains))
        repeats = sum(other.declared.name == declared.name for other in self.variants)
        name = declared.name if repeats == 0 else f"{declared.name}_{repeats + 1}"
        key = digest([name, declared.seed, {column: self.chains.get(column) for column in changed}])
        self.variants.append(Variants(name, declared, tuple(steps), tuple(changed), key))
        self.chains, self.held = chains, held
        self.carried.or_as(carried)

    def check_sent(self, plan: Ask, loc: yamlfile.Loc) -> None:
        """Refuse to send values to another machine, unless the declaration allows their privacy classes to leave this one."""
        for root in plan.requests.meta.root_names() if plan.may_send is not None else ():
            carried = self.carried.privacy.get(root, frozenset()) - (plan.may_send or frozenset())
            if carried:
                what = f"column `{root}` may hold {', '.join(sorted(carried))}, which the request would send away"
                fix = "redact it in the recipe, or name the classes under `may_send`"
                raise SpecError(what, where=self.document.where(loc), fix=fix)

    def chain(self, expression: pl.Expr, measuring: list[Any], loc: yamlfile.Loc) -> str:
        """Identity of an expression: code and parameters, and the identities of the columns it reads."""
        roots = sorted(set(expression.meta.root_names()))
        for root in roots:
            if root in self.cut:
                what = f"`{root}` is read after `{self.cut[root]}` has cut it"
                raise SpecError(what, where=self.document.where(loc), fix=f"put this step before `{self.cut[root]}`")
        for root in roots if self.columns_known else ():
            if root not in self.chains and not root.startswith("_"):
                raise SpecError(f"no column `{root}`", where=self.document.where(loc), fix=yamlfile.suggest(root, self.chains))
        return digest([measuring, [self.chains.get(root, f"source:{root}") for root in roots]])

    def change(self, plan: Change, measuring: list[Any], loc: yamlfile.Loc, *, keeps: bool) -> str:
        """Follow a 1:1 step; returns the identity of its signal `changed`."""
        new = {column: self.chain(expression, measuring, loc) for column, expression in plan.columns.items()}
        self.follow(plan.columns, plan.clears)
        self.hold(plan.columns, keeps=keeps)
        changed = digest([new, {column: self.chains.get(column) for column in new}])
        self.chains.update(new)
        return changed

    def follow(self, made: Mapping[str, pl.Expr], clears: Mapping[str, frozenset[str]]) -> None:
        """Note what `made` columns are made from and may carry, and the order of new ones."""
        self.carried.follow(made, clears)
        self.order += [column for column in made if column not in self.order]

    def hold(self, made: Mapping[str, pl.Expr], *, keeps: bool) -> None:
        """Note what `made` columns hold now; with `keeps`, what was JSON text still is. A user's own operator may make any text of it."""
        found = made_by(made, self.held)
        for column, expression in made.items():
            before = self.held.pop(column, None)
            if column in found:
                same = keeps and before is not None and column in expression.meta.root_names() and before.dtype == found[column].dtype
                self.held[column] = before if same and before else found[column]

    def recipe(self) -> Recipe:
        key = digest([[c, self.chains[c]] for c in self.order]) if self.columns_known else ""
        return Recipe(
            steps=tuple(self.steps),
            columns=tuple(self.order),
            values_key=key,
            privacy={c: p for c, p in self.carried.privacy.items() if p},
            lineage=self.carried.lineage,
            variants=tuple(self.variants),
        )


def _versions(entry: Entry) -> list[list[str | None]]:
    """The packages that an operator names, with their versions; null where one is not installed."""
    found: list[list[str | None]] = []
    for package in entry.info.get("packages", ()):
        try:
            found.append([package, importlib.metadata.version(package)])
        except importlib.metadata.PackageNotFoundError:
            found.append([package, None])
    return found
