"""A benchmark with its settings, and the runs and methods that can be asked of it by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from i2vadapt.config.base import Section
from i2vadapt.config.documents import Benchmark
from i2vadapt.config.experiments import Override, split_variant
from i2vadapt.config.methods import (
    MethodSpec,
    MethodsTable,
    check_fusion,
    check_parents,
    needed_runs,
    resolve_run,
)
from i2vadapt.config.run import RunSettings, TrainingSettings
from i2vadapt.config.settings import Settings, merge
from i2vadapt.errors import UserError


@dataclass(frozen=True)
class ResolvedBenchmark:
    """A benchmark with the settings of its stages and the chosen methods.

    Runs and methods are resolved when they are first asked for: the jobs of a cluster read the same configuration as
    Snakemake, but do not know which table was asked for.

    Attributes:
        file: benchmark file.
        benchmark: content of the file.
        settings: settings of all stages.
        table: all runs and methods.
        preset: name of the preset.
        shared: sections `train` of the documents, later ones overriding earlier ones.
        chosen: names of the methods of config.yaml, in the order of the tables.
        features: names of the methods whose features the report draws; None: see `drawn`.
    """

    file: Path
    benchmark: Benchmark
    settings: Settings
    table: MethodsTable
    preset: str
    shared: tuple[Mapping[str, Any], ...]
    chosen: tuple[str, ...]
    features: tuple[str, ...] | None = ()
    _runs: dict[str, RunSettings] = field(default_factory=dict, compare=False, repr=False)

    @property
    def where(self) -> str:
        """Name of the documents, for messages."""
        return f"settings of {self.benchmark.name} (with config.yaml)"

    @cached_property
    def methods(self) -> dict[str, MethodSpec]:
        """Chosen methods by name."""
        return {name: self.method(name) for name in self.chosen}

    @cached_property
    def runs(self) -> dict[str, RunSettings]:
        """Runs that the chosen methods need, see `runs_of`."""
        return self.runs_of(self.chosen)

    @cached_property
    def drawn(self) -> tuple[str, ...]:
        """Methods whose features the report draws: those that are named, or the last one that trains networks."""
        if self.features is not None:
            return self.features
        networks = [
            name
            for name, method in self.methods.items()
            if all(isinstance(self.run(run), TrainingSettings) for run in method.fuse)
        ]
        return tuple(networks[-1:])

    @cached_property
    def crop_classifier(self) -> str | None:
        """Name of the run by whose classifier photographs are cropped, for the runs that read crops; None: no run does.

        Raises:
            UserError: if runs name different ones.
        """
        written = (merge(run, self.benchmark.runs.get(name, {})) for name, run in self.table.runs.items())
        named = sorted({str(run["crops_by"]) for run in written if run.get("crops_by") is not None})
        if len(named) > 1:
            raise UserError(f"{self.where}: crops_by must be the same in all runs, not {', '.join(named)}")
        return named[0] if named else None

    def runs_of(self, methods: Sequence[str]) -> dict[str, RunSettings]:
        """Settings of the runs that some methods need, by name, each after the runs whose scores it reads.

        Raises:
            UserError: if a method is unknown, its runs have wrong settings, or do not fit together; lists all mistakes.
        """
        specs = {name: self.method(name) for name in methods}
        runs = needed_runs(specs, self.table.runs, self.run)
        check_parents(runs, self.where)
        check_fusion(specs, runs, self.where)
        return runs

    def run(self, name: str) -> RunSettings:
        """Settings of a run, or of a variant of one, whose partners are variants as well.

        Raises:
            UserError: if there is no such run, or its settings are wrong.
        """
        if name not in self._runs:
            base, overrides = split_variant(name)
            if base not in self.table.runs:
                raise UserError(f"{self.where}: no run {base!r}; there are {', '.join(self.table.runs)}")
            known = [override.nested() for override in overrides if _has_setting(self.run(base), override)]
            own = merge(self.benchmark.runs.get(base, {}), *known)
            settings = resolve_run(base, self.table, self.shared, own, self.preset, f"{self.where}, run {name}")
            if overrides:
                partners = {partner: self.variant_of_run(partner, overrides) for partner in settings.partners}
                settings = settings.with_partners(partners)
            self._runs[name] = settings
        return self._runs[name]

    def method(self, name: str) -> MethodSpec:
        """A method, or a variant of one, whose runs are variants where they know the settings.

        Raises:
            UserError: if there is no such method, or none of its runs has the setting.
        """
        base, overrides = split_variant(name)
        spec = self.table.method(name)
        if not overrides:
            return spec
        needed_runs({base: spec}, self.table.runs, self.run)  # finds partners that read each other
        for override in overrides:
            if not any(self._can_change(run, override) for run in spec.fuse):
                raise UserError(f"{name}: no run of method {base} has a setting {override.setting}")
        return spec.model_copy(update={"fuse": tuple(self.variant_of_run(run, overrides) for run in spec.fuse)})

    def variant_of_run(self, name: str, overrides: Iterable[Override]) -> str:
        """Name of the variant of a run, without the overrides that change nothing, so that its training is shared."""
        for override in overrides:
            variant = name + override.suffix
            if self._can_change(name, override) and self.run(variant) != self.run(name):
                name = variant
        return name

    def _can_change(self, name: str, override: Override) -> bool:
        """Whether a run has a setting, or reads the scores of a partner that has it."""
        settings = self.run(name)
        return _has_setting(settings, override) or any(
            self._can_change(partner, override) for partner in settings.partners
        )


def _has_setting(settings: RunSettings, override: Override) -> bool:
    """Whether a run has a setting; a section that is null has none, as the bank of a run without one."""
    found: Any = settings
    for key in override.setting.split("."):
        if not isinstance(found, Section) or key not in type(found).model_fields:
            return False
        found = getattr(found, key)
    return True
