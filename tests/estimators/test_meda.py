"""MEDA is compared with kernel ridge regression, with direct solutions of its equations, and on shifted domains."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import solve
from sklearn.kernel_ridge import KernelRidge
from sklearn.neighbors import KNeighborsClassifier, kneighbors_graph
from sklearn.preprocessing import normalize

from i2vadapt.config.recipes import meda
from i2vadapt.errors import UserError
from i2vadapt.estimators.alignment import Labelled, conditional_weight, discrepancy, domain_distance
from i2vadapt.estimators.base import Problem, build_estimator
from i2vadapt.estimators.graph import graph_laplacian
from i2vadapt.estimators.kernel_system import KernelSystem
from i2vadapt.estimators.meda import embed, nearest_distribution

CLASSES, FEATURES = 4, 50
RUNS = {"images": "image"}


def shifted_domains(seed: int, photographs: int = 120, videos: int = 90) -> tuple[Problem, np.ndarray]:
    """Classes around centres; the videos are turned a little, shifted and noisier. Also the classes of the videos."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(CLASSES, FEATURES))
    turn = np.linalg.qr(np.eye(FEATURES) + 0.1 * rng.normal(size=(FEATURES, FEATURES)))[0]
    turn *= np.sign(np.diag(turn))
    labels, truth = (np.arange(count) % CLASSES for count in (photographs, videos))
    source = centres[labels] + 1.5 * rng.normal(size=(photographs, FEATURES))
    target = (centres[truth] + 2 * rng.normal(size=(videos, FEATURES))) @ turn + 2 * rng.normal(size=FEATURES)
    rows = {"images": target.astype(np.float32)}
    return Problem({"images": source.astype(np.float32)}, labels, rows, rows, CLASSES, 0), truth


def run(problem: Problem, **settings: float) -> np.ndarray:
    return (
        build_estimator(meda.Settings.model_validate({"features": RUNS, "dimensions": 8, **settings}))
        .estimate(problem)
        .probabilities
    )


def labelled(target_labels: list[int]) -> Labelled:
    rng = np.random.default_rng(5)
    source_labels = np.array([0, 0, 1, 1, 1, 2])
    target = rng.normal(size=(len(target_labels), 3))
    return Labelled(rng.normal(size=(6, 3)), source_labels, target, np.array(target_labels), 3)


def test_without_alignment_and_graph_it_is_kernel_ridge_regression() -> None:
    problem, _ = shifted_domains(1)
    source, _, videos = embed(problem, 8)
    ridge = KernelRidge(alpha=0.1, kernel="rbf", gamma=0.5)
    ridge.fit(normalize(source), np.eye(CLASSES)[problem.labels])
    expected = nearest_distribution(ridge.predict(normalize(videos)))
    np.testing.assert_allclose(run(problem, lambda_=0, rho=0), expected, atol=1e-6)


def test_the_system_solves_the_equation_of_the_paper() -> None:
    rng = np.random.default_rng(2)
    rows = normalize(rng.normal(size=(14, 5)))
    similarity = rows @ rows.T
    kernel, laplacian = np.exp(similarity - 1), graph_laplacian(similarity, 3)
    parts = Labelled(rows[:6], np.array([0, 0, 1, 1, 1, 2]), rows[6:], np.array([0, 1, 1, 0, 0, 1, 1, 1]), 3)
    vectors, weights = discrepancy(parts, 0.4)
    selected = np.diag([1.0] * 6 + [0.0] * 8)
    wanted = np.zeros((14, 3))
    wanted[range(6), parts.source_labels] = 1
    alignment = (vectors * 10 * weights) @ vectors.T
    direct = solve((selected + alignment + 0.7 * laplacian.toarray()) @ kernel + 0.1 * np.eye(14), wanted)
    system = KernelSystem(kernel, laplacian, parts.source_labels, 3, eta=0.1, rho=0.7)
    np.testing.assert_allclose(system.solve(vectors, 10 * weights), direct, rtol=1e-9, atol=1e-12)


def test_the_discrepancy_is_that_of_the_means_and_has_norm_1() -> None:
    parts = labelled([0, 1, 1, 2, 0])
    vectors, weights = discrepancy(parts, 0.3)
    matrix = (vectors * weights) @ vectors.T
    assert np.linalg.norm(matrix) == pytest.approx(1, rel=1e-12)
    scores = np.concatenate([parts.source, parts.target])[:, 0]
    squares = [0.7 * 3 * (parts.source[:, 0].mean() - parts.target[:, 0].mean()) ** 2]
    for c in range(3):
        means = [rows[of == c, 0].mean() for rows, of in _domains(parts)]
        squares.append(0.3 * (means[0] - means[1]) ** 2)
    assert scores @ matrix @ scores / sum(squares) == pytest.approx(weights[0] / (0.7 * 3), rel=1e-10)


def _domains(parts: Labelled) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(parts.source, parts.source_labels), (parts.target, parts.target_labels)]


