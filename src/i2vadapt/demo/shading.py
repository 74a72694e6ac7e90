"""Colours of what the rays meet: textures, light, cast shadows, haze, and smooth edges."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from i2vadapt.demo.raycast import NEAR, bounding_sphere, hit, local_normal, trace
from i2vadapt.demo.scene import BOX, PLANE, Camera, Floats, Integers, Light, Primitives
from i2vadapt.demo.textures import FACE, SKY, face, pattern, sky, value_noise

_JIT = {"cache": True, "nogil": True, "error_model": "numpy"}
_CLEARANCE = 0.004  # metres between a surface and the start of its shadow ray
_EDGE = 0.08  # relative jump of depth that counts as an edge within one primitive
# Four points inside a pixel on a turned square grid: edges near the axes get four steps instead of two.
_OFFSETS = np.array([[-0.125, -0.375], [0.375, -0.125], [0.125, 0.375], [-0.375, 0.125]])


@njit(**_JIT)
def shadow_casters(primitives: Primitives, light: Light) -> tuple[Floats, Floats, Floats]:
    """Bounding spheres (N, 4), and light directions (N, 3) in local frames; radius -1 for what casts no shadow."""
    count = len(primitives.kinds)
    spheres, directions = np.empty((count, 4)), np.empty((count, 3))
    for n in range(count):
        middle, radius = bounding_sphere(primitives.kinds[n], primitives.shapes[n])
        spheres[n, :3] = primitives.origins[n] + middle * primitives.linear[n, 1]
        spheres[n, 3] = -1.0 if primitives.kinds[n] == PLANE or primitives.textures[n] == SKY else radius
        directions[n] = primitives.linear[n] @ light.direction
    return spheres, directions, light.direction.copy()


@njit(**_JIT)
def _in_shadow(primitives: Primitives, casters: tuple[Floats, Floats, Floats], x: float, y: float, z: float) -> bool:
    spheres, directions, towards = casters
    for n in range(len(spheres)):
        radius = spheres[n, 3]
        if radius < 0.0:
            continue
        a, b, c = spheres[n, 0] - x, spheres[n, 1] - y, spheres[n, 2] - z
        along = a * towards[0] + b * towards[1] + c * towards[2]
        if along < -radius or a * a + b * b + c * c - along * along > radius * radius:
            continue
        m, o = primitives.linear[n], primitives.origins[n]
        a, b, c = x - o[0], y - o[1], z - o[2]
        ox = m[0, 0] * a + m[0, 1] * b + m[0, 2] * c
        oy = m[1, 0] * a + m[1, 1] * b + m[1, 2] * c
        oz = m[2, 0] * a + m[2, 1] * b + m[2, 2] * c
        d = directions[n]
        if hit(primitives.kinds[n], primitives.shapes[n], ox, oy, oz, d[0], d[1], d[2]) < np.inf:
            return True
    return False


@njit(**_JIT)
def _surface(
    kind: int, shape: Floats, q: tuple[float, float, float], n: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Coordinates in metres on the surface: flat on planes and boxes, around and along on round shapes."""
    x, y, z = q
    if kind == PLANE:
        return x, y, 0.0
    if kind == BOX:
        if abs(n[0]) > 0.5:
            return z, y, x
        if abs(n[1]) > 0.5:
            return x, z, y
        return x, y, z
    return math.atan2(x, z) * shape[0], y, math.sqrt(x * x + z * z)


@njit(**_JIT)
def _albedo(
    primitives: Primitives, n: int, q: tuple[float, float, float], normal: tuple[float, float, float], pixel: float
) -> tuple[float, float, float]:
    """Colour of primitive n at the local point q; `pixel` is the size of a pixel there in metres."""
    kind, shape, colours = primitives.kinds[n], primitives.shapes[n], primitives.colours[n]
    scale, angle, grain, seed = primitives.patterns[n]
    texture = primitives.textures[n]
    x, y, z = q
    if texture == SKY:
        length = math.sqrt(x * x + y * y + z * z)
        share = sky(x / length, y / length, z / length, int(seed))
    elif texture == FACE:
        share = face(x / shape[0], y / shape[0], z / shape[0], pixel / shape[0])
    else:
        a, b, c = _surface(kind, shape, q, normal)
        if texture == 1:  # solid noise has no seam on round shapes
            a, b, c = x, y, z
        share = pattern(texture, a * scale, b * scale, c * scale, angle, pixel * scale, int(seed))
    if share < 0.0:
        return 0.12, 0.08, 0.08
    gain = 1.0
    if grain > 0.0:
        fine = min(max(1.6 - 2.0 * pixel * 14.0, 0.0), 1.0)
        gain += grain * 0.8 * (value_noise(x * 2.7, y * 2.7, z * 2.7, int(seed) + 11) - 0.5)
        if fine > 0.0:
            gain += grain * fine * (value_noise(x * 14.0, y * 14.0, z * 14.0, int(seed) + 12) - 0.5)
    red = gain * (colours[0, 0] * (1 - share) + colours[1, 0] * share)
    green = gain * (colours[0, 1] * (1 - share) + colours[1, 1] * share)
    return red, green, gain * (colours[0, 2] * (1 - share) + colours[1, 2] * share)


