"""Settings that every run has, and those of every training: network, optimiser, clips."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from i2vadapt.config.base import Section, Stream
from i2vadapt.config.names import Distinct
from i2vadapt.config.networks import (
    FRAME_NETWORKS,
    TORCHVISION_NETWORKS,
    ClipSettings,
    InitSettings,
    NetworkName,
    ResNetSettings,
    TorchvisionSettings,
)
from i2vadapt.config.paths import FilePath

Fusion = Literal["softmax_of_mean", "mean_of_softmax"]
LossKind = Literal["ce", "bce"]
SourceItems = Literal["videos", "photographs", "none"]
"""What a run reads of the source: generated videos, the photographs themselves, or nothing."""


class SplitSettings(Section):
    """Official lists of the target's first split; without lists, a stable hash of the ids selects 70 % for training."""

    hmdb51: FilePath | None = Field(None, description="folder of HMDB51's split files <class>_test_split1.txt")
    train: Annotated[tuple[FilePath, ...], Distinct] = Field(
        (), description="UCF101's lists of the training videos, trainlist01.txt"
    )
    test: Annotated[tuple[FilePath, ...], Distinct] = Field(
        (), description="UCF101's lists of the test videos, testlist01.txt"
    )

    @model_validator(mode="after")
    def _lists_of_both_parts(self) -> SplitSettings:
        if bool(self.train) != bool(self.test):
            raise ValueError("train and test lists are needed together")
        return self


class RunSettings(Section):
    """Settings of any run, which writes the scores of the target's videos.

    The properties describe what a run reads and writes. Recipes override those that differ.
    """

    recipe: str = Field(description="recipe of the run, which defines its data and losses")
    stream: Stream = Field(
        "rgb",
        description="input of the network: RGB frames, or optical flow",
        json_schema_extra={"paper": "section 3.1"},
    )
    protocol: Literal["transductive", "split1"] = Field(
        "transductive",
        description="videos for adaptation and testing: all target videos for both, or the two parts of split 1",
    )
    split1: SplitSettings = Field(
        default_factory=SplitSettings, description="official lists of split 1, for protocol split1"
    )
    epochs: int = Field(
        60,
        ge=1,
        description="number of epochs, each one pass over the source",
        json_schema_extra={
            "paper": "section 4.2: 60, 30, 20 for E→H, B→U, S→U; section 4.5, with CLIP: 40, 20 for E→H, S→U"
        },
    )

    @property
    def partners(self) -> tuple[str, ...]:
        """Names of the runs whose scores of the same epochs this run reads while it trains."""
        return ()

    @property
    def partners_with_features(self) -> tuple[str, ...]:
        """Names of the `partners` whose features this run reads as well."""
        return ()

    @property
    def teachers(self) -> tuple[str, ...]:
        """Names of the runs whose last scores this run reads before it starts."""
        return ()

    @property
    def required_networks(self) -> dict[str, tuple[tuple[NetworkName, ...], str]]:
        """Networks that a run from which this one reads must have, and why, by the name of that run."""
        return {}

    @property
    def feature_runs(self) -> tuple[str, ...]:
        """Names of the runs with whose networks the features that this run reads are computed."""
        return ()

    @property
    def parents(self) -> tuple[str, ...]:
        """Names of all runs of which this run reads something, each once."""
        return tuple(dict.fromkeys((*self.partners, *self.teachers, *self.feature_runs)))

    @property
    def crop_classifier(self) -> str | None:
        """Name of the run by whose classifier photographs are cropped to the videos that this run reads, or None."""
        return None

    @property
    def source_items(self) -> SourceItems:
        """What the run reads of the source."""
        return "videos"

    @property
    def learns_target_labels(self) -> bool:
        """Whether the run learns from the labels of the target, as the upper bound of Table 1 does."""
        return False

    @property
    def initial_weights(self) -> tuple[str, ...]:
        """Files of the network's initial weights; empty for random weights."""
        return ()

    def scored_epochs(self) -> set[int]:
        """Epochs, counted from 1, after which the run scores the target's videos."""
        return {self.epochs}

    def epochs_read(self) -> set[int]:
        """Epochs, counted from 1, after which the run reads the scores of its `partners`."""
        return set()

    def with_partners(self, names: Mapping[str, str]) -> Self:
        """The same settings, with other runs in the place of `partners`.

        Args:
            names: names of the other runs, by those of the partners that they replace.
        """
        return self

    def relevant(self) -> Self:
        """The same settings, with those that this run does not use at their defaults.

        A change of a setting in a section that several runs share then trains only those runs again that use it.
        """
        return self


