"""Settings that every run has, whatever its recipe: one network, its optimiser, its clips, its protocol."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from i2vadapt.config.base import Section, Stream
from i2vadapt.config.networks import FRAME_NETWORKS, ClipSettings, InitSettings, NetworkName, ResNetSettings

Fusion = Literal["softmax_of_mean", "mean_of_softmax"]
LossKind = Literal["ce", "bce"]


class SplitSettings(Section):
    """Official lists of the target's first split; without any, 70 % by a stable hash of the ids are for training."""

    hmdb51: str | None = Field(None, description="folder of HMDB51's files <class>_test_split1.txt")
    train: tuple[str, ...] = Field((), description="UCF101's lists of videos for training, trainlist01.txt")
    test: tuple[str, ...] = Field((), description="UCF101's lists of videos for testing, testlist01.txt")

    @model_validator(mode="after")
    def _lists_of_both_parts(self) -> SplitSettings:
        if bool(self.train) != bool(self.test):
            raise ValueError("train and test lists are needed together")
        return self


class RunSettings(Section):
    """A run trains one network (paper section 4.2). Recipes add their own settings."""

    recipe: str = Field(description="what the run learns from and by which losses")
    stream: Stream = Field("rgb", description="what the network sees: frames, or optical flow")
    network: NetworkName = Field("i3d", description="network of the run, all but I3D look at single RGB frames")
    init: InitSettings = Field(default_factory=InitSettings)
    clip: ClipSettings = Field(default_factory=ClipSettings, description="for network: clip_vit_b32")
    resnet: ResNetSettings = Field(default_factory=ResNetSettings, description="for network: resnet18 or resnet50")
    protocol: Literal["transductive", "split1"] = Field(
        "transductive", description="adapt to and test on all target videos, or on the two parts of a split"
    )
    split1: SplitSettings = Field(default_factory=SplitSettings)
    epochs: int = Field(60, ge=1)
    batch_size: int = Field(16, ge=1, description="videos of each domain in a step")
    learning_rate: float = Field(0.05, gt=0)
    milestones: tuple[float, ...] = Field((1 / 2, 2 / 3), description="shares of the epochs after which the rate drops")
    decay: float = Field(0.1, gt=0, le=1, description="factor of a drop")
    momentum: float = Field(0.9, ge=0, lt=1)
    weight_decay: float = Field(1e-4, ge=0)
    clip_gradient: float | None = Field(None, gt=0, description="bound of every element of the gradient")
    loss: LossKind = Field("ce", description="softmax cross-entropy, or sigmoid on one-hot labels")
    frozen: Literal["none", "Conv3d_2c_3x3", "MaxPool3d_4a_3x3"] = Field(
        "Conv3d_2c_3x3", description="layers of I3D up to and including this one keep their weights"
    )
    frozen_batch_norm: Literal["eval", "train"] = Field("eval", description="train lets running statistics move")
    sync_batch_norm: bool = Field(
        True, description="several processes normalise by their whole batch, not each by its part"
    )
    batch_norm_momentum: float = Field(0.01, gt=0, le=1, description="weight of a new batch in running statistics")
    temporal_stride: Literal[1, 2] = Field(1, description="of the last two poolings; 1 follows ST-I2V, 2 the original")
    dropout: float = Field(0.5, ge=0, lt=1)
    crop: int = Field(224, ge=32, description="side of the square given to the network, pixels")
    clip_frames: int = Field(16, ge=8, description="frames of a training clip")
    test_frames: int = Field(32, ge=8, description="frames sampled from a video for evaluation")
    fusion: Fusion = Field(
        "softmax_of_mean", description="probabilities of a video: softmax of the mean logits, or mean of the softmax"
    )
    precision: Literal["auto", "float32", "bfloat16", "float64"] = Field(
        "auto", description="auto: bfloat16 where it is fast; float64, slow, to compare machines"
    )
    evaluate_every: int = Field(1, ge=1, description="epochs between evaluations; the last epoch is always scored")
    keep_features: bool = Field(
        False,
        description="keep the features of all videos with the scores; the workflow sets it where a run needs them",
    )

    @model_validator(mode="after")
    def _network_fits_stream(self) -> RunSettings:
        if self.stream == "flow" and self.network in FRAME_NETWORKS:
            raise ValueError(f"network {self.network} looks at RGB frames: stream must be rgb, not flow")
        return self

    @property
    def initial_weights(self) -> tuple[str, ...]:
        """Files of weights that the network starts from."""
        of_i3d = self.init.flow or self.init.rgb if self.stream == "flow" else self.init.rgb
        file = {"i3d": of_i3d, "clip_vit_b32": self.clip.weights}.get(self.network, self.resnet.weights)
        return () if file is None else (file,)

    @property
    def parents(self) -> tuple[str, ...]:
        """Runs whose scores this run reads while it trains."""
        return ()

    @property
    def parents_with_features(self) -> tuple[str, ...]:
        """Those of `parents` whose features it reads too."""
        return ()

    @property
    def reads_source(self) -> bool:
        """Whether it learns from the generated videos or photographs; otherwise from the target alone."""
        return True

    def scored_epochs(self) -> set[int]:
        """Epochs, counted from 1, after which the run scores the target's videos."""
        return {epoch for epoch in range(1, self.epochs + 1) if epoch % self.evaluate_every == 0} | {self.epochs}

    def relevant(self) -> Self:
        """The same settings, with those that this run has no use for at their defaults, so that changing one of them
        in a section that several runs share trains only the runs that it concerns again.
        """
        used = {"i3d": "init", "clip_vit_b32": "clip"}.get(self.network, "resnet")
        fields = type(self).model_fields
        others = {name for name in ("init", "clip", "resnet") if name != used}
        return self.model_copy(update={name: fields[name].get_default(call_default_factory=True) for name in others})

    def epochs_read(self) -> set[int]:
        """Epochs after which it reads the scores of `parents`."""
        return set()
