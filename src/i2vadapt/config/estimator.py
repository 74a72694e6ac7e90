"""Settings that all estimators share."""

from __future__ import annotations

from pydantic import Field

from i2vadapt.config.base import Section


class EstimatorSettings(Section):
    """Settings of an estimator, which classifies videos from fixed features. Each estimator adds its own settings."""

    recipe: str = Field(description="name of the estimator")
