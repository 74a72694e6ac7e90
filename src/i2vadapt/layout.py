"""Every path below the results folder, and the names of the files in it. Nothing else spells them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SHARD_SUFFIX = ".h5"


def shard_name(index: int) -> str:
    """Name of a shard's files, without suffix."""
    return f"{index:04d}"


@dataclass(frozen=True)
class DatasetFolder:
    """results/datasets/<dataset>: the tables and shards of a dataset."""

    path: Path

    @property
    def manifest(self) -> Path:
        """Table of the items that take part."""
        return self.path / "manifest.csv"

    @property
    def excluded(self) -> Path:
        """Table of the items that do not, with the reason."""
        return self.path / "excluded.csv"

    @property
    def contents(self) -> Path:
        """Fingerprint of each shard, one a line: digest of its items and of all that is done with them."""
        return self.path / "contents.txt"

    def items(self, shard: str) -> Path:
        """Table of the items of a shard."""
        return self.path / "items" / f"{shard}.csv"

    def shard(self, kind: str, shard: str) -> Path:
        """A shard of a kind: depth, frames or flow."""
        return self.path / kind / f"{shard}{SHARD_SUFFIX}"

    def shards(self, kind: str, count: int) -> list[Path]:
        """All shards of a kind that a dataset of `count` shards has, whether or not they exist."""
        return [self.shard(kind, shard_name(index)) for index in range(count)]

    def item_tables(self) -> list[Path]:
        """Tables of items that exist, in order."""
        return sorted((self.path / "items").glob("*.csv"))

    def count_shards(self) -> int:
        """Number of shards of a dataset whose manifest was made."""
        return len(self.item_tables())


@dataclass(frozen=True)
class RunFolder:
    """results/runs/<benchmark>/<run>/seed<k>: what training one network leaves."""

    path: Path

    @property
    def checkpoint(self) -> Path:
        """The trained network, written once at the end."""
        return self.path / "checkpoint.pt"

    @property
    def metrics(self) -> Path:
        """One row an epoch."""
        return self.path / "metrics.csv"

    @property
    def settings(self) -> Path:
        """All settings, inputs and digests of the run."""
        return self.path / "settings.yaml"

    @property
    def scores_index(self) -> Path:
        """Table of the epochs that were scored, with the digest of each file."""
        return self.path / "scores.csv"

    def scores(self, epoch: int) -> Path:
        """Scores of all target videos after an epoch, counted from 1."""
        return self.path / "scores" / f"{epoch:04d}.safetensors"

    @property
    def state(self) -> Path:
        """State of an unfinished training."""
        return self.path / "state.pt"

    @property
    def events(self) -> Path:
        """Folder of TensorBoard events."""
        return self.path / "events"


@dataclass(frozen=True)
class MethodFolder:
    """results/methods/<benchmark>/<method>/seed<k>: the fusion of a method's runs."""

    path: Path

    @property
    def predictions(self) -> Path:
        """One row a video of the test part."""
        return self.path / "predictions.csv"

    @property
    def description(self) -> Path:
        """Title of the method and the runs that it fuses."""
        return self.path / "method.yaml"


@dataclass(frozen=True)
class ReportFolder:
    """results/reports/<benchmark>."""

    path: Path

    @property
    def page(self) -> Path:
        """The page that holds everything."""
        return self.path / "report.html"

    def table(self, suffix: str) -> Path:
        """The table of accuracies as csv, md, tex or png."""
        return self.path / f"accuracy.{suffix}"

    def figure(self, name: str) -> Path:
        """A figure or contact sheet."""
        return self.path / f"{name}.png"


@dataclass(frozen=True)
class Results:
    """The results folder. Paths are patterns for Snakemake where a name is a wildcard in braces."""

    path: Path

    def dataset(self, name: str) -> DatasetFolder:
        """Folder of a dataset."""
        return DatasetFolder(self.path / "datasets" / name)

    def run(self, benchmark: str, run: str, seed: int | str) -> RunFolder:
        """Folder of a run."""
        return RunFolder(self.path / "runs" / benchmark / run / f"seed{seed}")

    def method(self, benchmark: str, method: str, seed: int | str) -> MethodFolder:
        """Folder of a method."""
        return MethodFolder(self.path / "methods" / benchmark / method / f"seed{seed}")

    def report(self, benchmark: str) -> ReportFolder:
        """Folder of a benchmark's report."""
        return ReportFolder(self.path / "reports" / benchmark)

    def log(self, rule: str, name: str) -> Path:
        """Log of a job."""
        return self.path / "logs" / rule / f"{name}.log"

    def job_time(self, rule: str, name: str) -> Path:
        """What Snakemake measured of a job."""
        return self.job_times / rule / f"{name}.tsv"

    @property
    def job_times(self) -> Path:
        """Folder of what Snakemake measured of the jobs, one sub-folder a rule."""
        return self.path / "benchmarks"

    def dataset_folders(self) -> list[DatasetFolder]:
        """All datasets whose manifest was made."""
        return [DatasetFolder(items.parent) for items in sorted((self.path / "datasets").glob("*/items"))]
