"""Fingerprints of a dataset's shards: short digests that say which jobs have something to do.

Imports only what Snakemake's own environment has, since the rules ask for fingerprints while the workflow is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from i2vadapt import stages
from i2vadapt.config.datasets import Dataset
from i2vadapt.data.listing import shard_digests
from i2vadapt.files.digests import data_digest
from i2vadapt.layout import DatasetFolder

DEMO = {"version": stages.DEMO.version, "seed": 0, "photographs": 60, "videos": 40}
"""What the demo benchmark is rendered from."""

_LENGTH = 8
_GENERATED = "generated"


@dataclass(frozen=True)
class Fingerprints:
    """Fingerprints of one dataset.

    Attributes:
        definition: of what decides which items the dataset has, the files themselves apart.
        contents: of the items of each shard, in order. One photograph more changes one of them.
        records: of the items of each shard and of all that is done with them, in order; contents.txt holds these.
    """

    definition: str
    contents: list[str]
    records: list[str]


def take_fingerprints(dataset: Dataset) -> Fingerprints:
    """Lists the files of a dataset, names and sizes only, and takes the fingerprints of its shards.

    Changing a formula here makes every finished shard look outdated.
    """
    defined = definition(dataset)
    found = contents(dataset, defined)
    return Fingerprints(defined, found, records(dataset, found))


def definition(dataset: Dataset) -> str:
    """Digest of what decides which items a dataset has: its part of the benchmark file and the lists it names."""
    lists = [Path(path).read_bytes().hex() for path in dataset.spec.lists if Path(path).is_file()]
    return data_digest([dataset.definition, lists, DEMO if dataset.spec.generated else None])


def contents(dataset: Dataset, defined: str) -> list[str]:
    """Fingerprint of the items of each shard; a generated dataset is not listed, since its rule follows its version."""
    shards = dataset.spec.shards
    listing = [_GENERATED] * shards if dataset.spec.generated else shard_digests(Path(dataset.spec.root), shards)
    return [data_digest([defined, files])[:_LENGTH] for files in listing]


def records(dataset: Dataset, items: list[str]) -> list[str]:
    """Fingerprint of the items of each shard and of the settings and versions of the stages that work on them."""
    sections = {stage.settings for stage in stages.preprocessing(dataset.branch)}
    settings = dataset.settings.model_dump(mode="json", include=sections)
    branch = dataset.branch
    versions = [stage.version for stage in stages.PREPROCESSING if stage is not stages.CROP or branch == "crops"]
    return [data_digest([item, settings, versions])[:_LENGTH] for item in items]


def is_recorded(folder: DatasetFolder, shard: int, record: str) -> bool:
    """Whether the manifest that is there was made for this record of a shard."""
    if not folder.contents.exists():
        return False
    return folder.contents.read_text().split()[shard : shard + 1] == [record]
