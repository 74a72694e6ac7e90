"""I3D on single frames: its kernels are summed over time, which turns Kinetics weights into those of a 2D network.

On a clip that stands still, a convolution over time adds the same frame several times, so the sum of its kernel gives
what I3D computes far from the ends of a long still clip. I3D itself started from such a network of photographs, by
repeating its kernels (Carreira and Zisserman 2017). It serves where no ImageNet weights are at hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor, nn

from i2vadapt.config.run import TrainingSettings
from i2vadapt.models.domain_alignment import align_domains
from i2vadapt.models.frame_network import FrameNetwork
from i2vadapt.models.i3d import FEATURES, InceptionI3D
from i2vadapt.models.i3d_weights import load_i3d, read_weights


class FrameI3D(FrameNetwork):
    """I3D without time: 1024 pooled features.

    Args:
        num_classes: number of classes C.
        dropout: see `FrameNetwork`.
        bottleneck: see `FrameNetwork`.
    """

    backbone: InceptionI3D

    def __init__(self, num_classes: int, dropout: float, bottleneck: int | None = None) -> None:
        backbone = InceptionI3D(num_classes=1, frame_by_frame=True)
        del backbone.logits  # the classifier is that of FrameNetwork
        super().__init__(backbone, FEATURES, num_classes, dropout, bottleneck)

    @property
    def last_stage(self) -> nn.Module:
        """See `FrameNetwork.last_stage`."""
        return self.backbone.get_submodule("Mixed_5c")

    def pooled(self, clips: Tensor) -> Tensor:
        """See `FrameNetwork.pooled`."""
        return self.backbone.features(clips).transpose(1, 2)


def collapse_time(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Sums the kernels of an I3D over time.

    Args:
        state: weights of an I3D, left unchanged.

    Returns:
        Weights of an I3D whose windows have length 1 in time.
    """
    return {name: value.sum(dim=2, keepdim=True) if value.ndim == 5 else value for name, value in state.items()}


def build(settings: TrainingSettings, num_classes: int) -> FrameI3D:
    """Builds the network of a run, with random weights and its first layers frozen.

    Args:
        settings: settings of the run.
        num_classes: number of classes C.
    """
    network = FrameI3D(num_classes, settings.dropout, settings.bottleneck)
    if settings.normalisation == "aligned":
        align_domains(network.backbone)
    network.backbone.freeze(settings.frozen, settings.frozen_batch_norm)
    return network


def initialise(network: FrameI3D, settings: TrainingSettings, classes: Sequence[str]) -> None:
    """Loads Kinetics weights of I3D, collapsed in time; bottleneck and classifier keep their random weights.

    Args:
        network: network to initialise, changed in place.
        settings: settings of the run; `init.rgb` names the file, None leaves random weights.
        classes: class names in the order of the labels; unused.

    Raises:
        UserError: if the file cannot be read or does not fit.
    """
    for file in settings.initial_weights:
        load_i3d(network.backbone, collapse_time(read_weights(Path(file))), file, drop_head=True)
