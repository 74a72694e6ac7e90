"""Settings of the recipe *meda*: manifold embedded distribution alignment."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from i2vadapt.config.estimator import EstimatorSettings


class Settings(EstimatorSettings):
    """Manifold embedded distribution alignment; the defaults are the constants of the authors' demonstration."""

    ROLES = ("images",)

    recipe: Literal["meda"] = Field("meda", description="recipe of the run, an estimator")
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
