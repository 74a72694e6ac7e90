"""Settings of the estimator *meda*."""

from i2vadapt.config.estimators import MedaSettings as Settings

__all__ = ["Settings"]
