"""Settings of the runs that classify videos by fixed features instead of training a network."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self, get_args

from pydantic import Field, model_validator

from i2vadapt.config.networks import FRAME_NETWORKS, NetworkName
from i2vadapt.config.run import RunSettings, SourceItems

MOTION = "motion"
"""Role of the features that only videos have."""
Widths = Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)]


class EstimatorSettings(RunSettings):
    """Settings of every estimator: which features it reads."""

    ROLES: ClassVar[tuple[str, ...]] = ()
    """Roles of the features that the estimator needs, of photographs all but `motion`."""

    stream: Literal["rgb"] = Field("rgb", description="stream that the scores count as in the tables")
    epochs: Literal[1] = Field(1, description="always 1")
    features: dict[str, str] = Field(description="runs by whose networks the features are computed, by role")

    @model_validator(mode="after")
    def _every_role_has_a_run(self) -> Self:
        if set(self.features) != set(self.ROLES):
            raise ValueError(
                f"features must name a run for each of {', '.join(self.ROLES)}, not {', '.join(self.features)}"
            )
        return self

    @property
    def feature_runs(self) -> tuple[str, ...]:
        """The runs that `features` names, each once."""
        return tuple(dict.fromkeys(self.features.values()))

    @property
    def required_networks(self) -> dict[str, tuple[tuple[NetworkName, ...], str]]:
        """See `RunSettings.required_networks`: only networks of single frames give features of photographs."""
        every: tuple[NetworkName, ...] = get_args(NetworkName)
        networks = {role: every if role == MOTION else FRAME_NETWORKS for role in self.ROLES}
        return {run: (networks[role], f"features.{role}") for role, run in self.features.items()}

    @property
    def source_items(self) -> SourceItems:
        """Nothing but features."""
        return "none"


class AdversarialSettings(EstimatorSettings):
    """Settings that the two estimators with generative adversarial networks share."""

    generator: Widths = Field((1024, 256, 1024), description="numbers of units of a generator's hidden layers")
    discriminator: Widths = Field(description="numbers of units of a discriminator's hidden layers")
    generator_steps: int = Field(ge=1, description="number of steps in which the generators are trained")
    batch_size: int = Field(64, ge=2, description="number of items of each domain per step")
    learning_rate: float = Field(1e-4, gt=0, description="learning rate of Adam")
    beta1: float = Field(0.5, ge=0, lt=1, description="decay of Adam's mean of gradients")
