"""Pseudo-labels of videos by the prototypes of the classes (Zhuo et al. 2023, "Synthesizing Videos from Images")."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from i2vadapt.adaptation.retrieval import unit_rows


def class_prototypes(
    features: NDArray[np.floating], classes: NDArray[np.int64], num_classes: int
) -> NDArray[np.float64]:
    r"""Computes the prototypes of the classes, :math:`c_k = \frac{1}{|I_k|} \sum_{i \in I_k} f_i / |f_i|`.

    Args:
        features: features (n, F) of items of both domains.
        classes: labels (n,) of source items and predicted classes of target items; -1 where unknown.
        num_classes: number of classes C.

    Returns:
        Prototypes (C, F); NaN for classes without any item.
    """
    unit = unit_rows(features)
    prototypes = np.full((num_classes, features.shape[1]), np.nan)
    for label in np.unique(classes[classes >= 0]):
        prototypes[label] = unit[classes == label].mean(axis=0)
    return prototypes


def nearest_prototypes(features: NDArray[np.floating], prototypes: NDArray[np.float64]) -> NDArray[np.int64]:
    """Finds the class of each video whose prototype has the largest product with its feature.

    Args:
        features: features (m, F) of videos.
        prototypes: prototypes (C, F) returned by `class_prototypes`.

    Returns:
        Labels (m,), only of classes that have a prototype; the first of equally near ones.

    Raises:
        ValueError: if no class has a prototype.
    """
    exists = np.flatnonzero(np.isfinite(prototypes).all(axis=1))
    if not len(exists):
        raise ValueError("no class has a prototype")
    return np.asarray(exists[(features.astype(np.float64) @ prototypes[exists].T).argmax(axis=1)], dtype=np.int64)
