from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from i2vadapt.demo import Camera, Scene, exact_flow, random_scene, render
from i2vadapt.flow import read_flo, to_grey, tvl1
from i2vadapt.flow.fields import DataTerm, State, blank, inner
from i2vadapt.flow.median import median_filter
from i2vadapt.flow.pyramid import level_sizes
from i2vadapt.flow.sweep import sweep
from i2vadapt.flow.warp import linearise, with_derivatives

OURS = ["numba", "torch"]


def blobs(height: int = 64, width: int = 80) -> np.ndarray:
    values = np.random.default_rng(0).uniform(0, 255, (height, width)).astype(np.float32)
    smooth = cv2.GaussianBlur(values, (0, 0), 2.5)
    return np.clip((smooth - smooth.mean()) * 5 + 128, 0, 255).astype(np.uint8)


def moved(image: np.ndarray, turn: float = 2.0, shift: tuple[float, float] = (1.3, -0.7)) -> np.ndarray:
    matrix = cv2.getRotationMatrix2D((image.shape[1] / 2, image.shape[0] / 2), turn, 1.0)
    matrix[:, 2] += shift
    return cv2.warpAffine(image, matrix, image.shape[::-1], borderMode=cv2.BORDER_REFLECT)


def distance(one: np.ndarray, two: np.ndarray) -> float:
    return float(np.linalg.norm(one - two, axis=-1).mean())


@pytest.mark.parametrize("backend", OURS)
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"median_filter": 1},
        {"median_filter": 3},
        {"inner_iterations": 7, "outer_iterations": 3},
        {"n_scales": 1},
        {"scale_step": 0.5, "n_warps": 2},
        {"tau": 0.1, "lambda_": 0.05, "theta": 0.5},
    ],
)
def test_every_iteration_done_gives_the_flow_of_opencv(backend: str, settings: dict[str, float]) -> None:
    # With so small an epsilon none stops early, so how often that is looked at makes no difference.
    settings = {"n_warps": 3, "outer_iterations": 4, "epsilon": 1e-6, **settings}
    first = blobs(50, 67)
    second = moved(first)
    reference = tvl1(first, second, backend="opencv", **settings)
    assert np.linalg.norm(reference, axis=-1).max() > 0.5
    assert distance(tvl1(first, second, backend=backend, **settings), reference) < 2e-3


@pytest.mark.parametrize("backend", OURS)
def test_the_defaults_stop_no_earlier_than_opencv(backend: str) -> None:
    first = blobs()
    second = moved(first)
    assert distance(tvl1(first, second, backend=backend), tvl1(first, second, backend="opencv")) < 0.05
    # Where OpenCV stops after the first iterations, so does this one after the first pass.
    early = {"epsilon": 1.0, "n_scales": 1, "n_warps": 1, "median_filter": 1}
    five = {**early, "inner_iterations": 5, "outer_iterations": 1, "epsilon": 1e-6}
    np.testing.assert_array_equal(tvl1(first, second, backend, **early), tvl1(first, second, backend, **five))


@pytest.mark.parametrize("backend", OURS)
def test_content_moving_right_has_positive_u_and_down_positive_v(backend: str) -> None:
    image = blobs()
    right, down = (tvl1(image, np.roll(image, 2, axis=axis), backend)[12:-12, 12:-12] for axis in (1, 0))
    np.testing.assert_allclose(np.median(right, axis=(0, 1)), [2, 0], atol=0.1)
    np.testing.assert_allclose(np.median(down, axis=(0, 1)), [0, 2], atol=0.1)


def test_numba_and_torch_agree() -> None:
    for height, width in ((48, 64), (33, 31), (31, 33)):
        first = blobs(height, width)
        for settings in ({}, {"n_warps": 2, "epsilon": 0.05}):
            flows = [tvl1(first, moved(first), backend, **settings) for backend in OURS]
            assert distance(*flows) < 0.05


@pytest.mark.skipif(torch.cuda.is_available(), reason="auto is torch here")
def test_auto_is_numba_without_a_gpu() -> None:
    first, second = blobs(), moved(blobs())
    np.testing.assert_array_equal(tvl1(first, second), tvl1(first, second, "numba"))
    assert not np.array_equal(tvl1(first, second), tvl1(first, second, "opencv"))


