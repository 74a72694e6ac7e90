"""Shading of the surfaces that rays hit: textures, light, cast shadows, haze, and antialiased edges."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from i2vadapt.demo.raycast import SHAPE, bounding_sphere, hit, local_normal, local_point, trace
from i2vadapt.demo.scene import BOX, PLANE, Camera, Floats, Integers, Light, Primitives
from i2vadapt.demo.textures import FACE, NOISE, SKY, face, fractal_noise, pattern, sky, value_noise
from i2vadapt.runtime.kernels import kernel

# First columns of the fields in the rows of `look_table`, and their first positions in its numbers of the frame.
LINEAR, ORIGIN, SPHERE, TOWARDS, COLOURS, PATTERN = 0, 9, 12, 16, 19, 25
CENTRE, WORLD, FOCAL, LIGHT = 0, 3, 12, 13
_CLEARANCE = 0.004  # metres between a surface and the start of its shadow ray
_EDGE = 0.08  # relative jump of depth that counts as an edge within one primitive
# Four points inside a pixel on a rotated square grid: edges near the axes get four levels instead of two.
_OFFSETS = np.array([[-0.125, -0.375], [0.375, -0.125], [0.125, 0.375], [-0.375, 0.125]])


@kernel()
def look_table(primitives: Primitives, camera: Camera, light: Light) -> tuple[Floats, Floats]:
    """Packs the data needed for shading: rows (N, 30) of the primitives, and numbers (26,) of the whole frame.

    A primitive that casts no shadow has a bounding sphere of radius -1.
    """
    count = len(primitives.kinds)
    looks, frame = np.empty((count, 30)), np.empty(26)
    for n in range(count):
        middle, radius = bounding_sphere(primitives.kinds[n], primitives.shapes[n])
        casts = primitives.kinds[n] != PLANE and primitives.textures[n] != SKY
        looks[n, LINEAR : LINEAR + 9] = primitives.linear[n].ravel()
        looks[n, ORIGIN : ORIGIN + 3] = primitives.origins[n]
        looks[n, SPHERE : SPHERE + 3] = primitives.origins[n] + middle * primitives.linear[n, 1]
        looks[n, SPHERE + 3] = radius if casts else -1.0
        looks[n, TOWARDS : TOWARDS + 3] = primitives.linear[n] @ light.direction
        looks[n, COLOURS : COLOURS + 6] = primitives.colours[n].ravel()
        looks[n, PATTERN] = primitives.textures[n]
        looks[n, PATTERN + 1 : PATTERN + 5] = primitives.patterns[n]
    back = np.ascontiguousarray(camera.R.T)
    frame[CENTRE : CENTRE + 3] = -(back @ camera.t)
    frame[WORLD : WORLD + 9] = (back @ np.linalg.inv(camera.K)).ravel()
    frame[FOCAL] = camera.K[0, 0]
    frame[LIGHT : LIGHT + 3], frame[LIGHT + 3 : LIGHT + 6] = light.direction, light.colour
    frame[LIGHT + 6 : LIGHT + 9], frame[LIGHT + 9 : LIGHT + 13] = light.ambient, light.haze
    return looks, frame


@kernel()
def _in_shadow(rays: Floats, looks: Floats, frame: Floats, x: float, y: float, z: float) -> bool:
    lx, ly, lz = frame[LIGHT], frame[LIGHT + 1], frame[LIGHT + 2]
    for n in range(len(looks)):
        radius = looks[n, SPHERE + 3]
        if radius < 0.0:
            continue
        a, b, c = looks[n, SPHERE] - x, looks[n, SPHERE + 1] - y, looks[n, SPHERE + 2] - z
        along = a * lx + b * ly + c * lz
        if along < -radius or a * a + b * b + c * c - along * along > radius * radius:
            continue
        a, b, c = x - looks[n, ORIGIN], y - looks[n, ORIGIN + 1], z - looks[n, ORIGIN + 2]
        ox = looks[n, LINEAR] * a + looks[n, LINEAR + 1] * b + looks[n, LINEAR + 2] * c
        oy = looks[n, LINEAR + 3] * a + looks[n, LINEAR + 4] * b + looks[n, LINEAR + 5] * c
        oz = looks[n, LINEAR + 6] * a + looks[n, LINEAR + 7] * b + looks[n, LINEAR + 8] * c
        dx, dy, dz = looks[n, TOWARDS], looks[n, TOWARDS + 1], looks[n, TOWARDS + 2]
        p, q, r = rays[n, SHAPE], rays[n, SHAPE + 1], rays[n, SHAPE + 2]
        if hit(int(rays[n, 0]), p, q, r, ox, oy, oz, dx, dy, dz) < np.inf:
            return True
    return False


@kernel()
def _surface(
    kind: int, radius: float, q: tuple[float, float, float], n: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Surface coordinates in metres: Cartesian on planes and boxes, around and along the axis on round shapes."""
    x, y, z = q
    if kind == PLANE:
        return x, y, 0.0
    if kind == BOX:
        if abs(n[0]) > 0.5:
            return z, y, x
        if abs(n[1]) > 0.5:
            return x, z, y
        return x, y, z
    return math.atan2(x, z) * radius, y, math.sqrt(x * x + z * z)


