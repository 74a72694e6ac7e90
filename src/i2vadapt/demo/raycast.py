"""Exact ray casting: where the ray of a pixel hits a primitive, and which primitive is nearest.

Ray directions are not normalised: they have z = 1 in the camera's frame, so the ray parameter is the depth itself.
"""

from __future__ import annotations

import math

import numpy as np

from i2vadapt.demo.scene import BOX, CONE, PLANE, SPHERE, Camera, Floats, Integers, Primitives
from i2vadapt.runtime.kernels import kernel

NEAR = 0.05  # metres; nothing nearer is visible
SHAPE, START, MAP = 1, 4, 7  # first columns of the fields in a ray table


@kernel()
def _sphere(radius: float, y: float, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float) -> float:
    """Nearest entry into a sphere at (0, y, 0), or the exit if the ray starts inside."""
    oy -= y
    a = dx * dx + dy * dy + dz * dz
    b = ox * dx + oy * dy + oz * dz
    c = ox * ox + oy * oy + oz * oz - radius * radius
    root = b * b - a * c
    if root < 0.0:
        return np.inf
    root = math.sqrt(root)
    t = (-b - root) / a
    if t < NEAR:
        t = (-b + root) / a
    return t if t >= NEAR else np.inf


@kernel()
def _cone(
    first: float, second: float, length: float, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float
) -> float:
    """Nearest hit on the hull of two spheres: its caps, and the cone that is tangent to both.

    With s the sine of the cone's half angle, the side is rho * cos = first - y * s between the two circles of contact.
    """
    best = min(_sphere(first, 0.0, ox, oy, oz, dx, dy, dz), _sphere(second, length, ox, oy, oz, dx, dy, dz))
    s = (first - second) / length
    cosine2 = 1.0 - s * s
    edge = first - oy * s
    a = (dx * dx + dz * dz) * cosine2 - dy * dy * s * s
    b = (ox * dx + oz * dz) * cosine2 + edge * dy * s
    c = (ox * ox + oz * oz) * cosine2 - edge * edge
    root = b * b - a * c
    if root >= 0.0 and a > 1e-12:
        t = (-b - math.sqrt(root)) / a
        y = oy + t * dy
        if NEAR <= t < best and first * s <= y <= length + second * s:
            best = t
    return best


@kernel()
def _box(a: float, b: float, c: float, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float) -> float:
    low, high = -np.inf, np.inf
    for half, o, d in ((a, ox, dx), (b, oy, dy), (c, oz, dz)):
        if abs(d) < 1e-12:
            if abs(o) > half:
                return np.inf
            continue
        first, second = (-half - o) / d, (half - o) / d
        low, high = max(low, min(first, second)), min(high, max(first, second))
    if low > high:
        return np.inf
    t = low if low >= NEAR else high
    return t if t >= NEAR else np.inf


@kernel()
def _cylinder(radius: float, half: float, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float) -> float:
    low, high = -np.inf, np.inf
    a = dx * dx + dz * dz
    c = ox * ox + oz * oz - radius * radius
    if a < 1e-12:
        if c > 0.0:
            return np.inf
    else:
        b = ox * dx + oz * dz
        root = b * b - a * c
        if root < 0.0:
            return np.inf
        root = math.sqrt(root)
        low, high = (-b - root) / a, (-b + root) / a
    if abs(dy) < 1e-12:
        if abs(oy) > half:
            return np.inf
    else:
        first, second = (-half - oy) / dy, (half - oy) / dy
        low, high = max(low, min(first, second)), min(high, max(first, second))
    if low > high:
        return np.inf
    t = low if low >= NEAR else high
    return t if t >= NEAR else np.inf


