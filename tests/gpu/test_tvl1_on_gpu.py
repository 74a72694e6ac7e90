"""TV-L1 on the GPU finds what it finds on the CPU."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from moving_textures import SIZES, moving_textures

from i2vadapt.config.preprocessing import Tvl1Settings
from i2vadapt.flow.tvl1 import BACKENDS, tvl1

Solve = Callable[[np.ndarray, np.ndarray, Tvl1Settings], np.ndarray]
WAYS = ["torch eager", "torch compiled", "cuda"]
SETTINGS = [{}, {"n_warps": 2, "epsilon": 0.05}, {"median_filter": 1, "n_scales": 3}]
CLOSE = 0.05  # pixels, mean distance


def solver(name: str) -> Solve:
    if name == "cuda":
        if name not in BACKENDS:
            pytest.skip("there is no backend cuda")
        pytest.importorskip("numba.cuda")
        return importlib.import_module(BACKENDS[name]).tvl1_pairs
    compiled = name == "torch compiled"
    if compiled and importlib.util.find_spec("triton") is None:
        pytest.skip("no Triton")
    return partial(importlib.import_module(BACKENDS["torch"]).tvl1_pairs, device="cuda", compiled=compiled)


def distance(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Mean distance of the flows (N,H,W,2) of each pair, pixels."""
    return np.linalg.norm(one - two, axis=-1).mean(axis=(1, 2))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("settings", SETTINGS, ids=["defaults", "two warps", "no median"])
def test_each_backend_finds_the_flow_of_numba(way: str, settings: dict[str, float]) -> None:
    solve, parsed = solver(way), Tvl1Settings.model_validate(settings)
    for height, width in SIZES:
        first, second, truth = moving_textures(5, height, width)
        expected = tvl1(first, second, "numba", **settings)
        found = solve(first, second, parsed)
        assert found.shape == expected.shape
        assert found.dtype == np.float32
        assert distance(found, expected).mean() < CLOSE, (height, width)
        inside = np.s_[:, 8:-8, 8:-8]
        ours, reference = (distance(flow[inside], truth[inside]).mean() for flow in (found, expected))
        assert ours < 1.02 * reference + 1e-3, (height, width)


@pytest.mark.parametrize("way", WAYS)
def test_a_pair_does_not_depend_on_the_others_of_its_batch(way: str) -> None:
    solve, settings = solver(way), Tvl1Settings.model_validate({})
    first, second, _ = moving_textures(40, 64, 80)
    many = solve(first, second, settings)
    for k in (0, 17, 39):
        alone = solve(first[k : k + 1], second[k : k + 1], settings)
        assert distance(many[k : k + 1], alone).max() < 2e-3


def test_auto_takes_a_backend_of_the_gpu() -> None:
    first, second, _ = moving_textures(2, 48, 64)
    best = "cuda" if "cuda" in BACKENDS and importlib.util.find_spec("numba_cuda") else "torch"
    np.testing.assert_allclose(tvl1(first, second), tvl1(first, second, best), atol=2e-3)
    assert torch.cuda.is_initialized()
