"""Settings of the recipe *pretrained*: a network is used with its initial weights."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from i2vadapt.config.run import SourceItems, TrainingSettings


class Settings(TrainingSettings):
    """A network is not trained: its initial weights score the videos, for zero-shot classification and features.

    Only CLIP has a classifier from the beginning; the scores of other networks mean nothing, but not their features.
    """

    recipe: Literal["pretrained"] = Field(
        "pretrained", description="recipe of the run, which defines its data and losses"
    )
    epochs: Literal[1] = Field(1, description="always 1, without a step")

    @property
    def source_items(self) -> SourceItems:
        """Nothing."""
        return "none"
