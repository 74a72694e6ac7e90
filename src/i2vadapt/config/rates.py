"""The documents workflow/rates/*.yaml: what a machine takes, to price a target without data and without measuring."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import AfterValidator, Field, ValidationError, model_validator

from i2vadapt.config.base import Section, Stream
from i2vadapt.config.messages import describe_errors
from i2vadapt.config.networks import NetworkName
from i2vadapt.config.parsing import parse_file
from i2vadapt.config.preprocessing import (
    CropSettings,
    DecodeSettings,
    DepthSettings,
    FlowSettings,
    SynthesisSettings,
)
from i2vadapt.files.atomic import write_atomically
from i2vadapt.stages import Branch, by_name

Origin = Literal["measured", "assumed"]
Cost = Annotated[float, Field(ge=0)]
SECTIONS: dict[str, type[Section]] = {
    "depth": DepthSettings,
    "synthesize": SynthesisSettings,
    "crop": CropSettings,
    "decode": DecodeSettings,
    "flow": FlowSettings,
}
"""Class of the settings of each stage that makes shards."""
ELSEWHERE = {"checkpoint"}
"""Settings that say where something is, and do not change what a stage takes."""
Found = TypeVar("Found", bound="StageRate | NetworkRate")


def _check_stage(name: str) -> str:
    if by_name(name) is None:
        raise ValueError(f"must be one of {', '.join(SECTIONS)}")
    return name


class Claim(Section):
    """What both kinds of rates say of themselves."""

    origin: Origin = Field("measured", description="whether the seconds were measured on this machine, or are assumed")
    note: str = Field("", description="where assumed seconds come from")

    @model_validator(mode="after")
    def _assumptions_have_reasons(self) -> Claim:
        if self.origin == "assumed" and not self.note:
            raise ValueError("note must say where an assumed rate comes from")
        return self


class StageRate(Claim):
    """What a preprocessing stage takes, with some settings."""

    stage: Annotated[str, AfterValidator(_check_stage)] = Field(description="name of the stage")
    branch: Branch | None = Field(None, description="branch of preprocessing that the rate is of; null: all")
    rows: int | None = Field(None, ge=16, description="short side of the frames that flow reads, pixels; null: any")
    settings: dict[str, Any] = Field(
        default_factory=dict, description="settings of the stage that differ from the defaults; others have no rate"
    )
    gpu: bool = Field(False, description="whether the stage ran on a GPU")
    start: Cost = Field(0.0, description="seconds of a job before and after its work")
    seconds: Cost | None = Field(None, description="seconds of a photograph, or of a frame; null: unknown")
    size: Cost | None = Field(None, description="bytes stored of a photograph, or of a frame; null: unknown")

    @model_validator(mode="after")
    def _settings_are_those_of_the_stage(self) -> StageRate:
        try:
            SECTIONS[self.stage].model_validate(self.settings)
        except ValidationError as error:
            raise ValueError(describe_errors(error, f"settings of {self.stage}")) from None
        return self

    def is_of(self, stage: str, branch: Branch, rows: int | None, section: Section) -> bool:
        """Whether the rate is that of a stage with these settings."""
        if self.stage != stage or self.branch not in (None, branch) or self.rows not in (None, rows):
            return False
        wanted = section.model_dump(exclude=ELSEWHERE)
        return SECTIONS[stage].model_validate(self.settings).model_dump(exclude=ELSEWHERE) == wanted


class Work(Section):
    """What a network does with a clip, as far as it decides the time: runs of one kind of work share their rates."""

    network: NetworkName = Field(description="network of the run")
    stream: Stream = Field("rgb", description="input of the network")
    crop: int = Field(224, ge=32, description="side of the crop, pixels")
    clip_frames: int = Field(16, ge=1, description="frames of a training clip; 1 where photographs are learned")
    test_frames: int = Field(32, ge=8, description="frames of a video that is scored")
    frozen: str = Field("", description="what is not trained; empty for networks without such a setting")


class NetworkRate(Claim):
    """What training and scoring a network takes."""

    work: Work = Field(description="kind of work")
    start: Cost = Field(0.0, description="seconds of a training before its first step and after its last scores")
    per_epoch: Cost = Field(0.0, description="seconds of an epoch beside its clips")
    per_clip: Cost | None = Field(None, description="seconds of a clip, forward and backward; null: unknown")
    per_scoring: Cost = Field(0.0, description="seconds of a scoring beside its videos")
    per_video: Cost | None = Field(None, description="seconds of a video that is scored; null: unknown")
    checkpoint: Cost | None = Field(None, description="bytes of a run's checkpoint; null: unknown")


class Rates(Section):
    """What a machine takes, with the origin of every figure."""

    machine: str = Field(min_length=1, description="processor, number of cores, GPU")
    measured_by: str = Field(min_length=1, description="command or script that measured, and on what")
    date: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$", description="day of the measurement, in quotes")
    cores: int = Field(ge=1, description="number of CPU cores, which decides how many jobs run side by side")
    gpus: int = Field(0, ge=0, description="number of GPUs on which networks were trained")
    note: str = Field("", description="what else there is to know")
    stages: tuple[StageRate, ...] = Field((), description="rates of preprocessing")
    training: tuple[NetworkRate, ...] = Field((), description="rates of training and scoring")

    def of_stage(self, stage: str, branch: Branch, rows: int | None, section: Section) -> StageRate | None:
        """The rate of a stage with these settings; None if there is none.

        Args:
            stage: name of the stage.
            branch: branch of preprocessing.
            rows: short side of the frames that the stage reads, pixels; None for original files.
            section: settings of the stage in this branch.
        """
        return _first([rate for rate in self.stages if rate.is_of(stage, branch, rows, section)])

    def of_training(self, work: Work) -> NetworkRate | None:
        """The rate of a kind of work; None if there is none."""
        return _first([rate for rate in self.training if rate.work == work])

    def of_scoring(self, work: Work) -> NetworkRate | None:
        """A rate of scoring alone, which does not depend on the clips of training; None if there is none."""
        alike = {"clip_frames": work.clip_frames, "frozen": work.frozen}
        return _first([rate for rate in self.training if rate.work.model_copy(update=alike) == work])


def _first(found: Sequence[Found]) -> Found | None:
    return found[0] if found else None


def load_rates(path: Path) -> Rates:
    """Reads a document of rates.

    Raises:
        UserError: if the file cannot be read; lists all mistakes at once.
    """
    return parse_file(Rates, path)


def write_rates(path: Path, rates: Rates) -> None:
    """Writes a document of rates, without what has its default value.

    Raises:
        OSError: if the file cannot be written.
    """
    text = yaml.safe_dump(rates.model_dump(mode="json", exclude_defaults=True), sort_keys=False, width=120)
    write_atomically(path, text.encode())
