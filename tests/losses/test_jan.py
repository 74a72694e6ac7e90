from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from i2vadapt.config.transfer import TransferSettings
from i2vadapt.losses.dan import mk_mmd
from i2vadapt.losses.jan import Loss, jmmd
from i2vadapt.losses.kernels import squared_distances
from i2vadapt.losses.transfer import Compared

RNG = np.random.default_rng(5)


def videos(count: int, shift: float = 0.0, shift_of_logits: float = 0.0) -> Compared:
    """Features (count, 6) and logits (count, 4)."""
    logits = RNG.normal(size=(count, 4))
    logits[:, 0] += shift_of_logits
    return Compared(
        *(torch.from_numpy(part).requires_grad_() for part in (RNG.normal(size=(count, 6)) + shift, logits))
    )


def rows(sample: Compared) -> list[tuple[np.ndarray, np.ndarray]]:
    """Features and class probabilities of every video."""
    p = np.exp(sample.logits.detach().numpy())
    return list(zip(sample.features.detach().numpy(), p / p.sum(axis=1, keepdims=True), strict=True))


def distance(first: np.ndarray, second: np.ndarray) -> float:
    return float(((first - second) ** 2).sum())


def by_loops(source: Compared, target: Compared) -> float:
    s, t = rows(source), rows(target)
    features = [row[0] for row in s + t]
    between = [distance(a, b) for i, a in enumerate(features) for j, b in enumerate(features) if i != j]
    gamma = sum(between) / len(between)

    def mean_kernel(first: list[tuple[np.ndarray, np.ndarray]], second: list[tuple[np.ndarray, np.ndarray]]) -> float:
        total = 0.0
        for features_a, p_a in first:
            for features_b, p_b in second:
                of_features = sum(
                    math.exp(-distance(features_a, features_b) / (a * gamma)) for a in (0.25, 0.5, 1, 2, 4)
                )
                total += of_features * math.exp(-distance(p_a, p_b) / 1.68)
        return total / (len(first) * len(second))

    return mean_kernel(s, s) + mean_kernel(t, t) - 2 * mean_kernel(s, t)


@pytest.mark.parametrize(("sources", "targets"), [(5, 3), (1, 4), (6, 6)])
def test_jmmd_equals_its_formula(sources: int, targets: int) -> None:
    source, target = videos(sources), videos(targets, shift=1.0)
    assert jmmd(source, target).item() == pytest.approx(by_loops(source, target), rel=1e-12)


def test_jmmd_of_equal_samples_is_zero_in_any_order() -> None:
    source = videos(7)
    order = torch.from_numpy(RNG.permutation(7))
    assert jmmd(source, Compared(source.features[order], source.logits[order])).item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("quantity", ["shift", "shift_of_logits"])
def test_jmmd_grows_with_a_shift_of_either_quantity(quantity: str) -> None:
    source, target = videos(40), videos(40)
    moves = {"shift": "features", "shift_of_logits": "logits"}

    def shifted(by: float) -> float:
        moved = getattr(target, moves[quantity]) + torch.tensor([by] + [0.0] * 3 + [0.0, 0.0] * (quantity == "shift"))
        return jmmd(source, target._replace(**{moves[quantity]: moved})).item()

    found = [shifted(by) for by in (0, 1, 2, 3)]
    assert found == sorted(found)
    assert found[0] > 0
    assert found[3] > 2 * found[0]


def test_jmmd_of_equal_predictions_is_that_of_the_features() -> None:
    source, target = videos(5), videos(3, shift=1.0)
    alike = [sample._replace(logits=torch.ones_like(sample.logits)) for sample in (source, target)]
    assert jmmd(*alike).item() == pytest.approx(mk_mmd(source.features, target.features).item(), rel=1e-12)


def test_jmmd_has_the_gradient_of_its_formula() -> None:
    def fixed(*parts: Tensor) -> Tensor:
        return jmmd(Compared(*parts[:2]), Compared(*parts[2:]), torch.tensor(9.0, dtype=torch.float64))

    assert torch.autograd.gradcheck(fixed, (*videos(4), *videos(3, shift=0.5)))


def test_the_bandwidth_is_a_constant() -> None:
    source, target = videos(4), videos(3, shift=0.5)
    features = torch.cat([source.features, target.features]).detach()
    own = squared_distances(features).sum() / (7 * 6)
    expected, found = (
        torch.autograd.grad(jmmd(source, target, bandwidth), [*source, *target]) for bandwidth in (own, None)
    )
    for first, second in zip(expected, found, strict=True):
        torch.testing.assert_close(first, second, rtol=1e-10, atol=1e-12)


def test_the_loss_grows_from_zero_with_the_progress_of_the_training() -> None:
    source, target = videos(4), videos(3, shift=1.0)
    loss = Loss(TransferSettings(loss="jan"), 6, 4)
    found = [loss(source, target, progress).item() for progress in (0.0, 0.1, 1.0)]
    whole = jmmd(source, target).item()
    assert found == pytest.approx([0, math.tanh(0.5) * whole, math.tanh(5) * whole], rel=1e-12)
