"""Settings of training."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from i2vadapt.config.base import Section, Stream


class PaceSettings(Section):
    """Video pace prediction (paper section 3.3)."""

    classes: int = Field(5, ge=2, le=16, description="paces 1..classes, C_vp")
    weight: float = Field(0.2, ge=0, description="lambda_2 of Eq. 6")
    looping: Literal["modulo", "restart"] = Field("modulo", description="what follows the last frame")
    streams: tuple[Stream, ...] = Field(("rgb",), min_length=1, description="streams with a pace head")
    flow: Literal["matched", "native"] = Field(
        "matched", description="flow of a paced clip: at the frames of the clip, or spread over the whole video"
    )
    other_streams: Literal["skip", "statistics"] = Field(
        "skip", description="streams without a pace head: statistics shows them the paced clips for batch norm alone"
    )


class BankSettings(Section):
    """Category-aware flow memory bank (paper section 3.2)."""

    capacity: int = Field(60, ge=1, description="N, flows kept per category")
    warmup_epochs: int = Field(10, ge=1, description="epochs with the source videos' own flow")
    delay_epochs: int = Field(0, ge=0, description="epochs between the warm-up and the first use of the bank")
    strategy: Literal[
        "random", "mean", "simw_sum", "simw_mean_top5", "simw_sum_top5", "simw_top1", "simw_random_top5"
    ] = Field("random", description="what a source video gets of the flow held for its class (Table 3)")
    window: Literal["random", "centre"] = Field(
        "random", description="cut of the lent flow: cropped and flipped like any other, or as the bank was filled"
    )


class TransferSettings(Section):
    """A transfer loss between source and target videos (paper section 4.5, Table 4)."""

    loss: Literal["none", "dan", "mcc", "bnm", "dann"] = Field(
        "none", description="MK-MMD of DAN, MCC, BNM, or the domain classifier of DANN"
    )
    weight: float = Field(0.05, ge=0, description="lambda_3")
    inputs: Literal["logits", "features"] = Field("logits", description="what it is of, averaged over time")
    streams: tuple[Stream, ...] = Field(("rgb", "flow"), min_length=1, description="streams that have it")

    @model_validator(mode="after")
    def _of_probabilities(self) -> TransferSettings:
        if self.loss in ("mcc", "bnm") and self.inputs == "features":
            raise ValueError(f"inputs must be logits with loss {self.loss}, which is of class probabilities")
        return self


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


class InitSettings(Section):
    """Weights that the streams start from."""

    rgb: str | None = Field(
        "resources/i3d-kinetics400-rgb.safetensors", description="RGB weights of I3D; null is random"
    )
    flow: str | None = Field(
        None, description="I3D weights of the flow stream; null averages the first kernels of those for RGB over colour"
    )


class ResNetSettings(Section):
    """A ResNet as RGB network, for the image-only lower bound, SO (Img) of Table 1."""

    weights: str | None = Field(None, description="ImageNet weights, a file of torchvision or timm; null is random")


class ClipSettings(Section):
    """CLIP ViT-B/32 as RGB network (paper section 4.5): the image tower is trained, the text tower is not."""

    weights: str | None = Field(
        "weights/clip-vit-b32.pt", description="file of OpenAI or open_clip; null is random, for tests"
    )
    quick_gelu: bool = Field(True, description="activation: true for OpenAI's weights, false for LAION's")
    prompt: str = Field("a video of a person {}.", pattern=r"\{\}", description="text of a class, {} is its name")
    learning_rate: float = Field(5e-5, gt=0, description="of the image tower; falls at the same milestones")


class TrainSettings(Section):
    """Two-stream network (paper sections 3 and 4.2)."""

    protocol: Literal["transductive", "split1"] = Field(
        "transductive", description="adapt to and test on all target videos, or on the two parts of a split"
    )
    split1: SplitSettings = Field(default_factory=SplitSettings)
    supervision: Literal["source", "target"] = Field(
        "source", description="whose labels are learned; target is the upper bound, without any adaptation"
    )
    streams: tuple[Stream, ...] = Field(("rgb", "flow"), min_length=1, description="networks that are trained")
    rgb_network: Literal["i3d", "clip_vit_b32", "resnet18", "resnet50"] = Field(
        "i3d", description="network of the RGB stream, all but I3D of single frames; flow has I3D"
    )
    clip: ClipSettings = Field(default_factory=ClipSettings, description="for rgb_network: clip_vit_b32")
    resnet: ResNetSettings = Field(default_factory=ResNetSettings, description="for rgb_network: resnet18 or resnet50")
    source_clips: Literal["generated", "photographs"] = Field(
        "generated", description="generated videos, or the photographs themselves as clips of one frame"
    )
    bank: BankSettings | None = Field(default_factory=BankSettings, description="null trains without the memory bank")
    pace: PaceSettings | None = Field(default_factory=PaceSettings, description="null trains without pace prediction")
    transfer: TransferSettings = Field(default_factory=TransferSettings)
    init: InitSettings = Field(default_factory=InitSettings)
    epochs: int = Field(60, ge=1)
    batch_size: int = Field(16, ge=1, description="videos of each domain in a step")
    learning_rate: float = Field(0.05, gt=0)
    milestones: tuple[float, ...] = Field((1 / 2, 2 / 3), description="shares of the epochs after which the rate drops")
    decay: float = Field(0.1, gt=0, le=1, description="factor of a drop")
    momentum: float = Field(0.9, ge=0, lt=1)
    weight_decay: float = Field(1e-4, ge=0)
    clip_gradient: float | None = Field(None, gt=0, description="bound of every element of the gradient")
    loss: Literal["ce", "bce"] = Field("ce", description="softmax cross-entropy or sigmoid on one-hot labels")
    local_streams: tuple[Stream, ...] = Field(("rgb",), description="streams with the local (frame-level) loss, Eq. 2")
    local_weight: float = Field(1.0, ge=0, description="lambda_1 of Eq. 6")
    frozen: Literal["none", "Conv3d_2c_3x3", "MaxPool3d_4a_3x3"] = Field(
        "Conv3d_2c_3x3", description="layers up to and including this one keep their weights"
    )
    frozen_batch_norm: Literal["eval", "train"] = Field("eval", description="train lets running statistics move")
    sync_batch_norm: bool = Field(
        True, description="several processes normalise by their whole batch, not each by its part"
    )
    batch_norm_momentum: float = Field(0.01, gt=0, le=1, description="weight of a new batch in running statistics")
    temporal_stride: Literal[1, 2] = Field(1, description="of the last two poolings; 1 follows ST-I2V, 2 the original")
    dropout: float = Field(0.5, ge=0, lt=1)
    crop: int = Field(224, ge=32, description="side of the square given to the networks, pixels")
    crops: Literal["shared", "separate"] = Field("shared", description="one crop and flip for RGB and flow, or two")
    clip_frames: int = Field(16, ge=8, description="frames of a training clip")
    test_frames: int = Field(32, ge=8, description="frames sampled from a video for evaluation")
    fusion: Literal["softmax_of_mean", "mean_of_softmax"] = Field(
        "softmax_of_mean", description="late fusion: softmax of the mean logits, or mean of the frames' softmax"
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field("auto", description="auto: bfloat16 where it is fast")
    evaluate_every: int = Field(1, ge=1, description="epochs between evaluations while the bank is not in use")

    @model_validator(mode="after")
    def _parts_have_their_streams(self) -> TrainSettings:
        if self.bank is not None and "flow" not in self.streams:
            raise ValueError("bank must be null when streams has no flow")
        if self.pace is not None and not set(self.pace.streams) & set(self.streams):
            raise ValueError(f"pace must be null when streams has none of pace.streams, {', '.join(self.pace.streams)}")
        if self.transfer.loss != "none" and not set(self.transfer.streams) & set(self.streams):
            raise ValueError("transfer.loss must be none when streams has none of transfer.streams")
        if self.bank is not None and self.bank.strategy.startswith("simw_") and "rgb" not in self.streams:
            raise ValueError(f"bank.strategy {self.bank.strategy} compares RGB features: streams must have rgb")
        return self

    @model_validator(mode="after")
    def _upper_bound_is_fair(self) -> TrainSettings:
        if self.supervision == "target":
            if self.protocol != "split1":
                raise ValueError("supervision by the target needs protocol split1: all its videos are tested otherwise")
            if self.bank is not None or self.pace is not None or self.transfer.loss != "none":
                raise ValueError("supervision by the target adapts nothing: bank and pace null, transfer.loss none")
        return self

    @model_validator(mode="after")
    def _photographs_do_not_move(self) -> TrainSettings:
        if self.source_clips == "photographs":
            if self.streams != ("rgb",) or self.rgb_network == "i3d" or self.pace is not None:
                raise ValueError(
                    "source_clips photographs needs streams [rgb], a network of single frames"
                    " (rgb_network resnet18, resnet50 or clip_vit_b32), and pace null"
                )
            if self.supervision == "target":
                raise ValueError("source_clips photographs has no meaning where supervision is target")
        return self

    @property
    def initial_weights(self) -> tuple[str, ...]:
        """Files of weights that the streams start from."""
        network = self.rgb_network if "rgb" in self.streams else "none"
        i3d_of_rgb = network == "i3d" or ("flow" in self.streams and self.init.flow is None)
        files = (
            self.init.rgb if i3d_of_rgb else None,
            self.init.flow if "flow" in self.streams else None,
            self.clip.weights if network == "clip_vit_b32" else None,
            self.resnet.weights if network.startswith("resnet") else None,
        )
        return tuple(file for file in files if file is not None)
