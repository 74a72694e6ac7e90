"""Settings of the recipe *symgan*: symmetric adversarial networks on features."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from i2vadapt.config.estimator import AdversarialSettings, Widths


class Settings(AdversarialSettings):
    """Symmetric generative adversarial networks, after SymGAN."""

    ROLES = ("common", "motion")

    recipe: Literal["symgan"] = Field("symgan", description="recipe of the run, an estimator")
    discriminator: Widths = Field((256,), description="numbers of units of a discriminator's hidden layers")
    generator_steps: int = Field(940, ge=1, description="number of steps in which the generators are trained")
    # With ten times the weight of the pairs, the cycle teaches the generators a code of their own: on a small problem
    # of four classes, 48 % of the videos were classified correctly instead of 94 %.
    cycle_weight: float = Field(
        10.0, ge=0, description="weight of the squared error of features that went through both generators"
    )
    pairing_weight: float = Field(
        10.0,
        ge=0,
        description="weight of the squared error between the generated and the real features of the same video",
    )
    classifier: Widths = Field((2048, 1024), description="numbers of units of the classifier's hidden layers")
    classifier_steps: int = Field(470, ge=1, description="number of steps in which the classifier is trained")
