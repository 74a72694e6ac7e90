"""Procedural textures for the compiled kernels; each fades with the size of a pixel on the surface to avoid aliasing.

All take surface coordinates in cells and `width`, the size of a pixel in cells, and return the share of the second
colour, in [0, 1].
"""

from __future__ import annotations

import math

import numpy as np

from i2vadapt.runtime.kernels import kernel

PLAIN = 0
NOISE = 1  # three octaves of value noise
STRIPES = 2
CHECKS = 3
BRICKS = 4
GRADIENT = 5
SPECKLES = 6
FACE = 7  # hair in the second colour and dark eyes; for heads only
SKY = 8  # clouds over a vertical gradient; not shaded
PLANKS = 9
WAVES = 10  # stripes bent by noise, as in marble


# The seed must never change: another table would change every texture.
_TABLE = np.random.default_rng(20).random(4096)


@kernel()
def lattice(x: int, y: int, z: int, seed: int) -> float:
    """A fixed random number in [0, 1) for each integer point and seed."""
    mixed = x * 374761393 + y * 668265263 + z * 1440662683 + seed * 974634777
    return _TABLE[((mixed ^ (mixed >> 15)) * 2246822519 >> 13) & 4095]


@kernel()
def value_noise(x: float, y: float, z: float, seed: int) -> float:
    """Smooth noise in [0, 1] with one random value per unit cube corner."""
    cell_x, cell_y, cell_z = math.floor(x), math.floor(y), math.floor(z)
    a, b, c = x - cell_x, y - cell_y, z - cell_z
    a, b, c = a * a * (3 - 2 * a), b * b * (3 - 2 * b), c * c * (3 - 2 * c)
    i, j, k = int(cell_x), int(cell_y), int(cell_z)
    near = (lattice(i, j, k, seed) * (1 - a) + lattice(i + 1, j, k, seed) * a) * (1 - b)
    near += (lattice(i, j + 1, k, seed) * (1 - a) + lattice(i + 1, j + 1, k, seed) * a) * b
    far = (lattice(i, j, k + 1, seed) * (1 - a) + lattice(i + 1, j, k + 1, seed) * a) * (1 - b)
    far += (lattice(i, j + 1, k + 1, seed) * (1 - a) + lattice(i + 1, j + 1, k + 1, seed) * a) * b
    return near * (1 - c) + far * c


@kernel()
def _clamp(value: float) -> float:
    return min(max(value, 0.0), 1.0)


@kernel()
def fractal_noise(x: float, y: float, z: float, width: float, seed: int) -> float:
    """Three octaves of value noise; octaves finer than a pixel are replaced by their mean."""
    total, amplitude, frequency = 0.5, 0.55, 1.0
    for octave in range(3):
        fade = _clamp(1.6 - 2.0 * width * frequency)
        if fade <= 0.0:
            break
        total += (
            fade * amplitude * (value_noise(x * frequency, y * frequency, z * frequency, seed + octave) - 0.5) * 1.4
        )
        amplitude *= 0.55
        frequency *= 2.1
    return _clamp(total)


@kernel()
def _square_wave(x: float, width: float) -> float:
    """A square wave of period 1, its edges as soft as a pixel is wide."""
    distance = 0.25 - abs(x - math.floor(x) - 0.5)
    return _clamp(distance / max(width, 0.02) + 0.5)


@kernel()
def _lines(x: float, thickness: float, width: float) -> float:
    """Lines at the integers."""
    share = x - math.floor(x)
    distance = 0.5 * thickness - min(share, 1.0 - share)
    return _clamp(distance / max(width, 0.02) + 0.5) * min(1.0, thickness / max(width, 1e-6) + 0.2)


@kernel()
def _bricks(u: float, v: float, width: float, seed: int) -> float:
    row = math.floor(v)
    along = u * 0.45 + 0.5 * (row % 2)
    mortar = max(_lines(along, 0.06, width * 0.45), _lines(v, 0.14, width))
    tint = lattice(math.floor(along), row, 0, seed) * _clamp(1.5 - width)
    return mortar * 0.9 + (1.0 - mortar) * 0.35 * tint


