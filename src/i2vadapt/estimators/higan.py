"""Hierarchical generative adversarial networks, in the spirit of HiGAN (Yu et al. 2018, "Exploiting Images for Video
Recognition with Hierarchical Generative Adversarial Networks").

The paper is known to us by its abstract, introduction and first figure, and no code was released. From there: the
features of photographs and frames are made alike by another system; a low-level conditional GAN turns the motion
features of videos into features of their frames, a high-level one turns the result into the common space; and a
classifier of photographs labels what it generates there. Ours are the sizes of the networks, the error between the
generated and the real features of the same video, all weights of losses, the optimiser's settings, the features and
the classifier.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from torch import Tensor, nn
from torch.nn import functional as F

from i2vadapt.config.estimator import MOTION
from i2vadapt.config.recipes.higan import Settings
from i2vadapt.estimators import base
from i2vadapt.estimators.adversarial import (
    adam,
    batches,
    check_videos,
    coral,
    deception_loss,
    discriminator,
    minimise,
    perceptron,
    seeded,
    standardise,
)
from i2vadapt.estimators.base import Estimate, Problem
from i2vadapt.losses.dann import domain_loss
from i2vadapt.runtime.progress import progress

_COMMON, _FRAMES = "common", "frames"


class Estimator(base.Estimator[Settings]):
    """HiGAN on three kinds of features.

    Roles: `common`, features that are alike in photographs and frames, such as the bottleneck of a JAN run; `frames`,
    pooled features of photographs and frames by another network; `motion`, features of whole videos by a network of
    clips. The features of frames are averaged over a video.

    Controls: `common`, the same classifier on the common features of the videos' frames; `frames`, a classifier of
    the photographs' `frames`, on those of the videos; `nearest`, the same classifier on the mean of the common
    features of the other videos that are nearest in motion, which is the best that the motion features give without a
    generator.
    """

    def estimate(self, problem: Problem) -> Estimate:
        """Classifies the videos; see `base.Estimator.estimate`."""
        check_videos("higan", problem)
        photographs, common, common_of_videos = _of_both_domains(problem, _COMMON)
        photographs_as_frames, frames, frames_of_videos = _of_both_domains(problem, _FRAMES)
        adapted, videos = problem.adapted[MOTION], problem.videos[MOTION]
        motion, motion_of_videos = standardise(adapted, adapted, videos)
        with seeded(problem.seed):
            low = self._train_level("low level", motion, frames)
            with torch.no_grad():
                generated = low(motion)
            high = self._train_level("high level", generated, common)
        with torch.no_grad():
            found = high(low(motion_of_videos))
        classify = self._fit_classifier(problem, photographs)
        classify_frames = self._fit_classifier(problem, photographs_as_frames)
        # Videos that were used for the adaptation must not find themselves.
        queries = None if np.array_equal(adapted, videos) else motion_of_videos
        neighbours = nearest_rows(motion, queries, self.settings.neighbours)
        return Estimate(
            classify(found),
            {
                "common": classify(common_of_videos),
                "frames": classify_frames(frames_of_videos),
                "nearest": classify(common[neighbours].mean(dim=1)),
            },
        )

    def _train_level(self, name: str, given: Tensor, wanted: Tensor) -> nn.Module:
        """Trains a generator that maps one kind of features of the videos to another.

        Args:
            name: name of the level, for the log.
            given: features (m, I) that the generator maps, and the condition of the discriminator.
            wanted: features (m, O) of the same videos.
        """
        settings = self.settings
        generator = perceptron(given.shape[1], settings.generator, wanted.shape[1])
        critic = discriminator(given.shape[1] + wanted.shape[1], settings.discriminator)
        of_generator, of_critic = adam(settings, generator), adam(settings, critic)
        chosen = batches(len(given), settings.batch_size)
        with progress(settings.generator_steps, f"HiGAN {name}", "step") as bar:
            for rows in itertools.islice(chosen, settings.generator_steps):
                condition, real = given[rows], wanted[rows]
                fake = generator(condition)
                judged = (critic(torch.cat([part, condition], dim=1)) for part in (real, fake.detach()))
                minimise(of_critic, domain_loss(*judged))
                loss = deception_loss(critic(torch.cat([fake, condition], dim=1)))
                loss = loss + settings.coral_weight * coral(fake, real)
                # Without it, the generator may give the videos of one class the features of another.
                loss = loss + settings.pairing_weight * F.mse_loss(fake, real)
                minimise(of_generator, loss)
                bar.update()
        return generator

    def _fit_classifier(self, problem: Problem, rows: Tensor) -> Callable[[Tensor], np.ndarray]:
        """Fits a logistic regression to photographs (n, F); the result maps rows (k, F) to probabilities (k, C)."""
        model = LogisticRegression(C=1 / self.settings.penalty, max_iter=1000)
        model.fit(rows.cpu().double().numpy(), problem.labels)

        def classify(rows: Tensor) -> np.ndarray:
            probabilities = np.zeros((len(rows), problem.classes), np.float32)
            probabilities[:, model.classes_] = model.predict_proba(rows.cpu().double().numpy())
            return probabilities

        return classify


def nearest_rows(rows: Tensor, queries: Tensor | None, count: int) -> Tensor:
    """Indices of the nearest rows (Euclidean distance).

    Args:
        rows: rows (m, F).
        queries: rows (k, F) whose neighbours are wanted; None: the neighbours of each of `rows` among the others.
        count: number of neighbours; all of fewer rows.

    Returns:
        Indices (k, count).
    """
    possible = len(rows) - (queries is None)
    finder = NearestNeighbors(n_neighbors=min(count, possible)).fit(rows.cpu().numpy())
    found = finder.kneighbors(None if queries is None else queries.cpu().numpy(), return_distance=False)
    return torch.from_numpy(found).to(rows.device)


def _of_both_domains(problem: Problem, role: str) -> list[Tensor]:
    """Features of the photographs, of the videos for the adaptation and of all videos, standardised by the second."""
    parts = (problem.source[role], problem.adapted[role], problem.videos[role])
    return standardise(parts[1], *parts)
