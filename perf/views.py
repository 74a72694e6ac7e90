"""Generated views compared with the released generator's: accuracy, speed, similarity to the true views, and flow.

    python perf/views.py [--scenes 6]

Three tables. (1) A slanted plane under small random motions, compared with its homography. (2) Rendered photographs of
the demo with exact depth, compared with the true views of frames 1, 8 and 16: PSNR in dB and SSIM over whole frames,
including holes and borders. (Their focal lengths exceed the pipeline's, so motions are scaled to displace pixels by as
much as there.) The released generator is given the exact depth of every frame, which it would otherwise estimate.
(3) The difference between TV-L1 and the exact flow of generated videos.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import cv2
import numpy as np
import released_generator

from i2vadapt.config.preprocessing import FlowSettings, SynthesisSettings
from i2vadapt.demo import CLASSES, Frame, Scene, render
from i2vadapt.demo.photographs import photograph_scene
from i2vadapt.flow.pairs import flow_of_frames
from i2vadapt.synthesis import intrinsics, random_walk, render_view, smooth_path
from i2vadapt.synthesis.clip import flow_of_clip, synthesize_clip
from i2vadapt.synthesis.filling import fill_holes
from i2vadapt.synthesis.geometry import Geometry, Motion, follow
from i2vadapt.synthesis.render import paint
from i2vadapt.synthesis.sampling import spline_coefficients
from i2vadapt.synthesis.sharpening import sharpen_edges
from i2vadapt.synthesis.trajectory import compose

_SIZE = 384
_SHOWN = (1, 8, 16)
_FOCAL = SynthesisSettings().focal
_TRAJECTORIES = {"random_walk": random_walk, "smooth": smooth_path}
Fill = Callable[[np.ndarray, np.ndarray], np.ndarray]


def psnr(image: np.ndarray, truth: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB."""
    return 10 * math.log10(255**2 / max(float(np.mean((image.astype(np.float64) - truth) ** 2)), 1e-9))


