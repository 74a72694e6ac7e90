"""An articulated person: build, clothes, and the forward kinematics from a pose to primitives.

In the person's frame x points to their right, y down and z in the direction that they face. A limb hangs along its
local +y; a positive rotation about x swings it forward. Lengths are shares of the stature.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from i2vadapt.demo.scene import CONE, SPHERE, Floats, Material, Primitives, concatenate, primitive

SIDES = (1.0, -1.0)  # right, left


@dataclass(frozen=True)
class Pose:
    """Joint angles in radians; pairs are (right, left). All zero is standing straight with hanging arms."""

    hip: tuple[float, float] = (0.0, 0.0)  # thighs forward
    spread: tuple[float, float] = (0.03, 0.03)  # legs sideways
    knee: tuple[float, float] = (0.0, 0.0)  # shanks back
    ankle: tuple[float, float] = (0.0, 0.0)  # toes up
    shoulder: tuple[float, float] = (0.0, 0.0)  # arms forward
    raise_: tuple[float, float] = (0.1, 0.1)  # arms sideways
    roll: tuple[float, float] = (0.0, 0.0)  # upper arms about their axes: at pi / 2 a raised arm's elbow bends upwards
    elbow: tuple[float, float] = (0.15, 0.15)  # forearms bent
    lean: float = 0.0  # trunk forward
    sway: float = 0.0  # trunk to the right
    twist: float = 0.0  # chest about its axis, right shoulder back
    nod: float = 0.0  # head down
    turn: float = 0.0  # head about its axis
    lift: float = 0.0  # height of the lower foot above the ground, metres
    planted: bool = False  # whether the ankles stay in place, so that the hips move instead


@dataclass(frozen=True)
class Body:
    """Build of a person; `girth` and the limb factors are 1 on average."""

    stature: float = 1.75  # metres
    girth: float = 1.0
    legs: float = 1.0
    arms: float = 1.0
    shoulders: float = 1.0


@dataclass(frozen=True)
class Clothes:
    """Materials of a person."""

    skin: Material
    head: Material
    top: Material
    sleeves: Material  # lower arms: skin or the top's
    trousers: Material  # upper legs
    shanks: Material  # lower legs: skin or the trousers'
    shoes: Material


@dataclass(frozen=True)
class Joints:
    """Position of the parts of a body: the frame (3, 3) and the origin (3,) of each part."""

    frames: list[Floats] = field(default_factory=list)
    origins: list[Floats] = field(default_factory=list)

    def add(self, frame: Floats, origin: Floats) -> None:
        """Adds a part."""
        self.frames.append(frame)
        self.origins.append(origin)


def turn_x(angle: float) -> Floats:
    """Rotation about x."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])


def turn_y(angle: float) -> Floats:
    """Rotation about y."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])


def turn_z(angle: float) -> Floats:
    """Rotation about z."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def body_parts(body: Body, clothes: Clothes) -> Primitives:
    """Primitives of a body at the origin, in the order of `joints`: trunk, head, then each side's leg and arm."""
    h, g = body.stature, body.stature * body.girth
    zero = np.zeros(3)
    thigh, shank = 0.245 * h * body.legs, 0.246 * h * body.legs
    upper, fore = 0.172 * h * body.arms, 0.15 * h * body.arms
    parts = [
        primitive(CONE, (0.078 * g, 0.086 * g, 0.05 * h), zero, clothes.trousers, squash=0.72),
        primitive(CONE, (0.098 * g * body.shoulders, 0.074 * g, 0.14 * h), zero, clothes.top, squash=0.64),
        primitive(CONE, (0.031 * g, 0.036 * g, 0.05 * h), zero, clothes.skin),
        primitive(SPHERE, (0.066 * h,), zero, clothes.head, squash=0.95),
    ]
    for _ in SIDES:
        parts += [
            primitive(CONE, (0.053 * g, 0.035 * g, thigh), zero, clothes.trousers),
            primitive(CONE, (0.035 * g, 0.024 * g, shank), zero, clothes.shanks),
            primitive(CONE, (0.029 * h, 0.021 * h, 0.095 * h), zero, clothes.shoes),
            primitive(CONE, (0.036 * g, 0.025 * g, upper), zero, clothes.top),
            primitive(CONE, (0.025 * g, 0.018 * g, fore), zero, clothes.sleeves),
            primitive(CONE, (0.022 * h, 0.017 * h, 0.05 * h), zero, clothes.skin),
        ]
    return concatenate(parts)