def test_a_class_without_videos_is_left_out() -> None:
    parts = labelled([0, 1, 1, 0, 0])
    vectors, _ = discrepancy(parts, 0.5)
    assert vectors.shape == (11, 3)
    assert np.isfinite(vectors).all()
    assert 0 <= conditional_weight(1.0, parts) <= 1
    assert conditional_weight(1.0, replace(parts, target_labels=np.full(5, 7))) == 0


def test_the_distance_of_domains_is_2_if_a_plane_separates_them_and_0_for_equal_ones() -> None:
    rows = np.random.default_rng(1).normal(size=(60, 3))
    assert domain_distance(rows, rows + 20) == 2
    assert domain_distance(rows, rows) == pytest.approx(0, abs=0.3)


def test_the_graph_has_the_nearest_neighbours_by_cosine_and_the_item_itself() -> None:
    rows = normalize(np.random.default_rng(4).uniform(size=(30, 6)))
    weights = kneighbors_graph(rows, 5, metric="cosine", include_self=False).toarray() * (rows @ rows.T)
    weights = np.maximum(weights, weights.T) + np.eye(30)
    degrees = weights.sum(axis=1)
    expected = np.eye(30) - weights / np.sqrt(np.outer(degrees, degrees))
    np.testing.assert_allclose(graph_laplacian(rows @ rows.T, 5).toarray(), expected, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_it_surpasses_the_nearest_photograph_between_shifted_domains(seed: int) -> None:
    problem, truth = shifted_domains(seed)
    neighbour = KNeighborsClassifier(1).fit(problem.source["images"], problem.labels).predict(problem.videos["images"])
    estimate = build_estimator(meda.Settings(features=RUNS, dimensions=8)).estimate(problem)
    accuracy, first_guess = (
        (scores.argmax(axis=1) == truth).mean() for scores in (estimate.probabilities, estimate.controls["nearest"])
    )
    assert accuracy > (neighbour == truth).mean() + 0.1
    assert accuracy > first_guess
    assert accuracy > 0.85


def test_a_permutation_of_the_items_permutes_the_scores() -> None:
    problem, _ = shifted_domains(3)
    rng = np.random.default_rng(0)
    photographs, videos = rng.permutation(120), rng.permutation(90)
    rows = {"images": problem.videos["images"][videos]}
    permuted = replace(
        problem,
        source={"images": problem.source["images"][photographs]},
        labels=problem.labels[photographs],
        adapted=rows,
        videos=rows,
    )
    np.testing.assert_allclose(run(permuted), run(problem)[videos], atol=1e-5)


def test_videos_outside_the_adaptation_are_scored_by_the_same_classifier() -> None:
    problem, truth = shifted_domains(6)
    everything = problem.videos["images"]
    half = replace(problem, adapted={"images": everything[:60]})
    inside = replace(half, videos={"images": everything[:60]})
    np.testing.assert_allclose(run(half)[:60], run(inside), atol=1e-6)
    assert (run(half)[60:].argmax(axis=1) == truth[60:]).mean() > 0.8


def test_a_class_that_no_video_shows_does_no_harm() -> None:
    problem, truth = shifted_domains(2)
    rows = {"images": problem.videos["images"][truth != 3]}
    scores = run(replace(problem, adapted=rows, videos=rows))
    assert np.isfinite(scores).all()
    assert (scores.argmax(axis=1) == truth[truth != 3]).mean() > 0.8


@pytest.mark.parametrize(("photographs", "videos"), [(5, 3), (2, 2), (6, 40)])
def test_few_items_are_enough(photographs: int, videos: int) -> None:
    problem, _ = shifted_domains(0, photographs, videos)
    scores = run(problem, dimensions=20, neighbours=30)
    assert scores.shape == (videos, CLASSES)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-6)


def test_a_domain_of_one_item_is_refused() -> None:
    problem, _ = shifted_domains(0, 8, 1)
    with pytest.raises(UserError, match="8 photographs and 1 videos; at least 2 of each"):
        run(problem)


def test_half_as_many_dimensions_as_features_are_refused() -> None:
    problem, _ = shifted_domains(0)
    with pytest.raises(UserError, match="dimensions: must be less than half of the 50 features, not 25"):
        run(problem, dimensions=25)


def test_a_kernel_beyond_the_limit_is_refused() -> None:
    problem, _ = shifted_domains(0)
    with pytest.raises(UserError, match="of 210 photographs and videos takes 352,800 bytes"):
        run(problem, largest_kernel=3e-4)


def test_probabilities_are_the_nearest_distribution() -> None:
    rng = np.random.default_rng(8)
    scores = rng.normal(size=(200, 5)) * rng.uniform(0.05, 3, size=(200, 1)) - 0.2
    found = nearest_distribution(scores)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-12)
    assert (found >= 0).all()
    assert (found.argmax(axis=1) == scores.argmax(axis=1)).all()
    # Optimality: no vertex of the simplex lies on the far side of the plane through the projection.
    toward = np.eye(5)[None] - found[:, None]
    assert (np.einsum("kcd,kd->kc", toward, scores - found) <= 1e-9).all()
    np.testing.assert_allclose(nearest_distribution(found), found, atol=1e-12)
