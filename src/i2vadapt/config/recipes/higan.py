"""Settings of the recipe *higan*: hierarchical adversarial networks on features."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from i2vadapt.config.estimator import AdversarialSettings, Widths


class Settings(AdversarialSettings):
    """Hierarchical generative adversarial networks, after HiGAN; an epoch is one pass over the videos."""

    ROLES = ("common", "frames", "motion")

    recipe: Literal["higan"] = Field("higan", description="recipe of the run, an estimator")
    discriminator: Widths = Field((1024, 256), description="numbers of units of a discriminator's hidden layers")
    coral_weight: float = Field(1.0, ge=0, description="weight of the CORAL loss between generated and real features")
    pairing_weight: float = Field(
        10.0,
        ge=0,
        description="weight of the squared error between the generated and the real features of the same video",
    )
    penalty: float = Field(
        1.0, gt=0, description="weight of half the squared norm of the coefficients of the logistic regression"
    )
    neighbours: int = Field(5, ge=1, description="number of nearest neighbours of a video in the control nearest")
