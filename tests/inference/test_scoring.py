from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from tiny_data import make_run
from torch import Tensor, nn

from i2vadapt.config.run import Fusion
from i2vadapt.errors import UserError
from i2vadapt.inference.scoring import class_probabilities, score_clips
from i2vadapt.models.stream_network import RunNetwork, StreamNetwork
from i2vadapt.runtime.precision import Arithmetic

FUSIONS: tuple[Fusion, ...] = ("softmax_of_mean", "mean_of_softmax")
CPU = torch.device("cpu")


def softmax(z: np.ndarray) -> np.ndarray:
    return np.asarray(np.exp(z) / np.exp(z).sum(-1, keepdims=True))


def test_the_probabilities_of_a_video_follow_the_paper_or_the_released_code() -> None:
    logits = np.random.default_rng(0).normal(size=(3, 8, 4))
    expected = {"softmax_of_mean": softmax(logits.mean(1)), "mean_of_softmax": softmax(logits).mean(1)}
    found = {fusion: class_probabilities(torch.from_numpy(logits), fusion).numpy() for fusion in FUSIONS}
    for fusion, probabilities in found.items():
        np.testing.assert_allclose(probabilities, expected[fusion], rtol=1e-12)
        np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-12)
    assert abs(found["softmax_of_mean"] - found["mean_of_softmax"]).max() > 0.01


def test_the_settings_allow_exactly_these_two_fusions() -> None:
    assert get_args(Fusion) == FUSIONS
    with pytest.raises(UserError, match="fusion: input should be 'softmax_of_mean' or 'mean_of_softmax', not 'sum'"):
        make_run(Path(), Path(), fusion="sum")


@pytest.mark.parametrize("fusion", FUSIONS)
def test_the_number_of_time_steps_does_not_matter(fusion: Fusion) -> None:
    logits = torch.from_numpy(np.random.default_rng(1).normal(size=(2, 4, 3)))
    torch.testing.assert_close(class_probabilities(logits, fusion), class_probabilities(logits.repeat(1, 2, 1), fusion))


class Corner(StreamNetwork):
    """A network whose features are the channels of the corner pixel, and whose logits are the first of them."""

    def __init__(self) -> None:
        super().__init__()
        self.feature_size, self.dropout = 3, nn.Dropout(0.9)
        self.modes: list[bool] = []

    def features(self, clips: Tensor) -> Tensor:
        self.modes.append(self.training)
        return clips[..., 0, 0]

    def classify(self, features: Tensor) -> Tensor:
        return 4 * features[:, :2]


def batches_of(clips: Tensor, sizes: list[int]) -> list[dict[str, Tensor]]:
    return [{"clip": part, "index": torch.arange(len(part))} for part in clips.split(sizes)]


@pytest.mark.parametrize("fusion", FUSIONS)
def test_scores_come_in_the_order_of_the_videos_fused_over_time_as_set(fusion: Fusion) -> None:
    clips = torch.from_numpy(np.random.default_rng(2).integers(0, 256, (5, 6, 4, 4, 3), np.uint8))
    network = Corner().train()
    arithmetic = Arithmetic(CPU, torch.float32)
    probabilities, features, _ = score_clips(RunNetwork(network), batches_of(clips, [2, 2, 1]), arithmetic, fusion)
    seen = clips[:, :, 0, 0].double().numpy() * 2 / 255 - 1  # (video, time step, channel)
    logits = 4 * seen[..., :2]
    expected = softmax(logits.mean(1)) if fusion == "softmax_of_mean" else softmax(logits).mean(1)
    np.testing.assert_allclose(probabilities, expected, atol=1e-6)
    np.testing.assert_allclose(features, seen.mean(1), atol=1e-6)
    assert network.modes == [False] * 3
    steps = score_clips(RunNetwork(network), batches_of(clips, [2, 2, 1]), arithmetic, fusion, keep_steps=True).steps
    np.testing.assert_allclose(steps, softmax(logits), atol=1e-3)  # float16


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_scores_are_float32_whatever_the_network_computes_in(dtype: torch.dtype) -> None:
    clips = torch.from_numpy(np.random.default_rng(3).integers(0, 256, (2, 6, 4, 4, 3), np.uint8))
    arithmetic = Arithmetic(CPU, dtype)
    model = RunNetwork(Corner())
    arithmetic.prepare(model)
    found = score_clips(model, batches_of(clips, [2]), arithmetic, "softmax_of_mean")
    assert [found.probabilities.dtype, found.features.dtype] == [np.float32, np.float32]
    assert found.steps is None
    assert abs(found[0].sum(axis=1) - 1).max() < 1e-6