@pytest.mark.parametrize("backend", OURS)
@pytest.mark.parametrize("threads", [1, 2])
def test_a_pair_does_not_depend_on_the_others(backend: str, threads: int) -> None:
    image = blobs(40, 52)
    # One that stands still and converges at once, among others that take long.
    frames = np.stack([image, image, moved(image), moved(image, 5), np.zeros_like(image)])
    before = cv2.getNumThreads()
    cv2.setNumThreads(threads)
    try:
        many = tvl1(frames[:-1], frames[1:], backend)
    finally:
        cv2.setNumThreads(before)
    for k in range(len(many)):
        np.testing.assert_allclose(many[k], tvl1(frames[k], frames[k + 1], backend), atol=2e-3)
    assert tvl1(frames[:0], frames[:0], backend).shape == (0, 40, 52, 2)


@pytest.mark.parametrize("backend", OURS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (2, 3), (16, 16), (17, 90), (24, 24)])
@pytest.mark.parametrize("scale_step", [0.11, 0.8])
def test_black_images_do_not_move_and_tiny_ones_give_a_finite_flow(
    backend: str, shape: tuple[int, int], scale_step: float
) -> None:
    black = np.zeros(shape, np.uint8)
    settings = {"n_warps": 2, "outer_iterations": 2, "scale_step": scale_step}
    np.testing.assert_array_equal(tvl1(black, black, backend, **settings), 0)
    noise = np.random.default_rng(0).integers(0, 256, (2, *shape), np.uint8)
    flow = tvl1(*noise, backend, **settings)
    assert flow.shape == (*shape, 2)
    assert np.isfinite(flow).all()
    # A black image gives no information except by the other image's gradient.
    assert np.isfinite(tvl1(black, noise[0], backend, **settings)).all()


class Drift:
    def __init__(self, camera: Camera) -> None:
        self.camera = camera

    def at(self, time: float) -> Camera:
        return self.camera._replace(t=self.camera.t + np.array([0.9, -0.4, 0.6]) * time)


