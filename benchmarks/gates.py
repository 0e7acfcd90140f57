"""Which spoilt frames do the gates refuse, and which sound ones?

    python -m benchmarks.gates --source VIDEOS

Takes nine frames of each video, which has its landmarks beside it, and spoils them in known ways.
"""

import argparse
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

import config
from dataset.detection.stored import read_landmarks
from dataset.preparation.quality import (
    Gates,
    change,
    colours,
    extent,
    likeness,
    refuse_face,
    thumbnail,
)
from dataset.preparation.sources import find_videos
from dataset.video.reading import read_frames

FRAMES, SIZE = 9, 256
FACE = 0.5  # of a stored frame, about what a face has there

Spoilt = tuple[str, np.ndarray, np.ndarray]  # how, frame, landmarks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--source", type=Path, required=True)
    source = parser.parse_args().source
    gates, rng = Gates(**vars(config.Gates())), np.random.default_rng(1)
    verdicts: dict[str, Counter[str]] = defaultdict(Counter)
    people, neighbours, recompressed = [], [], []
    for video in find_videos(source):
        landmarks = read_landmarks(video.segments[0])
        there = np.flatnonzero(np.isfinite(landmarks).all((1, 2)))
        chosen = rng.choice(there, FRAMES, replace=False)
        frames = [(frame, landmarks[at]) for at, frame in read_frames(video.segments[0], chosen)]
        for frame, points in frames:
            for how, spoilt, moved in spoil(frame, points, rng):
                verdicts[how][refuse_face(moved, spoilt, SIZE, gates) or "passes"] += 1
        seen = [colours(frame, points) for frame, points in frames]
        neighbours += [likeness(*pair) for pair in itertools.pairwise(seen)]
        people.append((video.id.split("/")[0], seen[FRAMES // 2]))
        recompressed.append(change(thumbnail(frames[0][0]), thumbnail(recompress(frames[0][0]))))
    for how, counts in verdicts.items():
        print(f"{how:24} {1 - counts['passes'] / counts.total():6.1%} refused  {dict(counts)}")
    strangers = [
        likeness(one, other)
        for (who, one), (whom, other) in itertools.combinations(people, 2)
        if who != whom
    ]
    for what, measured, least in (
        ("recompressed", recompressed, gates.least_change),
        ("one clip", neighbours, gates.least_likeness),
        ("another person", strangers, gates.least_likeness),
    ):
        share = np.mean(np.array(measured) < least)
        print(f"{what:24} {share:6.1%} of {len(measured)} called duplicate, or cut")


def spoil(frame: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> Iterator[Spoilt]:
    """Yield a frame as it is, and spoilt in one way after the other."""
    yield "as it is", frame, points
    yield "a quarter of the light", (frame * 0.25).astype(np.uint8), points
    noise = rng.normal(0, 8, frame.shape)
    yield "noise of 8", (frame + noise).clip(0, 255).astype(np.uint8), points
    for sigma in (1, 2, 3, 4):  # pixels of a stored frame
        blurred = cv2.GaussianBlur(frame, (0, 0), sigma * extent(points) / (FACE * SIZE))
        yield f"blur of {sigma}", blurred, points
    for size in (96, 64, 48, 32):
        scale = size / extent(points)
        small = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        yield f"face of {size} pixels", small, (points + 0.5) * scale - 0.5
    for share in (0.1, 0.2, 0.3):
        left = max(int(np.sort(points[:, 0])[int(share * len(points))]), 0)
        yield f"{share:.0%} of the points cut off", frame[:, left:], points - np.float32([left, 0])


def recompress(frame: np.ndarray) -> np.ndarray:
    _, data = cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 70])
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1].copy()


if __name__ == "__main__":
    main()
