"""The contract between an estimator and the code that loads its features."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np

from i2vadapt.config.estimator import EstimatorSettings

S = TypeVar("S", bound=EstimatorSettings)


@dataclass(frozen=True)
class Problem:
    """Labelled photographs, and the videos to classify.

    Features of a domain are arrays with one row per item, by their role in the estimator; all roles of a domain have
    its items in the same order.

    Attributes:
        source: features (n, F) of the labelled photographs, float32, by role.
        labels: classes (n,) of the photographs, int64, 0 to C-1.
        adapted: features (m, F) of the unlabelled videos that may be used, float32, by role.
        videos: features (k, F) of all videos to score, float32, by role; in the transductive protocol equal to
            `adapted`.
        classes: number of classes C.
        seed: random seed.
    """

    source: dict[str, np.ndarray]
    labels: np.ndarray
    adapted: dict[str, np.ndarray]
    videos: dict[str, np.ndarray]
    classes: int
    seed: int


@dataclass(frozen=True)
class Estimate:
    """Class probabilities of the videos.

    Attributes:
        probabilities: class probabilities (k, C), float32; each row has the sum 1.
        controls: class probabilities (k, C) of simpler systems on the same features, by name, which the estimator
            should surpass.
    """

    probabilities: np.ndarray
    controls: dict[str, np.ndarray] = field(default_factory=dict)


class Estimator(ABC, Generic[S]):
    """A system that classifies videos from fixed features.

    Args:
        settings: settings of the estimator.
    """

    def __init__(self, settings: S) -> None:
        self.settings = settings

    @abstractmethod
    def estimate(self, problem: Problem) -> Estimate:
        """Classifies the videos; the same problem gives the same result on the same machine.

        Args:
            problem: features of both domains.

        Raises:
            UserError: if the settings do not fit the features, or there are too few items.
        """


def build_estimator(settings: EstimatorSettings) -> Estimator[Any]:
    """Builds the estimator that the settings name.

    Args:
        settings: settings of the estimator.
    """
    estimator: Estimator[Any] = importlib.import_module(f"i2vadapt.estimators.{settings.recipe}").Estimator(settings)
    return estimator
