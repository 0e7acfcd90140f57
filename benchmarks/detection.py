"""How near are a detector's landmarks, and how fast does it find and follow a face?

    python -m benchmarks.detection near --source VIDEOS [--detector dlib] [--sheet worst.png]
    python -m benchmarks.detection fast

near: follows the face of each video and compares it with the landmarks that lie beside it, by part
of the face and by its turn. fast: frames/s on one core by size of the frame, dlib beside
face-alignment, whose networks have random weights and are made to see a face.
"""

import argparse
import itertools
import os
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch

from benchmarks.preprocess import make_detector
from dataset.detection.detector import LandmarkDetector, resized
from dataset.detection.kinds import create_detector
from dataset.detection.stored import read_landmarks
from dataset.images import resize, write_image
from dataset.landmarks import PARTS, are_faces, draw_over, scale_landmarks
from dataset.preparation.sources import find_videos
from dataset.video.reading import stream_frames
from drawn_heads.render import render
from drawn_heads.set import draw_video
from metric.geometry import head_pose, landmark_error
from metric.motion import landmark_jitter
from system.progress import progress_bar
from tests.dataset.faces import random_weights

YAWS = (0, 10, 20, 30, 45, 60, 90)  # degrees, limits of the rows
SIZES = ((224, 224), (1280, 720), (1920, 1080))  # width and height of frames, pixels
FACE = 0.45  # of the frame's height
SECONDS = 5.0
WORST, TILE = 24, 160


class Seen(NamedTuple):
    """A frame with what is known and what was found in it."""

    frame: np.ndarray
    known: np.ndarray
    found: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("question", choices=["near", "fast"])
    parser.add_argument("--source", type=Path, help="videos with landmarks beside them")
    parser.add_argument("--every", type=int, default=1, help="look at every N-th frame")
    parser.add_argument("--detector", choices=["dlib", "face-alignment"], default="dlib")
    parser.add_argument("--size", type=int, help="shrink frames to this height first, pixels")
    parser.add_argument("--sheet", type=Path, help="draw the worst frames here, PNG")
    options = parser.parse_args()
    if options.question == "fast":
        compare_speed()
    elif options.source is None:
        parser.error("near needs --source")
    else:
        measure_error(options)


def measure_error(options: argparse.Namespace) -> None:
    """Print how far the detector's landmarks are from those beside the videos."""
    detector = create_detector(options.detector)
    segments = [path for video in find_videos(options.source) for path in video.segments]
    errors, jitters, missed, worst = defaultdict(list), [], Counter(), []
    for path in progress_bar(iterable=segments, desc="following", unit="clip"):
        clip = list(follow(detector, path, options.every, options.size))
        known, found = (
            torch.from_numpy(np.stack([getattr(seen, name) for seen in clip]))
            for name in ("known", "found")
        )
        jitters.append(landmark_jitter(found, known).item())
        for seen, yaw in zip(clip, turned(known), strict=True):
            row = row_of(yaw)
            if not are_faces(seen.known):
                missed["in frames without a face in the file", are_faces(seen.found)] += 1
            elif not are_faces(seen.found):
                missed[row, False] += 1
            else:
                missed[row, True] += 1
                error = errors_of(seen)
                errors[row].append(error)
                worst.append((error["all"], seen))
        worst = sorted(worst, key=lambda pair: -pair[0])[:WORST]
    print_errors(errors, missed)
    print(f"jitter beside the file's: {100 * np.nanmean(jitters):.2f} %")
    if options.sheet:
        write_image(options.sheet, sheet([seen for _, seen in worst]))


def follow(
    detector: LandmarkDetector, path: Path, every: int, height: int | None
) -> Iterator[Seen]:
    """Find the face of each frame from where it was in the one before."""
    landmarks, near = read_landmarks(path), None
    for index, frame in enumerate(stream_frames(path)):
        if index % every or index >= len(landmarks):
            continue
        known = landmarks[index]
        if height:
            known = scale_landmarks(known, frame.shape[0], height)
            frame = resized(frame, height / frame.shape[0])
        found = detector.detect([frame], [(path, index)], [near])[0]
        near = found if are_faces(found) else near
        yield Seen(frame, known.astype(np.float32), found)


def errors_of(seen: Seen) -> dict[str, float]:
    """Mean distances by part, in percent of the distance of the outer eye corners."""
    whole = landmark_error(*(torch.from_numpy(x)[None] for x in (seen.found, seen.known))).item()
    distances = np.linalg.norm(seen.found - seen.known, axis=1)
    scale = 100 * whole / distances.mean()
    parts = {part.name: scale * distances[part.indices].mean() for part in PARTS}
    return {"all": 100 * whole, **parts}


