"""How much steadier does `infer.py --smooth` make landmarks, and how late?

    python -m benchmarks.smoothing --output smoothing.png

Landmarks of drawn heads, which talk, blink and turn all the time, with noise drawn afresh for every
point and frame; beside them the same noise on a face at rest. Jitter is the share that is left of
the error's movement from frame to frame, delay the shift that makes the smoothed opening of eyes
and lips fit the true one best.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch

from drawn_heads.render import render
from drawn_heads.set import draw_video
from inference.driver import DrivingFrame
from inference.smoothing import smoothed
from metric.geometry import outer_eye_distance
from metric.motion import landmark_jitter

FPS = 25.0
SIZE = 32  # of what is drawn beside the landmarks, which do not depend on it
FIRST_PERSON = 20_000
STRENGTHS = (0.0, 0.125, 0.25, 0.5, 0.75, 1.0)
LIDS, LIPS = ((37, 41), (44, 46)), ((62, 66),)
DELAYS = np.arange(-0.5, 3, 0.02)  # frames


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--people", type=int, default=4)
    parser.add_argument("--frames", type=int, default=250)
    parser.add_argument("--noise", type=float, default=0.01, help="share of the eyes' distance")
    parser.add_argument("--output", type=Path, help="a figure")
    options = parser.parse_args()
    motions = [landmarks(person, options.frames) for person in range(options.people)]
    header = ("strength", "jitter in motion", "jitter at rest", "eyes late", "lips late")
    print(f"| {' | '.join(header)} |\n|{'---|' * len(header)}")
    rows = []
    for strength in STRENGTHS:
        rows.append(np.mean([judge(motion, strength, options.noise) for motion in motions], 0))
        moving, resting, eyes, lips = rows[-1]
        print(f"| {strength} | {moving:.0%} | {resting:.0%} | {eyes:.2f} | {lips:.2f} |")
    if options.output:
        draw(np.array(rows), options.output)


def landmarks(person: int, frames: int) -> np.ndarray:
    """Draw a person's motion: (frames, 68, 2)."""
    identity, scene, motion = draw_video(0, FIRST_PERSON + person, 0, frames, FPS)
    return np.stack([render(identity, scene, motion[i], SIZE)[1] for i in range(frames)])


def judge(motion: np.ndarray, strength: float, noise: float) -> tuple[float, float, float, float]:
    """Smooth a motion: jitter left of it and of a face at rest, delays of eyes and lips, frames."""
    rng = np.random.default_rng(0)
    width = outer_eye_distance(torch.from_numpy(motion)).max().item()
    error = rng.normal(0, noise * width / 2**0.5, motion.shape)
    still = np.broadcast_to(motion[:1], motion.shape)
    left = []
    for true in (motion, still):
        before, after = (jitter(filtered(true + error, s), true) for s in (0, strength))
        left.append(after / before)
    clean = filtered(motion, strength)
    return *left, *(delay(opening(motion, pairs), opening(clean, pairs)) for pairs in (LIDS, LIPS))


def filtered(points: np.ndarray, strength: float) -> np.ndarray:
    """Smooth landmarks (F, 68, 2) as `infer.py` does."""
    moments = (DrivingFrame(None, each.astype(np.float32)) for each in points)
    return np.stack([moment.landmarks for moment in smoothed(moments, strength, FPS)])


def jitter(found: np.ndarray, true: np.ndarray) -> float:
    """Measure the error's movement, as evaluations do."""
    return landmark_jitter(
        torch.from_numpy(found), torch.from_numpy(true.astype(np.float32))
    ).item()


def opening(points: np.ndarray, pairs: tuple[tuple[int, int], ...]) -> np.ndarray:
    """Measure how far pairs of points are apart: (F,)."""
    return np.mean([np.linalg.norm(points[:, a] - points[:, b], axis=-1) for a, b in pairs], 0)


def delay(true: np.ndarray, late: np.ndarray) -> float:
    """Find the shift, in frames, that makes two curves fit best."""
    times = np.arange(len(true))
    errors = [np.square(np.interp(times - d, times, true) - late)[5:].mean() for d in DELAYS]
    return DELAYS[np.argmin(errors)]


def draw(rows: np.ndarray, path: Path) -> None:
    """Draw jitter and delay against the strength."""
    figure, (steadier, later) = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
    for column, name in ((0, "in motion"), (1, "at rest")):
        steadier.plot(STRENGTHS, rows[:, column], "o-", label=name)
    for column, name in ((2, "eyes"), (3, "lips")):
        later.plot(STRENGTHS, rows[:, column], "o-", label=name)
    steadier.set(xlabel="--smooth", ylabel="jitter left", ylim=(0, 1.05))
    later.set(xlabel="--smooth", ylabel="delay, frames", ylim=(0, 1.05))
    for axes in (steadier, later):
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
