"""Networks as graphs that run without this package: programs of torch.export (.pt2) and ONNX."""

from __future__ import annotations

import importlib.util
import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from i2vadapt.errors import cause
from i2vadapt.files.atomic import replacing
from i2vadapt.inference.classifier import Member
from i2vadapt.inference.scoring import class_probabilities
from i2vadapt.models.i3d_weights import STREAM_CHANNELS

_logger = logging.getLogger(__name__)

TOLERANCE = 1e-4
"""Largest difference of a probability between a graph and the network."""
SUFFIXES = ("pt2", "onnx")
INPUT, OUTPUT = "clips", "probabilities"
_NEEDED = {"pt2": (), "onnx": ("onnx", "onnxscript", "onnxruntime")}
_CHECKED = (1, 3)  # batch sizes, neither of which is that of the example by which the graph is traced
_EXAMPLE = 2


class ScoringNetwork(nn.Module):
    """A network as a function from clips (N, channels, T, H, W) in [-1, 1] to class probabilities (N, C).

    Args:
        member: trained network, on the CPU in float32.
    """

    def __init__(self, member: Member) -> None:
        super().__init__()
        self.network, self._fusion = member.model.network, member.settings.fusion

    def forward(self, clips: Tensor) -> Tensor:
        """Computes the probabilities."""
        logits = self.network.classify(self.network.features(clips))
        return class_probabilities(logits.transpose(1, 2), self._fusion)


def write_graph(member: Member, path: Path, suffix: str) -> str:
    """Writes a network as a graph, unless the graph would compute something else than the network.

    Args:
        member: trained network, on the CPU in float32.
        path: file to write.
        suffix: pt2 or onnx.

    Returns:
        Why there is no file, in one line; "" if there is one.
    """
    missing = [name for name in _NEEDED[suffix] if importlib.util.find_spec(name) is None]
    if missing:
        return f"needs {', '.join(missing)}: pip install 'i2vadapt[export]'"
    write, run = {"pt2": (_write_program, _run_program), "onnx": (_write_onnx, _run_onnx)}[suffix]
    module = ScoringNetwork(member).eval()
    try:
        with replacing(path, path.suffix) as temporary, torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of PyTorch's exporters, about their own parts
            write(module, _random_clips(member, _EXAMPLE), temporary)
            difference = max(_difference(module, run(temporary), _random_clips(member, count)) for count in _CHECKED)
            if not difference <= TOLERANCE:
                raise ValueError(f"its probabilities differ by {difference:.1e}")
    except OSError:
        raise
    except Exception as error:  # the exporters raise nearly anything for a layer that they do not know
        _logger.debug("%s", path, exc_info=error)
        return cause(error)
    return ""


def _random_clips(member: Member, count: int) -> Tensor:
    settings = member.settings
    shape = (count, STREAM_CHANNELS[settings.stream], settings.test_frames, settings.crop, settings.crop)
    return torch.rand(shape, generator=torch.Generator().manual_seed(count)) * 2 - 1


Graph = Callable[[Tensor], np.ndarray]


def _difference(module: nn.Module, graph: Graph, clips: Tensor) -> float:
    return float(np.abs(graph(clips) - module(clips).numpy()).max())


def _dynamic() -> tuple[dict[int, Any]]:
    return ({0: torch.export.Dim("batch")},)


def _write_program(module: nn.Module, example: Tensor, path: Path) -> None:
    program = torch.export.export(module, (example,), dynamic_shapes=_dynamic())
    # Each node records the lines of code that it comes from, with the folders of this machine.
    for part in program.graph_module.modules():
        for node in part.graph.nodes if isinstance(part, torch.fx.GraphModule) else ():
            node.meta.pop("stack_trace", None)
    torch.export.save(program, path)


def _run_program(path: Path) -> Graph:
    program = torch.export.load(path).module()
    return lambda clips: program(clips).detach().numpy()


def _write_onnx(module: nn.Module, example: Tensor, path: Path) -> None:
    program = torch.onnx.export(
        module,
        (example,),
        dynamo=True,
        dynamic_shapes=_dynamic(),
        input_names=[INPUT],
        output_names=[OUTPUT],
        verbose=False,
    )
    if program is None:
        raise RuntimeError("PyTorch made no ONNX program")
    for node in program.model.graph:
        node.metadata_props.clear()  # lines of code, as in `_write_program`
    program.save(path, external_data=False)


def _run_onnx(path: Path) -> Graph:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda clips: session.run([OUTPUT], {INPUT: clips.numpy()})[0]
