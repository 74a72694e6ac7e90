"""Trained classifiers: the networks of a method, or a single one, loaded from their checkpoints."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from i2vadapt.config.names import canonical
from i2vadapt.config.parsing import parse, read_yaml
from i2vadapt.config.preprocessing import DecodeSettings, FlowSettings
from i2vadapt.config.recipes import settings_class
from i2vadapt.config.run import TrainingSettings
from i2vadapt.errors import UserError
from i2vadapt.inference.method import MethodDescription
from i2vadapt.layout import MethodFolder, RunFolder
from i2vadapt.models.registry import build_network
from i2vadapt.models.stream_network import RunNetwork
from i2vadapt.weights import checkpoint

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
    """Loads the networks of a method, or a single one.

    Args:
        path: folder of a method, whose runs are all loaded, or a checkpoint.pt.

    Raises:
        UserError: if a checkpoint is missing, damaged or of another architecture, or the checkpoints differ in their
            classes or the settings of their frames.
    """
    if path.is_dir():
        description = _read_description(path)
        checkpoints = [RunFolder((path / run.folder).resolve()).checkpoint for run in description.runs]
        weights = [run.weight for run in description.runs]
    else:
        checkpoints, weights = [path], [1.0]
    loaded = [_load_member(file) for file in checkpoints]
    first, classes = loaded[0]
    for file, (member, other) in zip(checkpoints, loaded, strict=True):
        if other != classes:
            raise UserError(
                f"{file}: trained for the classes {', '.join(other)}, {checkpoints[0]} for {', '.join(classes)}"
            )
        if member.decode != first.decode:
            raise UserError(f"{file}: trained on frames of other settings (decode) than those of {checkpoints[0]}")
    members = (replace(member, weight=weight) for (member, _), weight in zip(loaded, weights, strict=True))
    return Classifier(tuple(members), classes)


def _read_description(folder: Path) -> MethodDescription:
    file = MethodFolder(folder).description
    if not file.is_file():
        if RunFolder(folder).checkpoint.is_file():
            raise UserError(f"{folder}: this is the folder of a run: give its checkpoint.pt, or the folder of a method")
        raise UserError(f"{folder}: not the folder of a method: {file.name} is missing")
    return parse(MethodDescription, read_yaml(file), str(file))


def _load_member(path: Path) -> tuple[Member, tuple[str, ...]]:
    content = checkpoint.load(path)
    missing = [key for key in _NEEDED if key not in content]
    if "features" in content.get("identity", {}):
        raise UserError(f"{path}: classifies features, not videos")
    if missing:
        raise UserError(f"{path}: not a trained classifier: {', '.join(missing)} missing")
    settings = parse(settings_class(content["settings"], str(path)), content["settings"], str(path))
    if not isinstance(settings, TrainingSettings):
        raise UserError(f"{path}: recipe {settings.recipe} trains no network")
    network = build_network(settings, len(content["classes"]))
    try:
        network.load_state_dict(content["model"])
    except RuntimeError as error:
        raise UserError(f"{path}: weights of another architecture: {' '.join(str(error).split())[:300]}") from None
    decode = parse(DecodeSettings, content["decode"], str(path))
    flow = parse(FlowSettings, content["flow"], str(path))
    return Member(RunNetwork(network), settings, decode, flow), tuple(map(canonical, content["classes"]))
