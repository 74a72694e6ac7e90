from __future__ import annotations

import numpy as np
import pytest

from i2vadapt.demo.textures import (
    BRICKS,
    CHECKS,
    NOISE,
    PLANKS,
    SPECKLES,
    STRIPES,
    WAVES,
    pattern,
    value_noise,
)


def samples(texture: int, width: float) -> np.ndarray:
    points = np.random.default_rng(0).uniform(-20, 20, (4000, 3))
    return np.array([pattern(texture, *point, 0.0, width, 5) for point in points])


@pytest.mark.parametrize("texture", [NOISE, STRIPES, CHECKS, BRICKS, SPECKLES, PLANKS, WAVES])
def test_patterns_fade_where_a_pixel_is_wider_than_a_cell(texture: int) -> None:
    near, far = samples(texture, 0.02), samples(texture, 8.0)
    assert near.min() >= 0
    assert near.max() <= 1
    assert near.std() > 0.08
    assert far.std() < 0.4 * near.std()


def test_noise_is_continuous_across_cells() -> None:
    for edge in (-2.0, 0.0, 3.0):
        before, after = (value_noise(edge + step, 0.3, -0.7, 9) for step in (-1e-6, 1e-6))
        assert before == pytest.approx(after, abs=1e-4)
