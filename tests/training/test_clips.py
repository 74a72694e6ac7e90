from __future__ import annotations

import numpy as np
import pytest
import torch

from i2vadapt.training.clips import Window, flow_tensor, rgb_tensor


def test_rgb_is_scaled_to_minus_one_and_one() -> None:
    frames = np.zeros((2, 4, 4, 3), np.uint8)
    frames[1] = 255
    clip = rgb_tensor(frames, Window(), 4)
    assert clip.shape == (3, 2, 4, 4)
    assert clip[:, 0].eq(-1).all()
    assert clip[:, 1].eq(1).all()


def test_windows_reach_the_corners() -> None:
    frames = np.arange(5 * 6).reshape(1, 5, 6, 1)
    assert Window(0, 0).cut(frames, 3)[0, 0, 0, 0] == 0
    assert Window(1, 1).cut(frames, 3)[0, -1, -1, 0] == 29
    assert Window().cut(frames, 5)[0, 0, 0, 0] == round(0.5)


def test_the_mirror_negates_u_only() -> None:
    flow = np.zeros((1, 2, 3, 2), np.float32)
    flow[0, 0, 0] = (2.0, 4.0)  # at the left, to the right and down
    plain = flow_tensor(flow, Window(), 2, 20.0)
    mirrored = flow_tensor(flow[:, :, :2], Window(flip=True), 2, 20.0)
    assert plain[:, 0, 0, 0].tolist() == pytest.approx([0.1, 0.2])
    assert mirrored[:, 0, 0, 1].tolist() == pytest.approx([-0.1, 0.2])
    assert mirrored[:, 0, 0, 0].tolist() == [0.0, 0.0]


def test_rgb_and_flow_are_cut_and_mirrored_alike() -> None:
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 256, (3, 9, 11), np.uint8)
    window = Window(0.3, 0.8, True)
    rgb = rgb_tensor(np.repeat(grey[..., None], 3, -1), window, 6)
    v = grey.astype(np.float32) / 255 * 2 - 1
    flow = flow_tensor(np.stack([np.zeros_like(v), v], -1), window, 6, 1.0)
    torch.testing.assert_close(rgb[0], flow[1])