@kernel()
def hit(
    kind: int, p: float, q: float, r: float, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float
) -> float:
    """Ray parameter of the nearest hit in the primitive's frame, or infinity.

    Args:
        kind: kind of the primitive.
        p: first parameter of its shape.
        q: second parameter of its shape.
        r: third parameter of its shape.
        ox: x of the start of the ray.
        oy: y of the start of the ray.
        oz: z of the start of the ray.
        dx: x of the direction.
        dy: y of the direction.
        dz: z of the direction.
    """
    if kind == PLANE:
        t = -oz / dz if abs(dz) > 1e-12 else np.inf
        return t if t >= NEAR else np.inf
    if kind == SPHERE:
        return _sphere(p, 0.0, ox, oy, oz, dx, dy, dz)
    if kind == CONE:
        return _cone(p, q, r, ox, oy, oz, dx, dy, dz)
    if kind == BOX:
        return _box(p, q, r, ox, oy, oz, dx, dy, dz)
    return _cylinder(p, q, ox, oy, oz, dx, dy, dz)


@kernel()
def local_normal(kind: int, p: float, q: float, r: float, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Outward normal (not normalised) at a point on the surface, in the primitive's frame."""
    if kind == PLANE:
        return 0.0, 0.0, 1.0
    if kind == SPHERE:
        return x, y, z
    if kind == CONE:
        s = (p - q) / r
        if y <= p * s:
            return x, y, z
        if y >= r + q * s:
            return x, y - r, z
        cosine = math.sqrt(1.0 - s * s)
        rho = math.sqrt(x * x + z * z) + 1e-12
        return x / rho * cosine, s, z / rho * cosine
    if kind == BOX:
        a, b, c = abs(x) - p, abs(y) - q, abs(z) - r
        if a >= b and a >= c:
            return math.copysign(1.0, x), 0.0, 0.0
        if b >= c:
            return 0.0, math.copysign(1.0, y), 0.0
        return 0.0, 0.0, math.copysign(1.0, z)
    if abs(y) - q > math.sqrt(x * x + z * z) - p:
        return 0.0, math.copysign(1.0, y), 0.0
    return x, 0.0, z


@kernel()
def bounding_sphere(kind: int, shape: Floats) -> tuple[float, float]:
    """Local y of the centre and radius of a bounding sphere; the radius of a plane's is infinite."""
    if kind == PLANE:
        return 0.0, np.inf
    if kind == SPHERE:
        return 0.0, shape[0]
    if kind == CONE:
        low, high = min(-shape[0], shape[2] - shape[1]), max(shape[0], shape[2] + shape[1])
        return 0.5 * (low + high), 0.5 * (high - low)
    if kind == BOX:
        return 0.0, math.sqrt(shape[0] ** 2 + shape[1] ** 2 + shape[2] ** 2)
    return 0.0, math.sqrt(shape[0] ** 2 + shape[1] ** 2)


@kernel()
def _sphere_window(point: Floats, radius: float, K: Floats) -> tuple[float, float, float, float]:
    """Pixel bounds (left, right, top, bottom) of a sphere in the camera's frame; infinite if it is too near."""
    near, far = point[2] - radius, point[2] + radius
    if near <= NEAR:
        return -np.inf, np.inf, -np.inf, np.inf
    left, right = point[0] - radius, point[0] + radius
    top, bottom = point[1] - radius, point[1] + radius
    return (
        K[0, 0] * left / (near if left < 0 else far) + K[0, 2],
        K[0, 0] * right / (far if right < 0 else near) + K[0, 2],
        K[1, 1] * top / (near if top < 0 else far) + K[1, 2],
        K[1, 1] * bottom / (far if bottom < 0 else near) + K[1, 2],
    )


@kernel()
def windows(primitives: Primitives, camera: Camera, height: int, width: int) -> Integers:
    """Pixel windows (N, 4) as (left, right, top, bottom), ends excluded, outside of which a primitive is not visible.

    The window of a cone covers its two spheres, since the perspective view of a hull is the hull of the views.
    """
    result = np.zeros((len(primitives.kinds), 4), np.int64)
    limits = (width, width, height, height)
    bounds = np.empty(4)
    for n in range(len(primitives.kinds)):
        kind, shape = primitives.kinds[n], primitives.shapes[n]
        middle, radius = bounding_sphere(kind, shape)
        bounds[0], bounds[2], bounds[1], bounds[3] = np.inf, np.inf, -np.inf, -np.inf
        for end in range(2 if kind == CONE else 1):
            if kind == CONE:
                middle, radius = end * shape[2], shape[end]
            # The y axis is never squashed, so the rows of `linear` give its direction in the world.
            point = camera.R @ (primitives.origins[n] + middle * primitives.linear[n, 1]) + camera.t
            left, right, top, bottom = _sphere_window(point, radius, camera.K)
            bounds[0], bounds[1] = min(bounds[0], left), max(bounds[1], right)
            bounds[2], bounds[3] = min(bounds[2], top), max(bounds[3], bottom)
        for side in range(4):
            value = bounds[side] if side % 2 == 0 else bounds[side] + 2.0
            result[n, side] = int(min(max(value, 0.0), float(limits[side])))
    return result


@kernel()
def ray_table(primitives: Primitives, camera: Camera) -> Floats:
    """Packs the data that a camera's rays need for each primitive into rows (N, 16).

    The columns are the kind, the shape, the ray start (START) and the map from a pixel (u, v, 1) to the ray direction
    (MAP), the last two in the primitive's frame. One array is passed instead of many because passing and viewing
    arrays costs more than a hit test.
    """
    count = len(primitives.kinds)
    table = np.empty((count, 16))
    back = np.ascontiguousarray(camera.R.T)
    centre = -(back @ camera.t)
    to_world = back @ np.linalg.inv(camera.K)
    for n in range(count):
        table[n, 0] = primitives.kinds[n]
        table[n, SHAPE : SHAPE + 3] = primitives.shapes[n]
        table[n, START : START + 3] = primitives.linear[n] @ (centre - primitives.origins[n])
        table[n, MAP : MAP + 9] = (primitives.linear[n] @ to_world).ravel()
    return table


@kernel()
def _ray(table: Floats, n: int, u: float, v: float) -> float:
    """Depth at which the ray of the image point (u, v) hits primitive n, or infinity."""
    dx = table[n, MAP] * u + table[n, MAP + 1] * v + table[n, MAP + 2]
    dy = table[n, MAP + 3] * u + table[n, MAP + 4] * v + table[n, MAP + 5]
    dz = table[n, MAP + 6] * u + table[n, MAP + 7] * v + table[n, MAP + 8]
    ox, oy, oz = table[n, START], table[n, START + 1], table[n, START + 2]
    return hit(int(table[n, 0]), table[n, SHAPE], table[n, SHAPE + 1], table[n, SHAPE + 2], ox, oy, oz, dx, dy, dz)


@kernel()
def local_point(table: Floats, n: int, t: float, u: float, v: float) -> tuple[float, float, float]:
    """The point at depth t on the ray of the image point (u, v), in the frame of primitive n."""
    return (
        table[n, START] + t * (table[n, MAP] * u + table[n, MAP + 1] * v + table[n, MAP + 2]),
        table[n, START + 1] + t * (table[n, MAP + 3] * u + table[n, MAP + 4] * v + table[n, MAP + 5]),
        table[n, START + 2] + t * (table[n, MAP + 6] * u + table[n, MAP + 7] * v + table[n, MAP + 8]),
    )


@kernel()
def trace(table: Floats, bounds: Integers, u: float, v: float) -> tuple[float, int]:
    """Depth and index of the nearest primitive on the ray of the image point (u, v); index -1 if there is none."""
    best, nearest = np.inf, -1
    for n in range(len(table)):
        # Sub-pixel points are up to one pixel outside the window, which is rounded for pixel centres.
        if u < bounds[n, 0] - 1 or u > bounds[n, 1] or v < bounds[n, 2] - 1 or v > bounds[n, 3]:
            continue
        t = _ray(table, n, u, v)
        if t < best:
            best, nearest = t, n
    return best, nearest


@kernel()
def cast(table: Floats, bounds: Integers, height: int, width: int) -> tuple[Floats, Integers]:
    """Depth (H, W) and index (H, W) of the nearest primitive at every pixel centre."""
    depth = np.full((height, width), np.inf)
    index = np.full((height, width), -1, np.int64)
    for n in range(len(table)):
        for v in range(bounds[n, 2], bounds[n, 3]):
            for u in range(bounds[n, 0], bounds[n, 1]):
                t = _ray(table, n, float(u), float(v))
                if t < depth[v, u]:
                    depth[v, u] = t
                    index[v, u] = n
    return depth, index
