"""Action videos of the demo: hand-held, dim, noisy and slightly blurred, with moving people."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from i2vadapt.demo.actions import CYCLIC, random_movement
from i2vadapt.demo.actor import Actor, random_actor
from i2vadapt.demo.figure import turn_x, turn_y, turn_z
from i2vadapt.demo.looks import VIDEOS, random_light
from i2vadapt.demo.photographs import frame_person, heading_for, seated_phase_of, surroundings_for
from i2vadapt.demo.rendering import flow_of, render
from i2vadapt.demo.scene import Camera, Floats, Scene
from i2vadapt.demo.smearing import smear
from i2vadapt.demo.surroundings import Space

FRAME_RATE = 12
_SIZES = ((96, 128), (112, 144), (96, 128), (88, 160), (104, 104), (128, 104))
_SHAKES = 3  # sine waves per axis of the camera shake


@dataclass(frozen=True)
class HandHeld:
    """A shaking camera that may follow a person."""

    camera: Camera
    waves: Floats  # (2, 3, waves, 3): rotation or translation; axis; wave; amplitude (radians or metres), hertz, phase
    actor: Actor
    follow: float  # share of the actor's motion that the camera follows
    middle: float  # time in seconds at which the camera is at its given position

    def at(self, time: float) -> Camera:
        """Returns the camera at a time."""
        amplitude, frequency, phase = np.moveaxis(self.waves, -1, 0)
        shake = (amplitude * np.sin(2 * np.pi * frequency * time + phase)).sum(-1)
        turn = turn_x(shake[0, 0]) @ turn_y(shake[0, 1]) @ turn_z(shake[0, 2])
        way = self.follow * (self.actor.place_at(time) - self.actor.place_at(self.middle))
        R = turn @ self.camera.R
        return Camera(self.camera.K, R, -R @ (self.camera.centre() + way + shake[1]))


@dataclass(frozen=True)
class Clip:
    """A video to render: its scene, its number of frames and the imperfections of its camera."""

    scene: Scene
    frames: int
    noise: float  # standard deviation in grey levels
    focus: float  # standard deviation of the blur in pixels
    shutter: float  # seconds that the shutter is open
    gain: Floats  # (3,) gain of each colour channel


def _shaking(rng: np.random.Generator) -> Floats:
    strength = rng.uniform(0.3, 1.0)
    amplitude = np.stack([np.full((3, _SHAKES), np.deg2rad(0.3)), np.full((3, _SHAKES), 0.008)]) * strength
    frequency = rng.uniform(0.15, 1.6, (2, 3, _SHAKES))
    # Faster shaking has a smaller amplitude.
    amplitude *= rng.uniform(0.4, 1.2, (2, 3, _SHAKES)) / (0.6 + frequency)
    return np.stack([amplitude, frequency, rng.uniform(0, 2 * np.pi, (2, 3, _SHAKES))], -1)


def _follow(actor: Actor, camera: Camera, size: tuple[int, int], duration: float, wish: float) -> float:
    """Share of the motion to follow: as wished, or more if the person would leave the view or become too large."""
    way = actor.place_at(duration) - actor.place_at(0.0)
    seen = camera.R @ way
    depth = float(np.linalg.norm(camera.centre() - actor.place_at(0.5 * duration)))
    across = abs(seen[0]) * camera.K[0, 0] / depth / (0.5 * size[1])
    along = abs(seen[2]) / (0.35 * depth)
    return max(wish, 1.0 - 1.0 / max(across, along, 1.0))


def video_clip(rng: np.random.Generator, name: str) -> Clip:
    """Draws one video.

    Args:
        rng: random generator.
        name: the action, one of CLASSES.
    """
    size = _SIZES[rng.integers(len(_SIZES))]
    frames = int(min(20 + rng.exponential(8.0), 50))
    duration = (frames - 1) / FRAME_RATE
    movement = random_movement(rng, name)
    heading, phase = heading_for(rng, name), rng.random()
    if name not in CYCLIC:  # performed once, slowly enough to take most of the clip, with a rest before and after
        rest = rng.uniform(0.04, 0.14)
        rate = (1.0 - rest) / max(rng.uniform(0.82, 0.95) * duration, 0.9 / movement.rate)
        movement = type(movement)(movement.name, movement.pose, max(rate, 1.0 / duration), 0.0)
        phase = -rest
    travel = float(rng.choice([0.0, 1.0], p=[0.3, 0.7]))
    actor = random_actor(rng, VIDEOS, movement, heading, phase, travel)
    # The person passes the origin, which has free space around it, in the middle of the clip.
    actor = Actor(**{**vars(actor), "place": -0.5 * (actor.place_at(duration) - actor.place_at(0.0))})
    azimuth = rng.uniform(-0.3, 0.3)
    space = Space(1.2, -actor.place, azimuth)
    place = surroundings_for(rng, VIDEOS, actor, seated_phase_of(name), space)
    upright = max((0.0, 0.5 * duration, duration), key=lambda time: -actor.primitives(time).origins[:, 1].min())
    parts = actor.primitives(upright)
    parts = parts._replace(origins=parts.origins - actor.place_at(upright))
    camera, _ = frame_person(
        parts,
        size,
        np.deg2rad(rng.uniform(36, 54)),
        azimuth,
        np.deg2rad(rng.uniform(-3, 10)),
        rng.uniform(0.68, 0.86),
    )
    follow = _follow(actor, camera, size, duration, float(rng.choice([0.0, 0.5, 1.0])))
    path = HandHeld(camera, _shaking(rng), actor, follow, 0.5 * duration)
    scene = Scene(size, place, (actor,), path, random_light(rng, VIDEOS))
    moving_blur = rng.random() < 0.5
    return Clip(
        scene,
        frames,
        rng.uniform(2.0, 6.0),
        rng.uniform(0.2, 0.4) if moving_blur else rng.uniform(0.4, 0.65),
        rng.uniform(0.012, 0.032) if moving_blur else 0.0,
        rng.uniform(0.9, 1.0) * np.array([rng.uniform(0.92, 1.0), 1.0, rng.uniform(1.0, 1.14)]),
    )


def video_frame(clip: Clip, number: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Renders one frame (H, W, 3) as the clip's camera records it.

    Args:
        clip: the clip.
        number: number of the frame, from 0.
        rng: random generator for the sensor noise.
    """
    time = number / FRAME_RATE
    frame = render(clip.scene, time)
    image = frame.image.astype(np.float32)
    if clip.shutter > 0.0:
        image = smear(frame.image, flow_of(frame, clip.scene, time + clip.shutter))
    image = cv2.GaussianBlur(image, (0, 0), clip.focus)
    # Dark parts are noisier in proportion; noise is correlated between neighbours, as after in-camera processing.
    noise = rng.standard_normal(image.shape, np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), 0.6) * 1.8 * clip.noise * (0.6 + 0.4 * np.sqrt(image / 255.0))
    return np.clip(image * clip.gain.astype(np.float32) + noise + 0.5, 0, 255).astype(np.uint8)
