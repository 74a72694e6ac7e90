from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from i2vadapt.inference.scores import Scores, accuracies, score
from i2vadapt.models.two_stream import StreamOutput
from i2vadapt.runtime.precision import Arithmetic

# Five videos, three classes. RGB is right on 0, 1 and 3, flow on 0 and 2, both together on 0, 1 and 2.
LABELS = np.array([0, 0, 1, 2, 0])
RGB = np.array([[0.8, 0.1, 0.1], [0.9, 0.1, 0.0], [0.5, 0.4, 0.1], [0.3, 0.2, 0.5], [0.1, 0.5, 0.4]], np.float32)
FLOW = np.array([[0.6, 0.2, 0.2], [0.3, 0.5, 0.2], [0.1, 0.8, 0.1], [0.9, 0.1, 0.0], [0.2, 0.2, 0.6]], np.float32)


def scores(**streams: np.ndarray) -> Scores:
    return Scores(dict(streams), {})


def test_fusion_sums_the_streams() -> None:
    both = scores(rgb=RGB, flow=FLOW)
    assert both.fused == pytest.approx(RGB + FLOW)
    assert both.predictions.tolist() == [0, 0, 1, 0, 2]
    assert both.confidence.tolist() == pytest.approx([1.4, 1.2, 1.2, 1.2, 1.0])
    assert scores(rgb=RGB).confidence.tolist() == pytest.approx([0.8, 0.9, 0.5, 0.5, 0.5])


def test_accuracy_of_videos_and_of_classes() -> None:
    found = accuracies(scores(rgb=RGB, flow=FLOW), LABELS)
    assert found == pytest.approx(
        {
            "accuracy_rgb": 3 / 5,
            "class_accuracy_rgb": (2 / 3 + 0 + 1) / 3,
            "accuracy_flow": 2 / 5,
            "class_accuracy_flow": (1 / 3 + 1 + 0) / 3,
            "accuracy_fused": 3 / 5,
            "class_accuracy_fused": (2 / 3 + 1 + 0) / 3,
        }
    )


def test_videos_without_a_label_and_classes_without_a_video_do_not_count() -> None:
    found = accuracies(scores(rgb=RGB), np.array([0, -1, 1, -1, 0]))
    assert found["accuracy_rgb"] == pytest.approx(1 / 3)
    assert found["class_accuracy_rgb"] == pytest.approx((1 / 2 + 0) / 2)
    assert accuracies(scores(rgb=RGB), np.full(5, -1)) == {}


class Fixed(nn.Module):
    """Says of a video what its clip holds: two time steps of two classes."""

    streams = ("rgb", "flow")

    def forward(self, stream: str, clips: Tensor) -> StreamOutput:
        assert not self.training
        logits = clips[..., 0, 0].transpose(1, 2) * (1 if stream == "rgb" else -1)
        return StreamOutput(logits, logits.mean(1), None, clips.flatten(1))


def test_scores_come_in_the_order_of_the_videos_fused_over_time_as_set() -> None:
    # (video, time step, class), as logits; over time the mean of video 0 is [2, 1], of video 1 [0, 3].
    logits = torch.tensor([[[4.0, 0.0], [0.0, 2.0]], [[0.0, 1.0], [0.0, 5.0]], [[1.0, 0.0], [1.0, 0.0]]])
    clips = logits[:, :, None, None]
    batches = [{"rgb": clips[:2], "flow": clips[:2]}, {"rgb": clips[2:], "flow": clips[2:]}]
    arithmetic = Arithmetic(torch.device("cpu"), torch.float32)
    model = Fixed().train()
    late = score(model, batches, arithmetic, "softmax_of_mean")  # type: ignore[arg-type]
    assert late.streams["rgb"] == pytest.approx(logits.mean(1).softmax(1).numpy())
    assert late.streams["flow"] == pytest.approx((-logits).mean(1).softmax(1).numpy())
    early = score(model, batches, arithmetic, "mean_of_softmax")  # type: ignore[arg-type]
    assert early.streams["rgb"] == pytest.approx(logits.softmax(2).mean(1).numpy())
    assert late.features["flow"].shape == (3, 4)