@kernel()
def _albedo(
    rays: Floats,
    looks: Floats,
    n: int,
    point: tuple[float, float, float],
    normal: tuple[float, float, float],
    pixel: float,
) -> tuple[float, float, float]:
    """Colour of primitive n at a local point; `pixel` is the size of a pixel at that point in metres."""
    radius, texture = rays[n, SHAPE], int(looks[n, PATTERN])
    scale, angle, grain = looks[n, PATTERN + 1], looks[n, PATTERN + 2], looks[n, PATTERN + 3]
    seed = int(looks[n, PATTERN + 4])
    x, y, z = point
    if texture == SKY:
        length = math.sqrt(x * x + y * y + z * z)
        share = sky(x / length, y / length, z / length, seed)
    elif texture == FACE:
        share = face(x / radius, y / radius, z / radius, pixel / radius)
    elif texture == NOISE:  # a solid texture, so that it has no seam on round shapes
        share = fractal_noise(x * scale, y * scale, z * scale, pixel * scale, seed)
    else:
        a, b, c = _surface(int(rays[n, 0]), radius, point, normal)
        share = pattern(texture, a * scale, b * scale, c * scale, angle, pixel * scale, seed)
    if share < 0.0:
        return 0.12, 0.08, 0.08
    gain = 1.0
    if grain > 0.0:
        fine = min(max(1.6 - 2.0 * pixel * 14.0, 0.0), 1.0)
        gain += grain * 0.8 * (value_noise(x * 2.7, y * 2.7, z * 2.7, seed + 11) - 0.5)
        if fine > 0.0:
            gain += grain * fine * (value_noise(x * 14.0, y * 14.0, z * 14.0, seed + 12) - 0.5)
    first, second = gain * (1.0 - share), gain * share
    return (
        first * looks[n, COLOURS] + second * looks[n, COLOURS + 3],
        first * looks[n, COLOURS + 1] + second * looks[n, COLOURS + 4],
        first * looks[n, COLOURS + 2] + second * looks[n, COLOURS + 5],
    )


