from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from i2vadapt.losses.small_loss import small_loss_cross_entropy

torch.manual_seed(0)
LOGITS = torch.randn(10, 4, dtype=torch.float64)
LABELS = torch.tensor([0, 1, 2, 3, 0, 1, 2, 3, 0, 1])


@pytest.mark.parametrize(("keep", "kept"), [(1.0, 10), (0.5, 5), (0.41, 5), (0.3, 3), (0.01, 1)])
def test_the_videos_with_the_smallest_losses_count(keep: float, kept: int) -> None:
    each = sorted(-math.log(row.softmax(0)[label]) for row, label in zip(LOGITS, LABELS.tolist(), strict=True))
    found = small_loss_cross_entropy(LOGITS, LABELS, keep).item()
    assert found == pytest.approx(sum(each[:kept]) / kept, rel=1e-12)


def test_the_share_is_of_the_labelled_videos() -> None:
    labels = LABELS.clone()
    labels[3:] = -1
    found = small_loss_cross_entropy(LOGITS, labels, 0.5)  # two of three
    assert found.item() == small_loss_cross_entropy(LOGITS[:3], LABELS[:3], 0.5).item()
    assert small_loss_cross_entropy(LOGITS, labels, 1.0).item() == F.cross_entropy(LOGITS[:3], LABELS[:3]).item()


def test_a_share_of_whole_videos_is_not_rounded_up() -> None:
    logits, labels = torch.eye(4)[torch.arange(25) % 4] * torch.arange(25)[:, None], torch.arange(25) % 4
    each = F.cross_entropy(logits, labels, reduction="none")
    assert 0.28 * 25 > 7
    assert small_loss_cross_entropy(logits, labels, 0.28).item() == each.sort().values[:7].mean().item()


def test_only_the_videos_that_count_have_a_gradient() -> None:
    logits = LOGITS.clone().requires_grad_()
    small_loss_cross_entropy(logits, LABELS, 0.4).backward()
    assert logits.grad is not None
    counted = F.cross_entropy(LOGITS, LABELS, reduction="none").argsort()[:4].sort().values
    assert logits.grad.abs().sum(dim=1).nonzero()[:, 0].tolist() == counted.tolist()


def test_without_labels_the_loss_and_its_gradient_are_zero() -> None:
    logits = LOGITS.clone().requires_grad_()
    loss = small_loss_cross_entropy(logits, torch.full((10,), -1), 0.5)
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_the_gradient_is_that_of_the_formula() -> None:
    logits = LOGITS.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda values: small_loss_cross_entropy(values, LABELS, 0.5), (logits,))
