"""What features tell about domains and classes, in numbers that depend on no projection."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import silhouette_score
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from i2vadapt.data.items import UNLABELLED
from i2vadapt.report.experiments.joint_features import JointFeatures

NEIGHBOURS, _FOLDS = 5, 5


@dataclass(frozen=True)
class Measures:
    """Measures of the features of one method; NaN where there are too few items or no labels.

    Attributes:
        neighbours: share of target items whose class is that of most of their 5 nearest source items.
        domains: balanced accuracy of a linear classifier of the domains, cross-validated: 0.5 if they look the same.
        silhouette_target: silhouette of the target items by their classes, from -1 to 1.
        silhouette_both: the same of the items of both domains.
        class_gap: distance of the source's and the target's mean of a class, by that between target means of different
            classes; a mean over the classes.
    """

    neighbours: float
    domains: float
    silhouette_target: float
    silhouette_both: float
    class_gap: float


def measure(features: JointFeatures, seed: int) -> Measures:
    """Measures features; `seed` draws the folds of the cross-validation."""
    known = features.labels != UNLABELLED
    source, target = known & ~features.is_target, known & features.is_target
    return Measures(
        _neighbours(features, source, target),
        _domains(features, seed),
        _silhouette(features, target),
        _silhouette(features, known) if target.any() else np.nan,
        _class_gap(features, source, target),
    )


def _neighbours(features: JointFeatures, source: np.ndarray, target: np.ndarray) -> float:
    if not source.any() or not target.any():
        return np.nan
    classifier = KNeighborsClassifier(min(NEIGHBOURS, int(source.sum())))
    classifier.fit(features.values[source], features.labels[source])
    return float(classifier.score(features.values[target], features.labels[target]))


def _domains(features: JointFeatures, seed: int) -> float:
    folds = min(_FOLDS, *np.bincount(features.is_target, minlength=2).tolist())
    if folds < 2:
        return np.nan
    parts = StratifiedKFold(folds, shuffle=True, random_state=seed)
    classifier = LogisticRegression(class_weight="balanced", max_iter=1000)
    right = cross_val_score(classifier, features.values, features.is_target, cv=parts, scoring="balanced_accuracy")
    return float(right.mean())


def _silhouette(features: JointFeatures, chosen: np.ndarray) -> float:
    labels = features.labels[chosen]
    if not 2 <= len(np.unique(labels)) < len(labels):
        return np.nan
    return float(silhouette_score(features.values[chosen], labels))


def _class_gap(features: JointFeatures, source: np.ndarray, target: np.ndarray) -> float:
    shared = np.intersect1d(features.labels[source], features.labels[target])
    if len(shared) < 2:
        return np.nan
    means = [
        np.stack([features.values[side & (features.labels == label)].mean(axis=0) for label in shared])
        for side in (source, target)
    ]
    within = np.linalg.norm(means[0] - means[1], axis=1).mean()
    between = np.linalg.norm(means[1][:, None] - means[1][None], axis=2)[np.triu_indices(len(shared), 1)].mean()
    return float(within / between) if between > 0 else np.nan