def _leg(body: Body, pose: Pose, side: int, joints: Joints) -> Floats:
    """Adds thigh, shank and foot; returns the ankle."""
    h = body.stature
    thigh_frame = turn_z(-SIDES[side] * pose.spread[side]) @ turn_x(pose.hip[side])
    shank_frame = thigh_frame @ turn_x(-pose.knee[side])
    hip = np.array([SIDES[side] * 0.05 * h * body.girth**0.5, 0.015 * h, 0.0])
    knee = hip + 0.245 * h * body.legs * thigh_frame[:, 1]
    ankle = knee + 0.246 * h * body.legs * shank_frame[:, 1]
    foot_frame = shank_frame @ turn_x(0.5 * np.pi + pose.ankle[side] - 0.06)
    joints.add(thigh_frame, hip)
    joints.add(shank_frame, knee)
    joints.add(foot_frame, ankle - 0.01 * h * foot_frame[:, 1])
    return ankle


def _arm(body: Body, pose: Pose, side: int, chest: Floats, joints: Joints) -> None:
    """Adds upper arm, forearm and hand."""
    h = body.stature
    sign = SIDES[side]
    offset = np.array([sign * 0.107 * h * body.shoulders * body.girth**0.5, -0.27 * h, 0.0])
    shoulder = chest @ offset
    upper = chest @ turn_z(-sign * pose.raise_[side]) @ turn_x(pose.shoulder[side]) @ turn_y(sign * pose.roll[side])
    fore = upper @ turn_x(pose.elbow[side])
    elbow = shoulder + 0.172 * h * body.arms * upper[:, 1]
    joints.add(upper, shoulder)
    joints.add(fore, elbow)
    joints.add(fore @ turn_x(0.15), elbow + (0.15 * body.arms + 0.014) * h * fore[:, 1])


def joints(body: Body, pose: Pose) -> Joints:
    """Forward kinematics in the person's frame, with the lower foot `pose.lift` above the ground y = 0."""
    h = body.stature
    result = Joints()
    pelvis = turn_x(-0.45 * pose.lean) @ turn_z(pose.sway)
    chest = turn_x(-pose.lean) @ turn_z(pose.sway) @ turn_y(pose.twist)
    head = chest @ turn_x(0.6 * pose.lean - pose.nod) @ turn_y(pose.turn)
    neck = chest @ np.array([0.0, -0.285 * h, 0.0])
    result.add(pelvis, pelvis @ np.array([0.0, -0.05 * h, 0.0]))
    result.add(chest, chest @ np.array([0.0, -0.225 * h, 0.0]))
    result.add(head, neck - 0.045 * h * head[:, 1])
    result.add(head, neck + head @ np.array([0.0, -0.105 * h, 0.012 * h]))
    ankles = []
    for side in range(2):
        ankles.append(_leg(body, pose, side, result))
        _arm(body, pose, side, chest, result)
    # The lowest point of the soles determines the height of the hips, so feet neither float nor sink.
    soles = [result.origins[k] + end * 0.095 * h * result.frames[k][:, 1] for k in (6, 12) for end in (0.0, 1.0)]
    radii = [0.029 * h, 0.021 * h, 0.029 * h, 0.021 * h]
    drop = max(sole[1] + radius for sole, radius in zip(soles, radii, strict=True))
    shift = np.array([0.0, -drop - pose.lift, 0.0])
    if pose.planted:
        shift[2] = -0.5 * (ankles[0][2] + ankles[1][2])
    return Joints(result.frames, [origin + shift for origin in result.origins])


def place_body(parts: Primitives, body: Body, pose: Pose, position: Floats, heading: float) -> Primitives:
    """Moves the primitives of `body_parts` into a pose at a position.

    Args:
        parts: result of `body_parts` for this body.
        body: build of the person.
        pose: pose of the person.
        position: point on the ground below the hips (3,), in metres.
        heading: direction that the person faces, radians; 0 is away from the camera (+z), pi / 2 is right (+x).
    """
    where = joints(body, pose)
    world = turn_y(heading)
    frames = world @ np.stack(where.frames)
    # Local axes are the columns of a frame; a squashed axis keeps its factor.
    linear = np.swapaxes(frames, 1, 2) * parts.linear.sum(2, keepdims=True)
    origins = np.stack(where.origins) @ world.T + position
    return parts._replace(linear=np.ascontiguousarray(linear), origins=origins)
