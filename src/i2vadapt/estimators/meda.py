"""Manifold embedded distribution alignment, MEDA (Wang et al. 2018, "Visual Domain Adaptation with Manifold Embedded
Distribution Alignment").

A kernel classifier of fixed features, without a network to train: the features of both domains are embedded by the
geodesic flow kernel, and the classifier is fitted to the labels of the photographs while its scores are kept smooth
on a graph of all items and alike in both domains.
"""

from __future__ import annotations

import logging

import numpy as np
from sklearn.preprocessing import StandardScaler, normalize

from i2vadapt.config.recipes.meda import Settings
from i2vadapt.errors import UserError
from i2vadapt.estimators import base
from i2vadapt.estimators.alignment import Labelled, conditional_weight, discrepancy, domain_distance
from i2vadapt.estimators.base import Estimate, Problem
from i2vadapt.estimators.geodesic_flow import geodesic_flow_map, principal_directions
from i2vadapt.estimators.graph import graph_laplacian
from i2vadapt.estimators.kernel_system import KernelSystem

_logger = logging.getLogger(__name__)

_ROLE = "images"
_BYTES = 8  # of a float64


class Estimator(base.Estimator[Settings]):
    """MEDA on the features of a network of single frames; those of a video are averaged over its frames.

    Videos that were not used for the adaptation are scored by the expansion of the classifier in the kernel. Control:
    `nearest`, the class of the nearest photograph in the embedding, which is MEDA's first guess.
    """

    def estimate(self, problem: Problem) -> Estimate:
        """Classifies the videos; see `base.Estimator.estimate`."""
        settings = self.settings
        check_memory(len(problem.labels) + len(problem.adapted[_ROLE]), settings.largest_kernel)
        source, adapted, videos = embed(problem, settings.dimensions)
        rows, scored = normalize(np.concatenate([source, adapted])), normalize(videos)
        n = len(source)
        similarity = rows @ rows.T
        laplacian = graph_laplacian(similarity, settings.neighbours)
        guess = problem.labels[similarity[n:, :n].argmax(axis=1)]
        kernel = kernel_of_cosines(similarity)
        system = KernelSystem(kernel, laplacian, problem.labels, problem.classes, settings.eta, settings.rho)
        marginal = domain_distance(source, adapted)
        for iteration in range(settings.iterations):
            labelled = Labelled(source, problem.labels, adapted, guess, problem.classes)
            mu = conditional_weight(marginal, labelled)
            vectors, weights = discrepancy(labelled, mu)
            coefficients = system.solve(vectors, settings.lambda_ * weights)
            previous, guess = guess, (kernel[n:] @ coefficients).argmax(axis=1)
            changed = int((guess != previous).sum())
            _logger.info("MEDA: iteration %d, mu %.3f, %d videos changed their class", iteration + 1, mu, changed)
        cosines = scored @ rows.T
        nearest = np.eye(problem.classes, dtype=np.float32)[problem.labels[cosines[:, :n].argmax(axis=1)]]
        scores = kernel_of_cosines(cosines) @ coefficients
        return Estimate(nearest_distribution(scores).astype(np.float32), {"nearest": nearest})


def check_memory(items: int, largest: float) -> None:
    """Checks the size of the kernel matrix.

    Args:
        items: number of photographs and videos together.
        largest: largest size, gigabytes.

    Raises:
        UserError: if the matrix is larger.
    """
    size = _BYTES * items**2
    if size > largest * 1e9:
        raise UserError(
            f"meda: the kernel matrix of {items:,} photographs and videos takes {size:,} bytes, more than the"
            f" {largest:g} gigabytes of the setting largest_kernel; use fewer items or raise the setting"
        )


def embed(problem: Problem, dimensions: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Embeds the features by the geodesic flow kernel of the two domains, each standardised by itself.

    Args:
        problem: features of both domains.
        dimensions: number of principal directions of each domain; fewer are used if a domain has too few items.

    Returns:
        Rows of the photographs (n, 2d), of the videos for the adaptation (m, 2d), and of all videos (k, 2d).

    Raises:
        UserError: if there are too few features, or fewer than two items in a domain.
    """
    source, adapted = (part[_ROLE].astype(np.float64) for part in (problem.source, problem.adapted))
    features, fewest = source.shape[1], min(len(source), len(adapted))
    if 2 * dimensions >= features:
        raise UserError(f"meda: dimensions: must be less than half of the {features} features, not {dimensions}")
    if fewest < 2:
        raise UserError(f"meda: {len(source)} photographs and {len(adapted)} videos; at least 2 of each are needed")
    if dimensions >= fewest:
        _logger.warning("MEDA: %d directions instead of %d, a domain has %d items", fewest - 1, dimensions, fewest)
    of_source, of_target = StandardScaler().fit(source), StandardScaler().fit(adapted)
    source, adapted = of_source.transform(source), of_target.transform(adapted)
    count = min(dimensions, fewest - 1)
    embedding = geodesic_flow_map(principal_directions(source, count), principal_directions(adapted, count))
    videos = of_target.transform(problem.videos[_ROLE].astype(np.float64))
    return source @ embedding, adapted @ embedding, videos @ embedding


def kernel_of_cosines(cosines: np.ndarray) -> np.ndarray:
    """Gaussian kernel exp(-|x - y|^2 / 2) of unit rows, computed in place of their cosines, which it overwrites."""
    cosines -= 1
    return np.exp(cosines, out=cosines)


def nearest_distribution(scores: np.ndarray) -> np.ndarray:
    """The probability distribution nearest to each row of scores (Euclidean projection onto the simplex).

    The scores are least-squares estimates of indicators of the classes, so they have the scale of probabilities, but
    their sum is not 1 and some are negative. A softmax would flatten them: with 13 classes, the scores of a certain
    class give it a probability of 0.18. Clipping and dividing by the sum is not defined if no score is positive. The
    projection subtracts a number and clips: it always keeps the best class, and leaves distributions as they are.

    Args:
        scores: scores (k, C).

    Returns:
        Rows (k, C), at least 0 with sum 1.
    """
    descending = -np.sort(-scores, axis=1)
    excess = (descending.cumsum(axis=1) - 1) / np.arange(1, scores.shape[1] + 1)
    last = (descending > excess).sum(axis=1) - 1  # the last class that stays above 0
    return np.maximum(scores - np.take_along_axis(excess, last[:, None], axis=1), 0)