def turned(landmarks: torch.Tensor) -> torch.Tensor:
    """Return the yaw of faces (F, 68, 2), degrees, each as if it stood in the middle."""
    size = 4 * landmarks.amax(1).sub(landmarks.amin(1)).amax(1).nan_to_num(1)
    middle = landmarks.mean(1, keepdim=True)
    unit = (landmarks - middle) / size[:, None, None] * 1000 + 500
    return head_pose(unit, 1000)[:, 0]


def row_of(yaw: torch.Tensor) -> str:
    angle = abs(yaw.item())
    for low, high in itertools.pairwise(YAWS):
        if low <= angle < high:
            return f"{low} to {high}°"
    return "unknown"


def print_errors(errors: dict[str, list[dict[str, float]]], missed: Counter) -> None:
    names = ["all", *(part.name for part in PARTS)]
    print("\n| yaw | frames | found | " + " | ".join(names) + " | 95 % below |")
    print("|---" * (len(names) + 4) + "|")
    rows = {row: errors[row] for row in sorted(errors)}
    rows["all"] = [one for some in rows.values() for one in some]
    for row, some in rows.items():
        here = [key for key in missed if key[0] == row or (row == "all" and key[0] in errors)]
        looked = sum(missed[key] for key in here)
        share = sum(missed[key] for key in here if key[1]) / looked
        cells = (f"{statistics.fmean(one[name] for one in some):.1f}" for name in names)
        high = np.quantile([one["all"] for one in some], 0.95)
        print(f"| {row} | {looked} | {100 * share:.1f} % | {' | '.join(cells)} | {high:.1f} |")
    strange = {key: count for key, count in missed.items() if key[0] not in errors}
    for (what, found), count in strange.items():
        print(f"{count} {what}: {'found' if found else 'not found'}")


def sheet(seen: list[Seen]) -> np.ndarray:
    """Draw found landmarks over frames, the face filling the tile."""
    tiles = []
    for frame, known, found in seen:
        points = np.concatenate([known, found])
        low = np.floor(points.min(0) - 0.2 * np.ptp(points, axis=0)).astype(int).clip(0)
        high = np.ceil(points.max(0) + 0.2 * np.ptp(points, axis=0)).astype(int)
        side = int((high - low).max())
        part = frame[low[1] : low[1] + side, low[0] : low[0] + side]
        square = np.zeros((side, side, 3), np.uint8)
        square[: part.shape[0], : part.shape[1]] = part
        tile = resize(square, TILE)
        draw_over(tile, scale_landmarks(found - low, side, TILE))
        tiles.append(tile)
    tiles += [np.zeros((TILE, TILE, 3), np.uint8)] * (-len(tiles) % 8)
    return np.vstack([np.hstack(tiles[i : i + 8]) for i in range(0, len(tiles), 8)])


def compare_speed() -> None:
    """Print frames/s of both detectors, each on one core, in turn."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TORCH_HOME"] = folder
        random_weights(Path(folder))
        detectors = [make_detector(name, "cpu", "float32") for name in ("dlib", "face-alignment")]
        print("\n| frame | detector | finding, frames/s | following, frames/s |")
        print("|---|---|---|---|")
        for size in SIZES:
            clip = moving_face(*size)
            for detector in detectors:
                rates = (frames_per_second(detector, clip, known) for known in (False, True))
                print(
                    f"| {size[0]} x {size[1]} | {detector.name} | "
                    + " | ".join(f"{rate:.1f}" for rate in rates)
                    + " |"
                )


def moving_face(width: int, height: int) -> list[np.ndarray]:
    """Draw a second of a face that moves before a plain wall."""
    person, scene, motion = draw_video(0, 0, 0, 25, 25.0)
    side = round(min(height, 2 * FACE * height))
    frames = []
    for index in range(25):
        picture, _ = render(person, scene, motion[index], side)
        frame = np.full((height, width, 3), 120, np.uint8)
        left = (width - side) // 2 + round(0.02 * side * np.sin(index / 4))
        left = min(max(left, 0), width - side)
        frame[height - side :, left : left + side] = picture
        frames.append(frame)
    return frames


def frames_per_second(detector: LandmarkDetector, clip: list[np.ndarray], following: bool) -> float:
    """Find or follow the face of a clip again and again for some seconds."""
    near = detector.detect(clip[:1], [(Path("clip"), 0)], [None])[0]
    count, started = 0, time.perf_counter()
    while (spent := time.perf_counter() - started) < SECONDS:
        index = count % len(clip)
        start = near if following else None
        near = detector.detect([clip[index]], [(Path("clip"), index)], [start])[0]
        count += 1
    return count / spent


if __name__ == "__main__":
    main()
