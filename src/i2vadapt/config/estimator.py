"""Settings of the runs that classify videos by fixed features instead of training a network."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from i2vadapt.config.run import RunSettings, SourceItems


class EstimatorSettings(RunSettings):
    """Settings of every estimator: which features it reads."""

    ROLES: ClassVar[tuple[str, ...]] = ()
    """Names of the features that the estimator needs."""

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
    def source_items(self) -> SourceItems:
        """Nothing but features."""
        return "none"