def ssim(image: np.ndarray, truth: np.ndarray) -> float:
    """Structural similarity (Wang et al. 2004): Gaussian window of 11 pixels, sigma 1.5, mean over the channels."""
    a, b = image.astype(np.float64), truth.astype(np.float64)

    def mean(values: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(values, (11, 11), 1.5)[5:-5, 5:-5]

    mean_a, mean_b = mean(a), mean(b)
    varied = mean(a * a) - mean_a**2 + mean(b * b) - mean_b**2
    together = mean(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    likeness = (2 * mean_a * mean_b + c1) * (2 * together + c2)
    return float(np.mean(likeness / ((mean_a**2 + mean_b**2 + c1) * (varied + c2))))


def _texture(places: np.ndarray) -> np.ndarray:
    """An image defined at every position, with wavelengths of 5 to 150 pixels; longer ones are stronger."""
    rng = np.random.default_rng(5)
    out = np.zeros((*places.shape[:-1], 3))
    for channel in range(3):
        for length in np.exp(rng.uniform(math.log(5), math.log(150), 40)):
            angle, phase = rng.uniform(0, 2 * np.pi, 2)
            wave = 2 * np.pi / length * np.array([np.cos(angle), np.sin(angle)])
            out[..., channel] += 2.5 * math.sqrt(length) * np.sin(places @ wave + phase)
    return np.clip(128 + out, 0, 255)


def slanted_plane(motions: int = 8) -> None:
    """Prints the PSNR compared with the homography, and the time per view."""
    camera = intrinsics(_SIZE, _SIZE)
    normal, distance = np.array([0.3, -0.2, 1.0]) / np.linalg.norm([0.3, -0.2, 1.0]), 1.5
    y, x = np.mgrid[:_SIZE, :_SIZE].astype(float)
    pixels = np.stack([x, y, np.ones_like(x)], axis=-1)
    depth = (distance / (pixels @ np.linalg.inv(camera).T @ normal)).astype(np.float32)
    image = _texture(pixels[..., :2]).round().astype(np.uint8)
    ours, released = [], []
    for pose in random_walk(np.random.default_rng(0), motions):
        homography = camera @ (pose[:3, :3] + np.outer(pose[:3, 3], normal) / distance) @ np.linalg.inv(camera)
        origin = pixels @ np.linalg.inv(homography).T
        origin = origin[..., :2] / origin[..., 2:]
        inside = ((origin >= 0) & (origin <= _SIZE - 1)).all(axis=-1)
        truth = _texture(origin)[inside]
        ours.append(psnr(render_view(image, depth, pose, camera)[0][inside], truth))
        released.append(psnr(released_generator.warp(image, depth, pose, camera)[0][inside], truth))

    def view() -> None:
        render_view(image, depth, pose, camera)

    with ThreadPoolExecutor(2) as pool:
        alone = min(_seconds(view) for _ in range(40))
        rounds = min(
            _seconds(lambda: [task.result() for task in [pool.submit(view) for _ in range(8)]]) for _ in range(8)
        )
    print(f"\nslanted plane, {motions} motions, {_SIZE}x{_SIZE}")
    print("| | dB | ms, one thread | ms per view, two threads |\n|--|--|--|--|")
    print(f"| released | {np.mean(released):.1f} | | |")
    print(f"| render_view | {np.mean(ours):.1f} | {alone * 1e3:.1f} | {rounds / 8 * 1e3:.1f} |")


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@dataclass(frozen=True)
class Photograph:
    """A rendered photograph with exact depth, in units of its nearest point, and true views of it."""

    scene: Scene
    frame: Frame
    unit: float

    @property
    def camera(self) -> np.ndarray:
        """Camera matrix K (3,3)."""
        return self.scene.path.camera.K  # type: ignore[attr-defined]

    def depth_of(self, frame: Frame) -> np.ndarray:
        """Depth (H,W) float32 of a frame, at most 100."""
        return np.where(frame.depth > 0, np.minimum(frame.depth / self.unit, 100), 100).astype(np.float32)

    def seen_from(self, pose: np.ndarray) -> Frame:
        """Renders the true view at a pose."""
        camera, turn = self.scene.path.camera, pose[:3, :3]  # type: ignore[attr-defined]
        moved = camera._replace(R=turn @ camera.R, t=turn @ camera.t + self.unit * pose[:3, 3])
        return render(replace(self.scene, path=replace(self.scene.path, camera=moved)), 0.0)  # type: ignore[type-var]

    def draw(self, trajectory: str, number: int) -> np.ndarray:
        """Draws steps (16,4,4) that displace pixels by as much as with the pipeline's camera."""
        scale = _FOCAL * self.frame.image.shape[1] / self.camera[0, 0]
        draw = _TRAJECTORIES[trajectory]
        return draw(np.random.default_rng([9, number]), 16, (0.01 * scale, 0.02 * scale), (scale, 2 * scale))


def photographs(count: int) -> list[Photograph]:
    """Renders photographs of the demo."""
    made = []
    for number in range(count):
        scene = photograph_scene(np.random.default_rng([7, number]), CLASSES[number % len(CLASSES)])
        frame = render(scene, 0.0)
        made.append(Photograph(scene, frame, float(frame.depth[frame.depth > 0].min())))
    return made


def _telea(view: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    return cv2.inpaint(view, (inverse == 0).astype(np.uint8), 3, cv2.INPAINT_TELEA)


def _ours(photo: Photograph, steps: np.ndarray, depth: np.ndarray, chained: bool, fill: Fill) -> Iterator[np.ndarray]:
    coefficients = spline_coefficients(photo.frame.image)
    for seen in follow(Geometry(depth), [Motion(step) for step in steps], photo.camera, chained):
        view = fill(paint(coefficients, seen.visible, seen.motion, photo.camera), seen.visible.inverse)
        yield view
        if chained:
            coefficients = spline_coefficients(view)


def _released(photo: Photograph, steps: np.ndarray, truths: list[Frame]) -> Iterator[np.ndarray]:
    view = photo.frame.image
    for step, frame in zip(steps, [photo.frame, *truths], strict=False):
        view = released_generator.next_frame(view, photo.depth_of(frame).astype(np.float64), step, photo.camera)
        yield view


def _variants(photo: Photograph, steps: np.ndarray, truths: list[Frame]) -> dict[str, Iterator[np.ndarray]]:
    depth = photo.depth_of(photo.frame)
    soft = 1 / cv2.GaussianBlur(1 / depth, (0, 0), 2)
    sharp, sharpened = (1 / sharpen_edges(1 / values) for values in (depth, soft))
    return {
        "released": _released(photo, steps, truths),
        "chained": _ours(photo, steps, sharp, True, fill_holes),
        "chained, not sharpened": _ours(photo, steps, depth, True, fill_holes),
        "direct": _ours(photo, steps, sharp, False, fill_holes),
        "direct, Telea's filling": _ours(photo, steps, sharp, False, _telea),
        "direct, not sharpened": _ours(photo, steps, depth, False, fill_holes),
        "direct, soft depth": _ours(photo, steps, sharpened, False, fill_holes),
        "direct, soft depth, not sharpened": _ours(photo, steps, soft, False, fill_holes),
    }


def true_views(photos: list[Photograph]) -> None:
    """Prints PSNR and SSIM of frames compared with the true views."""
    figures: dict[tuple[str, str], list[list[tuple[float, float]]]] = {}
    for trajectory in _TRAJECTORIES:
        for number, photo in enumerate(photos):
            steps = photo.draw(trajectory, number)
            truths = [photo.seen_from(pose) for pose in compose(steps)]
            for name, frames in _variants(photo, steps, truths).items():
                made = list(frames)
                shown = [(made[k - 1], truths[k - 1].image) for k in _SHOWN]
                row = [(psnr(*pair), ssim(*pair)) for pair in shown]
                figures.setdefault((trajectory, name), []).append(row)
    print(f"\ncomparison with true views of {len(photos)} rendered photographs: PSNR in dB, SSIM")
    print("| trajectory | frames | " + " | ".join(f"frame {k}" for k in _SHOWN) + " |\n|--|--|--|--|--|")
    for (trajectory, name), rows in figures.items():
        cells = [f"{value:.1f}, {likeness:.3f}" for value, likeness in np.mean(rows, axis=0)]
        print(f"| {trajectory} | {name} | " + " | ".join(cells) + " |")


def flow(photos: list[Photograph]) -> None:
    """Prints the difference between TV-L1 and the exact flow of generated videos."""
    print("\nTV-L1 against exact flow of generated videos, pixels")
    print("| trajectory | frames | actor | mean flow | mean difference | median | over 1 px |\n|--|--|--|--|--|--|--|")
    for trajectory, rendering, actor in (
        ("random_walk", "chained", None),
        ("random_walk", "direct", None),
        ("smooth", "direct", None),
        ("smooth", "direct", {}),
    ):
        settings = SynthesisSettings.model_validate(
            {"frames": 6, "trajectory": trajectory, "rendering": rendering, "actor": actor}
        )
        exact, apart = [], []
        for number, photo in enumerate(photos):
            inverse = 1 / photo.depth_of(photo.frame)
            frames, steps = synthesize_clip(photo.frame.image, inverse, settings, np.random.default_rng([9, number]))
            fields = flow_of_clip(inverse, steps, *frames.shape[1:3], settings)
            exact.append(np.linalg.norm(fields, axis=-1).ravel())
            apart.append(np.linalg.norm(flow_of_frames(frames, FlowSettings()) - fields, axis=-1).ravel())
        lengths, errors = np.concatenate(exact), np.concatenate(apart)
        print(
            f"| {trajectory} | {rendering} | {'no' if actor is None else 'yes'} | {lengths.mean():.2f} "
            f"| {errors.mean():.2f} | {np.median(errors):.2f} | {(errors > 1).mean():.0%} |",
            flush=True,
        )


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=6, help="number of rendered photographs (6)")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    slanted_plane()
    photos = photographs(options.scenes)
    true_views(photos)
    flow(photos)


if __name__ == "__main__":
    main()
