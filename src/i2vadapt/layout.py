"""Every path below the results folder; no other module spells out these names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

SHARD_SUFFIX = ".h5"
SUPERSEDED_SUFFIX = ".superseded"


def shard_name(index: int) -> str:
    """Name of the files of a shard, without suffix."""
    return f"{index:04d}"


def partial_folder(shard: Path) -> Path:
    """Folder of what has been finished of a shard, and of the items that are worked on."""
    return shard.with_name(shard.name + ".partial")


def superseded_versions(path: Path) -> Path:
    """Folder of the versions of a shard, or of a run's folder, that were made with earlier settings."""
    return path.with_name(path.name + SUPERSEDED_SUFFIX)


@dataclass(frozen=True)
class DatasetFolder:
    """Folder results/datasets/<dataset>, with the tables and shards of a dataset."""

    path: Path

    @property
    def manifest(self) -> Path:
        """Table of the items that are used."""
        return self.path / "manifest.csv"

    @property
    def excluded(self) -> Path:
        """Table of the items that are not used, with the reasons."""
        return self.path / "excluded.csv"

    @property
    def contents(self) -> Path:
        """Fingerprint of each shard, one per line: a digest of its items and of the settings applied to them."""
        return self.path / "contents.txt"

    def items(self, shard: str) -> Path:
        """Table of the items of a shard."""
        return self.path / "items" / f"{shard}.csv"

    def shard(self, kind: str, shard: str) -> Path:
        """A shard.

        Args:
            kind: depth, frames or flow.
            shard: name of the shard, see `shard_name`.
        """
        return self.path / kind / f"{shard}{SHARD_SUFFIX}"

    def shards(self, kind: str, count: int) -> list[Path]:
        """All shards of a dataset, whether or not they exist.

        Args:
            kind: depth, frames or flow.
            count: number of shards of the dataset.
        """
        return [self.shard(kind, shard_name(index)) for index in range(count)]

    def item_tables(self) -> list[Path]:
        """Existing item tables of the shards, in order."""
        return sorted((self.path / "items").glob("*.csv"))

    def count_shards(self) -> int:
        """Number of shards, counted by the item tables that the manifest stage has written."""
        return len(self.item_tables())


@dataclass(frozen=True)
class RunFolder:
    """Folder results/runs/<benchmark>/<run>/seed<k>, with the outputs of training one network."""

    path: Path

    @property
    def checkpoint(self) -> Path:
        """The trained network, written at the end of the training."""
        return self.path / "checkpoint.pt"

    @property
    def metrics(self) -> Path:
        """Table of the recorded values, one row per epoch."""
        return self.path / "metrics.csv"

    @property
    def pace_counts(self) -> Path:
        """Table of the training clips by epoch, true and predicted pace; only runs that predict the pace have it."""
        return self.path / "pace.csv"

    @property
    def settings(self) -> Path:
        """All settings, inputs and digests of the run."""
        return self.path / "settings.yaml"

    @property
    def scores_index(self) -> Path:
        """Table of the scored epochs, with the digest of each file of scores."""
        return self.path / "scores.csv"

    def scores(self, epoch: int) -> Path:
        """Scores of all target videos after an epoch, counted from 1."""
        return self.path / "scores" / f"{epoch:04d}.safetensors"

    @property
    def state(self) -> Path:
        """State of an unfinished training."""
        return self.path / "state.pt"

    @property
    def lock(self) -> Path:
        """File that a training locks while it runs."""
        return self.path / ".lock"

    @property
    def events(self) -> Path:
        """Folder of TensorBoard events."""
        return self.path / "events"


@dataclass(frozen=True)
class MethodFolder:
    """Folder results/methods/<benchmark>/<method>/seed<k>, with the fusion of a method's runs."""

    path: Path

    @property
    def predictions(self) -> Path:
        """Table of the predictions, one row per tested video."""
        return self.path / "predictions.csv"

    @property
    def description(self) -> Path:
        """Description of the method: its title and the runs that it fuses."""
        return self.path / "method.yaml"


