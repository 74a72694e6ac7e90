"""Rendering frames of a scene, with exact depth and exact optical flow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from i2vadapt.demo.raycast import cast, local_point, ray_table, trace, windows
from i2vadapt.demo.scene import Camera, Floats, Frame, Integers, Primitives, Scene
from i2vadapt.demo.shading import look_table, paint
from i2vadapt.runtime.kernels import kernel

_SAME = 1e-3  # relative difference of depth below which a point is the one seen


@kernel()
def _local_points(index: Integers, depth: Floats, rays: Floats) -> Floats:
    height, width = depth.shape
    points = np.zeros((height, width, 3))
    for v in range(height):
        for u in range(width):
            if index[v, u] >= 0:
                x, y, z = local_point(rays, index[v, u], depth[v, u], float(u), float(v))
                points[v, u, 0], points[v, u, 1], points[v, u, 2] = x, y, z
    return points


@kernel()
def _project(index: Integers, points: Floats, primitives: Primitives, camera: Camera) -> Floats:
    """Image positions and depth (H, W, 3) of local points, with their primitives in the given positions."""
    height, width = index.shape
    count = len(primitives.kinds)
    maps, offsets = np.empty((count, 3, 3)), np.empty((count, 3))
    for n in range(count):
        maps[n] = camera.R @ np.linalg.inv(primitives.linear[n])
        offsets[n] = camera.R @ primitives.origins[n] + camera.t
    result = np.full((height, width, 3), np.nan)
    K = camera.K
    for v in range(height):
        for u in range(width):
            n = index[v, u]
            if n < 0:
                continue
            m, q = maps[n], points[v, u]
            x = m[0, 0] * q[0] + m[0, 1] * q[1] + m[0, 2] * q[2] + offsets[n, 0]
            y = m[1, 0] * q[0] + m[1, 1] * q[1] + m[1, 2] * q[2] + offsets[n, 1]
            z = m[2, 0] * q[0] + m[2, 1] * q[1] + m[2, 2] * q[2] + offsets[n, 2]
            if z > 1e-6:
                result[v, u, 0] = K[0, 0] * x / z + K[0, 2]
                result[v, u, 1] = K[1, 1] * y / z + K[1, 2]
            result[v, u, 2] = z
    return result


@kernel()
def _still_seen(index: Integers, projected: Floats, rays: Floats, bounds: Integers) -> NDArray[np.bool_]:
    height, width = index.shape
    seen = np.zeros((height, width), np.bool_)
    for v in range(height):
        for u in range(width):
            x, y, z = projected[v, u, 0], projected[v, u, 1], projected[v, u, 2]
            if index[v, u] < 0 or not (0.0 <= x <= width - 1.0 and 0.0 <= y <= height - 1.0):
                continue
            t, _ = trace(rays, bounds, x, y)
            seen[v, u] = abs(t - z) <= _SAME * z
    return seen


def render(scene: Scene, time: float) -> Frame:
    """Renders a scene.

    Args:
        scene: scene to render.
        time: time in seconds.

    Returns:
        The frame: image, exact depth at the pixel centres (0 where nothing is hit), and the surface point at each
        pixel.
    """
    height, width = scene.size
    primitives, camera = scene.primitives(time), scene.path.at(time)
    bounds = windows(primitives, camera, height, width)
    rays = ray_table(primitives, camera)
    depth, index = cast(rays, bounds, height, width)
    looks, numbers = look_table(primitives, camera, scene.light)
    colours = paint(rays, looks, numbers, bounds, depth, index)
    points = _local_points(index, depth, rays)
    image = np.clip(colours * 255.0 + 0.5, 0, 255).astype(np.uint8)
    shown = np.where(index >= 0, depth, 0.0)
    return Frame(image, shown.astype(np.float32), index.astype(np.int32), points)


def flow_of(frame: Frame, scene: Scene, time: float) -> NDArray[np.float32]:
    """Displacement (H, W, 2) in pixels (x, y) of a frame's points until another time, whether visible then or not.

    Args:
        frame: a frame of the same scene.
        scene: scene of the frame.
        time: the other time, in seconds.
    """
    height, width = scene.size
    projected = _project(frame.index.astype(np.int64), frame.local, scene.primitives(time), scene.path.at(time))
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    return (projected[..., :2] - np.stack([columns, rows], -1)).astype(np.float32)


def exact_flow(scene: Scene, t0: float, t1: float) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Exact optical flow from one time to another.

    Args:
        scene: scene to render.
        t0: time of the first frame in seconds.
        t1: time of the second frame in seconds.

    Returns:
        Flow (H, W, 2) in pixels (x, y), NaN for points behind the second camera or where nothing is hit; and a mask
        (H, W) of the points that are inside the second frame and not hidden there, found by casting a ray to each.
    """
    height, width = scene.size
    first, camera = scene.primitives(t0), scene.path.at(t0)
    rays = ray_table(first, camera)
    depth, index = cast(rays, windows(first, camera, height, width), height, width)
    points = _local_points(index, depth, rays)
    second, camera = scene.primitives(t1), scene.path.at(t1)
    projected = _project(index, points, second, camera)
    rays = ray_table(second, camera)
    visible = _still_seen(index, projected, rays, windows(second, camera, height, width))
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    return (projected[..., :2] - np.stack([columns, rows], -1)).astype(np.float32), visible
