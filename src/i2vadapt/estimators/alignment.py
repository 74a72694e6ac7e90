"""Discrepancy between the distributions of two domains, and the weight of its two parts (Wang et al. 2018)."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC

_logger = logging.getLogger(__name__)

_SMALLEST_SHARE = 1e-3  # a smaller weight of the classes counts as 0


@dataclass(frozen=True)
class Labelled:
    """Rows of both domains with the current labels.

    Attributes:
        source: embedded rows (n, F) of the photographs.
        source_labels: classes (n,) of the photographs.
        target: embedded rows (m, F) of the videos.
        target_labels: classes (m,) that the videos are assumed to have.
        classes: number of classes C.
    """

    source: np.ndarray
    source_labels: np.ndarray
    target: np.ndarray
    target_labels: np.ndarray
    classes: int

    def by_class(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yields, for each class with items in both domains, which photographs and which videos have it."""
        for label in range(self.classes):
            pair = self.source_labels == label, self.target_labels == label
            if all(part.any() for part in pair):
                yield pair


def domain_distance(source: np.ndarray, target: np.ndarray) -> float:
    """Proxy of the A-distance: 2 (1 - 2 e), with the training error e of a linear SVM that separates the domains.

    Args:
        source: rows (n, F), at least one.
        target: rows (m, F), at least one.

    Returns:
        2 for separable domains, 0 or less for equal ones of equal size.
    """
    rows = np.concatenate([source, target])
    domains = np.arange(len(rows)) < len(source)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        error = 1 - LinearSVC(dual=False).fit(rows, domains).score(rows, domains)  # dual=False: no random numbers
    if any(issubclass(warning.category, ConvergenceWarning) for warning in caught):
        _logger.warning("MEDA: the linear SVM that separates the domains did not converge; mu is approximate")
    return float(2 * (1 - 2 * error))


def conditional_weight(marginal: float, labelled: Labelled) -> float:
    """Weight mu of the differences within classes, against that of the domains as a whole.

    Args:
        marginal: `domain_distance` of the domains.
        labelled: rows of both domains; classes without items in both domains are left out.

    Returns:
        The mean distance within the classes as a share of its sum with the marginal one, 0 to 1.
    """
    distances = [domain_distance(labelled.source[s], labelled.target[t]) for s, t in labelled.by_class()]
    conditional = float(np.mean(distances)) if distances else 0.0
    total = conditional + marginal
    share = conditional / total if total else 0.0
    return min(share, 1.0) if share > _SMALLEST_SHARE else 0.0


def discrepancy(labelled: Labelled, mu: float) -> tuple[np.ndarray, np.ndarray]:
    r"""The matrix M of the discrepancy as a sum of few products, :math:`M = \sum_r w_r e_r e_r^T`, of norm 1.

    .. math:: M \propto (1 - \mu) C e e^T + \mu \sum_c e_c e_c^T

    The vector e is 1/n for photographs and -1/m for videos, and e_c the same for the items of class c. A class
    without items in both domains has no e_c. (The authors' code keeps one for its photographs, which pulls their
    scores to zero although nothing is compared with them.)

    Args:
        labelled: rows of both domains with their labels.
        mu: weight of the differences within the classes, 0 to 1.

    Returns:
        Vectors e as columns (n + m, R), and their weights (R,).
    """
    n, m = len(labelled.source), len(labelled.target)
    groups = [(np.ones(n, bool), np.ones(m, bool)), *labelled.by_class()]
    vectors = np.stack([np.concatenate([s / s.sum(), t / -t.sum()]) for s, t in groups], axis=1)
    weights = np.array([(1 - mu) * labelled.classes] + [mu] * (len(groups) - 1))
    gram = vectors.T @ vectors
    norm = np.sqrt(weights @ gram**2 @ weights)  # Frobenius norm of M
    return vectors, weights / norm if norm else weights
