"""Torchvision's networks of clips, as RGB and as flow networks: MViTv2-S, Video Swin-T, S3D and R(2+1)D-18."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torchvision.models import get_model, get_model_weights
from torchvision.models.swin_transformer import SwinTransformerBlock
from torchvision.models.video.swin_transformer import ShiftedWindowAttention3d

from i2vadapt.config.run import TrainingSettings
from i2vadapt.errors import UserError
from i2vadapt.models.inflation import inflate_kernel, inflates
from i2vadapt.models.stream_network import StreamNetwork
from i2vadapt.weights.reading import mismatch, read_state

_COUNTER = ".num_batches_tracked"


class Parts(NamedTuple):
    """Where torchvision's network has the parts that a run treats by itself.

    Attributes:
        stem: name of the first convolution.
        head: name of the classifier.
        feature_size: number of features F that the classifier reads.
        features: maps the network and normalised clips (N, C, T, H, W) to features (N, F, T').
    """

    stem: str
    head: str
    feature_size: int
    features: Callable[[Any, Tensor], Tensor]


def _mvit_features(network: Any, clips: Tensor) -> Tensor:
    """Class token (N, 768, 1), from which the Kinetics weights classify; the patches' last tokens were never trained.

    Torchvision takes the numbers of tokens from its constructor. They are read off the clips here, and the blocks
    interpolate their relative positions to them, so one file of weights serves clips of all sizes and lengths.
    """
    x = network.conv_proj(clips)
    thw = tuple(x.shape[2:])
    x = network.pos_encoding(x.flatten(2).transpose(1, 2))
    for block in network.blocks:
        x, thw = block(x, thw)
    token: Tensor = network.norm(x[:, 0])
    return token[:, :, None]


def _swin_features(network: Any, clips: Tensor) -> Tensor:
    """Mean over each step's area, (N, 768, T / 2)."""
    x: Tensor = network.norm(network.features(network.pos_drop(network.patch_embed(clips))))
    return x.mean(dim=(2, 3)).transpose(1, 2)


def _s3d_features(network: Any, clips: Tensor) -> Tensor:
    """Mean over each step's area, (N, 1024, T / 8)."""
    x: Tensor = network.features(clips)
    return x.mean(dim=(3, 4))


def _r2plus1d_features(network: Any, clips: Tensor) -> Tensor:
    """Mean over each step's area, (N, 512, T / 8)."""
    x: Tensor = network.stem(clips)
    for layer in (network.layer1, network.layer2, network.layer3, network.layer4):
        x = layer(x)
    return x.mean(dim=(3, 4))


PARTS: dict[str, Parts] = {
    "mvit_v2_s": Parts("conv_proj", "head", 768, _mvit_features),
    "swin3d_t": Parts("patch_embed.proj", "head", 768, _swin_features),
    "s3d": Parts("features.0.0.0", "classifier", 1024, _s3d_features),
    "r2plus1d_18": Parts("stem.0", "fc", 512, _r2plus1d_features),
}


class _WindowAttention(ShiftedWindowAttention3d):
    """Torchvision's attention, with the right relative positions in windows that are narrower than 7 patches.

    A map smaller than the window shrinks the window. Torchvision then reads the first rows and columns of the index,
    which are those of the top of a full window. At 224 pixels, no window is narrower, and both are the same.
    """

    def get_relative_position_bias(self, window_size: list[int]) -> Tensor:
        t, h, w = window_size
        index = self.relative_position_index.view(*self.window_size, *self.window_size)[:t, :h, :w, :t, :h, :w]
        bias: Tensor = self.relative_position_bias_table[index.reshape(-1)]
        return bias.view(t * h * w, t * h * w, -1).permute(2, 0, 1)[None]


def _swin_block(*args: Any, **kwargs: Any) -> SwinTransformerBlock:
    return SwinTransformerBlock(*args, **{**kwargs, "attn_layer": _WindowAttention})


class TorchvisionVideo(StreamNetwork):
    """Classifier of clips with one of torchvision's backbones; all of its layers are trained.

    The time axis is kept where the backbone has one, so that the local loss sees several steps. MViT has its class
    token only: one step for each group of `clip_frames` frames, whose local loss equals the video loss.

    Args:
        name: one of `PARTS`.
        num_classes: number of classes C.
        in_channels: number of input channels: 3 for RGB, 2 for flow (u, v).
        dropout: share of the features that is dropped before the logits in training, 0 to 1.
        clip_frames: number of frames that MViT sees at once; it treats a longer clip as several.
    """

    scale: Tensor
    shift: Tensor

    def __init__(
        self, name: str, num_classes: int, in_channels: int = 3, dropout: float = 0.5, clip_frames: int = 16
    ) -> None:
        super().__init__()
        self.name, self.in_channels, self.parts = name, in_channels, PARTS[name]
        self.group = clip_frames if name == "mvit_v2_s" else None
        self.feature_size, self.dropout = self.parts.feature_size, nn.Dropout(dropout)
        self.backbone = get_model(name, weights=None, **({"block": _swin_block} if name == "swin3d_t" else {}))
        setattr(self.backbone, self.parts.head, nn.Identity())
        if in_channels == 2:
            self.backbone.set_submodule(self.parts.stem, _flow_stem(self.backbone.get_submodule(self.parts.stem)))
        self.logits = nn.Linear(self.feature_size, num_classes)
        scale, shift = _normalisation(name, in_channels)
        self.register_buffer("scale", scale.view(-1, 1, 1, 1), persistent=False)
        self.register_buffer("shift", shift.view(-1, 1, 1, 1), persistent=False)

    def features(self, clips: Tensor) -> Tensor:
        """Computes the features that torchvision's classifier reads, for each time step.

        Args:
            clips: clips (N, C, T, H, W) in [-1, 1]; they are normalised by the mean and deviation of the weights.

        Returns:
            Features (N, F, T').

        Raises:
            UserError: if the clips do not have five axes and the network's number of channels, or their length is not
                a multiple of the frames that MViT sees at once.
        """
        if clips.ndim != 5 or clips.shape[1] != self.in_channels:
            raise UserError(
                f"{self.name} got clips of shape {tuple(clips.shape)}; expected (N, {self.in_channels}, T, H, W)"
            )
        x = clips * self.scale + self.shift
        if self.group is None:
            return self.parts.features(self.backbone, x)
        if clips.shape[2] % self.group:
            raise UserError(f"{self.name} got {clips.shape[2]} frames; expected a multiple of {self.group}")
        groups = x.unflatten(2, (-1, self.group)).transpose(1, 2)  # (N, groups, C, frames, H, W)
        features = self.parts.features(self.backbone, groups.flatten(0, 1))
        return features.unflatten(0, groups.shape[:2]).transpose(1, 2).flatten(2)

    def classify(self, features: Tensor) -> Tensor:
        """Maps features (N, F, T') to logits (N, C, T')."""
        logits: Tensor = self.logits(features.transpose(1, 2))
        return logits.transpose(1, 2)


def _flow_stem(stem: nn.Module) -> nn.Conv3d:
    """The first convolution for two channels, with the same weights as after loading RGB weights."""
    if not isinstance(stem, nn.Conv3d):
        raise TypeError("the first layer must be a convolution")
    size: tuple[Any, Any, Any] = (stem.kernel_size, stem.stride, stem.padding)
    flow = nn.Conv3d(2, stem.out_channels, *size, bias=stem.bias is not None)
    state = stem.state_dict()
    flow.load_state_dict({**state, "weight": inflate_kernel(state["weight"])})
    return flow


def _normalisation(name: str, in_channels: int) -> tuple[Tensor, Tensor]:
    """Factor and summand of each channel, from [-1, 1] to the input of torchvision's weights.

    Flow keeps its zero, and its factor is the mean of the colours', so that a contrast of flow has the strength that it
    would have in RGB.
    """
    preset = get_model_weights(name)["KINETICS400_V1"].transforms()
    mean, deviation = torch.tensor(preset.mean), torch.tensor(preset.std)
    scale, shift = 0.5 / deviation, (0.5 - mean) / deviation
    if in_channels == 2:
        return scale.mean().repeat(2), torch.zeros(2)
    return scale, shift


def build(settings: TrainingSettings, num_classes: int) -> TorchvisionVideo:
    """Builds the network of a run, with random weights.

    Args:
        settings: settings of the run.
        num_classes: number of classes C.
    """
    channels = 2 if settings.stream == "flow" else 3
    return TorchvisionVideo(settings.network, num_classes, channels, settings.dropout, settings.clip_frames)


def initialise(network: TorchvisionVideo, settings: TrainingSettings, classes: Sequence[str]) -> None:
    """Loads Kinetics weights into the backbone; the classifier keeps its random weights.

    Args:
        network: network to initialise, changed in place.
        settings: settings of the run; `torchvision.weights` is a state dict of torchvision, or None for random weights.
        classes: class names in the order of the labels; unused.

    Raises:
        UserError: if the file cannot be read or does not fit.
    """
    if not settings.initial_weights:
        return
    weights = settings.initial_weights[0]
    own, kernel = network.backbone.state_dict(), f"{network.parts.stem}.weight"
    head = f"{network.parts.head}."
    state = {key: value for key, value in read_state(Path(weights)).items() if not key.startswith(head)}
    # Files of 2018 and earlier have no batch counters.
    state |= {key: value for key, value in own.items() if key.endswith(_COUNTER) and key not in state}
    if inflates(settings) and kernel in state and state[kernel].shape[1:2] == (3,):
        state[kernel] = inflate_kernel(state[kernel])
    difference = mismatch(state, own)
    if difference:
        raise UserError(f"{weights}: does not fit {network.name}: {difference}")
    network.backbone.load_state_dict(state)
