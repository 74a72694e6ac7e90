"""Settings of the recipe *frames*: a network of single frames learns from the photographs themselves (Table 1)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from i2vadapt.config.base import Section
from i2vadapt.config.networks import FRAME_NETWORKS, NetworkName
from i2vadapt.config.run import SourceItems, TrainingSettings
from i2vadapt.config.teacher import TeacherSettings
from i2vadapt.config.transfer import TransferSettings


class ContrastSettings(Section):
    """Contrast of pseudo-labelled target frames with photographs (CycDA, stage 3)."""

    teacher: TeacherSettings = Field(description="origin and selection of the labels of the target videos")
    weight: float = Field(1.0, ge=0, description="weight of the contrast")
    temperature: float = Field(0.05, gt=0, description="temperature of the cosines")


class Settings(TrainingSettings):
    """A network of single frames learns from labelled photographs and may adapt to single frames of target videos.

    The logits of a video are averaged over its frames.
    """

    recipe: Literal["frames"] = Field("frames", description="recipe of the run, which defines its data and losses")
    network: NetworkName = Field("resnet18", description="network of the run, one of those that look at single frames")
    transfer: TransferSettings = Field(
        default_factory=TransferSettings, description="transfer loss between photographs and frames; by default none"
    )
    contrast: ContrastSettings | None = Field(
        None, description="contrast of pseudo-labelled frames with photographs; null: none"
    )
    frames_per_video: int = Field(
        5, ge=1, description="number of target frames of a video and epoch, one from each of as many equal segments"
    )
    forward: Literal["separate", "joint"] = Field(
        "separate",
        description="batch normalisation of photographs and target frames: one forward pass each, or a joint one",
    )

    @model_validator(mode="after")
    def _photographs_do_not_move(self) -> Settings:
        if self.network not in FRAME_NETWORKS:
            raise ValueError(
                f"recipe frames needs a network of single frames ({', '.join(FRAME_NETWORKS)}), not {self.network}"
            )
        return self

    @model_validator(mode="after")
    def _alignment_needs_both_domains(self) -> Settings:
        if self.aligns_layers and (self.forward != "joint" or not self.reads_target_frames):
            raise ValueError(
                "normalisation aligned needs forward joint and a transfer loss: both domains pass together"
            )
        if self.aligns_layers and self.sync_batch_norm:
            raise ValueError("normalisation aligned needs sync_batch_norm false: every process normalises its part")
        return self

    @property
    def aligns_layers(self) -> bool:
        """Whether the network has domain-alignment layers."""
        return self.network != "clip_vit_b32" and self.normalisation == "aligned"

    @property
    def reads_target_frames(self) -> bool:
        """Whether a loss needs frames of the target."""
        return self.transfer.loss != "none" or self.contrast is not None

    @property
    def teachers(self) -> tuple[str, ...]:
        """The run that labels the frames for the contrast."""
        return (self.contrast.teacher.run,) if self.contrast is not None else ()

    @property
    def required_networks(self) -> dict[str, tuple[tuple[NetworkName, ...], str]]:
        """See `RunSettings.required_networks`."""
        return self.contrast.teacher.required_networks if self.contrast is not None else {}

    @property
    def source_items(self) -> SourceItems:
        """The photographs themselves: neither depth nor generated videos are needed."""
        return "photographs"
