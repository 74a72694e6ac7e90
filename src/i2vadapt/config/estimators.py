"""Settings of the estimators: the systems of Table 1 that classify videos from fixed features."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from i2vadapt.config.estimator import EstimatorSettings

Widths = Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)]


class MedaSettings(EstimatorSettings):
    """Manifold embedded distribution alignment; the defaults are the constants of the authors' demonstration."""

    ROLES = ("images",)

    recipe: Literal["meda"] = Field("meda", description="name of the estimator")
    dimensions: int = Field(
        20, ge=1, description="number of principal directions of each domain, less than half the number of features"
    )
    neighbours: int = Field(10, ge=1, description="number of nearest neighbours of an item in the graph")
    lambda_: float = Field(10.0, ge=0, description="weight lambda of the alignment of the distributions")
    eta: float = Field(0.1, gt=0, description="weight eta of the classifier's norm")
    rho: float = Field(1.0, ge=0, description="weight rho of the smoothness on the graph")
    iterations: int = Field(10, ge=1, description="number of times that the classifier is fitted and labels the videos")
    largest_kernel: float = Field(
        4.0,
        gt=0,
        description="size of the largest kernel matrix allowed, gigabytes; three times as much memory is needed",
    )


class AdversarialSettings(EstimatorSettings):
    """Settings that the two estimators with generative adversarial networks share."""

    generator: Widths = Field((1024, 256, 1024), description="numbers of units of a generator's hidden layers")
    discriminator: Widths = Field(description="numbers of units of a discriminator's hidden layers")
    generator_epochs: int = Field(100, ge=1, description="number of epochs in which the generators are trained")
    batch_size: int = Field(64, ge=2, description="number of items of each domain per step")
    learning_rate: float = Field(1e-4, gt=0, description="learning rate of Adam")
    beta1: float = Field(0.5, ge=0, lt=1, description="decay of Adam's mean of gradients")


class HiganSettings(AdversarialSettings):
    """Hierarchical generative adversarial networks, after HiGAN; an epoch is one pass over the videos."""

    ROLES = ("common", "frames", "motion")

    recipe: Literal["higan"] = Field("higan", description="name of the estimator")
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


class SymganSettings(AdversarialSettings):
    """Symmetric generative adversarial networks, after SymGAN; an epoch is one pass over the larger domain."""

    ROLES = ("common", "motion")

    recipe: Literal["symgan"] = Field("symgan", description="name of the estimator")
    discriminator: Widths = Field((256,), description="numbers of units of a discriminator's hidden layers")
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
    classifier_epochs: int = Field(20, ge=1, description="number of epochs in which the classifier is trained")
