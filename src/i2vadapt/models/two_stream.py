"""The two-stream classifier: a network for RGB, one for flow, a pace head, late fusion (paper sections 3.1 and 3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2vadapt.errors import UserError
from i2vadapt.models.clip import ClipFrames
from i2vadapt.models.domain_classifier import DomainClassifier
from i2vadapt.models.i3d import InceptionI3D
from i2vadapt.models.i3d_weights import inflate_to_flow, load_i3d, read_weights
from i2vadapt.models.layers import Unit3D
from i2vadapt.models.resnet import FrameResNet
from i2vadapt.models.stream_network import StreamNetwork

Fusion = Literal["softmax_of_mean", "mean_of_softmax"]
RgbNetwork = Literal["i3d", "clip_vit_b32", "resnet18", "resnet50"]

STREAM_CHANNELS: dict[str, int] = {"rgb": 3, "flow": 2}


class StreamOutput(NamedTuple):
    """What one stream says about N clips; always float32.

    Attributes:
        frame_logits: (N, T', C), one row for each time step of the network (I3D: 8 for 16 frames; CLIP: each frame).
        video_logits: (N, C), their mean over time.
        pace_logits: (N, paces), mean over time, or None for a stream without pace head.
        features: (N, 1024; of CLIP 512), averaged over space and time, before dropout.
    """

    frame_logits: Tensor
    video_logits: Tensor
    pace_logits: Tensor | None
    features: Tensor


class TwoStream(nn.Module):
    """Streams that are trained apart and fused by their probabilities.

    Args:
        num_classes: classes C.
        streams: which networks there are: "rgb" (3 channels), "flow" (2 channels u, v).
        pace_classes: paces that the pace head tells apart; 0 for no pace head.
        pace_streams: streams with a pace head. Streams that the classifier lacks are ignored.
        domain_inputs: what the domain classifiers look at, or "none" for none.
        domain_streams: streams with a domain classifier (DANN), of those there are.
        rgb_network: "i3d", "clip_vit_b32" (paper section 4.5), or a ResNet for the image-only lower bound.
        temporal_stride: see `InceptionI3D`.
        dropout: share of features dropped before the classifiers in training.
        frozen: last frozen layer or "none", see `InceptionI3D.freeze`.
        frozen_batch_norm: see `InceptionI3D.freeze`.
        quick_gelu: see `ClipFrames`; concerns CLIP alone.

    Raises:
        UserError: no stream, an unknown one or the same twice.
    """

    def __init__(
        self,
        num_classes: int,
        streams: Sequence[str] = ("rgb", "flow"),
        pace_classes: int = 0,
        pace_streams: Sequence[str] = ("rgb",),
        *,
        domain_inputs: Literal["none", "features", "logits"] = "none",
        domain_streams: Sequence[str] = (),
        rgb_network: RgbNetwork = "i3d",
        temporal_stride: int = 1,
        dropout: float = 0.5,
        frozen: str = "none",
        frozen_batch_norm: Literal["eval", "train"] = "eval",
        quick_gelu: bool = True,
    ) -> None:
        super().__init__()
        if not streams or len(set(streams)) != len(streams) or not set(streams) <= STREAM_CHANNELS.keys():
            raise UserError(f"streams is {list(streams)}; allowed: rgb, flow or both, each once")
        self.num_classes, self.pace_classes = num_classes, pace_classes
        self.networks = nn.ModuleDict()
        for stream in streams:
            if stream == "rgb" and rgb_network == "clip_vit_b32":
                self.networks[stream] = ClipFrames(num_classes, quick_gelu)
            elif stream == "rgb" and rgb_network != "i3d":
                self.networks[stream] = FrameResNet(rgb_network, num_classes, dropout)
            else:
                network = InceptionI3D(num_classes, STREAM_CHANNELS[stream], temporal_stride, dropout)
                self.networks[stream] = network.freeze(frozen, frozen_batch_norm)
        with_pace = [stream for stream in streams if stream in pace_streams] if pace_classes else []
        self.pace_heads = nn.ModuleDict(
            {stream: Unit3D(self.network(stream).feature_size, pace_classes, head=True) for stream in with_pace}
        )
        self.domain_heads = nn.ModuleDict()
        for stream in streams:
            if domain_inputs != "none" and stream in domain_streams:
                inputs = num_classes if domain_inputs == "logits" else self.network(stream).feature_size
                self.domain_heads[stream] = DomainClassifier(inputs)

    @property
    def streams(self) -> tuple[str, ...]:
        """Names of the streams."""
        return tuple(self.networks)

    def network(self, stream: str) -> StreamNetwork:
        """The network of one stream.

        Raises:
            UserError: there is no such stream.
        """
        if stream not in self.networks:
            raise UserError(f"this classifier has no {stream} stream; it has: {', '.join(self.networks)}")
        network = self.networks[stream]
        if not isinstance(network, StreamNetwork):
            raise TypeError(f"{stream} is a {type(network).__name__}")
        return network

    def forward(self, stream: str, clips: Tensor) -> StreamOutput:
        """Runs one stream.

        Args:
            stream: its name.
            clips: (N, 3 or 2, T, H, W) in [-1, 1].

        Raises:
            UserError: no such stream, or clips of another shape.
        """
        network = self.network(stream)
        features = network.features(clips)
        dropped = network.dropout(features)
        frame_logits = network.classify(dropped).float().transpose(1, 2)
        pace_logits = None
        if stream in self.pace_heads:
            steps = network.pace_features(dropped)[..., None, None]
            pace_logits = self.pace_heads[stream](steps).float().mean(dim=(2, 3, 4))
        return StreamOutput(frame_logits, frame_logits.mean(dim=1), pace_logits, features.float().mean(dim=2))


def upsample_logits(frame_logits: Tensor, frames: int) -> Tensor:
    """Interpolates logits linearly in time, from the network's steps to the frames of the clip (as I3D trains).

    Args:
        frame_logits: (N, T', C).
        frames: K.

    Returns:
        (N, C, K), the layout of the losses.
    """
    return F.interpolate(frame_logits.transpose(1, 2), size=frames, mode="linear", align_corners=False)


def fuse(*frame_logits: Tensor, fusion: Fusion = "softmax_of_mean") -> Tensor:
    """Sums the probabilities of the streams (end of section 3.1).

    Args:
        frame_logits: (N, T', C) of each stream; T' may differ between streams.
        fusion: "softmax_of_mean" averages the logits over time first, as the paper reads; "mean_of_softmax" averages
            the probabilities of the time steps, as the released code does.

    Returns:
        (N, C); every row sums to the number of streams.

    Raises:
        UserError: unknown fusion.
    """
    if fusion not in ("softmax_of_mean", "mean_of_softmax"):
        raise UserError(f"fusion is {fusion!r}; allowed: softmax_of_mean, mean_of_softmax")
    if fusion == "softmax_of_mean":
        parts = [logits.float().mean(dim=1).softmax(dim=1) for logits in frame_logits]
    else:
        parts = [logits.float().softmax(dim=2).mean(dim=1) for logits in frame_logits]
    return torch.stack(parts).sum(dim=0)


def initialise_i3d(model: TwoStream, rgb: Path | None, flow: Path | None) -> None:
    """Starts the I3D streams from Kinetics weights; the classifiers stay new (section 4.2: the last layer is replaced).

    Args:
        model: changed in place.
        rgb: I3D weights for the RGB stream; None leaves it random.
        flow: I3D weights for the flow stream. None inflates those of `rgb`, or leaves it random without them.

    Raises:
        UserError: a file cannot be read or does not fit.
    """
    for name in model.streams:
        network = model.network(name)
        if not isinstance(network, InceptionI3D):
            continue
        file = flow if name == "flow" else rgb
        if file is not None:
            load_i3d(network, read_weights(file), str(file), drop_head=True)
        elif rgb is not None:
            load_i3d(network, inflate_to_flow(read_weights(rgb)), str(rgb), drop_head=True)
