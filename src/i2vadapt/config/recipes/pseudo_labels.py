"""Settings of the recipe *pseudo_labels*: a network is trained on target videos that a teacher has labelled."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from i2vadapt.config.networks import NetworkName
from i2vadapt.config.run import SourceItems, TrainingSettings
from i2vadapt.config.teacher import TeacherSettings


class Settings(TrainingSettings):
    """A network is trained on the target videos that another run has labelled, and on nothing else (CycDA, stage 2)."""

    recipe: Literal["pseudo_labels"] = Field(
        "pseudo_labels", description="recipe of the run, which defines its data and losses"
    )
    teacher: TeacherSettings = Field(description="origin and selection of the labels")

    @property
    def teachers(self) -> tuple[str, ...]:
        """The run that gives the labels."""
        return (self.teacher.run,)

    @property
    def required_networks(self) -> dict[str, tuple[tuple[NetworkName, ...], str]]:
        """See `RunSettings.required_networks`."""
        return self.teacher.required_networks

    @property
    def source_items(self) -> SourceItems:
        """Nothing: what the source teaches comes through the teacher."""
        return "none"
