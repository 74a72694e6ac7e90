"""Two styles with different palettes (bright warm photographs, cool dim videos), and a mixture of everything."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

from i2vadapt.demo.figure import Clothes
from i2vadapt.demo.scene import Floats, Light, Material
from i2vadapt.demo.textures import (
    BRICKS,
    CHECKS,
    FACE,
    GRADIENT,
    NOISE,
    PLAIN,
    PLANKS,
    SKY,
    SPECKLES,
    STRIPES,
    WAVES,
)

_SKINS = np.array([[0.93, 0.74, 0.62], [0.85, 0.64, 0.5], [0.72, 0.5, 0.36], [0.55, 0.36, 0.25], [0.38, 0.24, 0.17]])
_HAIRS = np.array([[0.1, 0.08, 0.07], [0.25, 0.16, 0.09], [0.45, 0.3, 0.15], [0.72, 0.58, 0.34], [0.55, 0.54, 0.53]])


@dataclass(frozen=True)
class Look:
    """Ranges from which the materials and the light of a scene are drawn."""

    surfaces: tuple[int, ...]  # textures of walls, grounds and objects
    fabrics: tuple[int, ...]  # textures of clothes
    hues: tuple[float, float]  # range of hues of the surroundings, in turns
    saturation: tuple[float, float]
    value: tuple[float, float]
    contrast: tuple[float, float]  # difference in value between the two colours of a surface
    sun: tuple[float, float]  # strength of the direct light
    sky: tuple[float, float]  # strength of the ambient light
    warmth: tuple[float, float]  # ratio of red to blue in the direct light, minus one


PHOTOGRAPHS = Look(
    surfaces=(BRICKS, PLANKS, STRIPES, GRADIENT, CHECKS, PLAIN),
    fabrics=(PLAIN, STRIPES, CHECKS, GRADIENT),
    hues=(0.02, 0.3),
    saturation=(0.1, 0.45),
    value=(0.55, 0.92),
    contrast=(0.05, 0.2),
    sun=(0.6, 0.85),
    sky=(0.62, 0.8),
    warmth=(0.1, 0.35),
)
VIDEOS = Look(
    surfaces=(NOISE, SPECKLES, PLAIN, GRADIENT),
    fabrics=(PLAIN, NOISE, SPECKLES, STRIPES),
    hues=(0.35, 0.7),
    saturation=(0.05, 0.35),
    value=(0.45, 0.8),
    contrast=(0.06, 0.22),
    sun=(0.5, 0.75),
    sky=(0.58, 0.76),
    warmth=(-0.25, 0.02),
)
ANY = Look(
    surfaces=(BRICKS, PLANKS, STRIPES, GRADIENT, CHECKS, NOISE, SPECKLES, WAVES, PLAIN),
    fabrics=(PLAIN, STRIPES, CHECKS, GRADIENT, NOISE, SPECKLES, WAVES),
    hues=(0.0, 1.0),
    saturation=(0.03, 0.6),
    value=(0.3, 0.95),
    contrast=(0.15, 0.45),
    sun=(0.2, 0.85),
    sky=(0.35, 0.75),
    warmth=(-0.3, 0.4),
)


def _colour(hue: float, saturation: float, value: float) -> Floats:
    return np.array(colorsys.hsv_to_rgb(hue % 1.0, float(np.clip(saturation, 0, 1)), float(np.clip(value, 0, 1))))


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(1, 100_000))


def surface(rng: np.random.Generator, look: Look, size: float, textures: tuple[int, ...] | None = None) -> Material:
    """Draws the material of a wall, a ground or an object.

    Args:
        rng: random generator.
        look: style of the material.
        size: typical length of the object in metres; the pattern repeats a few times within it.
        textures: allowed textures; by default those of the style.
    """
    texture = int(rng.choice(textures if textures is not None else look.surfaces))
    hue, saturation, value = rng.uniform(*look.hues), rng.uniform(*look.saturation), rng.uniform(*look.value)
    first = _colour(hue, saturation, value)
    contrast = rng.uniform(*look.contrast) * (1 if value < 0.5 else -1)
    second = _colour(hue + rng.normal(0, 0.06), saturation * rng.uniform(0.6, 1.5), value + contrast)
    per_metre = rng.uniform(2.5, 6.0) / size
    if texture == BRICKS:
        per_metre = rng.uniform(4.0, 9.0)
    if texture == PLANKS:
        per_metre = rng.uniform(4.0, 8.0)
    angle = float(rng.choice([0.0, 0.5 * np.pi])) if texture in (STRIPES, GRADIENT, PLANKS) else 0.0
    if texture in (SPECKLES, WAVES, CHECKS):
        angle = rng.uniform(0, np.pi)
    return Material(texture, first, second, per_metre, float(angle), rng.uniform(0.15, 0.5), _seed(rng))


def _fabric(rng: np.random.Generator, look: Look) -> Material:
    """Draws the material of clothes, more colourful than the surroundings so that people stand out from them."""
    texture = int(rng.choice(look.fabrics))
    low, high = look.value
    value = rng.uniform(low - 0.25, high + 0.05) if rng.random() < 0.7 else rng.uniform(0.12, 0.3)
    hue = rng.random()
    first = _colour(hue, rng.uniform(0.2, 0.85), value)
    second = _colour(hue + rng.normal(0, 0.15), rng.uniform(0.1, 0.7), value + rng.choice([-0.3, 0.3]))
    angle = float(rng.choice([0.0, 0.5 * np.pi, 0.7]))
    return Material(texture, first, second, rng.uniform(7, 16), angle, rng.uniform(0.1, 0.3), _seed(rng))


def random_clothes(rng: np.random.Generator, look: Look) -> Clothes:
    """Draws skin, hair and clothes: long or short sleeves, trousers or shorts."""
    tone = _SKINS[rng.integers(len(_SKINS))] * rng.uniform(0.9, 1.05)
    skin = Material(PLAIN, tone, tone, grain=0.1, seed=_seed(rng))
    head = Material(FACE, tone, _HAIRS[rng.integers(len(_HAIRS))] * rng.uniform(0.8, 1.2), grain=0.1, seed=_seed(rng))
    top, trousers = _fabric(rng, look), _fabric(rng, look)
    grey = rng.uniform(0.08, 0.85)
    sole = _colour(rng.random(), rng.uniform(0, 0.4), grey)
    return Clothes(
        skin,
        head,
        top,
        top if rng.random() < 0.55 else skin,
        trousers,
        trousers if rng.random() < 0.75 else skin,
        Material(PLAIN, sole, sole, seed=_seed(rng)),
    )


def sky_material(rng: np.random.Generator, look: Look) -> Material:
    """Draws the material of a sky: blue to grey, more or less cloudy."""
    value = 0.35 + 0.65 * rng.uniform(*look.value)
    zenith = _colour(rng.uniform(0.54, 0.62), rng.uniform(0.1, 0.55), value)
    return Material(SKY, zenith, np.full(3, min(value + 0.2, 0.97)), seed=_seed(rng), grain=0.0)


def random_light(rng: np.random.Generator, look: Look) -> Light:
    """Draws direction, strength and colour of the light, which comes from above and from the camera's side."""
    azimuth, height = rng.uniform(-1.5, 1.5), rng.uniform(0.45, 1.15)
    direction = np.array([np.sin(azimuth) * np.cos(height), -np.sin(height), -np.cos(azimuth) * np.cos(height)])
    warmth = rng.uniform(*look.warmth)
    colour = rng.uniform(*look.sun) * np.array([1 + 0.5 * warmth, 1.0, 1 - 0.5 * warmth])
    ambient = rng.uniform(*look.sky) * np.array([1 + 0.1 * warmth, 1.0, 1 - 0.1 * warmth])
    fog = np.clip(ambient * 1.3, 0, 0.95)
    return Light(direction, colour, ambient, np.array([*fog, rng.uniform(0.0, 0.012)]))
