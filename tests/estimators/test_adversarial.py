"""The shared parts are compared with their formulas; both estimators classify videos whose motion shows the class."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch

from i2vadapt.config.estimator import EstimatorSettings
from i2vadapt.config.recipes import higan, symgan
from i2vadapt.errors import UserError
from i2vadapt.estimators.adversarial import batches, coral, deception_loss, seeded, standardise
from i2vadapt.estimators.base import Problem, build_estimator
from i2vadapt.estimators.higan import nearest_rows

CLASSES, PHOTOGRAPHS, VIDEOS = 4, 160, 150
SMALL = {
    **{"generator": (32,), "discriminator": (16,), "batch_size": 32, "learning_rate": 2e-3, "generator_steps": 150},
}
HIGAN = higan.Settings.model_validate({**SMALL, "features": dict.fromkeys(higan.Settings.ROLES, "run")})
SYMGAN = symgan.Settings.model_validate(
    {**SMALL, "classifier": (32,), "classifier_steps": 100, "features": dict.fromkeys(symgan.Settings.ROLES, "run")}
)


def latent_classes(seed: int) -> tuple[Problem, np.ndarray]:
    """All features are linear maps of a latent vector with noise, the least in motion. Also the classes of the videos.

    Motion therefore shows the class of a video better than frames do, but only photographs have labels.
    """
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(CLASSES, 6))
    maps = {
        role: rng.normal(size=(6, size)) / 6**0.5 for role, size in (("common", 12), ("frames", 16), ("motion", 20))
    }
    labels, truth = np.arange(PHOTOGRAPHS) % CLASSES, np.arange(VIDEOS) % CLASSES

    def features(classes: np.ndarray, noise: dict[str, float]) -> dict[str, np.ndarray]:
        latent = centres[classes] + 0.3 * rng.normal(size=(len(classes), 6))
        rows = {role: latent @ maps[role] for role in noise}
        return {role: (rows[role] + noise[role] * rng.normal(size=rows[role].shape)).astype("f4") for role in noise}

    source = features(labels, {"common": 0.7, "frames": 0.7})
    videos = features(truth, {"common": 1.0, "frames": 1.0, "motion": 0.3})
    return Problem(source, labels, videos, videos, CLASSES, seed), truth


def accuracy(probabilities: np.ndarray, truth: np.ndarray) -> float:
    return float((probabilities.argmax(axis=1) == truth).mean())


def part(rows: dict[str, np.ndarray], chosen: slice) -> dict[str, np.ndarray]:
    return {role: values[chosen] for role, values in rows.items()}


def test_coral_equals_its_formula() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(7, 3)), rng.normal(size=(5, 3)) * 2
    expected = np.linalg.norm(np.cov(first.T) - np.cov(second.T)) ** 2 / (4 * 3**2)
    assert coral(torch.from_numpy(first), torch.from_numpy(second)).item() == pytest.approx(expected, rel=1e-12)


def test_coral_is_0_for_equal_covariances_whatever_the_means() -> None:
    rows = torch.from_numpy(np.random.default_rng(2).normal(size=(9, 4)))
    assert coral(rows, 5 - rows.flip(0)).item() == pytest.approx(0, abs=1e-25)
    assert coral(rows, 2 * rows).item() > 0.1


def test_coral_has_the_gradient_of_its_formula() -> None:
    rng = np.random.default_rng(3)
    samples = [torch.from_numpy(rng.normal(size=(count, 3))).requires_grad_() for count in (6, 4)]
    assert torch.autograd.gradcheck(coral, samples)


def test_the_loss_of_a_generator_is_that_of_rows_taken_for_real() -> None:
    logits = torch.tensor([-3.0, 0.0, 8.0], dtype=torch.float64)
    assert deception_loss(logits).item() == pytest.approx(-logits.sigmoid().log().mean().item(), rel=1e-12)


def test_each_pass_of_the_batches_has_every_item_once_and_no_small_batch() -> None:
    passes = [list(islice(batches(23, 5), 4)), list(islice(batches(3, 5), 1))]
    for parts, count, smallest in zip(passes, (23, 3), (5, 3), strict=True):
        assert sorted(torch.cat(parts).tolist()) == list(range(count))
        assert min(map(len, parts)) == smallest


def test_features_are_standardised_by_the_reference() -> None:
    rng = np.random.default_rng(4)
    reference = (rng.normal(size=(50, 3)) * [1, 4, 9] + 7).astype("f4")
    (rows,) = standardise(reference, reference)
    assert rows.dtype == torch.float32
    np.testing.assert_allclose(rows.cpu().mean(dim=0), 0, atol=1e-5)
    np.testing.assert_allclose(rows.cpu().std(dim=0, correction=0), 1, rtol=1e-5)


def test_a_feature_that_is_constant_in_the_reference_does_not_outweigh_the_others() -> None:
    reference = np.array([[0, 1], [0, -1]], np.float32)
    (rows,) = standardise(reference, np.array([[1, 1]], np.float32))
    assert rows.tolist() == [[pytest.approx(20), pytest.approx(1)]]
    assert standardise(np.ones((2, 2), np.float32), np.ones((1, 2), np.float32))[0].tolist() == [[0, 0]]


def test_random_numbers_of_others_go_on_as_if_nothing_had_been_drawn() -> None:
    threads = torch.get_num_threads()
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    with seeded(7):
        drawn = torch.rand(2)
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads
    with seeded(7):
        assert torch.equal(torch.rand(2), drawn)


def test_a_row_is_not_its_own_neighbour_unless_it_is_asked_for() -> None:
    rows = torch.tensor([[0.0], [1.0], [3.0]])
    assert nearest_rows(rows, None, 1).tolist() == [[1], [0], [1]]
    assert nearest_rows(rows, torch.tensor([[2.9]]), 2).tolist() == [[2, 1]]
    assert nearest_rows(rows, None, 9).shape == (3, 2)


@pytest.mark.parametrize("settings", [HIGAN, SYMGAN], ids=lambda settings: settings.recipe)
@pytest.mark.parametrize("seed", range(3))
def test_motion_that_shows_the_class_makes_it_surpass_its_controls(settings: EstimatorSettings, seed: int) -> None:
    problem, truth = latent_classes(seed)
    estimate = build_estimator(settings).estimate(problem)
    for probabilities in (estimate.probabilities, *estimate.controls.values()):
        assert probabilities.shape == (VIDEOS, CLASSES)
        assert probabilities.dtype == np.float32
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    reached = accuracy(estimate.probabilities, truth)
    controls = {name: accuracy(rows, truth) for name, rows in estimate.controls.items()}
    assert reached > 0.8
    assert reached > controls["common"] + 0.05
    assert controls["common"] > 0.5


@pytest.mark.parametrize("settings", [HIGAN, SYMGAN], ids=lambda settings: settings.recipe)
def test_the_seed_determines_the_result(settings: EstimatorSettings) -> None:
    problem, _ = latent_classes(0)
    short = build_estimator(settings.model_copy(update={"generator_steps": 2}))
    first = short.estimate(problem).probabilities
    torch.rand(5)
    assert np.array_equal(short.estimate(problem).probabilities, first)
    assert not np.array_equal(short.estimate(replace(problem, seed=9)).probabilities, first)


@pytest.mark.parametrize("settings", [HIGAN, SYMGAN], ids=lambda settings: settings.recipe)
def test_videos_outside_the_adaptation_are_classified(settings: EstimatorSettings) -> None:
    problem, truth = latent_classes(0)
    split = replace(problem, adapted=part(problem.adapted, slice(100)), videos=part(problem.videos, slice(100, None)))
    assert accuracy(build_estimator(settings).estimate(split).probabilities, truth[100:]) > 0.75


@pytest.mark.parametrize("settings", [HIGAN, SYMGAN], ids=lambda settings: settings.recipe)
def test_two_videos_are_enough_and_one_is_refused(settings: EstimatorSettings) -> None:
    problem, _ = latent_classes(0)
    short = build_estimator(settings.model_copy(update={"generator_steps": 1}))
    two, one = (replace(problem, adapted=part(problem.adapted, slice(count))) for count in (2, 1))
    two = replace(two, videos=two.adapted)
    assert np.isfinite(short.estimate(two).probabilities).all()
    with pytest.raises(UserError, match=f"{settings.recipe}: 1 videos for the adaptation; at least 2"):
        short.estimate(one)


def test_a_class_without_photographs_has_probability_0() -> None:
    problem, _ = latent_classes(0)
    known = problem.labels != 2
    source = {role: rows[known] for role, rows in problem.source.items()}
    fewer = replace(problem, source=source, labels=problem.labels[known])
    short = build_estimator(HIGAN.model_copy(update={"generator_steps": 1}))
    assert (short.estimate(fewer).probabilities[:, 2] == 0).all()
