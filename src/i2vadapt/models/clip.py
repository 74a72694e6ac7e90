"""CLIP ViT-B/32 as the network of the RGB stream (paper section 4.5, Table 5; Radford et al. 2021).

Both towers and the tokeniser are open_clip's. Every frame goes through the image tower; the classifier is the text
features of the class prompts, which stay fixed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2vadapt.config.run import RunSettings
from i2vadapt.errors import UserError
from i2vadapt.models.stream_network import StreamNetwork
from i2vadapt.runtime.precision import at_least_float32
from i2vadapt.weights.clip import read_clip
from i2vadapt.weights.reading import mismatch

# Of the photographs CLIP was trained with.
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^A-Z\W_]+")


class ClipFrames(StreamNetwork):
    """Classifier of clips by their single frames.

    The logits of a frame are its scaled cosines with the text features, so their mean over time is the logits of the
    mean frame feature: nothing is left to choose between the two.

    Args:
        num_classes: number of logits.
        quick_gelu: activation of both towers: OpenAI's own (True), or the exact GELU of LAION's weights.
    """

    class_features: Tensor
    logit_scale: Tensor
    mean: Tensor
    std: Tensor

    def __init__(self, num_classes: int, quick_gelu: bool = True) -> None:
        super().__init__()
        clip = build_clip(quick_gelu)
        self.num_classes, self.quick_gelu = num_classes, quick_gelu
        self.visual = clip.visual
        self.feature_size: int = clip.visual.output_dim
        self.side: int = clip.visual.image_size[0]
        self.dropout = nn.Identity()
        self.register_buffer("class_features", torch.zeros(num_classes, self.feature_size))
        self.register_buffer("logit_scale", clip.logit_scale.detach().exp())
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1), persistent=False)

    def preprocess(self, frames: Tensor) -> Tensor:
        """CLIP's own preprocessing of frames that are cropped already.

        Args:
            frames: (N, 3, H, H) in [-1, 1].

        Returns:
            (N, 3, 224, 224), resized bicubically where needed, then normalised by CLIP's mean and deviation.
        """
        if frames.shape[-2:] != (self.side, self.side):
            frames = F.interpolate(
                at_least_float32(frames), (self.side, self.side), mode="bicubic", antialias=True
            ).clamp_(-1, 1)
        return ((frames + 1) / 2 - self.mean) / self.std

    def features(self, clips: Tensor) -> Tensor:
        """Computes the features of every frame, of length 1.

        Args:
            clips: (N, 3, T, H, H) in [-1, 1].

        Returns:
            (N, 512, T) float32.

        Raises:
            UserError: not five axes, or not three channels.
        """
        if clips.ndim != 5 or clips.shape[1] != 3:
            raise UserError(f"CLIP got clips of shape {tuple(clips.shape)}; expected (N, 3, T, H, W)")
        frames = clips.transpose(1, 2).flatten(0, 1)
        features = at_least_float32(self.visual(self.preprocess(frames)))
        return F.normalize(features, dim=1).unflatten(0, (len(clips), clips.shape[2])).transpose(1, 2)

    def classify(self, features: Tensor) -> Tensor:
        """Maps frame features (N, 512, T) to logits (N, num_classes, T)."""
        # In bfloat16 a cosine has steps of 1/256, which the scale of 100 makes steps of 0.4 in the logits.
        with torch.autocast(features.device.type, enabled=False):
            return self.logit_scale * torch.einsum("nft,cf->nct", at_least_float32(features), self.class_features)

    def pace_features(self, features: Tensor) -> Tensor:
        """What the pace head sees: how much each feature changes from frame to frame.

        Single frames don't tell a pace. The paper doesn't say how its pace head sits on CLIP; on I3D the features
        themselves span several frames.

        Args:
            features: (N, 512, T).

        Returns:
            (N, 512, T - 1).
        """
        # Features have length 1, their changes far less: brought to the range of the I3D features.
        return features.diff(dim=2).abs() * features.shape[1] ** 0.5


def build_clip(quick_gelu: bool) -> Any:
    """An open_clip ViT-B/32 with random weights."""
    from open_clip import get_model_config
    from open_clip.model import CLIP

    return CLIP(**{**get_model_config("ViT-B-32"), "quick_gelu": quick_gelu})


def build(settings: RunSettings, num_classes: int) -> ClipFrames:
    """CLIP for a run."""
    return ClipFrames(num_classes, settings.clip.quick_gelu)


def initialise(network: ClipFrames, settings: RunSettings, classes: Sequence[str]) -> None:
    """Starts the image tower from trained weights, and the classifier from the prompts of the classes.

    Args:
        network: changed in place.
        settings: of the run: a file of OpenAI (TorchScript archive or state dict) or of open_clip, and the prompt.
        classes: names in the order of the labels.

    Raises:
        UserError: the file cannot be read or does not fit.
    """
    from open_clip import SimpleTokenizer

    clip = build_clip(network.quick_gelu)
    if settings.clip.weights is not None:
        weights = Path(settings.clip.weights)
        state = read_clip(weights)
        difference = mismatch(state, clip.state_dict())
        if difference:
            raise UserError(f"{weights}: not a checkpoint of CLIP ViT-B/32: {difference}")
        clip.load_state_dict(state)
    prompts = [settings.clip.prompt.replace("{}", spoken(name)) for name in classes]
    with torch.no_grad():
        tokens = SimpleTokenizer(context_length=clip.context_length)(prompts)
        network.class_features.copy_(clip.encode_text(tokens, normalize=True))
        network.logit_scale.copy_(clip.logit_scale.exp())
    network.visual.load_state_dict(clip.visual.state_dict())


def spoken(name: str) -> str:
    """A class name as words: "RockClimbingIndoor" and "rock_climbing_indoor" are both "rock climbing indoor"."""
    return " ".join(_WORD.findall(name)).lower()
