"""Evaluation of a method by fusing the last scores of its runs; the videos are not read again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, Field

from i2vadapt.config.base import Section, Stream
from i2vadapt.config.methods import FusionWeights
from i2vadapt.config.names import canonical
from i2vadapt.config.parsing import read_yaml
from i2vadapt.errors import UserError
from i2vadapt.files.atomic import write_atomically
from i2vadapt.files.digests import file_digest
from i2vadapt.inference.confidence import source_weights
from i2vadapt.inference.predictions import write_predictions
from i2vadapt.inference.scores import Scores, read_scores
from i2vadapt.layout import MethodFolder, RunFolder


class FusedRun(Section):
    """One of the runs that a method fuses."""

    name: str
    stream: Stream
    folder: str = Field(description="folder of the run, relative to that of the method")
    epochs: int
    scores: str = Field(description="SHA-256 of the fused scores, those after the last epoch")
    weight: float = Field(1.0, description="factor of the scores in the fusion")


class MethodDescription(Section):
    """Content of method.yaml."""

    title: str
    origin: str = Field("", description="work that the method follows; empty: the paper")
    protocol: str
    weights: FusionWeights = "equal"
    classes: tuple[Annotated[str, AfterValidator(canonical)], ...]
    runs: tuple[FusedRun, ...] = Field(min_length=1)
    predictions: str = Field(description="SHA-256 of the table of predictions")


def fuse_runs(
    folders: Sequence[Path], title: str, out: Path, origin: str = "", weights: FusionWeights = "equal"
) -> dict[str, float]:
    """Writes predictions.csv and method.yaml of a method.

    Args:
        folders: folders of its runs, at most one per stream.
        title: name of the method in the tables.
        out: folder of the method.
        origin: work that the method follows, for the tables; empty: the paper.
        weights: rule by which the runs are weighted, see `MethodSpec`.

    Returns:
        Accuracies of each stream and of the fusion, as `write_predictions`; empty without labels.

    Raises:
        UserError: if a run is not finished, or the runs were not tested on the same videos and classes.
    """
    runs: list[FusedRun] = []
    scores: dict[str, Scores] = {}
    protocol = ""
    for folder in folders:
        settings = _run_settings(folder)
        stream, epochs = settings["stream"], settings["epochs"]
        if stream in scores:
            raise UserError(f"{folder}: a second run of stream {stream}")
        if protocol not in ("", settings["protocol"]):
            raise UserError(f"{folder}: protocol {settings['protocol']}, but the first run has {protocol}")
        protocol = settings["protocol"]
        path = RunFolder(folder).scores(epochs)
        scores[stream] = read_scores(path, next(iter(scores.values())).classes if scores else None)
        place = os.path.relpath(folder.resolve(), out.resolve())
        name = folder.resolve().parent.name
        runs.append(FusedRun(name=name, stream=stream, folder=place, epochs=epochs, scores=file_digest(path)))
    factors = source_weights(list(scores.values())) if weights == "source" else [1.0] * len(scores)
    runs = [run.model_copy(update={"weight": factor}) for run, factor in zip(runs, factors, strict=True)]
    results = write_predictions(MethodFolder(out).predictions, scores, factors)
    classes = next(iter(scores.values())).classes
    description = MethodDescription(
        title=title,
        origin=origin,
        protocol=protocol,
        weights=weights,
        classes=classes,
        runs=tuple(runs),
        predictions=file_digest(MethodFolder(out).predictions),
    )
    text = yaml.safe_dump(description.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    write_atomically(MethodFolder(out).description, text.encode("utf-8", "surrogateescape"))
    return results


def _run_settings(folder: Path) -> dict[str, Any]:
    """Section `train` of a finished run's settings.yaml."""
    layout = RunFolder(folder)
    document = read_yaml(layout.settings)
    settings = document.get("train")
    if not isinstance(settings, dict) or not {"stream", "epochs", "protocol"} <= settings.keys():
        raise UserError(f"{layout.settings}: not the settings of a run: train the run again")
    return settings