@kernel()
def _planks(u: float, v: float, width: float, seed: int) -> float:
    row = math.floor(v)
    along = u * 0.2 + lattice(row, 7, 0, seed)
    gap = max(_lines(along, 0.02, width * 0.2), _lines(v, 0.07, width))
    tint = lattice(math.floor(along), row, 3, seed) * _clamp(1.5 - width * 0.5)
    streak = fractal_noise(u * 0.6, v * 6.0, 0.0, width * 3.0, seed)
    return _clamp(0.8 * gap + (1.0 - gap) * (0.4 * tint + 0.35 * streak))


@kernel()
def _speckles(u: float, v: float, width: float, seed: int) -> float:
    """One round spot at a random place in each cell."""
    column, row = math.floor(u), math.floor(v)
    i, j = int(column), int(row)
    x = u - column - 0.3 - 0.4 * lattice(i, j, 1, seed)
    y = v - row - 0.3 - 0.4 * lattice(i, j, 2, seed)
    radius = 0.1 + 0.17 * lattice(i, j, 3, seed)
    spot = _clamp((radius - math.sqrt(x * x + y * y)) / max(width, 0.03) + 0.5)
    fade = _clamp(1.6 - 1.5 * width)
    return spot * fade + 0.12 * (1.0 - fade)


@kernel()
def pattern(texture: int, u: float, v: float, w: float, angle: float, width: float, seed: int) -> float:
    """Evaluates a texture.

    Args:
        texture: one of this module's constants except FACE and SKY.
        u: first surface coordinate in cells.
        v: second surface coordinate in cells.
        w: third local coordinate in cells, used by solid textures only.
        angle: rotation of the pattern, radians.
        width: size of a pixel in cells.
        seed: seed of the random parts.
    """
    if texture == PLAIN:
        return 0.0
    if texture == NOISE:
        return fractal_noise(u, v, w, width, seed)
    if angle != 0.0:
        cosine, sine = math.cos(angle), math.sin(angle)
        u, v = cosine * u - sine * v, sine * u + cosine * v
    if texture == STRIPES:
        return _square_wave(v, width)
    if texture == CHECKS:
        first, second = _square_wave(u, width), _square_wave(v, width)
        return first + second - 2.0 * first * second
    if texture == BRICKS:
        return _bricks(u, v, width, seed)
    if texture == GRADIENT:
        return 0.5 + 0.5 * math.sin(v * 1.3 + 0.4 * math.sin(u * 0.7))
    if texture == SPECKLES:
        return _speckles(u, v, width, seed)
    if texture == PLANKS:
        return _planks(u, v, width, seed)
    bend = 1.5 * fractal_noise(u * 0.5, v * 0.5, w * 0.5, width * 0.5, seed)
    return 0.5 + 0.5 * math.sin(6.283 * (0.5 * v + bend)) * _clamp(1.6 - width)


@kernel()
def face(x: float, y: float, z: float, width: float) -> float:
    """Share of hair on a head of unit radius that looks along +z, y down; -1 on the eyes and the mouth."""
    if z > 0.0:
        eye_x, eye_y = abs(x) - 0.36, y + 0.05
        if eye_x * eye_x + eye_y * eye_y < 0.022:
            return -1.0
        if abs(x) < 0.26 and abs(y - 0.52) < 0.05:
            return -1.0
    edge = -0.42 if z > 0.25 else 0.25 - z * 0.2 - 0.9 * max(z, 0.0) * 2.0
    return _clamp((edge - y) / max(width * 4.0, 0.05) + 0.5)


@kernel()
def sky(x: float, y: float, z: float, seed: int) -> float:
    """Share of cloud white in the direction of a unit vector, y down."""
    height = max(-y, 0.0)
    cloud = fractal_noise(x * 4.0, height * 9.0, z * 4.0, 0.02, seed)
    return _clamp(0.75 * (1.0 - height) ** 3 + 1.6 * (cloud - 0.52))
