"""Settings of the estimator *higan*."""

from i2vadapt.config.estimators import HiganSettings as Settings

__all__ = ["Settings"]
