"""Symmetric generative adversarial networks, in the spirit of SymGAN (Yu et al. 2019, "Exploiting Images for Video
Recognition: Heterogeneous Feature Augmentation via Symmetric Adversarial Learning").

The paper is known to us by its abstract, and no code was released. From there: the features of photographs and frames
are made alike by another system; two GANs of mirrored structure map them to motion features of videos and back; the
features of a photograph are joined with the motion generated for it, the motion features of a video with the frame
features generated for it; and a fully connected network learns on the former to classify the latter. The cycle loss,
its weight and the classifier follow the same laboratory's later work (Chen et al. 2021, "Spatial-temporal Causal
Inference for Partial Image-to-Video Adaptation"). Ours are the error between the generated and the real features of
the same video, the sizes of the generators and discriminators, the order of the trainings and the features.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2vadapt.config.estimator import MOTION
from i2vadapt.config.recipes.symgan import Settings
from i2vadapt.estimators import base
from i2vadapt.estimators.adversarial import (
    adam,
    batches,
    check_videos,
    class_probabilities,
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

_COMMON = "common"


class Estimator(base.Estimator[Settings]):
    """SymGAN on two kinds of features.

    Roles: `common`, features that are alike in photographs and frames, such as the bottleneck of a JAN run, averaged
    over the frames of a video; `motion`, features of whole videos by a network of clips.

    Controls: `common`, a classifier of the common features alone; `still`, the estimator's own classifier on the
    common features of the videos' frames, with the mean of all videos as motion.
    """

    def estimate(self, problem: Problem) -> Estimate:
        """Classifies the videos; see `base.Estimator.estimate`."""
        check_videos("symgan", problem)
        adapted = problem.adapted
        common = standardise(adapted[_COMMON], problem.source[_COMMON], adapted[_COMMON], problem.videos[_COMMON])
        photographs, frames, frames_of_videos = common
        motion, motion_of_videos = standardise(adapted[MOTION], adapted[MOTION], problem.videos[MOTION])
        labels = torch.from_numpy(problem.labels).to(photographs.device)
        with seeded(problem.seed):
            to_motion, to_common = self._train_generators(photographs, frames, motion)
            with torch.no_grad():
                joined = torch.cat([photographs, to_motion(photographs)], dim=1)
                joined_of_videos = torch.cat([to_common(motion_of_videos), motion_of_videos], dim=1)
            classifier = self._train_classifier("classifier", joined, labels, problem.classes)
            of_common = self._train_classifier("control", photographs, labels, problem.classes)
        still = torch.cat([frames_of_videos, torch.zeros_like(motion_of_videos)], dim=1)
        return Estimate(
            class_probabilities(classifier, joined_of_videos),
            {
                "common": class_probabilities(of_common, frames_of_videos),
                "still": class_probabilities(classifier, still),
            },
        )

    def _train_generators(self, photographs: Tensor, frames: Tensor, motion: Tensor) -> tuple[nn.Module, nn.Module]:
        """Trains the generator of motion features from common features, and the one in the opposite direction.

        Args:
            photographs: common features (n, H) of the photographs.
            frames: common features (m, H) of the videos.
            motion: motion features (m, V) of the same videos.
        """
        settings = self.settings
        sizes = photographs.shape[1], motion.shape[1]
        to_motion = perceptron(sizes[0], settings.generator, sizes[1])
        to_common = perceptron(sizes[1], settings.generator, sizes[0])
        critics = [discriminator(size, settings.discriminator) for size in sizes]
        of_generators, of_critics = adam(settings, to_motion, to_common), adam(settings, *critics)
        counts = len(photographs), len(motion)
        chosen = zip(*(batches(count, settings.batch_size) for count in counts), strict=False)
        with progress(settings.generator_steps, "SymGAN generators", "step") as bar:
            for stills, clips in itertools.islice(chosen, settings.generator_steps):
                still, moving, paired = photographs[stills], motion[clips], frames[clips]
                moved, stilled = to_motion(still), to_common(moving)
                loss = domain_loss(critics[0](still), critics[0](stilled.detach()))
                minimise(of_critics, loss + domain_loss(critics[1](moving), critics[1](moved.detach())))
                loss = deception_loss(critics[0](stilled)) + deception_loss(critics[1](moved))
                cycle = F.mse_loss(to_common(moved), still) + F.mse_loss(to_motion(stilled), moving)
                pairing = F.mse_loss(to_motion(paired), moving) + F.mse_loss(stilled, paired)
                loss = loss + settings.cycle_weight * cycle + settings.pairing_weight * pairing
                minimise(of_generators, loss)
                bar.update()
        return to_motion, to_common

    def _train_classifier(self, name: str, rows: Tensor, labels: Tensor, classes: int) -> nn.Module:
        """Trains a classifier of rows (n, F) with classes (n,); the name is for the log."""
        settings = self.settings
        classifier = perceptron(rows.shape[1], settings.classifier, classes)
        optimizer = adam(settings, classifier)
        chosen = batches(len(rows), settings.batch_size)
        with progress(settings.classifier_steps, f"SymGAN {name}", "step") as bar:
            for batch in itertools.islice(chosen, settings.classifier_steps):
                minimise(optimizer, F.cross_entropy(classifier(rows[batch]), labels[batch]))
                bar.update()
        return classifier
