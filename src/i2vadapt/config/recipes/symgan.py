"""Settings of the estimator *symgan*."""

from i2vadapt.config.estimators import SymganSettings as Settings

__all__ = ["Settings"]
