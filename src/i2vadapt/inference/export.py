"""Export of a trained classifier: a folder with its weights, its networks as graphs, and a model card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from safetensors.torch import save

from i2vadapt import __version__
from i2vadapt.errors import UserError
from i2vadapt.files.atomic import write_atomically
from i2vadapt.files.digests import file_digest
from i2vadapt.inference.classifier import Classifier, Member, checkpoints_of, load_classifier
from i2vadapt.inference.exported import FORMAT, ExportConfig, ExportedNetwork, ExportFolder
from i2vadapt.inference.graphs import SUFFIXES, write_graph
from i2vadapt.inference.model_card import Origin, find_origin, render_card
from i2vadapt.weights import checkpoint


def export(path: Path, out: Path, data_licence: str = "") -> Iterator[str]:
    """Writes a classifier in a form that needs neither its runs nor, as a graph, this package.

    The folder holds, for each stream, the weights (.safetensors) and the network as a graph (.pt2, .onnx), and beside
    them config.json, from which `load_classifier` builds the networks again, and README.md, the model card.

    Args:
        path: folder of a method, or a checkpoint.pt.
        out: folder to write.
        data_licence: licences of the training data, for the card.

    Yields:
        A line for each file: its name or, for a graph that cannot be made, why not.

    Raises:
        UserError: as `load_classifier`, or if the path is an export itself.
    """
    folder = ExportFolder(out)
    if ExportFolder(path).config.is_file():
        raise UserError(f"{path}: is an export already: name the folder of the method, or the checkpoint.pt")
    classifier = load_classifier(path)
    contents = [checkpoint.load(one.file) for one in checkpoints_of(path)]
    origin = find_origin(path, contents)
    folder.config.unlink(missing_ok=True)  # without it, half an export is none
    networks, graphs = [], list[str]()
    for member, content in zip(classifier.members, contents, strict=True):
        networks.append(_write_weights(folder, member, content))
        yield str(folder.weights(member.settings.stream))
        for suffix in SUFFIXES:
            file = folder.graph(member.settings.stream, suffix)
            file.unlink(missing_ok=True)
            problem = write_graph(member, file, suffix)
            graphs += [] if problem else [file.name]
            yield f"{file}: not made: {problem}" if problem else str(file)
    config = ExportConfig(
        format=FORMAT, package=__version__, title=origin.title, classes=classifier.classes, networks=tuple(networks)
    )
    yield from _write_description(folder, config, classifier, origin, graphs, data_licence)


def _write_weights(folder: ExportFolder, member: Member, content: Mapping[str, Any]) -> ExportedNetwork:
    stream = member.settings.stream
    tensors = {name: value.contiguous().clone() for name, value in member.model.network.state_dict().items()}
    write_atomically(folder.weights(stream), save(tensors, {"format": "pt"}))
    return ExportedNetwork(
        stream=stream,
        weight=member.weight,
        sha256=file_digest(folder.weights(stream)),
        seed=content.get("seed", 0),
        settings=_without_folders(content["settings"]),
        decode=content["decode"],
        flow=content["flow"],
    )


def _without_folders(value: Any) -> Any:
    """Settings whose files are reduced to their names: folders of the machine that trained concern nobody else."""
    if isinstance(value, Mapping):
        return {key: _without_folders(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_folders(one) for one in value]
    return PurePosixPath(value).name if isinstance(value, str) and "/" in value else value


def _write_description(
    folder: ExportFolder,
    config: ExportConfig,
    classifier: Classifier,
    origin: Origin,
    graphs: list[str],
    data_licence: str,
) -> Iterator[str]:
    card = render_card(config, classifier, origin, graphs, data_licence)
    write_atomically(folder.card, card.encode("utf-8", "replace"))
    yield str(folder.card)
    write_atomically(folder.config, (config.model_dump_json(indent=1) + "\n").encode())
    yield str(folder.config)