def rendered_pair(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    scene: Scene = random_scene(rng, (96, 128))
    scene = replace(scene, path=Drift(scene.path.at(0.0)))
    frames = to_grey(np.stack([render(scene, time).image for time in (0.2, 0.24)]))
    flow, seen = exact_flow(scene, 0.2, 0.24)
    return frames, np.nan_to_num(flow), seen & np.isfinite(flow).all(axis=-1)


@pytest.mark.parametrize("settings", [{}, {"n_warps": 2, "epsilon": 0.05}])
def test_error_on_rendered_scenes_is_at_most_that_of_opencv(settings: dict[str, float]) -> None:
    errors = dict.fromkeys(("opencv", *OURS), 0.0)
    for seed in range(3):
        frames, truth, seen = rendered_pair(seed)
        for backend in errors:
            errors[backend] += np.linalg.norm(tvl1(*frames, backend, **settings) - truth, axis=-1)[seen].mean()
    assert errors["numba"] <= 1.02 * errors["opencv"]
    assert errors["torch"] <= 1.02 * errors["opencv"]


@pytest.mark.parametrize("backend", OURS)
def test_error_on_real_pairs_is_at_most_that_of_opencv(backend: str, real_data: Path) -> None:
    ours, reference = 0.0, 0.0
    for pair in ("0000001", "0000003"):
        files = [str(real_data / "flow_gt" / f"{pair}-img{k}.ppm") for k in (0, 1)]
        truth = read_flo(real_data / "flow_gt" / f"{pair}-gt.flo")
        size = (truth.shape[1] // 4, truth.shape[0] // 4)
        frames = [
            cv2.resize(cv2.imread(file, cv2.IMREAD_GRAYSCALE), size, interpolation=cv2.INTER_AREA) for file in files
        ]
        truth = cv2.resize(truth, size, interpolation=cv2.INTER_AREA) / 4
        ours += distance(tvl1(*frames, backend), truth)
        reference += distance(tvl1(*frames, "opencv"), truth)
    assert ours <= 1.02 * reference


def plain_iteration(data: list[np.ndarray], state: list[np.ndarray], theta: float, rate: float) -> list[np.ndarray]:
    """Zach et al. 2007, Eqs. 12-15, on fields without borders, in double precision."""
    nx, ny, offset, limit = data
    u, v, px, py, qx, qy = state

    def divergence(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.diff(x, axis=1, prepend=0) + np.diff(y, axis=0, prepend=0)

    step = np.clip(nx * u + ny * v + offset, -limit, limit)
    u, v = u - step * nx + theta * divergence(px, py), v - step * ny + theta * divergence(qx, qy)
    dual = []
    for flow, x, y in ((u, px, py), (v, qx, qy)):
        dx, dy = np.diff(flow, axis=1, append=flow[:, -1:]), np.diff(flow, axis=0, append=flow[-1:])
        scale = 1 + rate * np.hypot(dx, dy)
        dual += [(x + rate * dx) / scale, (y + rate * dy) / scale]
    return [u, v, *dual]


@pytest.mark.parametrize("size", [(1, 1), (2, 17), (9, 16), (5, 33)])
@pytest.mark.parametrize("iterations", [1, 2, 5])
def test_sweep_is_the_iterations_one_after_another(size: tuple[int, int], iterations: int) -> None:
    rng = np.random.default_rng(1)
    data = [rng.normal(size=size) for _ in range(4)]
    data[3] = np.abs(data[3])
    plain = [rng.normal(size=size), rng.normal(size=size), *np.zeros((4, *size))]
    fields = DataTerm(*(blank(*size) for _ in data)), State(*(blank(*size) for _ in plain))
    for field, values in zip([*fields[0], *fields[1]], [*data, *plain], strict=True):
        inner(field, *size)[:] = values
    weight = np.zeros(fields[1].u.shape[1], np.float32)
    weight[1 : size[1] + 1] = 1
    for _ in range(2):
        change = sweep(*fields, weight, *size, np.float32(0.3), np.float32(0.8), iterations)
        for _ in range(iterations):
            before, plain = plain, plain_iteration(data, plain, 0.3, 0.8)
    for field, values in zip(fields[1], plain, strict=True):
        np.testing.assert_allclose(inner(field, *size), values, atol=2e-5)
    assert change == pytest.approx(sum(((plain[k] - before[k]) ** 2).sum() for k in (0, 1)), rel=1e-3)


def test_warp_is_cubic_with_zeros_beyond_the_image() -> None:
    size = (12, 19)
    rng = np.random.default_rng(2)
    first, second = rng.uniform(1, 255, (2, *size)).astype(np.float32)
    state = State(*(blank(*size) for _ in State._fields))
    # Quarters of a pixel, which every version of OpenCV takes exactly; some places far beyond the image.
    flow = (rng.integers(-12, 13, (2, *size)) / 4).astype(np.float32)
    flow[:, 0, 0], flow[:, 3, 4] = -1e6, 1e6
    inner(state.u, *size)[:], inner(state.v, *size)[:] = flow
    data = DataTerm(*(blank(*size) for _ in DataTerm._fields))
    linearise(first, with_derivatives(second), state, np.float32(0.05), data)
    padded = np.pad(second, 1, mode="edge")
    layers = [second, (padded[1:-1, 2:] - padded[1:-1, :-2]) / 2, (padded[2:, 1:-1] - padded[:-2, 1:-1]) / 2]
    columns, rows = np.meshgrid(np.arange(19, dtype=np.float32), np.arange(12, dtype=np.float32))
    image, gx, gy = (cv2.remap(layer, columns + flow[0], rows + flow[1], cv2.INTER_CUBIC) for layer in layers)
    length = np.hypot(gx, gy)
    there = length > 1e-3
    np.testing.assert_allclose(inner(data.limit, *size), 0.05 * length, atol=1e-3)
    np.testing.assert_allclose((inner(data.normal_x, *size) * length)[there], gx[there], atol=1e-2)
    np.testing.assert_allclose((inner(data.normal_y, *size) * length)[there], gy[there], atol=1e-2)
    residual = image - first - gx * flow[0] - gy * flow[1]
    np.testing.assert_allclose((inner(data.offset, *size) * length)[there], residual[there], atol=2e-2)
    for field in data:
        assert field[0, 0] == field[-1, -1] == inner(field, *size)[0, 0] == inner(field, *size)[3, 4] == 0


@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("shape", [(9, 14), (1, 6), (2, 2)])
def test_median_is_that_of_opencv(size: int, shape: tuple[int, int]) -> None:
    images = np.random.default_rng(3).normal(size=(2, 2, *shape)).astype(np.float32)
    filtered = median_filter(torch.from_numpy(images), size).numpy()
    for image, result in zip(images.reshape(-1, *shape), filtered.reshape(-1, *shape), strict=True):
        np.testing.assert_array_equal(result, cv2.medianBlur(image, size))


def test_levels_stop_before_a_side_falls_below_16() -> None:
    assert level_sizes(256, 340, 5, 0.8) == [(256, 340), (205, 272), (164, 218), (131, 174), (105, 139)]
    assert level_sizes(20, 100, 5, 0.8) == [(20, 100), (16, 80)]
    assert level_sizes(19, 100, 5, 0.8) == [(19, 100)]
    assert level_sizes(1, 1, 5, 0.2) == [(1, 1)]
