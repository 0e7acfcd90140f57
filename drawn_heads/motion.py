"""How a drawn talking head moves: pose and expression of every frame."""

from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np


class Pose(NamedTuple):
    """Head pose and expression of one frame.

    `yaw`, `pitch`, `roll` are degrees: positive yaw turns the nose to the image's right, positive
    pitch lifts the chin, positive roll tilts clockwise in the image. `x`, `y` shift in fractions of
    the frame (right, down), `scale` multiplies the size. `blink` 0..1, `gaze_x`, `gaze_y` -1..1
    (right, down), `brows` -1..1 (raised), `jaw` 0..1 (open), `smile` -1..1, `pucker` 0..1.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    x: float = 0.0
    y: float = 0.0
    scale: float = 1.0
    blink: float = 0.0
    gaze_x: float = 0.0
    gaze_y: float = 0.0
    brows: float = 0.0
    jaw: float = 0.0
    smile: float = 0.0
    pucker: float = 0.0


@dataclass(frozen=True)
class Motion:
    """Poses of a video: one float64 array (frames,) per field of `Pose`, in the same units."""

    yaw: np.ndarray
    pitch: np.ndarray
    roll: np.ndarray
    x: np.ndarray
    y: np.ndarray
    scale: np.ndarray
    blink: np.ndarray
    gaze_x: np.ndarray
    gaze_y: np.ndarray
    brows: np.ndarray
    jaw: np.ndarray
    smile: np.ndarray
    pucker: np.ndarray

    def __len__(self) -> int:
        return len(self.yaw)

    def __getitem__(self, index: "int | slice") -> "Pose | Motion":
        """Return the `Pose` of one frame, or the `Motion` of a slice of frames."""
        values = {field.name: getattr(self, field.name)[index] for field in fields(self)}
        if isinstance(index, slice):
            return Motion(**values)
        return Pose(**{name: float(value) for name, value in values.items()})


def draw_motion(seed: int, frames: int, fps: float = 25.0) -> Motion:
    """Draw the smooth motion of a person who talks and looks round.

    A longer motion of the same seed begins with the shorter one.

    Args:
        seed: non-negative integer; the same seed gives the same motion.
        frames: number of frames, at least 1.
        fps: frames per second, above 0.

    Returns:
        Motion of `frames` frames. In every 4 seconds the head turns to both sides by at least 50
        degrees, up to 75; half of the time it is within 15. Typical standard deviations over ten
        seconds: yaw 30, pitch 8, roll 7 degrees, shift 4 % across and 3 % down the frame, scale
        4 %. Pitch stays within 21, roll within 19 degrees.

    Raises:
        ValueError: `frames` or `fps` is out of range.
    """
    if frames < 1:
        raise ValueError(f"frames must be at least 1, got {frames}")
    if not fps > 0:
        raise ValueError(f"fps must be above 0, got {fps}")
    rng = np.random.default_rng([seed, 3])
    time = np.arange(frames) / fps
    yaw = _look_round(rng, time)
    pitch = _wander(rng, time, 0.12, 0.70, 9.0, 21.0)
    roll = _wander(rng, time, 0.10, 0.55, 7.5, 19.0)
    speech = 0.5 + 0.5 * np.tanh(2.5 * _wander(rng, time, 0.2, 0.9, 1.0, 3.0) + 0.9)
    syllables = 0.5 + 0.5 * np.tanh(1.2 * _wander(rng, time, 2.2, 4.2, 1.0, 3.0) - 0.1)
    gaze_x = np.tanh(2.0 * _wander(rng, time, 0.2, 1.2, 0.7, 2.0)) * 0.85 - yaw / 90
    gaze_y = np.tanh(2.0 * _wander(rng, time, 0.2, 1.0, 0.4, 2.0)) * 0.6 + pitch / 80
    return Motion(
        yaw=yaw,
        pitch=pitch,
        roll=roll,
        x=_wander(rng, time, 0.10, 0.5, 0.046, 0.095) - 0.06 * np.sin(np.radians(yaw)),
        y=_wander(rng, time, 0.10, 0.5, 0.036, 0.060),
        scale=rng.uniform(0.93, 1.05) + _wander(rng, time, 0.08, 0.4, 0.040, 0.065),
        blink=_blinks(np.random.default_rng([seed, 4]), time),
        gaze_x=np.clip(gaze_x, -1, 1),
        gaze_y=np.clip(gaze_y, -1, 1),
        brows=np.tanh(1.3 * _wander(rng, time, 0.2, 1.0, 0.8, 2.0)),
        jaw=speech * syllables * 0.85,
        smile=np.clip(0.25 + _wander(rng, time, 0.12, 0.6, 0.55, 1.0), -0.6, 1.0),
        pucker=np.clip(speech * _wander(rng, time, 0.8, 2.2, 0.45, 0.9), 0.0, 1.0),
    )


def _look_round(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    """Turn to one side and the other, almost to profile, and stay near the front in between."""
    period = rng.uniform(3.3, 3.9)
    wave = np.sin(2 * np.pi * (time / period + rng.random()))
    swing = np.arcsin(0.965 * wave) / np.arcsin(0.965)  # a triangle, rounded at its corners
    reach = np.where(swing > 0, rng.uniform(60, 70), rng.uniform(60, 70))
    return reach * swing * np.abs(swing) ** 1.8 + _wander(rng, time, 0.15, 0.7, 4.5, 6.0)


def _wander(
    rng: np.random.Generator, time: np.ndarray, low: float, high: float, std: float, limit: float
) -> np.ndarray:
    """Sum sinusoids of `low`..`high` Hz to a standard deviation, bent into +-`limit`."""
    count = 5
    frequency = np.exp(np.linspace(np.log(low), np.log(high), count) + rng.normal(0, 0.12, count))
    amplitude = rng.uniform(0.6, 1.4, count)
    amplitude *= std * np.sqrt(2 / np.sum(amplitude**2))
    phase = rng.uniform(0, 2 * np.pi, count)
    waves = amplitude * np.sin(2 * np.pi * frequency * time[:, None] + phase)
    return limit * np.tanh(waves.sum(axis=1) / limit)


def _blinks(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    """Close the eyes for a fifth of a second, every second or three, so long as `time` lasts."""
    closed = np.zeros_like(time)
    moment = rng.uniform(0.1, 1.6)
    while moment < time[-1] + 1:
        half = rng.uniform(0.11, 0.16)
        closed = np.maximum(closed, np.clip(1.35 * (1 - np.abs(time - moment) / half), 0, 1))
        moment += rng.uniform(0.8, 3.2)
    return closed * closed * (3 - 2 * closed)
