"""Settings of the recipe *frames*: a network of single frames is trained on the photographs themselves (Table 1)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from i2vadapt.config.networks import FRAME_NETWORKS, NetworkName
from i2vadapt.config.run import RunSettings


class Settings(RunSettings):
    """A network of single frames is trained on labelled photographs; the logits of a video are averaged over frames."""

    recipe: Literal["frames"] = Field("frames", description="recipe of the run, which defines its data and losses")
    network: NetworkName = Field("resnet18", description="network of the run, one of those that look at single frames")

    @model_validator(mode="after")
    def _photographs_do_not_move(self) -> Settings:
        if self.network not in FRAME_NETWORKS:
            raise ValueError(
                f"recipe frames needs a network of single frames ({', '.join(FRAME_NETWORKS)}), not {self.network}"
            )
        return self
