"""Speed and endpoint error of the TV-L1 backends, side by side in one process.

    python perf/tvl1.py [--threads 1 2] [--chairs FOLDER] [--repeat 3]

The pairs are rendered scenes with exact flow (moving people, a drifting camera, noise), and FlyingChairs if a folder
with NAME-img0.ppm, NAME-img1.ppm and NAME-gt.flo is given. The backends alternate, and the best repetition counts. The
last column compares the time with that of the square roots and divisions alone: two and five per pixel and iteration,
as in the formulas, measured on one core, times the iterations of the numba backend. (It saves three of the five
divisions, so the ratio can fall below 1.)
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numba import njit

from i2vadapt.config.preprocessing import Tvl1Settings
from i2vadapt.data.image import read_image
from i2vadapt.demo import CLASSES, Camera, Scene, exact_flow, random_scene, render
from i2vadapt.demo.videos import FRAME_RATE, video_clip
from i2vadapt.flow import read_flo, to_grey
from i2vadapt.flow.backends import numba as numba_tvl1
from i2vadapt.flow.backends import opencv
from i2vadapt.flow.backends import torch as torch_tvl1

_PAIRS = 8
_STEP = 1 / FRAME_RATE  # seconds between the images of a pair
_CACHED = 1024  # pixels; few enough for the first-level cache
Solver = Callable[[np.ndarray, np.ndarray, Tvl1Settings], np.ndarray]
SOLVERS: dict[str, Solver] = {
    "opencv": opencv.tvl1_pairs,
    "numba": numba_tvl1.tvl1_pairs,
    "torch": partial(torch_tvl1.tvl1_pairs, compiled=False),
    "torch compiled": partial(torch_tvl1.tvl1_pairs, compiled=True),
}


@dataclass(frozen=True)
class Batch:
    """Pairs of one size, their flow, and the mask of where it is known and the point is visible in both images."""

    name: str
    settings: Tvl1Settings
    first: np.ndarray
    second: np.ndarray
    truth: np.ndarray
    known: np.ndarray


@dataclass(frozen=True)
class Drift:
    """A camera that moves at constant speed."""

    camera: Camera
    speed: np.ndarray

    def at(self, time: float) -> Camera:
        """Returns the camera at a time in seconds."""
        return self.camera._replace(t=self.camera.t + self.speed * time)


def drifting(rng: np.random.Generator, size: tuple[int, int]) -> Scene:
    """Returns a scene of a size (height, width) before a drifting camera."""
    scene = random_scene(rng, size)
    return replace(scene, path=Drift(scene.path.at(0.0), rng.normal(0, 0.3, 3)))


def _clip(rng: np.random.Generator, size: tuple[int, int]) -> Scene:
    """A scene of the demo's videos at another size."""
    scene = video_clip(rng, str(rng.choice(CLASSES))).scene
    scale = size[0] / scene.size[0]
    camera = scene.path.camera  # type: ignore[attr-defined]
    K = np.diag([scale, scale, 1.0]) @ camera.K
    K[:2, 2] = (size[1] - 1) / 2, (size[0] - 1) / 2
    return replace(scene, size=size, path=replace(scene.path, camera=camera._replace(K=K)))  # type: ignore[type-var]


def rendered(name: str, settings: Tvl1Settings, scenes: list[Scene], noise: float) -> Batch:
    """Renders a pair of each scene, with noise of a standard deviation in grey levels."""
    rng, start = np.random.default_rng(1), 0.8
    frames, truths = [], []
    for scene in scenes:
        images = np.stack([render(scene, moment).image for moment in (start, start + _STEP)])
        frames.append(to_grey(np.clip(images + rng.normal(0, noise, images.shape), 0, 255).astype(np.uint8)))
        flow, seen = exact_flow(scene, start, start + _STEP)
        truths.append((np.nan_to_num(flow), seen & np.isfinite(flow).all(axis=-1)))
    first, second = np.stack(frames, axis=1)
    truth, known = (np.stack(part) for part in zip(*truths, strict=True))
    return Batch(name, settings, first, second, truth, known)


def _chairs(folder: Path) -> Batch:
    truths = sorted(folder.glob("*-gt.flo"))
    images = [
        [read_image(path.with_name(path.name.replace("-gt.flo", f"-img{k}.ppm"))) for path in truths] for k in (0, 1)
    ]
    first, second = (to_grey(np.stack(frames)) for frames in images)
    truth = np.stack([read_flo(path) for path in truths])
    return Batch("FlyingChairs", Tvl1Settings.model_validate({}), first, second, truth, np.ones(first.shape, bool))