@dataclass(frozen=True)
class ReportFolder:
    """Folder results/reports/<benchmark>, with the report of a benchmark."""

    path: Path

    @property
    def page(self) -> Path:
        """The page with the whole report."""
        return self.path / "report.html"

    def table(self, suffix: str) -> Path:
        """The table of accuracies in a format: csv, md, tex or png."""
        return self.path / f"accuracy.{suffix}"

    def comparison(self, suffix: str) -> Path:
        """The comparison with the paper's accuracies in a format: csv or md."""
        return self.path / f"comparison.{suffix}"

    def figure(self, name: str) -> Path:
        """A figure or contact sheet, by its name."""
        return self.path / f"{name}.png"


@dataclass(frozen=True)
class ExperimentFolder:
    """Folder results/experiments/<experiment>/<benchmarks>, with a table or figure of the paper."""

    path: Path
    name: str

    def file(self, suffix: str) -> Path:
        """The experiment in a format: csv, md, tex or png."""
        return self.path / f"{self.name}.{suffix}"


@dataclass(frozen=True)
class Results:
    """The results folder. Where a name is a wildcard in braces, the path is a pattern for Snakemake."""

    path: Path

    def dataset(self, name: str) -> DatasetFolder:
        """Folder of a dataset."""
        return DatasetFolder(self.path / "datasets" / name)

    def run(self, benchmark: str, run: str, seed: int | str) -> RunFolder:
        """Folder of a run of a benchmark with a seed."""
        return RunFolder(self.path / "runs" / benchmark / run / f"seed{seed}")

    def features(self, benchmark: str, run: str, seed: int | str) -> Path:
        """Features of the photographs and videos of a benchmark, by the network of a run."""
        return self.path / "features" / benchmark / run / f"seed{seed}{SHARD_SUFFIX}"

    def video_features(self, benchmark: str, run: str, seed: int | str) -> Path:
        """Features of the generated and the real videos of a benchmark, by the network of a run."""
        return self.path / "features" / benchmark / run / f"seed{seed}-videos{SHARD_SUFFIX}"

    def experiment(self, name: str, benchmarks: Iterable[str]) -> ExperimentFolder:
        """Folder of a table or figure of some benchmarks."""
        return ExperimentFolder(self.path / "experiments" / name / "+".join(benchmarks), name)

    def method(self, benchmark: str, method: str, seed: int | str) -> MethodFolder:
        """Folder of a method of a benchmark with a seed."""
        return MethodFolder(self.path / "methods" / benchmark / method / f"seed{seed}")

    def report(self, benchmark: str) -> ReportFolder:
        """Folder of a benchmark's report."""
        return ReportFolder(self.path / "reports" / benchmark)

    def log(self, rule: str, name: str) -> Path:
        """Log of a job, by the rule and the name of the job."""
        return self.path / "logs" / rule / f"{name}.log"

    def job_time(self, rule: str, name: str) -> Path:
        """Resources of a job as measured by Snakemake, by the rule and the name of the job."""
        return self.job_times / rule / f"{name}.tsv"

    @property
    def job_times(self) -> Path:
        """Folder of the resources of all jobs as measured by Snakemake, one sub-folder per rule."""
        return self.path / "benchmarks"

    def dataset_folders(self) -> list[DatasetFolder]:
        """Folders of all datasets whose manifest exists."""
        return [DatasetFolder(items.parent) for items in sorted((self.path / "datasets").glob("*/items"))]

    def run_folders(self) -> list[Path]:
        """Folders of all benchmarks that have runs."""
        return sorted((self.path / "runs").glob("*/"))

    def method_folders(self) -> list[Path]:
        """Folders of all benchmarks that have methods."""
        return sorted((self.path / "methods").glob("*/"))

    def feature_folders(self) -> list[Path]:
        """Folders of all benchmarks that have features."""
        return sorted((self.path / "features").glob("*/"))

    def is_shard(self, path: Path) -> bool:
        """Whether a path is that of a shard of a dataset."""
        return path.suffix == SHARD_SUFFIX and path.is_relative_to(self.path / "datasets")

    @property
    def unfinished(self) -> Path:
        """List of the outputs that the current or last run of the workflow set out to make."""
        return self.path / "unfinished.json"

    def superseded(self) -> list[Path]:
        """Shards and folders of runs that were made with earlier settings and set aside."""
        patterns = (f"datasets/*/*/*{SUPERSEDED_SUFFIX}", f"runs/*/*/*{SUPERSEDED_SUFFIX}")
        return sorted(
            version for pattern in patterns for store in self.path.glob(pattern) for version in store.iterdir()
        )
