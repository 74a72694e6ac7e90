"""The document workflow/methods.yaml: runs, and the methods that fuse them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from i2vadapt.config.base import Section
from i2vadapt.config.experiments import base_of, split_variant
from i2vadapt.config.names import Distinct, Name, Title
from i2vadapt.config.parsing import parse, parse_file, raise_problems
from i2vadapt.config.recipes import settings_class
from i2vadapt.config.run import RunSettings, TrainingSettings
from i2vadapt.config.settings import PRESETS, merge
from i2vadapt.errors import UserError

FusionWeights = Literal["equal", "source"]


class MethodSpec(Section):
    """A method, one row of the tables.

    A method needs the runs that it fuses and, in turn, the runs whose scores these read.
    """

    title: Title = Field(min_length=1, description="name of the row, as in the paper")
    table: int | None = Field(None, description="number of the paper's table that contains the row")
    origin: str = Field("", max_length=200, description="work that the method follows, for Table 1; empty: the paper")
    fuse: Annotated[tuple[str, ...], Distinct] = Field(
        min_length=1, description="runs whose class probabilities are added"
    )
    weights: FusionWeights = Field(
        "equal",
        description="weights of the runs: equal (the paper), or by the probability that each gives the true classes of"
        " source clips, beyond chance (source)",
    )


class MethodsTable(Section):
    """Content of methods.yaml."""

    runs: dict[Name, dict[str, Any]] = Field(description="settings that differ from those of the benchmark, by run")
    methods: dict[Name, MethodSpec] = Field(description="methods by name")

    def method(self, name: str) -> MethodSpec:
        """A method, or a variant of one, which has a title of its own and fuses the runs of the method.

        Raises:
            UserError: if there is no such method; lists those that there are.
        """
        base, overrides = split_variant(name)
        if base not in self.methods:
            raise UserError(f"methods: no method {base!r} in methods.yaml; there are {', '.join(self.methods)}")
        spec = self.methods[base]
        title = ", ".join([spec.title, *(override.suffix[1:].replace("=", " = ") for override in overrides)])
        return spec.model_copy(update={"title": title})


def load_methods(path: Path) -> MethodsTable:
    """Reads methods.yaml.

    Raises:
        UserError: if the file cannot be read or a fused run is not defined; lists all mistakes at once.
    """
    table = parse_file(MethodsTable, path)
    problems = [
        f"{path}: methods.{name}.fuse: no run {run!r}; there are {', '.join(table.runs)}"
        for name, method in table.methods.items()
        for run in method.fuse
        if run not in table.runs
    ]
    raise_problems(problems)
    return table


def resolve_run(
    base: str,
    table: MethodsTable,
    shared: Iterable[Mapping[str, Any]],
    own: Mapping[str, Any],
    preset: str,
    where: str,
) -> RunSettings:
    """Resolves the settings of one run.

    Args:
        base: name of the run in methods.yaml.
        table: content of methods.yaml, with the settings of the run.
        shared: sections `train` of the benchmark and the configuration, which all runs share; keys that the recipe of
            the run does not know, or fixes to one value, are ignored.
        own: settings of this run in the benchmark file; they override the others.
        preset: name of the preset, which all others override.
        where: name of the documents and of the run, for messages.

    Raises:
        UserError: if there are mistakes; lists all of them.
    """
    run = table.runs[base]
    settings = settings_class(run, where)
    known = merge(PRESETS[preset].get("train", {}), *shared)
    taken = {key: value for key, value in known.items() if takes_from_train(settings, key)}
    return parse(settings, merge(taken, run, own), where).relevant()


def takes_from_train(settings: type[RunSettings], key: str) -> bool:
    """Whether runs of a recipe take a key from the sections `train`: it is shared and has more than one value."""
    shared = settings if issubclass(settings, TrainingSettings) else RunSettings  # an estimator's rates are its own
    return key in shared.model_fields and len(get_args(settings.model_fields[key].annotation)) != 1


def needed_runs(
    methods: Mapping[str, MethodSpec], known: Iterable[str], settings_of: Callable[[str], RunSettings]
) -> dict[str, RunSettings]:
    """Collects the runs that some methods need.

    Args:
        methods: methods by name.
        known: names of all runs.
        settings_of: function that resolves the settings of a run, or of a variant of one.

    Returns:
        Settings by run, each run after the runs whose scores it reads.

    Raises:
        UserError: if a run reads one that does not exist, or directly or indirectly reads itself.
    """
    names, runs = list(known), dict[str, RunSettings]()

    def add(name: str, children: tuple[str, ...]) -> None:
        if name in children:
            raise UserError(f"runs: {' reads '.join([*children, name])}: a run cannot read its own scores")
        if children and base_of(name) not in names:
            raise UserError(f"runs: {children[-1]} reads the scores of {name!r}; there are {', '.join(names)}")
        if name not in runs:
            settings = settings_of(name)
            for parent in (
                *settings.parents,
                *([settings.crop_classifier] if settings.crop_classifier is not None else []),
            ):
                add(parent, (*children, name))
            runs[name] = settings

    for method in methods.values():
        for name in method.fuse:
            add(name, ())
    return runs


def check_fusion(methods: Mapping[str, MethodSpec], runs: Mapping[str, RunSettings], where: str) -> None:
    """Checks that each method fuses at most one run per stream, all tested on the same videos.

    Args:
        methods: methods by name.
        runs: settings of all runs that the methods need, by name.
        where: name of the documents, for messages.

    Raises:
        UserError: if one does not; lists all mistakes.
    """
    problems = []
    for name, method in methods.items():
        fused = [runs[run] for run in method.fuse]
        if len({settings.stream for settings in fused}) < len(fused):
            problems.append(f"{where}, method {name}: fuse: {', '.join(method.fuse)}: two runs of the same stream")
        if any((settings.protocol, settings.split1) != (fused[0].protocol, fused[0].split1) for settings in fused):
            problems.append(f"{where}, method {name}: fuse: {', '.join(method.fuse)}: tested on different videos")
    raise_problems(problems)


def check_parents(runs: Mapping[str, RunSettings], where: str) -> None:
    """Checks that every parent has the network and scores the epochs that its readers need, on the same videos.

    Args:
        runs: settings of all needed runs, by name.
        where: name of the documents, for messages.

    Raises:
        UserError: if one does not; lists all mistakes.
    """
    problems = []
    for name, settings in runs.items():
        for parent in settings.parents:
            other = runs[parent]
            if (settings.protocol, settings.split1) != (other.protocol, other.split1):
                problems.append(f"{where}, run {name}: protocol and split1 differ from those of {parent}")
        for needed, (networks, why) in settings.required_networks.items():
            other = runs[needed]
            if not isinstance(other, TrainingSettings) or other.network not in networks:
                found = f"network {other.network}" if isinstance(other, TrainingSettings) else f"recipe {other.recipe}"
                problems.append(
                    f"{where}, run {name}: {why} needs a run of {', '.join(networks)}, but {needed} has {found}"
                )
        for partner in settings.partners:
            problems += _partner_problems(f"{where}, run {name}", settings, partner, runs[partner])
    raise_problems(problems)


def _partner_problems(where: str, settings: RunSettings, name: str, partner: RunSettings) -> list[str]:
    """What a partner lacks of what a run reads from it."""
    problems = []
    missing = sorted(settings.epochs_read() - partner.scored_epochs())
    if missing:
        scored = f"epochs {partner.epochs}"
        if isinstance(partner, TrainingSettings):
            scored = f"evaluate_every is {partner.evaluate_every}, evaluate_from {partner.evaluate_from}, {scored}"
        problems.append(
            f"{where}: needs the scores of {name} after epoch {missing[0]}, but {name} does not score it: {scored}"
        )
    if settings.partners_with_features and partner.stream != "rgb":
        problems.append(f"{where}: bank.strategy compares RGB features: {name} is a {partner.stream} run")
    elif settings.partners_with_features and isinstance(partner, TrainingSettings) and not partner.keep_features:
        problems.append(f"{where}: bank.strategy compares features: {name} must have keep_features: true")
    return problems
