from __future__ import annotations

import numpy as np
import pytest
import torch

from i2vadapt.errors import UserError
from i2vadapt.losses.classification import local_loss, video_loss
from i2vadapt.losses.pace import pace_loss

LOGITS = np.random.default_rng(0).normal(size=(3, 4, 5)) * 3
LABELS = np.array([2, 0, 3])


def cross_entropy(logits: np.ndarray, label: int) -> float:
    return float(np.log(np.exp(logits).sum()) - logits[label])


def binary_cross_entropy(logits: np.ndarray, label: int) -> float:
    p = 1 / (1 + np.exp(-logits))
    target = np.eye(len(logits))[label]
    return float(-(target * np.log(p) + (1 - target) * np.log(1 - p)).mean())


@pytest.mark.parametrize(("kind", "reference"), [("ce", cross_entropy), ("bce", binary_cross_entropy)])
def test_losses_equal_their_formulas(kind: str, reference: type[cross_entropy]) -> None:  # type: ignore[valid-type]
    labels = torch.from_numpy(LABELS)
    frames = [reference(LOGITS[i, :, k], LABELS[i]) for i in range(3) for k in range(5)]
    assert local_loss(torch.from_numpy(LOGITS), labels, kind).item() == pytest.approx(np.mean(frames), rel=1e-12)  # type: ignore[arg-type]
    videos = [reference(LOGITS[i].mean(axis=1), LABELS[i]) for i in range(3)]
    loss = video_loss(torch.from_numpy(LOGITS.mean(axis=2)), labels, kind)  # type: ignore[arg-type]
    assert loss.item() == pytest.approx(np.mean(videos), rel=1e-12)


def test_pace_labels_count_from_one() -> None:
    logits = LOGITS[:, :, 0]
    expected = np.mean([cross_entropy(logits[i], rate - 1) for i, rate in enumerate([1, 4, 2])])
    assert pace_loss(torch.from_numpy(logits), torch.tensor([1, 4, 2])).item() == pytest.approx(expected, rel=1e-12)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(UserError, match="loss is 'mse'; allowed: ce, bce"):
        video_loss(torch.zeros(1, 2), torch.zeros(1, dtype=torch.long), "mse")  # type: ignore[arg-type]
