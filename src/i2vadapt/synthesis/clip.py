"""A video from a photograph with depth (paper section 3.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from i2vadapt.config.preprocessing import SynthesisSettings
from i2vadapt.data.image import resize, size_with_short_side
from i2vadapt.data.shards.codec import encode_jpeg
from i2vadapt.synthesis.actor import nearest_layer
from i2vadapt.synthesis.camera import intrinsics, inverse_depth_to_depth
from i2vadapt.synthesis.filling import fill_holes
from i2vadapt.synthesis.geometry import Geometry, Motion, follow, motion_field
from i2vadapt.synthesis.render import paint
from i2vadapt.synthesis.sampling import spline_coefficients
from i2vadapt.synthesis.sharpening import sharpen_edges
from i2vadapt.synthesis.trajectory import as_seen_by, random_walk, smooth_path

Estimate = Callable[[np.ndarray], np.ndarray]
_TRAJECTORIES = {"random_walk": random_walk, "smooth": smooth_path}


def synthesize_clip(
    image: np.ndarray,
    inverse_depth: np.ndarray,
    settings: SynthesisSettings,
    rng: np.random.Generator,
    estimate: Estimate | None = None,
) -> tuple[np.ndarray, list[Motion]]:
    """Generates a video from a photograph, in the size of `SynthesisSettings.short_side`.

    Args:
        image: (H,W,3) uint8.
        inverse_depth: (h,w) float in [0,1], larger is nearer; resized to the frames.
        settings: size, motion and depth settings.
        rng: source of the motion.
        estimate: gives the inverse depth, in [0,1], of a generated frame; needed with depth "re-estimated".

    Returns:
        frames (T,H',W',3) uint8, and the T steps: to each frame from the one before, the first from the photograph.
    """
    size = size_with_short_side(image.shape[0], image.shape[1], settings.short_side, settings.aspect)
    side = settings.rendered_side or settings.short_side
    height, width = size_with_short_side(image.shape[0], image.shape[1], side, settings.aspect)
    camera = intrinsics(height, width, settings.focal)
    geometry = geometry_of(inverse_depth, height, width, settings)
    steps = draw_steps(rng, geometry, camera, settings)
    photograph = resize(image, height, width)
    if settings.rendering == "direct":
        coefficients = spline_coefficients(photograph)
        frames = [
            fill_holes(paint(coefficients, frame.visible, frame.motion, camera), frame.visible.inverse)
            for frame in follow(geometry, steps, camera, chained=False)
        ]
        return np.stack([resize(frame, *size) for frame in frames]), steps
    frames = []
    for step in steps:
        (seen,) = follow(geometry, [step], camera, chained=True)
        painted = paint(spline_coefficients(frames[-1] if frames else photograph), seen.visible, step, camera)
        filled = fill_holes(painted, seen.visible.inverse)
        frames.append(_through_jpeg(filled, settings.quality) if settings.chain_jpeg else filled)
        geometry = seen.geometry
        if settings.depth == "re-estimated":
            if estimate is None:
                raise ValueError("depth re-estimated needs a depth network")
            geometry = geometry_of(estimate(frames[-1]), height, width, settings)
    return np.stack([resize(frame, *size) for frame in frames]), steps


def _through_jpeg(frame: np.ndarray, quality: int) -> np.ndarray:
    decoded = cv2.imdecode(np.frombuffer(encode_jpeg(frame, quality), np.uint8), cv2.IMREAD_COLOR_RGB)
    if decoded is None:
        raise RuntimeError("a JPEG that was just made does not decode")
    return decoded


def flow_of_clip(
    inverse_depth: np.ndarray, steps: Sequence[Motion], height: int, width: int, settings: SynthesisSettings
) -> np.ndarray:
    """Exact flow between the frames that `synthesize_clip` made, see `motion_field`.

    Args:
        inverse_depth: as given to `synthesize_clip`.
        steps: as returned by it.
        height: of the frames.
        width: of the frames.
        settings: as given to it; depth "re-estimated" is not possible.

    Returns:
        (T-1,H',W',2) float32 pixels.
    """
    camera = intrinsics(height, width, settings.focal)
    start = geometry_of(inverse_depth, height, width, settings)
    seen = follow(start, steps[:-1], camera, settings.rendering == "chained")
    fields = [motion_field(frame.geometry, step, camera) for frame, step in zip(seen, steps[1:], strict=True)]
    return np.stack(fields)


def geometry_of(inverse_depth: np.ndarray, height: int, width: int, settings: SynthesisSettings) -> Geometry:
    """Depth at the size of the frames, and the actor in it."""
    inverse = resize(inverse_depth.astype(np.float32), height, width)
    if settings.sharpen_depth:
        inverse = sharpen_edges(inverse)
    depth = inverse_depth_to_depth(inverse, settings.depth_offset, settings.depth_far)
    return Geometry(depth, None if settings.actor is None else nearest_layer(inverse))


def draw_steps(
    rng: np.random.Generator, geometry: Geometry, camera: np.ndarray, settings: SynthesisSettings
) -> list[Motion]:
    """Draws the motion of the camera, and that of the actor about its own middle."""
    draw = _TRAJECTORIES[settings.trajectory]
    steps = draw(rng, settings.frames, settings.translation, settings.rotation_degrees, rotation=settings.rotation)
    if settings.actor is None or geometry.actor is None or not geometry.actor.any():
        return [Motion(step) for step in steps]
    own = draw(
        rng, settings.frames, settings.actor.translation, settings.actor.rotation_degrees, rotation=settings.rotation
    )
    rows, columns = np.nonzero(geometry.actor)
    middle = np.array([columns.mean(), rows.mean(), 1.0]) * float(np.median(geometry.depth[geometry.actor]))
    actor_steps = as_seen_by(steps, own, np.linalg.inv(camera) @ middle)
    return [Motion(step, actor_step) for step, actor_step in zip(steps, actor_steps, strict=True)]


def steps_to_plain(steps: Sequence[Motion]) -> dict[str, Any]:
    """Steps as plain data for a shard: "poses" (T,4,4), and "actor_poses" where there is an actor."""
    plain = {"poses": np.round([step.scene for step in steps], 9).tolist()}
    actor = [step.actor for step in steps if step.actor is not None]
    return plain | ({"actor_poses": np.round(actor, 9).tolist()} if actor else {})


def steps_from_plain(info: Mapping[str, Any]) -> list[Motion]:
    """Reads what `steps_to_plain` wrote."""
    actor = info.get("actor_poses", [None] * len(info["poses"]))
    return [
        Motion(np.array(pose), None if own is None else np.array(own))
        for pose, own in zip(info["poses"], actor, strict=True)
    ]
