"""Settings of the recipe *higan*: hierarchical adversarial networks on features."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from i2vadapt.config.estimator import AdversarialSettings, Widths


class Settings(AdversarialSettings):
    """Hierarchical generative adversarial networks, after HiGAN."""

    ROLES = ("common", "frames", "motion")

    recipe: Literal["higan"] = Field("higan", description="recipe of the run, an estimator")
    discriminator: Widths = Field((1024, 256), description="numbers of units of a discriminator's hidden layers")
    # Longer training learns the noise of each video's own frames, and the estimator becomes its control common: on
    # 1,690 synthetic videos of 13 classes, 104, 520 and 2600 steps classified 96, 79 and 79 % correctly, common 76 %.
    generator_steps: int = Field(130, ge=1, description="number of steps in which each generator is trained")
    coral_weight: float = Field(1.0, ge=0, description="weight of the CORAL loss between generated and real features")
    # With a weight of 1 and 260 steps, the generators exchanged classes: 7 % of the same videos were right.
    pairing_weight: float = Field(
        10.0,
        ge=0,
        description="weight of the squared error between the generated and the real features of the same video",
    )
    penalty: float = Field(
        1.0, gt=0, description="weight of half the squared norm of the coefficients of the logistic regression"
    )
    neighbours: int = Field(5, ge=1, description="number of nearest neighbours of a video in the control nearest")