class TrainingSettings(RunSettings):
    """Settings of a run that trains a network (paper section 4.2)."""

    network: NetworkName = Field(
        "i3d",
        description="network of the run; i3d_frames, clip_vit_b32 and the resnets look at single RGB frames",
        json_schema_extra={"paper": "section 4.2: I3D; section 4.5: CLIP"},
    )
    init: InitSettings = Field(
        default_factory=InitSettings, description="initial weights of networks i3d and i3d_frames"
    )
    clip: ClipSettings = Field(default_factory=ClipSettings, description="settings of network clip_vit_b32")
    resnet: ResNetSettings = Field(
        default_factory=ResNetSettings, description="settings of networks resnet18 and resnet50"
    )
    torchvision: TorchvisionSettings = Field(
        default_factory=TorchvisionSettings, description="settings of networks mvit_v2_s, swin3d_t, s3d and r2plus1d_18"
    )
    bottleneck: int | None = Field(
        None,
        ge=2,
        description="size of a layer between the pooled features and a classifier of two layers, in resnet18, resnet50"
        " and i3d_frames; null: neither",
    )
    normalisation: Literal["shared", "aligned"] = Field(
        "shared",
        description="batch normalisation of resnet18, resnet50 and i3d_frames: the same for both domains, or"
        " domain-alignment layers with learned mixing (Carlucci et al. 2017)",
    )
    batch_size: int = Field(
        16,
        ge=1,
        description="number of videos of each domain per step",
        json_schema_extra={"paper": "section 4.2: 16, 32, 32 for E→H, B→U, S→U; section 4.5, with CLIP: 8"},
    )
    learning_rate: float = Field(
        0.05,
        gt=0,
        description="initial learning rate of SGD",
        json_schema_extra={"paper": "section 4.2: 0.05, 0.1, 0.015 for E→H, B→U, S→U"},
    )
    backbone_rate: float = Field(
        1.0, gt=0, le=1, description="factor of the learning rate for the layers that start from trained weights"
    )
    milestones: tuple[float, ...] = Field(
        (1 / 2, 2 / 3),
        description="points at which the learning rate drops, as shares of the epochs",
        json_schema_extra={"paper": "section 4.2: 1/2 and 2/3"},
    )
    decay: float = Field(
        0.1,
        gt=0,
        le=1,
        description="factor of the learning rate at each milestone",
        json_schema_extra={"paper": "section 4.2"},
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="momentum of SGD", json_schema_extra={"paper": "section 4.2"})
    weight_decay: float = Field(
        1e-4, ge=0, description="weight decay of SGD", json_schema_extra={"paper": "section 4.2"}
    )
    clip_gradient: float | None = Field(
        None, gt=0, description="bound to which the elements of the gradient are clipped; null: no clipping"
    )
    loss: LossKind = Field(
        "ce",
        description="classification loss: softmax cross-entropy (ce), or sigmoid on one-hot labels (bce)",
        json_schema_extra={"paper": "Eq. 2 and 3: cross-entropy"},
    )
    frozen: Literal["none", "Conv3d_2c_3x3", "MaxPool3d_4a_3x3", "MaxPool3d_5a_2x2"] = Field(
        "Conv3d_2c_3x3",
        description="last frozen layer of I3D; it and all layers before it keep their weights",
        json_schema_extra={"paper": "section 4.2: the first three Unit3D blocks"},
    )
    frozen_batch_norm: Literal["eval", "train"] = Field(
        "eval", description="mode of frozen batch-norm layers: keep the running statistics, or update them"
    )
    sync_batch_norm: bool = Field(
        True, description="whether several processes normalise by the whole batch rather than each by its part"
    )
    batch_norm_momentum: float = Field(
        0.01,
        gt=0,
        le=1,
        description="weight of a batch in the running statistics of the batch norm of networks of clips",
    )
    temporal_stride: Literal[1, 2] = Field(
        1, description="temporal stride of I3D's last two poolings: 1 as in ST-I2V, 2 as in the original I3D"
    )
    dropout: float = Field(0.5, ge=0, lt=1, description="share of the features dropped before the classifier")
    crop: int = Field(224, ge=32, description="side of the square crop, the input of the network, pixels")
    clip_frames: int = Field(
        16, ge=8, description="number of frames of a training clip", json_schema_extra={"paper": "section 4.2"}
    )
    test_frames: int = Field(
        32,
        ge=8,
        description="number of frames sampled from a video for evaluation",
        json_schema_extra={"paper": "section 4.2"},
    )
    fusion: Fusion = Field(
        "softmax_of_mean",
        description="class probabilities of a video: softmax of the mean logits, or mean of the softmax over time",
        json_schema_extra={"paper": "section 3.1"},
    )
    precision: Literal["auto", "float32", "bfloat16", "float64"] = Field(
        "auto",
        description="data type of convolutions and attention; auto: bfloat16 where the device is fast in it; float64,"
        " which is slow, serves to compare machines",
    )
    evaluate_every: int = Field(
        1, ge=1, description="number of epochs from one evaluation to the next; the last epoch is always scored"
    )
    evaluate_from: int = Field(
        1, ge=1, description="first epoch that may be evaluated; the last epoch is always scored"
    )
    keep_features: bool = Field(
        False,
        description="whether to store features of all videos with the scores, for runs that compare them",
    )

    @model_validator(mode="after")
    def _network_fits_stream(self) -> TrainingSettings:
        if self.stream == "flow" and self.network in FRAME_NETWORKS:
            raise ValueError(f"network {self.network} looks at RGB frames: stream must be rgb, not flow")
        return self

    @model_validator(mode="after")
    def _test_clips_are_training_clips(self) -> TrainingSettings:
        if self.network == "mvit_v2_s" and self.test_frames % self.clip_frames:
            raise ValueError(
                f"network mvit_v2_s looks at clip_frames ({self.clip_frames}) frames at once: test_frames must be a"
                f" multiple of them, not {self.test_frames}"
            )
        return self

    @property
    def initial_weights(self) -> tuple[str, ...]:
        """See `RunSettings.initial_weights`."""
        i3d_file = self.init.flow or self.init.rgb if self.stream == "flow" else self.init.rgb
        file = {"i3d": i3d_file, "i3d_frames": i3d_file, "clip_vit_b32": self.clip.weights}.get(
            self.network, self.resnet.weights
        )
        if self.network in TORCHVISION_NETWORKS:
            file = self.torchvision.weights and self.torchvision.weights.replace("{}", self.network)
        return () if file is None else (file,)

    def scored_epochs(self) -> set[int]:
        """See `RunSettings.scored_epochs`."""
        epochs = range(self.evaluate_from, self.epochs + 1)
        return {epoch for epoch in epochs if epoch % self.evaluate_every == 0} | {self.epochs}

    def relevant(self) -> Self:
        """See `RunSettings.relevant`."""
        used = {"i3d": "init", "i3d_frames": "init", "clip_vit_b32": "clip"}.get(self.network, "resnet")
        if self.network in TORCHVISION_NETWORKS:
            used = "torchvision"
        fields = type(self).model_fields
        others = {name for name in ("init", "clip", "resnet", "torchvision") if name != used}
        if self.network not in ("i3d", "i3d_frames"):
            others |= {"frozen", "frozen_batch_norm"}
        if self.network != "i3d":
            others |= {"temporal_stride"}
        return self.model_copy(update={name: fields[name].get_default(call_default_factory=True) for name in others})