@kernel()
def shade(
    rays: Floats, looks: Floats, frame: Floats, n: int, t: float, u: float, v: float
) -> tuple[float, float, float]:
    """Colour at the image point (u, v), whose ray hits primitive n at depth t.

    Args:
        rays: table from `ray_table`.
        looks: rows from `look_table`.
        frame: numbers from `look_table`.
        n: index of the primitive.
        t: depth in metres.
        u: image x in pixels.
        v: image y in pixels.
    """
    point = local_point(rays, n, t, u, v)
    p, q, r = rays[n, SHAPE], rays[n, SHAPE + 1], rays[n, SHAPE + 2]
    normal = local_normal(int(rays[n, 0]), p, q, r, point[0], point[1], point[2])
    a, b, c = normal
    nx = looks[n, LINEAR] * a + looks[n, LINEAR + 3] * b + looks[n, LINEAR + 6] * c
    ny = looks[n, LINEAR + 1] * a + looks[n, LINEAR + 4] * b + looks[n, LINEAR + 7] * c
    nz = looks[n, LINEAR + 2] * a + looks[n, LINEAR + 5] * b + looks[n, LINEAR + 8] * c
    dx = frame[WORLD] * u + frame[WORLD + 1] * v + frame[WORLD + 2]
    dy = frame[WORLD + 3] * u + frame[WORLD + 4] * v + frame[WORLD + 5]
    dz = frame[WORLD + 6] * u + frame[WORLD + 7] * v + frame[WORLD + 8]
    facing = nx * dx + ny * dy + nz * dz
    length = math.sqrt(nx * nx + ny * ny + nz * nz) * (-1.0 if facing > 0.0 else 1.0)
    nx, ny, nz = nx / length, ny / length, nz / length
    cosine = abs(facing / length) / math.sqrt(dx * dx + dy * dy + dz * dz)
    pixel = t / frame[FOCAL] / math.sqrt(max(cosine, 0.02))
    red, green, blue = _albedo(rays, looks, n, point, normal, pixel)
    if looks[n, PATTERN] == SKY:
        return red, green, blue
    direct = max(nx * frame[LIGHT] + ny * frame[LIGHT + 1] + nz * frame[LIGHT + 2], 0.0)
    px, py, pz = frame[CENTRE] + t * dx, frame[CENTRE + 1] + t * dy, frame[CENTRE + 2] + t * dz
    gap = _CLEARANCE + 0.001 * t
    if direct > 0.0 and _in_shadow(rays, looks, frame, px + gap * nx, py + gap * ny, pz + gap * nz):
        direct = 0.0
    # Ambient light: surfaces facing up see the sky, surfaces facing down only the ground; it is darker near the ground.
    above = 0.72 - 0.28 * ny
    if py > -1.0:
        above *= 1.0 - 0.25 * (1.0 + min(py, 0.0)) ** 2 * (1.0 - max(-ny, 0.0))
    veil = min(frame[LIGHT + 12] * t, 0.6)
    red *= frame[LIGHT + 6] * above + frame[LIGHT + 3] * direct
    green *= frame[LIGHT + 7] * above + frame[LIGHT + 4] * direct
    blue *= frame[LIGHT + 8] * above + frame[LIGHT + 5] * direct
    return (
        red + veil * (frame[LIGHT + 9] - red),
        green + veil * (frame[LIGHT + 10] - green),
        blue + veil * (frame[LIGHT + 11] - blue),
    )


@kernel()
def _is_edge(depth: Floats, index: Integers, v: int, u: int) -> bool:
    height, width = depth.shape
    here, near = index[v, u], depth[v, u]
    for dv, du in ((0, 1), (1, 0), (0, -1), (-1, 0)):
        j, i = v + dv, u + du
        if 0 <= j < height and 0 <= i < width and (index[j, i] != here or abs(depth[j, i] - near) > _EDGE * near):
            return True
    return False


@kernel()
def paint(
    rays: Floats, looks: Floats, frame: Floats, bounds: Integers, depth: Floats, index: Integers
) -> NDArray[np.float32]:
    """Colours (H, W, 3), about in [0, 1], of a cast frame; pixels on edges are the mean of four points."""
    height, width = depth.shape
    image = np.zeros((height, width, 3), np.float32)
    for v in range(height):
        for u in range(width):
            if not _is_edge(depth, index, v, u):
                if index[v, u] >= 0:
                    red, green, blue = shade(rays, looks, frame, index[v, u], depth[v, u], float(u), float(v))
                    image[v, u, 0], image[v, u, 1], image[v, u, 2] = red, green, blue
                continue
            for k in range(4):
                x, y = u + _OFFSETS[k, 0], v + _OFFSETS[k, 1]
                t, n = trace(rays, bounds, x, y)
                if n >= 0:
                    red, green, blue = shade(rays, looks, frame, n, t, x, y)
                    image[v, u, 0] += 0.25 * red
                    image[v, u, 1] += 0.25 * green
                    image[v, u, 2] += 0.25 * blue
    return image
