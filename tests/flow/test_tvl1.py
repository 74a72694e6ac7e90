from __future__ import annotations

import os
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from i2vadapt.errors import UserError
from i2vadapt.flow import read_flo, to_grey, tvl1

SHARED = Path(os.environ.get("I2VADAPT_SHARED", Path(__file__).parents[3] / "shared"))


def blobs(height: int = 64, width: int = 80) -> np.ndarray:
    values = np.random.default_rng(0).uniform(0, 255, (height, width)).astype(np.float32)
    smooth = cv2.GaussianBlur(values, (0, 0), 2.5)
    return np.clip((smooth - smooth.mean()) * 5 + 128, 0, 255).astype(np.uint8)


def test_content_moving_right_has_positive_u_and_down_positive_v() -> None:
    image = blobs()
    right, down = (tvl1(image, np.roll(image, 2, axis=axis))[12:-12, 12:-12] for axis in (1, 0))
    np.testing.assert_allclose(np.median(right, axis=(0, 1)), [2, 0], atol=0.1)
    np.testing.assert_allclose(np.median(down, axis=(0, 1)), [0, 2], atol=0.1)


def test_many_pairs_equal_one_by_one() -> None:
    frames = np.stack([np.roll(blobs(), k, axis=1) for k in range(4)])
    many = tvl1(frames[:-1], frames[1:], backend="opencv", n_warps=2)
    assert many.shape == (3, 64, 80, 2)
    assert many.dtype == np.float32
    # A small image must not change the number of scales of those after it.
    tvl1(frames[:1, :20, :20], frames[1:2, :20, :20], backend="opencv")
    for k in range(3):
        np.testing.assert_array_equal(many[k], tvl1(frames[k], frames[k + 1], backend="opencv", n_warps=2))


@pytest.mark.parametrize("shape", [(0, 30, 30), (1, 1, 1), (2, 16, 16), (1, 8, 100)])
def test_black_and_tiny_images_give_no_motion(shape: tuple[int, ...]) -> None:
    black = np.zeros(shape, np.uint8)
    np.testing.assert_array_equal(tvl1(black, black), np.zeros((*shape, 2)))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (np.zeros((20, 20), np.uint8), np.zeros((20, 21), np.uint8)),
        (np.zeros((2, 20, 20), np.uint8), np.zeros((3, 20, 20), np.uint8)),
        (np.zeros((20, 20)), np.zeros((20, 20))),
        (np.zeros((1, 20, 20, 3), np.uint8), np.zeros((1, 20, 20, 3), np.uint8)),
        (np.zeros((0, 20), np.uint8), np.zeros((0, 20), np.uint8)),
    ],
)
def test_images_that_do_not_fit_are_refused(first: np.ndarray, second: np.ndarray) -> None:
    with pytest.raises(UserError, match="flow"):
        tvl1(first, second)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("tau", float("nan")), ("n_scales", 0), ("median_filter", 4), ("epsilon", -1), ("lamda", 0.1)],
)
def test_impossible_settings_are_refused_by_name(setting: str, value: float) -> None:
    with pytest.raises(UserError, match=setting):
        tvl1(blobs(), blobs(), **{setting: value})


def test_unknown_backend_names_those_there_are() -> None:
    with pytest.raises(UserError, match=r"auto, opencv.*'gpu'"):
        tvl1(blobs(), blobs(), backend="gpu")


def test_settings_reach_the_algorithm() -> None:
    first, second = blobs(), np.roll(blobs(), 2, axis=1)
    default = tvl1(first, second)
    for changed in (
        {"lambda_": 0.02},
        {"theta": 0.9},
        {"n_scales": 1},
        {"n_warps": 1},
        {"epsilon": 0.5},
        {"tau": 0.05},
    ):
        assert not np.array_equal(default, tvl1(first, second, **changed)), changed
    for changed in ({"inner_iterations": 2}, {"outer_iterations": 1}, {"scale_step": 0.5}, {"median_filter": 1}):
        assert not np.array_equal(default, tvl1(first, second, **changed)), changed


def test_grey_has_the_weights_of_bt601() -> None:
    primaries = np.eye(3, dtype=np.uint8)[None, None] * 255
    np.testing.assert_array_equal(to_grey(primaries), [[[76, 150, 29]]])
    with pytest.raises(UserError, match="images"):
        to_grey(np.zeros((4, 4), np.uint8))


@pytest.mark.skipif(not (SHARED / "data/flow_gt").is_dir(), reason="the FlyingChairs sample is not here")
def test_error_on_a_real_pair_is_that_of_the_defaults() -> None:
    folder, pair = SHARED / "data/flow_gt", "0000001"
    images = [cv2.imread(str(folder / f"{pair}-img{k}.ppm"), cv2.IMREAD_COLOR_RGB) for k in (0, 1)]
    truth = read_flo(folder / f"{pair}-gt.flo")
    flow = tvl1(to_grey(images[0]), to_grey(images[1]), backend="opencv")
    assert np.linalg.norm(flow - truth, axis=-1).mean() == pytest.approx(1.17, abs=0.01)


@pytest.mark.parametrize(
    ("device", "hip", "has_numba_cuda", "expected"),
    [
        ("cpu", None, True, "numba"),
        ("cuda", None, True, "cuda"),
        ("cuda", None, False, "torch"),
        ("cuda", "6.4", True, "torch"),  # AMD
    ],
)
def test_auto_takes_the_fastest_backend_of_the_machine(
    monkeypatch: pytest.MonkeyPatch, device: str, hip: str | None, has_numba_cuda: bool, expected: str
) -> None:
    module = sys.modules["i2vadapt.flow.tvl1"]  # the package's attribute of that name is the function
    monkeypatch.setattr(module, "_GPU_DEVICES", ("/",))
    monkeypatch.setattr(module, "best_device", lambda: device)
    monkeypatch.setattr("torch.version.hip", hip)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: object() if has_numba_cuda else None)
    assert module.resolve_backend("auto") == expected


@pytest.mark.parametrize(
    ("device", "hip", "message"),
    [
        ("cpu", None, "flow: backend: cuda needs an NVIDIA GPU that PyTorch can use"),
        ("cuda", "6.4", "flow: backend: cuda needs an NVIDIA GPU that PyTorch can use"),
        ("cuda", None, "flow: backend: cuda needs the package numba-cuda, which is not installed"),
    ],
)
def test_cuda_without_what_it_needs_is_one_line(
    monkeypatch: pytest.MonkeyPatch, device: str, hip: str | None, message: str
) -> None:
    monkeypatch.setattr(sys.modules["i2vadapt.flow.tvl1"], "best_device", lambda: device)
    monkeypatch.setattr("torch.version.hip", hip)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UserError) as caught:
        tvl1(blobs(), blobs(), backend="cuda")
    assert str(caught.value).startswith(message)