def _batches(chairs: Path | None) -> list[Batch]:
    rng = np.random.default_rng(0)
    batches = []
    for size in ((256, 340), (256, 256)):
        scenes = [drifting(rng, size) for _ in range(_PAIRS)]
        batches.append(rendered("rendered scenes", Tvl1Settings.model_validate({}), scenes, 2.0))
    clips = [_clip(rng, (88, 118)) for _ in range(_PAIRS)]
    for settings in ({}, {"epsilon": 0.05}, {"n_warps": 2, "epsilon": 0.05}):
        batches.append(rendered("demo videos", Tvl1Settings.model_validate(settings), clips, 4.0))
    return batches + ([_chairs(chairs)] if chairs else [])


@njit(nogil=True, error_model="numpy")
def _roots_and_divisions(values: np.ndarray, result: np.ndarray) -> None:
    one = np.float32(1)
    for k in range(values.shape[1]):
        a, b, c, d = values[0, k], values[1, k], values[2, k], values[3, k]
        p, q = one + math.sqrt(a), one + math.sqrt(b)
        result[0, k], result[1, k], result[2, k], result[3, k], result[4, k] = c / p, d / p, c / q, d / q, c / d


def _bound() -> float:
    """Seconds that the square roots and divisions of one iteration take per pixel."""
    values = np.random.default_rng(0).uniform(1, 9, (4, _CACHED)).astype(np.float32)
    result = np.empty((5, _CACHED), np.float32)
    rounds = 400
    return min(_seconds(lambda: [_roots_and_divisions(values, result) for _ in range(rounds)]) for _ in range(20)) / (
        rounds * _CACHED
    )


def _seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def iterations(batch: Batch) -> int:
    """Pixels times iterations of the numba backend for a batch."""
    done, sweep = 0, numba_tvl1.sweep

    def counting(data: Any, state: Any, weight: Any, height: int, width: int, *rest: Any) -> Any:
        nonlocal done
        done += height * width * rest[-1]
        return sweep(data, state, weight, height, width, *rest)

    numba_tvl1.sweep = counting
    try:
        numba_tvl1.tvl1_pairs(batch.first, batch.second, batch.settings)
    finally:
        numba_tvl1.sweep = sweep
    return done


def _measure(batch: Batch, names: list[str], repeat: int) -> dict[str, tuple[float, np.ndarray]]:
    """Best time in seconds and flow of each backend."""
    best = dict.fromkeys(names, math.inf)
    flows: dict[str, np.ndarray] = {}
    for name in names:  # compiles
        SOLVERS[name](batch.first[:2], batch.second[:2], batch.settings)
    for _ in range(repeat):
        for name in names:
            start = time.perf_counter()
            flows[name] = SOLVERS[name](batch.first, batch.second, batch.settings)
            best[name] = min(best[name], time.perf_counter() - start)
    return {name: (best[name], flows[name]) for name in names}


def _print_rows(batch: Batch, names: list[str], threads: int, repeat: int, bound: float) -> None:
    cv2.setNumThreads(1)
    ideal = iterations(batch) * bound / threads
    cv2.setNumThreads(threads)
    torch.set_num_threads(threads)
    results = _measure(batch, names, repeat)
    reference = results["opencv"][0] if "opencv" in results else math.nan
    count, height, width = batch.first.shape
    settings = batch.settings.model_dump(exclude_defaults=True)
    title = f"{batch.name} {width}x{height}" + "".join(f" {key}={value}" for key, value in settings.items())
    for name, (seconds, flow) in results.items():
        error = np.linalg.norm(flow - batch.truth, axis=-1)[batch.known].mean()
        apart = np.linalg.norm(flow - results["numba"][1], axis=-1).mean() if "numba" in results else math.nan
        print(
            f"| {title} | {threads} | {name} | {count / seconds:.2f} | {reference / seconds:.1f} | {error:.4f} "
            f"| {apart:.4f} | {seconds / ideal:.2f} |",
            flush=True,
        )


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="numbers of CPU threads (1 2)")
    parser.add_argument(
        "--backends", nargs="+", choices=list(SOLVERS), default=list(SOLVERS), help="backends to compare (all)"
    )
    parser.add_argument("--repeat", type=int, default=3, help="number of repetitions, of which the best counts (3)")
    parser.add_argument("--chairs", type=Path, help="folder of FlyingChairs pairs")
    options = parser.parse_args()
    bound = _bound()
    place = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU, torch runs on the CPU"
    print(f"{place}; square roots and divisions of an iteration of 340x256 take {bound * 256 * 340 * 1e3:.3f} ms")
    print("\n| pairs | threads | backend | pairs/s | times OpenCV | endpoint error | vs. numba | times bound |")
    print("|--|--|--|--|--|--|--|--|")
    for batch in _batches(options.chairs):
        for threads in options.threads:
            _print_rows(batch, options.backends, threads, options.repeat, bound)


if __name__ == "__main__":
    main()
