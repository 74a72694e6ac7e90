"""Parts that the estimators with generative adversarial networks share."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2vadapt.config.estimator import MOTION, AdversarialSettings
from i2vadapt.errors import UserError
from i2vadapt.estimators.base import Problem
from i2vadapt.runtime.devices import best_device

_SLOPE = 0.2  # of a discriminator's leaky ReLU
_SMALLEST_SCALE = 0.1  # of the mean scale of the features


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Context in which small networks are trained, with results that depend on the seed and not on the cores.

    All random numbers come from PyTorch's generator for the CPU. On the CPU, one thread computes: a step takes 10 ms,
    too little to share. With two threads on two busy cores it took 41 ms.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)


def check_videos(name: str, problem: Problem) -> None:
    """Checks that there are videos to learn from.

    Raises:
        UserError: if there are fewer than two.
    """
    count = len(problem.adapted[MOTION])
    if count < 2:
        raise UserError(f"{name}: {count} videos for the adaptation; at least 2 are needed")


def standardise(reference: np.ndarray, *parts: np.ndarray) -> list[Tensor]:
    """Subtracts the means of a reference and divides by its standard deviations, feature by feature.

    A feature that hardly varies in the reference may well vary elsewhere, where it would then outweigh all others. The
    divisor is therefore at least a tenth of the mean deviation.

    Args:
        reference: rows (m, F) whose statistics are used.
        parts: arrays of rows (n, F) to standardise.

    Returns:
        Rows of each part, float32, on the best device.
    """
    mean, deviation = reference.mean(axis=0, dtype=np.float64), reference.std(axis=0, dtype=np.float64)
    scale = np.maximum(deviation, _SMALLEST_SCALE * deviation.mean())
    scale[scale == 0] = 1
    return [torch.from_numpy(((part - mean) / scale).astype(np.float32)).to(best_device()) for part in parts]


def perceptron(inputs: int, hidden: Sequence[int], outputs: int, slope: float = 0.0) -> nn.Sequential:
    """Multi-layer perceptron, on the best device.

    Args:
        inputs: number of input features.
        hidden: numbers of units of the hidden layers.
        outputs: number of outputs, which have no activation.
        slope: slope of the activation below 0: leaky ReLU, or ReLU if it is 0.
    """
    sizes = [inputs, *hidden]
    layers: list[nn.Module] = []
    for before, after in zip(sizes, hidden, strict=False):
        layers += [nn.Linear(before, after), nn.LeakyReLU(slope)]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], outputs)).to(best_device())


def discriminator(inputs: int, hidden: Sequence[int]) -> nn.Sequential:
    """Perceptron that maps rows (n, inputs) to logits (n,), positive for real rows; see `perceptron`."""
    return perceptron(inputs, hidden, 1, _SLOPE).append(nn.Flatten(0))


def adam(settings: AdversarialSettings, *networks: nn.Module) -> torch.optim.Adam:
    """Builds the optimiser of networks that are trained together."""
    weights = [weight for network in networks for weight in network.parameters()]
    # fused: on the CPU, a step of a generator takes 10 ms instead of 24.
    return torch.optim.Adam(weights, settings.learning_rate, (settings.beta1, 0.999), fused=True)


def minimise(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """Makes one step of an optimiser; gradients that other losses left in its weights do not count."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def batches(count: int, size: int) -> Iterator[Tensor]:
    """Yields batches of indices without end: one random order of all items after another, each cut into equal parts.

    Args:
        count: number of items.
        size: smallest size of a batch; the batches of a pass are larger if its items do not divide evenly, and hold
            all items if there are fewer.
    """
    while True:
        yield from torch.randperm(count).tensor_split(max(1, count // size))


def deception_loss(fake: Tensor) -> Tensor:
    r"""Loss of a generator (non-saturating), :math:`-\frac{1}{n} \sum \log \sigma(f_i)`.

    Args:
        fake: logits (n,) that the discriminator gives to generated rows.

    Returns:
        Scalar, at least 0.
    """
    return F.softplus(-fake).mean()


def coral(first: Tensor, second: Tensor) -> Tensor:
    r"""CORAL loss (Sun and Saenko 2016), :math:`\frac{1}{4 d^2} |Cov(A) - Cov(B)|_F^2`.

    Args:
        first: rows (n, d), at least two.
        second: rows (m, d), at least two.

    Returns:
        Scalar, at least 0; 0 for samples with equal covariances, whatever their means.
    """
    covariances = []
    for rows in (first, second):
        centred = rows - rows.mean(dim=0)
        covariances.append(centred.T @ centred / (len(rows) - 1))
    return (covariances[0] - covariances[1]).square().mean() / 4


@torch.no_grad()
def class_probabilities(classifier: nn.Module, rows: Tensor) -> np.ndarray:
    """Softmax (n, C) of a classifier's logits for rows (n, F), float32."""
    result: np.ndarray = classifier(rows).double().softmax(dim=1).float().cpu().numpy()
    return result
