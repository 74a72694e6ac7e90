from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import load_file

from i2vadapt.depth import build_depth_model, predict_inverse_depth
from i2vadapt.depth.small_data import ScenePool, augment, draw_chunk, random_crop
from i2vadapt.depth.train_small import train_small
from i2vadapt.errors import UserError


def slope(rng: np.random.Generator, size: tuple[int, int]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A tilted plane whose red channel shows its depth."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    angle = rng.uniform(0, 2 * np.pi)
    ramp = np.cos(angle) * (rows / size[0] - 0.5) + np.sin(angle) * (columns / size[1] - 0.5)
    image = np.full((*size, 3), 100, dtype=np.uint8)
    image[..., 0] = np.round(127 + 120 * ramp)
    return image, (1 / (0.6 + 0.5 * ramp)).astype(np.float32)


def hole(_: np.random.Generator, size: tuple[int, int]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A wall in 2 m around pixels where nothing is hit."""
    depth = np.full(size, 2, dtype=np.float32)
    depth[:8, :8] = 0
    return np.zeros((*size, 3), dtype=np.uint8), depth


def test_nothing_hit_is_infinitely_far() -> None:
    _, inverse = draw_chunk(hole, 0, 0)[0]
    assert (inverse[:8, :8] == 0).all()
    assert (inverse[8:] == 0.5).all()


def test_pool_is_the_same_whatever_is_asked_first() -> None:
    with ScenePool(slope, seed=3, total=20) as pool:
        first = pool.at_least(5)
        everything = pool.at_least(100)
    assert [len(first), len(everything)] == [5, 20]
    direct = draw_chunk(slope, 3, 0)
    for (image, inverse), (expected, expected_inverse) in zip(everything[:16], direct, strict=True):
        np.testing.assert_array_equal(image, expected)
        np.testing.assert_array_equal(inverse, expected_inverse)


def test_crops_keep_image_and_depth_together() -> None:
    rng = np.random.default_rng(0)
    scene = draw_chunk(slope, 0, 0)[0]
    for _ in range(20):
        image, inverse = random_crop(rng, scene, (96, 128))
        assert image.shape == (96, 128, 3)
        # red is 127 + 240 * (inverse - 0.6): half a pixel of nearest-neighbour resizing is the rest
        np.testing.assert_allclose(image[..., 0], 127 + 240 * (inverse - 0.6), atol=2)


def test_augmented_images_differ_and_stay_in_range() -> None:
    image = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    results = [augment(np.random.default_rng(k), image) for k in range(20)]
    assert all(result.shape == image.shape and result.dtype == np.float32 for result in results)
    assert all(result.min() >= 0 and result.max() <= 1 for result in results)
    assert len({result.tobytes() for result in results}) > 10  # now and then nothing is changed
    np.testing.assert_array_equal(augment(np.random.default_rng(0), image), results[0])


def test_training_writes_weights_that_predict_and_scores(tmp_path: Path) -> None:
    out = tmp_path / "new" / "weights.safetensors"
    scores = train_small(out, slope, seed=1, steps=12, batch_size=2, held_out=2)
    assert set(scores) == {"dpt_small", "constant", "ground_plane"}
    assert scores["dpt_small"].abs_rel < scores["constant"].abs_rel
    written = json.loads(out.with_suffix(".json").read_text())
    with safe_open(out, "pt") as file:
        assert {key: json.loads(value) for key, value in file.metadata().items()} == written
    assert written["training"]["steps"] == 12
    assert written["scores"]["constant"]["abs_rel"] == scores["constant"].abs_rel
    assert sorted(path.name for path in out.parent.iterdir()) == ["weights.json", "weights.safetensors"]
    image, _ = slope(np.random.default_rng(5), (60, 80))
    depth = predict_inverse_depth(build_depth_model("dpt_small", out), image)
    assert depth.shape == (60, 80)
    assert depth.std() > 0


def test_training_is_repeatable(tmp_path: Path) -> None:
    paths = [tmp_path / f"{k}.safetensors" for k in range(2)]
    for path in paths:
        train_small(path, slope, seed=2, steps=2, batch_size=2, held_out=1)
    first, second = (load_file(path) for path in paths)
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize(("name", "steps"), [("weights.pt", 1), ("weights.safetensors", 0)])
def test_bad_arguments_are_named(name: str, steps: int, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="must end in .safetensors" if steps else "steps: must be at least 1, not 0"):
        train_small(tmp_path / name, slope, steps=steps)
