"""The folder of an exported classifier: its files, and their description in config.json."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from torch import Tensor

from i2vadapt.config.base import Section, Stream
from i2vadapt.config.names import canonical
from i2vadapt.config.parsing import parse, parse_object
from i2vadapt.errors import UserError
from i2vadapt.files.digests import file_digest
from i2vadapt.weights.files import load_content
from i2vadapt.weights.reading import check_finite

FORMAT = 1


class ExportedNetwork(Section):
    """One of the networks."""

    stream: Stream
    weight: float = Field(description="factor of its class probabilities in the fusion")
    sha256: str = Field(description="SHA-256 of the file of its weights")
    seed: int
    settings: dict[str, Any] = Field(description="section train of its run; of files, the names alone")
    decode: dict[str, Any] = Field(description="section decode of its videos")
    flow: dict[str, Any] = Field(description="section flow of its videos; empty for an RGB network")


class ExportConfig(Section):
    """Content of config.json."""

    format: Literal[1] = Field(description="version of the layout of the folder")
    package: str = Field(description="version of i2vadapt that wrote it")
    title: str
    classes: tuple[Annotated[str, AfterValidator(canonical)], ...] = Field(description="in the order of the labels")
    networks: tuple[ExportedNetwork, ...] = Field(min_length=1)


@dataclass(frozen=True)
class ExportFolder:
    """Folder of an exported classifier."""

    path: Path

    @property
    def config(self) -> Path:
        """Description of the networks and their input; written last."""
        return self.path / "config.json"

    @property
    def card(self) -> Path:
        """Model card."""
        return self.path / "README.md"

    def weights(self, stream: Stream) -> Path:
        """Weights of a network."""
        return self.path / f"{stream}.safetensors"

    def graph(self, stream: Stream, suffix: str) -> Path:
        """A network with its weights as a graph: onnx or pt2."""
        return self.path / f"{stream}.{suffix}"


def read_config(folder: ExportFolder) -> ExportConfig:
    """Reads config.json.

    Raises:
        UserError: if it cannot be read or is no description of an export.
    """
    try:
        text = folder.config.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{folder.config}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    return parse(ExportConfig, parse_object(text, str(folder.config)), str(folder.config))


def read_weights(folder: ExportFolder, network: ExportedNetwork) -> dict[str, Tensor]:
    """Reads the weights of a network of an export.

    Raises:
        UserError: if the file is missing, or is not the one that config.json describes.
    """
    path = folder.weights(network.stream)
    content = load_content(path)
    if not isinstance(content, dict) or file_digest(path) != network.sha256:
        raise UserError(f"{path}: not the file that {folder.config} describes: export again")
    check_finite(path, content)
    return content
