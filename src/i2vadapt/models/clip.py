"""CLIP ViT-B/32 as the network of the RGB stream (paper section 4.5, Table 5; Radford et al. 2021).

Both towers and the tokeniser come from open_clip. Every frame passes through the image tower; the classifier consists
of the text features of the class prompts, which stay fixed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2vadapt.config.run import TrainingSettings
from i2vadapt.errors import UserError
from i2vadapt.models.stream_network import StreamNetwork
from i2vadapt.runtime.precision import at_least_float32
from i2vadapt.weights.clip import read_clip
from i2vadapt.weights.reading import mismatch

# Statistics of CLIP's training images, per colour channel in [0, 1].
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^A-Z\W_]+")


class ClipFrames(StreamNetwork):
    """Classifier of clips that looks at each frame by itself.

    The logits of a frame are the scaled cosines between its feature and the text features. They are linear in the
    feature, so averaging logits over time and classifying the averaged feature give the same result.

    Args:
        num_classes: number of classes C.
        quick_gelu: activation of both towers: OpenAI's approximation of GELU (True), or the exact GELU that LAION's
            weights need (False).
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
        """Applies CLIP's preprocessing to frames that are already cropped.

        Args:
            frames: frames (N, 3, H, H) in [-1, 1].

        Returns:
            Frames (N, 3, 224, 224), resized bicubically where needed and normalised by CLIP's mean and standard
            deviation.
        """
        if frames.shape[-2:] != (self.side, self.side):
            frames = F.interpolate(
                at_least_float32(frames), (self.side, self.side), mode="bicubic", antialias=True
            ).clamp_(-1, 1)
        return ((frames + 1) / 2 - self.mean) / self.std

    def features(self, clips: Tensor) -> Tensor:
        """Computes the feature of every frame, normalised to unit length.

        Args:
            clips: clips (N, 3, T, H, H) in [-1, 1].

        Returns:
            Features (N, 512, T), at least float32.

        Raises:
            UserError: if the clips do not have five axes and three channels.
        """
        if clips.ndim != 5 or clips.shape[1] != 3:
            raise UserError(f"CLIP got clips of shape {tuple(clips.shape)}; expected (N, 3, T, H, W)")
        frames = clips.transpose(1, 2).flatten(0, 1)
        features = at_least_float32(self.visual(self.preprocess(frames)))
        return F.normalize(features, dim=1).unflatten(0, (len(clips), clips.shape[2])).transpose(1, 2)

    def classify(self, features: Tensor) -> Tensor:
        """Maps frame features (N, 512, T) to logits (N, num_classes, T)."""
        # In bfloat16 a cosine has steps of 1/256, which become steps of 0.4 in the logits (the scale is 100).
        with torch.autocast(features.device.type, enabled=False):
            return self.logit_scale * torch.einsum("nft,cf->nct", at_least_float32(features), self.class_features)

    def pace_features(self, features: Tensor) -> Tensor:
        """Absolute change of each feature from frame to frame, the input of the pace head.

        A single frame carries no information about the pace. The paper does not specify how its pace head is attached
        to CLIP; with I3D, each feature already spans several frames.

        Args:
            features: frame features (N, 512, T) of unit length.

        Returns:
            Changes (N, 512, T - 1), at least 0.
        """
        # Features have unit length and their changes are far smaller; the factor brings them to the range of I3D's.
        return features.diff(dim=2).abs() * features.shape[1] ** 0.5


def build_clip(quick_gelu: bool) -> Any:
    """Builds open_clip's ViT-B/32 with random weights.

    Args:
        quick_gelu: see `ClipFrames`.

    Returns:
        An `open_clip.model.CLIP` with both towers.
    """
    from open_clip import get_model_config
    from open_clip.model import CLIP

    return CLIP(**{**get_model_config("ViT-B-32"), "quick_gelu": quick_gelu})


def build(settings: TrainingSettings, num_classes: int) -> ClipFrames:
    """Builds CLIP for a run, with random weights.

    Args:
        settings: settings of the run.
        num_classes: number of classes C.
    """
    return ClipFrames(num_classes, settings.clip.quick_gelu)


def initialise(network: ClipFrames, settings: TrainingSettings, classes: Sequence[str]) -> None:
    """Loads trained weights into the image tower, and the text features of the class prompts into the classifier.

    Args:
        network: network to initialise, changed in place.
        settings: settings of the run; `clip.weights` is a file of OpenAI (TorchScript archive or state dict) or of
            open_clip, `clip.prompt` the text of a class.
        classes: class names in the order of the labels.

    Raises:
        UserError: if the file cannot be read or does not fit.
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
    """Splits a class name into words: "RockClimbingIndoor" and "rock_climbing_indoor" give "rock climbing indoor"."""
    return " ".join(_WORD.findall(name)).lower()
