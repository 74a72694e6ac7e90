"""A person who performs an action in a scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from i2vadapt.demo.actions import Movement
from i2vadapt.demo.figure import Body, body_parts, joints, place_body
from i2vadapt.demo.looks import Look, random_clothes
from i2vadapt.demo.scene import Floats, Primitives

_TRUNK, _THIGHS = 0, (4, 10)  # indices into the parts of a body


def random_body(rng: np.random.Generator) -> Body:
    """Draws the build of a person."""
    return Body(
        stature=float(np.clip(rng.normal(1.72, 0.09), 1.5, 1.95)),
        girth=float(np.clip(rng.normal(1.06, 0.1), 0.85, 1.35)),
        legs=rng.uniform(0.96, 1.04),
        arms=rng.uniform(0.95, 1.05),
        shoulders=rng.uniform(0.92, 1.1),
    )


@dataclass(frozen=True)
class Actor:
    """A person in motion; at time `start`, in seconds, the movement is at `phase`."""

    body: Body
    parts: Primitives
    movement: Movement
    place: Floats  # (3,) position on the ground at time `start`
    heading: float
    phase: float = 0.0
    start: float = 0.0
    travel: float = 1.0  # speed of the person as a share of the movement's speed; 0 moves on the spot

    def phase_at(self, time: float) -> float:
        """Phase of the movement at a time."""
        return self.phase + (time - self.start) * self.movement.rate

    def place_at(self, time: float) -> Floats:
        """Point on the ground below the hips (3,)."""
        forward = np.array([np.sin(self.heading), 0.0, np.cos(self.heading)])
        speed = self.travel * self.movement.speed * self.body.stature / 1.75
        return self.place + forward * speed * (time - self.start)

    def primitives(self, time: float) -> Primitives:
        """The body's primitives at a time."""
        pose = self.movement.pose(self.phase_at(time))
        return place_body(self.parts, self.body, pose, self.place_at(time), self.heading)

    def seat(self, phase: float) -> tuple[Floats, float]:
        """Point on the ground below the seat (3,) and height of the seat, in the pose at a phase."""
        where = joints(self.body, self.movement.pose(phase))
        hips = 0.5 * (where.origins[_THIGHS[0]] + where.origins[_THIGHS[1]])
        forward = np.array([np.sin(self.heading), 0.0, np.cos(self.heading)])
        height = -hips[1] - 0.05 * self.body.stature * self.body.girth
        return self.place + forward * (hips[2] + 0.02), float(height)


def random_actor(
    rng: np.random.Generator, look: Look, movement: Movement, heading: float, phase: float, travel: float = 0.0
) -> Actor:
    """Draws a person who performs a movement at the origin, in the given phase at time 0.

    Args:
        rng: random generator for build and clothes.
        look: style of the clothes.
        movement: movement to perform.
        heading: direction that the person faces, radians.
        phase: phase of the movement at time 0.
        travel: speed of the person as a share of the movement's speed.
    """
    body = random_body(rng)
    parts = body_parts(body, random_clothes(rng, look))
    return Actor(body, parts, movement, np.zeros(3), heading, phase, 0.0, travel)
