"""Table of the stages of the pipeline, which the workflow, verify, plan and the report read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["depth", "frames", "flow"]
Side = Literal["source", "target"]
Branch = Literal["source", "crops", "target"]
"""Branches of preprocessing: videos by camera motion, videos of crops, real videos."""


@dataclass(frozen=True)
class Stage:
    """A sub-command that the workflow runs as a rule of the same name.

    Attributes:
        name: name of the sub-command and the rule.
        version: version of the output, raised whenever the output changes. Snakemake cannot see an edit inside the
            package, so the rules pass the version as a parameter.
        kind: kind of the shards that the stage makes; None if it makes none.
        reads: kind of the shards that the stage reads; None if it reads the original files.
        settings: section of the settings on which the output depends; empty without one.
        branches: branches of preprocessing that have the stage.
        threads: CPU threads of a job.
        gpu: GPUs that a job requests by default.
    """

    name: str
    version: int
    kind: Kind | None = None
    reads: Kind | None = None
    settings: str = ""
    branches: tuple[Branch, ...] = ()
    threads: int = 4
    gpu: int = 0


DEMO = Stage("demo_data", version=3, threads=8)
MANIFEST = Stage("manifest", version=2)
DEPTH = Stage("depth", version=3, kind="depth", settings="depth", branches=("source",), gpu=1)
SYNTHESIZE = Stage("synthesize", version=4, kind="frames", reads="depth", settings="synthesis", branches=("source",))
CROP = Stage("crop", version=1, kind="frames", settings="crops", branches=("crops",), gpu=1)
DECODE = Stage("decode", version=3, kind="frames", settings="decode", branches=("target",))
FLOW = Stage("flow", version=2, kind="flow", reads="frames", settings="flow", branches=("source", "crops", "target"))
TRAIN = Stage("train", version=8, settings="train", threads=8, gpu=1)
FEATURES = Stage("features", version=1, threads=8, gpu=1)
FUSE = Stage("fuse", version=4, threads=1)
REPORT = Stage("report", version=5, threads=1)
EXPERIMENT = Stage("experiment", version=1, threads=1)

PREPROCESSING = (DEPTH, SYNTHESIZE, CROP, DECODE, FLOW)
"""Stages that make shards, each after the stages whose shards it reads."""

KINDS: tuple[Kind, ...] = tuple(dict.fromkeys(stage.kind for stage in PREPROCESSING if stage.kind is not None))
"""Kinds of shards, in the order of the stages that make them."""


def preprocessing(branch: Branch) -> tuple[Stage, ...]:
    """Stages that make the shards of one branch, in order."""
    return tuple(stage for stage in PREPROCESSING if branch in stage.branches)


def by_name(name: str) -> Stage | None:
    """The preprocessing stage with a name, as recorded in the provenance of a shard; None if there is none."""
    return next((stage for stage in PREPROCESSING if stage.name == name), None)
