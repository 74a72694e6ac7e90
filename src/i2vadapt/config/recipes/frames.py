"""Settings of the recipe *frames*: a network of single frames learns the photographs themselves (Table 1)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from i2vadapt.config.networks import FRAME_NETWORKS, NetworkName
from i2vadapt.config.run import RunSettings


class Settings(RunSettings):
    """Photographs with labels, one frame a clip; a video's logits are the mean over its frames."""

    recipe: Literal["frames"] = "frames"
    network: NetworkName = Field("resnet18", description="network of single frames")

    @model_validator(mode="after")
    def _photographs_do_not_move(self) -> Settings:
        if self.network not in FRAME_NETWORKS:
            raise ValueError(
                f"recipe frames needs a network of single frames ({', '.join(FRAME_NETWORKS)}), not {self.network}"
            )
        return self