@njit(**_JIT)
def shade(
    primitives: Primitives,
    camera_frame: tuple[Floats, Floats, float],
    local: tuple[Floats, Floats],
    casters: tuple[Floats, Floats, Floats],
    light: Light,
    n: int,
    t: float,
    u: float,
    v: float,
) -> tuple[float, float, float]:
    """Colour seen at the image point (u, v), where the ray meets primitive n at depth t.

    Args:
        primitives: of the scene.
        camera_frame: camera centre (3,), map (3, 3) from (u, v, 1) to world directions, and focal length in pixels.
        local: ray starts and maps of `local_rays`.
        casters: of `shadow_casters`.
        light: of the scene.
        n: index of the primitive.
        t: depth in metres.
        u: image x in pixels.
        v: image y in pixels.
    """
    centre, to_world, focal = camera_frame
    o, m, linear = local[0][n], local[1][n], primitives.linear[n]
    x = o[0] + t * (m[0, 0] * u + m[0, 1] * v + m[0, 2])
    y = o[1] + t * (m[1, 0] * u + m[1, 1] * v + m[1, 2])
    z = o[2] + t * (m[2, 0] * u + m[2, 1] * v + m[2, 2])
    a, b, c = local_normal(primitives.kinds[n], primitives.shapes[n], x, y, z)
    nx = linear[0, 0] * a + linear[1, 0] * b + linear[2, 0] * c
    ny = linear[0, 1] * a + linear[1, 1] * b + linear[2, 1] * c
    nz = linear[0, 2] * a + linear[1, 2] * b + linear[2, 2] * c
    dx = to_world[0, 0] * u + to_world[0, 1] * v + to_world[0, 2]
    dy = to_world[1, 0] * u + to_world[1, 1] * v + to_world[1, 2]
    dz = to_world[2, 0] * u + to_world[2, 1] * v + to_world[2, 2]
    facing = nx * dx + ny * dy + nz * dz
    length = math.sqrt((nx * nx + ny * ny + nz * nz)) * (-1.0 if facing > 0.0 else 1.0)
    nx, ny, nz = nx / length, ny / length, nz / length
    cosine = abs(facing / length) / math.sqrt(dx * dx + dy * dy + dz * dz)
    pixel = t / focal / math.sqrt(max(cosine, 0.02))
    red, green, blue = _albedo(primitives, n, (x, y, z), (a, b, c), pixel)
    if primitives.textures[n] == SKY:
        return red, green, blue
    direct = max(nx * light.direction[0] + ny * light.direction[1] + nz * light.direction[2], 0.0)
    px, py, pz = centre[0] + t * dx, centre[1] + t * dy, centre[2] + t * dz
    if direct > 0.0:
        gap = _CLEARANCE + 0.001 * t
        if _in_shadow(primitives, casters, px + gap * nx, py + gap * ny, pz + gap * nz):
            direct = 0.0
    # Surfaces that look up see the sky, those that look down only the ground; near the ground it is darker still.
    above = 0.72 - 0.28 * ny
    above *= 1.0 - 0.25 * math.exp(4.0 * min(py, 0.0)) * (1.0 - max(-ny, 0.0))
    veil = 1.0 - math.exp(-light.haze[3] * t)
    red *= light.ambient[0] * above + light.colour[0] * direct
    green *= light.ambient[1] * above + light.colour[1] * direct
    blue *= light.ambient[2] * above + light.colour[2] * direct
    return (
        red + veil * (light.haze[0] - red),
        green + veil * (light.haze[1] - green),
        blue + veil * (light.haze[2] - blue),
    )


@njit(**_JIT)
def _is_edge(depth: Floats, index: Integers, v: int, u: int) -> bool:
    height, width = depth.shape
    here, near = index[v, u], depth[v, u]
    for dv, du in ((0, 1), (1, 0), (0, -1), (-1, 0)):
        j, i = v + dv, u + du
        if 0 <= j < height and 0 <= i < width and (index[j, i] != here or abs(depth[j, i] - near) > _EDGE * near):
            return True
    return False


@njit(**_JIT)
def paint(
    primitives: Primitives,
    camera: Camera,
    light: Light,
    bounds: Integers,
    local: tuple[Floats, Floats],
    depth: Floats,
    index: Integers,
) -> NDArray[np.float32]:
    """Colours (H, W, 3) in about [0, 1] of a cast frame; pixels on edges are the mean of four points."""
    height, width = depth.shape
    image = np.zeros((height, width, 3), np.float32)
    back = np.ascontiguousarray(camera.R.T)
    frame = (-(back @ camera.t), back @ np.linalg.inv(camera.K), camera.K[0, 0])
    casters = shadow_casters(primitives, light)
    for v in range(height):
        for u in range(width):
            if not _is_edge(depth, index, v, u):
                if depth[v, u] >= NEAR and index[v, u] >= 0:
                    image[v, u] = shade(primitives, frame, local, casters, light, index[v, u], depth[v, u], u, v)
                continue
            for k in range(4):
                x, y = u + _OFFSETS[k, 0], v + _OFFSETS[k, 1]
                t, n = trace(primitives, bounds, local[0], local[1], x, y)
                if n >= 0:
                    colour = shade(primitives, frame, local, casters, light, n, t, x, y)
                    for channel in range(3):
                        image[v, u, channel] += 0.25 * colour[channel]
    return image
