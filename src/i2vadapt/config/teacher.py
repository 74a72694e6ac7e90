"""Settings of pseudo-labels, which the scores of another run give to target videos."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from i2vadapt.config.base import Section
from i2vadapt.config.networks import FRAME_NETWORKS, NetworkName


class TeacherSettings(Section):
    """The run whose last scores label the target videos, and the selection of the videos that get a label."""

    run: str = Field(description="run whose last scores give the labels")
    select: Literal["frames", "videos"] = Field(
        "frames",
        description="confidence of a video: that of its most confident frame, for teachers that look at single frames"
        " (CycDA), or that of the video",
    )
    keep: float = Field(0.7, gt=0, le=1, description="share of the videos that get a label, the most confident ones")

    @property
    def required_networks(self) -> dict[str, tuple[tuple[NetworkName, ...], str]]:
        """See `RunSettings.required_networks`."""
        return {self.run: (FRAME_NETWORKS, "teacher.select: frames")} if self.select == "frames" else {}
