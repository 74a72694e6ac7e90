"""What the rates of a document are rates of: a photograph or, for decode and flow, a frame, of some number of rows."""

from __future__ import annotations

from i2vadapt import stages
from i2vadapt.config.base import Section
from i2vadapt.config.parsing import parse_json
from i2vadapt.config.rates import SECTIONS
from i2vadapt.config.settings import Settings
from i2vadapt.pipeline.jobs import stage_settings
from i2vadapt.stages import Branch, Stage


def section_of(settings: Settings, branch: Branch, stage: Stage) -> Section:
    """Settings of a stage in a branch."""
    return parse_json(SECTIONS[stage.name], stage_settings(stage, branch, settings), stage.name)


def rows_read(settings: Settings, branch: Branch, stage: Stage) -> int | None:
    """Short side of the frames that a stage reads; None where it reads original files, or photographs' depth."""
    if stage is not stages.FLOW:
        return None
    return settings.decode.short_side if branch == "target" else settings.synthesis.short_side


def frames_of_item(settings: Settings, branch: Branch, stage: Stage) -> int:
    """Frames of what a stage counts in a plan: a generated video has several; a real one is counted by its frames."""
    return settings.synthesis.frames if stage is stages.FLOW and branch == "source" else 1
