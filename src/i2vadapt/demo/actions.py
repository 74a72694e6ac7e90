"""Motion of a person in each of the six actions.

`walk` and `run` differ in pace more than in any pose, `sit_down` and `stand_up` in the direction of time; their poses
differ enough for a single frame to show mostly, but not always, which of the two it is. With poses that overlap more,
pseudo-labels decide by chance which of a pair is which, and the flow learned from them confirms it either way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from i2vadapt.demo.figure import Pose

CLASSES = ("kick", "run", "sit_down", "stand_up", "walk", "wave")
CYCLIC = frozenset({"kick", "run", "walk", "wave"})
_DEGREE = np.pi / 180


@dataclass(frozen=True)
class Movement:
    """An action as performed by one person.

    For a cyclic action the phase counts cycles; for the others it goes once from 0 to 1 and stays there.
    """

    name: str
    pose: Callable[[float], Pose]
    rate: float  # phases per second
    speed: float  # metres per second forward, for a stature of 1.75 m


def _draw(rng: np.random.Generator, mean: float, spread: float, low: float, high: float) -> float:
    """Draws from a normal distribution and clips the result."""
    return float(np.clip(rng.normal(mean, spread), low, high))


def _pair(right: float, left: float) -> tuple[float, float]:
    return right * _DEGREE, left * _DEGREE


def _bump(phase: float, centre: float, sharpness: float) -> float:
    """A periodic bump of height 1 at `centre` (in cycles)."""
    return float((0.5 + 0.5 * np.cos(2 * np.pi * (phase - centre))) ** sharpness)


def _gait(rng: np.random.Generator, running: bool) -> Movement:
    """Walking or running: the same cycle with different parameters, drawn from two distributions."""
    swing = _draw(rng, 40, 4, 30, 50) if running else _draw(rng, 23, 4, 13, 31)
    lift = _draw(rng, 95, 11, 65, 118) if running else _draw(rng, 44, 8, 26, 62)
    crook = _draw(rng, 80, 15, 40, 112) if running else _draw(rng, 22, 12, 3, 60)
    lean = _draw(rng, 14, 3.5, 4, 22) if running else _draw(rng, 2, 2.5, -3, 8)
    arms = _draw(rng, 38, 8, 18, 56) if running else _draw(rng, 22, 7, 8, 38)
    rate = _draw(rng, 1.62, 0.18, 1.3, 2.0) if running else _draw(rng, 0.75, 0.08, 0.6, 0.92)
    bounce = _draw(rng, 0.03, 0.015, 0.0, 0.06) if running else 0.0
    out, nod = _draw(rng, 9, 4, 2, 18), _draw(rng, 0, 5, -10, 10)

    def pose(phase: float) -> Pose:
        stride = np.sin(2 * np.pi * phase)
        # A knee bends most just before its leg passes the other one on the way forward.
        knees = [8 + lift * _bump(phase + half, -0.07, 2.2) + 6 * _bump(phase + half, 0.38, 4) for half in (0.0, 0.5)]
        return Pose(
            hip=_pair(swing * stride + 5, -swing * stride + 5),
            knee=_pair(knees[0], knees[1]),
            ankle=_pair(7 * stride - 4, -7 * stride - 4),
            shoulder=_pair(-arms * stride - 2, arms * stride - 2),
            raise_=_pair(out, out),
            elbow=_pair(crook - 0.35 * arms * stride, crook + 0.35 * arms * stride),
            lean=lean * _DEGREE,
            twist=0.16 * stride,
            nod=nod * _DEGREE,
            lift=bounce * float(np.sin(2 * np.pi * phase) ** 2),
        )

    step = 2 * 0.53 * 1.75 * 2 * np.sin(swing * _DEGREE)
    return Movement("run" if running else "walk", pose, rate, 0.8 * step * rate)


def _chair(rng: np.random.Generator, rising: bool) -> Movement:
    """Sitting down or standing up: the same sequence of poses in opposite order."""
    lean = _draw(rng, 46, 5.5, 30, 58) if rising else _draw(rng, 17, 5.5, 5, 32)
    reach = _draw(rng, 48, 12, 10, 72) if rising else _draw(rng, -24, 12, -50, 8)
    crook = _draw(rng, 28, 12, 5, 60)
    rest, tilt = _draw(rng, 6, 5, -5, 16), _draw(rng, 16, 4, 8, 24)
    feet, out = _draw(rng, 6, 3, 2, 14), _draw(rng, 9, 4, 3, 18)
    duration = _draw(rng, 1.9, 0.35, 1.2, 2.7)

    def pose(phase: float) -> Pose:
        share = float(np.clip(phase, 0.0, 1.0))
        share = share * share * (3 - 2 * share)
        seated = 1 - share if rising else share
        middle = np.sin(np.pi * seated) ** 0.9
        thigh = 86 * seated**1.05
        shank = tilt * middle + 2 * seated
        arm = reach * middle + 22 * seated + 2
        return Pose(
            hip=_pair(thigh, thigh),
            spread=_pair(feet, feet),
            knee=_pair(thigh + shank, thigh + shank),
            ankle=_pair(shank, shank),
            shoulder=_pair(arm + lean * middle * 0.3, arm + lean * middle * 0.3),
            raise_=_pair(out, out),
            elbow=_pair(12 + crook * max(seated, middle), 12 + crook * max(seated, middle)),
            lean=float(lean * middle + rest * seated) * _DEGREE,
            nod=0.1 * middle,
            planted=True,
        )

    return Movement("stand_up" if rising else "sit_down", pose, 1.0 / duration, 0.0)


def _wave(rng: np.random.Generator) -> Movement:
    """Waving one raised hand."""
    lifted, swing = _draw(rng, 100, 16, 70, 135), _draw(rng, 36, 7, 22, 50)
    crook, forward = _draw(rng, 62, 12, 40, 85), _draw(rng, 12, 10, -5, 35)
    other, stance, lean = _draw(rng, 0, 8, -15, 20), _draw(rng, 5, 3, 1, 12), _draw(rng, 0, 3, -6, 6)
    right = bool(rng.random() < 0.5)
    rate = _draw(rng, 1.5, 0.3, 1.0, 2.1)

    def pose(phase: float) -> Pose:
        beat = np.sin(2 * np.pi * phase)
        slow = np.sin(2 * np.pi * phase * 0.23)
        waving = (lifted + 9 * beat, forward, 92.0, crook + swing * beat)
        hanging = (8.0, other, 0.0, 14.0)
        pairs = [_pair(a, b) if right else _pair(b, a) for a, b in zip(waving, hanging, strict=True)]
        return Pose(
            spread=_pair(stance, stance),
            knee=_pair(4, 4),
            raise_=pairs[0],
            shoulder=pairs[1],
            roll=pairs[2],
            elbow=pairs[3],
            sway=float(2.5 * slow + beat) * _DEGREE * (1 if right else -1),
            lean=lean * _DEGREE,
            turn=0.1 * slow,
        )

    return Movement("wave", pose, rate, 0.0)


def _kick(rng: np.random.Generator) -> Movement:
    """Kicking repeatedly with one leg: swing back, strike, recover, stand."""
    high, back = _draw(rng, 72, 12, 50, 100), _draw(rng, 30, 6, 18, 42)
    bend, lean = _draw(rng, 70, 12, 45, 95), _draw(rng, -9, 4, -18, 0)
    arms, crook = _draw(rng, 32, 10, 12, 55), _draw(rng, 35, 12, 10, 60)
    right = bool(rng.random() < 0.7)
    rate = _draw(rng, 0.72, 0.1, 0.55, 0.95)
    times = np.array([0.0, 0.12, 0.34, 0.5, 0.62, 0.82, 1.0])
    hips = np.array([0.0, 0.0, -back, high, high * 0.85, 8.0, 0.0])
    knees = np.array([6.0, 8.0, bend, 12.0, 25.0, 30.0, 6.0])
    trunk = np.array([0.0, 2.0, 10.0, lean, lean, 0.0, 0.0])

    def pose(phase: float) -> Pose:
        at = phase % 1.0
        # A short moving average rounds the corners of the key poses.
        near = np.array([(at + d) % 1.0 for d in (-0.04, -0.02, 0.0, 0.02, 0.04)])
        hip, knee, tilt = (float(np.interp(near, times, values).mean()) for values in (hips, knees, trunk))
        swing = hip / high
        kicking, standing = (hip, 2.0, knee, -20.0 * swing), (-2.0 - 4 * swing, 3.0, 8.0 + 8 * abs(swing), 0.0)
        legs = [_pair(a, b) if right else _pair(b, a) for a, b in zip(kicking, standing, strict=True)]
        same, opposite = -arms * swing * 0.8, arms * swing
        return Pose(
            hip=legs[0],
            spread=legs[1],
            knee=legs[2],
            ankle=legs[3],
            shoulder=_pair(same, opposite) if right else _pair(opposite, same),
            raise_=_pair(14 + 20 * abs(swing), 14 + 20 * abs(swing)),
            elbow=_pair(crook, crook),
            lean=tilt * _DEGREE,
            twist=0.25 * swing * (1 if right else -1),
        )

    return Movement("kick", pose, rate, 0.0)


def random_movement(rng: np.random.Generator, name: str) -> Movement:
    """Draws the way in which one person performs an action.

    Args:
        rng: random generator.
        name: one of CLASSES.

    Raises:
        KeyError: if the name is not one of CLASSES.
    """
    makers: dict[str, Callable[[np.random.Generator], Movement]] = {
        "walk": lambda source: _gait(source, False),
        "run": lambda source: _gait(source, True),
        "sit_down": lambda source: _chair(source, False),
        "stand_up": lambda source: _chair(source, True),
        "wave": _wave,
        "kick": _kick,
    }
    return makers[name](rng)
