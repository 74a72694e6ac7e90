"""Depth maps of the GPU against those of float32 on the CPU, and of a batch against single photographs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from moving_textures import moving_textures

from i2vadapt.depth.network import DepthNetwork
from i2vadapt.depth.predict import run_network
from i2vadapt.depth.preprocess import network_input
from i2vadapt.depth.registry import build_depth_model

NETWORKS = ["dpt_small", "depth_anything_v2_small"]
"""The first has its trained weights; the other's are random, which makes it more sensitive to rounding."""


def inputs(network: DepthNetwork, count: int) -> list[np.ndarray]:
    images = moving_textures(count, 240, 320)[0]
    return [network_input(network.spec, np.stack([image, image // 2, 255 - image], axis=-1)) for image in images]


def build(name: str) -> DepthNetwork:
    torch.manual_seed(0)
    return build_depth_model(name)


def assert_close(found: np.ndarray, exact: np.ndarray, mean: float, largest: float) -> None:
    """Compares maps; the tolerances are shares of each map's range."""
    spread = np.ptp(exact, axis=(1, 2), keepdims=True)
    difference = np.abs(found - exact) / spread
    assert np.isfinite(found).all()
    assert difference.mean() < mean
    assert difference.max() < largest


@pytest.mark.parametrize("name", NETWORKS)
def test_float32_is_that_of_the_cpu(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    network = build(name)
    images = inputs(network, 2)
    exact = run_network(network.prepare("cpu", torch.float32), images)
    assert_close(run_network(network.prepare("cuda", torch.float32), images), exact, 1e-4, 1e-3)


@pytest.mark.parametrize("name", NETWORKS)
def test_bfloat16_is_close_to_float32(name: str) -> None:
    network = build(name)
    images = inputs(network, 4)
    exact = run_network(network.prepare("cuda", torch.float32), images)
    assert_close(run_network(network.prepare("cuda", torch.bfloat16), images), exact, 0.01, 0.1)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_map_hardly_depends_on_the_batch(name: str) -> None:
    network = build(name).prepare("cuda", torch.bfloat16)
    images = inputs(network, 5)
    single = np.concatenate([run_network(network, [image]) for image in images])
    assert_close(run_network(network, images), single, 0.01, 0.1)
