"""Trained classifiers: the networks of a method or an export, or a single one, and the scores that they give."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from i2vadapt.clips.batches import Sample
from i2vadapt.config.names import canonical
from i2vadapt.config.parsing import parse, read_yaml
from i2vadapt.config.preprocessing import DecodeSettings, FlowSettings
from i2vadapt.config.recipes import settings_class
from i2vadapt.config.run import TrainingSettings
from i2vadapt.errors import UserError
from i2vadapt.files.absent import advice
from i2vadapt.flow.tvl1 import resolve_backend
from i2vadapt.inference.exported import ExportFolder, read_config, read_weights
from i2vadapt.inference.method import MethodDescription
from i2vadapt.inference.scoring import score_clips
from i2vadapt.layout import MethodFolder, RunFolder
from i2vadapt.models.registry import build_network
from i2vadapt.models.stream_network import RunNetwork
from i2vadapt.runtime.precision import choose_arithmetic
from i2vadapt.weights import checkpoint

_logger = logging.getLogger(__name__)

_NEEDED = ("model", "classes", "settings", "decode", "flow")


@dataclass(frozen=True)
class Member:
    """One trained network and the settings of its input.

    Attributes:
        model: trained network.
        settings: settings of its run.
        decode: settings with which its frames were made.
        flow: settings with which its flow was made; the defaults for an RGB network.
        weight: factor of its class probabilities in the fusion.
    """

    model: RunNetwork
    settings: TrainingSettings
    decode: DecodeSettings
    flow: FlowSettings
    weight: float = 1.0


@dataclass(frozen=True)
class Classifier:
    """Networks whose class probabilities are added.

    Attributes:
        members: trained networks, at least one.
        classes: class names in the order of the labels.
    """

    members: tuple[Member, ...]
    classes: tuple[str, ...]


def load_classifier(path: Path) -> Classifier:
    """Loads the networks of a method or of an export, or a single one.

    Args:
        path: folder of a method, whose runs are all loaded, folder that `export` wrote, or a checkpoint.pt.

    Raises:
        UserError: if a checkpoint is missing, damaged or of another architecture, or the checkpoints differ in their
            classes or the settings of their frames.
    """
    if ExportFolder(path).config.is_file():
        return _load_export(ExportFolder(path))
    checkpoints = checkpoints_of(path)
    loaded = [_load_member(one.file) for one in checkpoints]
    first, classes = loaded[0]
    for one, (member, other) in zip(checkpoints, loaded, strict=True):
        if other != classes:
            raise UserError(
                f"{one.file}: trained for the classes {', '.join(other)}, {checkpoints[0].file} for"
                f" {', '.join(classes)}"
            )
        if member.decode != first.decode:
            raise UserError(
                f"{one.file}: trained on frames of other settings (decode) than those of {checkpoints[0].file}"
            )
    members = (replace(member, weight=one.weight) for one, (member, _) in zip(checkpoints, loaded, strict=True))
    return Classifier(tuple(members), classes)


class Checkpoint(NamedTuple):
    """The file of a trained network, and its weight in the fusion."""

    file: Path
    weight: float


def checkpoints_of(path: Path) -> list[Checkpoint]:
    """Lists the networks of a method, given by its folder, or the one of a checkpoint.pt.

    Raises:
        UserError: if a folder is not that of a method.
    """
    if not path.is_dir():
        return [Checkpoint(path, 1.0)]
    runs = read_description(path).runs
    return [Checkpoint(RunFolder((path / run.folder).resolve()).checkpoint, run.weight) for run in runs]


def read_description(folder: Path) -> MethodDescription:
    """Reads the description of a method.

    Raises:
        UserError: if the folder is not that of a method.
    """
    file = MethodFolder(folder).description
    if not file.is_file():
        if RunFolder(folder).checkpoint.is_file():
            raise UserError(f"{folder}: this is the folder of a run: give its checkpoint.pt, or the folder of a method")
        if RunFolder(folder).settings.is_file():
            raise UserError(f"{folder}: this run is not trained yet; `i2vadapt status` lists what is done")
        raise UserError(f"{folder}: not the folder of a method: {file.name} is missing{advice(file)}")
    return parse(MethodDescription, read_yaml(file), str(file))


def _load_member(path: Path) -> tuple[Member, tuple[str, ...]]:
    content = checkpoint.load(path)
    missing = [key for key in _NEEDED if key not in content]
    if "features" in content.get("identity", {}):
        raise UserError(f"{path}: classifies features, not videos")
    if missing:
        raise UserError(f"{path}: not a trained classifier: {', '.join(missing)} missing")
    return _build_member(content, path), tuple(map(canonical, content["classes"]))


def _load_export(folder: ExportFolder) -> Classifier:
    config = read_config(folder)
    members = []
    for network in config.networks:
        content = {**network.model_dump(), "classes": config.classes, "model": read_weights(folder, network)}
        members.append(replace(_build_member(content, folder.config), weight=network.weight))
    return Classifier(tuple(members), config.classes)


def _build_member(content: Mapping[str, Any], path: Path) -> Member:
    """Builds a network from its settings and weights.

    Args:
        content: what `_NEEDED` lists.
        path: file of the settings, for messages.

    Raises:
        UserError: if the settings are wrong, or the weights do not fit them.
    """
    settings = parse(settings_class(content["settings"], str(path)), content["settings"], str(path))
    if not isinstance(settings, TrainingSettings):
        raise UserError(f"{path}: recipe {settings.recipe} trains no network")
    network = build_network(settings, len(content["classes"]))
    try:
        network.load_state_dict(content["model"])
    except RuntimeError as error:
        raise UserError(f"{path}: weights of another architecture: {' '.join(str(error).split())[:300]}") from None
    decode = parse(DecodeSettings, content["decode"], str(path))
    return Member(RunNetwork(network), settings, decode, _flow_of_this_machine(content["flow"], settings, path))


def _flow_of_this_machine(content: Mapping[str, Any], settings: TrainingSettings, path: Path) -> FlowSettings:
    """Settings of the flow; a GPU's backend, where there is none, makes way for the one of this machine."""
    flow = parse(FlowSettings, content, str(path))
    if settings.stream != "flow":
        return flow
    try:
        resolve_backend(flow.backend)
    except UserError as error:
        _logger.warning(
            "%s; flow of plain videos is computed by %s, and differs a little", error, resolve_backend("auto")
        )
        return flow.model_copy(update={"backend": "auto"})
    return flow


def score_in_batches(member: Member, batches: Iterable[Sample]) -> np.ndarray:
    """Computes the class probabilities (n,C) float32 of clips, the same ones whatever batches they come in.

    PyTorch's convolutions on a processor divide a batch of one in another way among their threads, and round its sums
    in another order (1e-8 for an untrained I3D): a clip that comes alone is therefore scored in a batch of two.

    Args:
        member: trained network.
        batches: batches of clips, as `clips.evaluation.EvaluationClips` gives them.
    """
    arithmetic = choose_arithmetic(member.settings.precision)
    arithmetic.prepare(member.model)
    kept: list[bool] = []

    def filled() -> Iterator[Sample]:
        for batch in batches:
            clips = batch["clip"]
            kept.extend([True] * len(clips) + [False] * (len(clips) == 1))
            yield {"clip": torch.cat([clips, clips]) if len(clips) == 1 else clips}

    return score_clips(member.model, filled(), arithmetic, member.settings.fusion).probabilities[kept]
